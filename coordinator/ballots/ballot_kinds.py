"""Kinds of ballots: which rules each serves, and what it says to them.

A voter may hand in another kind of ballot than was asked for, where that has one clear
meaning:

========  ==============  =========  ===============  ==================
handed    as first places  as approval  as a ranking   as points
========  ==============  =========  ===============  ==================
Choice    its label        its label    it, the rest   all points to it
Approval  equal parts      as it is     two tiers      all points to each
Ranking   its first tier   refused      as it is       refused
Scores    its best, if >0  refused      by points      as it is
========  ==============  =========  ===============  ==================

Where a ranking or points would be cut into good and bad, and how much better a place
is than the next, is for the voter to say, so these are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, assert_never

from agents.protocol.chunks import Approval, Ballot, Choice, Label, Ranking, Scores

if TYPE_CHECKING:
    from agents.protocol.turns import BallotForm

Index: TypeAlias = Mapping[Label, int]
"""Where each answer stands in the tie order, from 0; counts know answers by it."""
Tiers: TypeAlias = tuple[tuple[int, ...], ...]
"""A whole ranking, best tier first, every answer in exactly one tier, each sorted."""


def reject_reason(ballot: Ballot, form: BallotForm) -> str | None:
    """Why ``ballot`` cannot count where ``form`` was asked for; ``None``: it can.

    The words are for the voter, who is asked again.
    """
    named = labels_of(ballot)
    for label in named:
        if label not in form.labels:
            choices = ", ".join(form.labels)
            return f"{label!r} is not on the ballot; choose from {choices}"
    if len(set(named)) < len(named):
        twice = next(x for x in named if named.count(x) > 1)
        return f"{twice!r} is named more than once; name each answer once"
    # An approval ballot says something by leaving all of them out.
    is_blank = not named and not (
        form.kind == "approval" and isinstance(ballot, Approval)
    )
    if is_blank and not form.may_abstain:
        return "the ballot names no answer; name at least one"
    if isinstance(ballot, Scores) and form.kind == "scores":
        for label, points in ballot.points.items():
            if not 0 <= points <= form.max_score:
                return f"{points} for {label!r} is not between 0 and {form.max_score}"
    return _wrong_kind(ballot, form)


def _wrong_kind(ballot: Ballot, form: BallotForm) -> str | None:
    if form.kind == "approval" and isinstance(ballot, Ranking | Scores):
        return "list the answers that are good enough, without ranks or points"
    if form.kind == "scores" and isinstance(ballot, Ranking):
        return f"a ranking was given; give each answer 0 to {form.max_score} points"
    return None


def labels_of(ballot: Ballot) -> tuple[Label, ...]:
    """Every answer that ``ballot`` names, as often as it does, in its order."""
    match ballot:
        case Choice():
            return (ballot.label,)
        case Approval():
            return ballot.labels
        case Ranking():
            return tuple([label for tier in ballot.tiers for label in tier])
        case Scores():
            return tuple(ballot.points)
        case _:
            assert_never(ballot)


def best_of(ballot: Ballot) -> Label | None:
    """The one answer that ``ballot`` puts above all others, if there is one."""
    best = _firsts(ballot)
    return best[0] if len(best) == 1 else None


def _firsts(ballot: Ballot) -> tuple[Label, ...]:
    match ballot:
        case Choice():
            return (ballot.label,)
        case Approval():
            return tuple(dict.fromkeys(ballot.labels))
        case Ranking():
            for tier in ballot.tiers:
                if tier:
                    return tier if len(tier) == 1 else tuple(dict.fromkeys(tier))
            return ()
        case Scores():
            best = max(ballot.points.values(), default=0)
            if best <= 0:
                return ()
            return tuple([x for x, points in ballot.points.items() if points == best])
        case _:
            assert_never(ballot)


def relabelled(ballot: Ballot, names: Mapping[Label, Label]) -> Ballot:
    """``ballot`` with answers called what ``names`` calls them, where it does."""
    if not names:
        return ballot

    def new(labels: tuple[Label, ...]) -> tuple[Label, ...]:
        return tuple(names.get(label, label) for label in labels)

    match ballot:
        case Choice(label=label):
            return Choice(label=names.get(label, label))
        case Approval(labels=labels):
            return Approval(labels=new(labels))
        case Ranking(tiers=tiers):
            return Ranking(tiers=tuple(new(tier) for tier in tiers))
        case Scores(points=points):
            return Scores(points={names.get(x, x): has for x, has in points.items()})
        case _:
            assert_never(ballot)


def standing_part(ballot: Ballot, index: Index) -> Ballot:
    """``ballot`` without the answers that no longer stand.

    Who voted for an answer that was withdrawn has their next preference counted; who
    chose nothing else abstains.
    """
    match ballot:
        case Choice():
            return ballot if ballot.label in index else Approval(labels=())
        case Approval():
            return Approval(labels=tuple([x for x in ballot.labels if x in index]))
        case Ranking():
            if all(tier and index.keys() >= {*tier} for tier in ballot.tiers):
                return ballot
            tiers = (tuple([x for x in tier if x in index]) for tier in ballot.tiers)
            return Ranking(tiers=tuple(tier for tier in tiers if tier))
        case Scores():
            if index.keys() >= ballot.points.keys():
                return ballot
            return Scores(points={x: p for x, p in ballot.points.items() if x in index})
        case _:
            assert_never(ballot)


def as_firsts(ballot: Ballot, index: Index) -> tuple[int, ...]:
    """The answers that share the ballot's first place, sorted; empty: an abstention."""
    firsts = _firsts(ballot)
    if len(firsts) == 1:
        return (index[firsts[0]],)
    return tuple(sorted([index[label] for label in firsts]))


def as_approvals(ballot: Ballot, index: Index) -> tuple[int, ...]:
    """The answers that the ballot approves of, sorted.

    Raises:
        ValueError: A ballot that :func:`reject_reason` refuses as an approval.
    """
    if isinstance(ballot, Choice | Approval):
        return as_firsts(ballot, index)
    raise ValueError(f"{ballot} does not say whom it approves of; reject it first")


def as_tiers(ballot: Ballot, index: Index) -> Tiers:
    """The ballot as a whole ranking; those left out share the end.

    An abstention is one tier of all, which moves no pair and no sum.
    """
    match ballot:
        case Choice() | Approval():
            named = [as_firsts(ballot, index)]
        case Ranking():
            named = _ranked(ballot, index)
        case Scores():
            points = as_points(ballot, index, 0)
            levels = sorted(set(points), reverse=True)
            named = [
                tuple(i for i, has in enumerate(points) if has == level)
                for level in levels
            ]
        case _:
            assert_never(ballot)
    seen = {i for tier in named for i in tier}
    if len(seen) < len(index):
        named.append(tuple([i for i in range(len(index)) if i not in seen]))
    return tuple([tier for tier in named if tier])


def _ranked(ballot: Ranking, index: Index) -> list[tuple[int, ...]]:
    tiers: list[tuple[int, ...]] = []
    seen: set[int] = set()
    for tier in ballot.tiers:
        # Named twice, an answer has the better place.
        places = sorted({index[label] for label in tier}.difference(seen))
        seen.update(places)
        tiers.append(tuple(places))
    return tiers


def as_points(ballot: Ballot, index: Index, max_score: int) -> tuple[int, ...]:
    """The points of every answer, in the tie order.

    Raises:
        ValueError: A ballot that :func:`reject_reason` refuses as points.
    """
    points = [0] * len(index)
    match ballot:
        case Choice() | Approval():
            for i in as_firsts(ballot, index):
                points[i] = max_score
        case Scores():
            for label, has in ballot.points.items():
                points[index[label]] = has
        case Ranking():
            raise ValueError(f"{ballot} gives no points; reject it first")
        case _:
            assert_never(ballot)
    return tuple(points)

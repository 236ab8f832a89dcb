"""Our counts against those of ``votelib`` 0.4.0, which knows nothing of them.

A few thousand seeded random votes; wherever the sets of winners differ, a condition
that explains it must hold, and is checked:

===================  ==================================================================
rule                 where and why votelib differs
===================  ==================================================================
plurality, approval  nowhere
Borda, score         nowhere
instant-runoff       raises NotImplementedError at a tie for the fewest votes; we follow
                     the tie order
Copeland             has no second criterion here, we take the best Borda sum of those
                     tied; an answer without a won or lost duel is missing from its
                     scores, so it may overlook a co-winner or, where all duels are
                     level, have no winner
Schulze              of several unbeaten answers takes those that beat most others; we
                     keep all that are unbeaten
ranked pairs         takes equal margins in the order of its dictionary, and names one
                     winner, or raises where a level duel leaves two on top; ours is
                     among those that some order elects
majority judgement   raises where answers have the same grades, we call them tied; and
                     where three or more share the best median, one that fell behind
                     when medians were taken off may come back, here it is out
===================  ==================================================================

votelib measures duels in winning votes, we in margins: the rankings here have no
equals, so the two agree.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeAlias, cast

import pytest

from agents.protocol.chunks import AgentId, Ballot, Label
from coordinator.ballots import (
    Approval,
    Borda,
    Copeland,
    InstantRunoff,
    MajorityJudgement,
    Plurality,
    RankedPairs,
    Schulze,
    Score,
    Tally,
    VotingRule,
    tally,
)

Opinion: TypeAlias = tuple[int, ...]
Winners: TypeAlias = frozenset[str]
BallotsOf: TypeAlias = Callable[
    [VotingRule, Sequence[Opinion], Sequence[Label]], dict[AgentId, Ballot]
]

VOTES = 700
"""For each rule; there are nine."""
RAISED = frozenset({"(raised)"})
LABELS = tuple(Label(x) for x in "abcde")


def _votelib(module: str) -> Any:
    # It has no types, so nothing of it is looked at by the type checker.
    return import_module(f"votelib.{module}")


def _set(elected: Sequence[object]) -> Winners:
    """One winner, or votelib's ``Tie``, which is a set of them."""
    if not elected:
        return frozenset()
    first = elected[0]
    if isinstance(first, frozenset):
        return frozenset(str(x) for x in cast("frozenset[object]", first))
    return frozenset({str(first)})


def _orders(profile: Sequence[Opinion]) -> Mapping[tuple[str, ...], int]:
    return Counter(
        tuple(LABELS[i] for i in sorted(range(len(o)), key=lambda i: -o[i]))
        for o in profile
    )


def _points(profile: Sequence[Opinion]) -> Mapping[frozenset[tuple[str, int]], int]:
    return Counter(frozenset(zip(LABELS, o, strict=False)) for o in profile)


def _duels(profile: Sequence[Opinion]) -> Mapping[tuple[str, str], int]:
    return _votelib("convert").RankedToCondorcetVotes().convert(_orders(profile))


def _most(sums: Mapping[str, int]) -> Winners:
    return _set(_votelib("evaluate.core").get_n_best(sums, 1))


def _plurality(profile: Sequence[Opinion]) -> Winners:
    converter = _votelib("convert").RankedToFirstPreference()
    return _most(converter.convert(_orders(profile)))


def _approval(profile: Sequence[Opinion]) -> Winners:
    approved = Counter(
        frozenset(x for x, has in zip(LABELS, o, strict=False) if has >= 2)
        for o in profile
    )
    sums = _votelib("convert").ApprovalToSimpleVotes().convert(approved)
    everybody = dict.fromkeys(LABELS[: len(profile[0])], 0)
    return _most({**everybody, **sums})


def _borda(profile: Sequence[Opinion]) -> Winners:
    scorer = _votelib("component.rankscore").Borda(base=0)
    converter = _votelib("convert").RankedToPositionalVotes(scorer)
    return _most(converter.convert(_orders(profile)))


def _instant_runoff(profile: Sequence[Opinion]) -> Winners:
    selector = _votelib("evaluate.sequential").TransferableVoteSelector()
    try:
        return _set(selector.evaluate(_orders(profile), 1))
    except NotImplementedError:
        return RAISED


def _copeland(profile: Sequence[Opinion]) -> Winners:
    evaluator = _votelib("evaluate.condorcet").Copeland(second_order=False)
    return _set(evaluator.evaluate(_duels(profile), 1))


def _schulze(profile: Sequence[Opinion]) -> Winners:
    return _set(_votelib("evaluate.condorcet").Schulze().evaluate(_duels(profile), 1))


def _ranked_pairs(profile: Sequence[Opinion]) -> Winners:
    evaluator = _votelib("evaluate.condorcet").RankedPairs()
    try:
        return _set(evaluator.evaluate(_duels(profile), 1))
    except _votelib("evaluate.core").VotingSystemError:
        return RAISED


def _score(profile: Sequence[Opinion]) -> Winners:
    scoring = _votelib("evaluate.cardinal").ScoreVoting("sum")
    return _set(scoring.evaluate(_points(profile), 1))


def _judgement(profile: Sequence[Opinion]) -> Winners:
    evaluator = _votelib("evaluate.cardinal").MajorityJudgment()
    try:
        return _set(evaluator.evaluate(_points(profile), 1))
    except (_votelib("evaluate.core").VotingSystemError, KeyError):
        return RAISED


def _never(_profile: Sequence[Opinion], _ours: Tally, _theirs: Winners) -> bool:
    return False


def _is_tied(_profile: Sequence[Opinion], ours: Tally, theirs: Winners) -> bool:
    return len(ours.tied) > 1 and (theirs == RAISED or theirs <= set(ours.tied))


def _fewest_tie(profile: Sequence[Opinion], _ours: Tally, theirs: Winners) -> bool:
    """Some round of eliminations ties for the fewest votes."""
    alive = set(range(len(profile[0])))
    while len(alive) > 1:
        firsts = Counter(max(alive, key=o.__getitem__) for o in profile)
        votes = sorted(firsts[i] for i in alive)
        if votes[0] == votes[1]:
            return theirs == RAISED
        alive.remove(min(alive, key=lambda i: firsts[i]))
    return False


def _borda_or_level(profile: Sequence[Opinion], ours: Tally, theirs: Winners) -> bool:
    """Theirs, and who has only level duels, hold the same scores; ours is the best."""
    size = len(profile[0])
    duels = {
        a: [
            sum((o[a] > o[b]) - (o[a] < o[b]) for o in profile)
            for b in range(size)
            if b != a
        ]
        for a in range(size)
    }
    scores = {a: sum((x > 0) - (x < 0) for x in row) for a, row in duels.items()}
    best = [a for a in duels if scores[a] == max(scores.values())]
    missing = {str(LABELS[a]) for a in duels if not any(duels[a])}
    top = max(sum(duels[a]) for a in best)
    is_ours = ours.tied == tuple(LABELS[a] for a in best if sum(duels[a]) == top)
    return is_ours and theirs == frozenset(str(LABELS[a]) for a in best) - missing


def _came_back(profile: Sequence[Opinion], ours: Tally, theirs: Winners) -> bool:
    """Ours are left if one median grade is taken off each, and laggards are out."""
    rows = {
        x: sorted(o[i] for o in profile)
        for i, x in enumerate(LABELS[: len(profile[0])])
    }
    sharing = 0
    while len(rows) > 1 and all(rows.values()):
        medians = {x: row.pop((len(row) - 1) // 2) for x, row in rows.items()}
        best = max(medians.values())
        rows = {x: row for x, row in rows.items() if medians[x] == best}
        sharing = sharing or len(rows)
    if ours.tied != tuple(rows):
        return False
    return (theirs == RAISED and len(rows) > 1) or sharing > 2


RULES: dict[
    VotingRule,
    tuple[
        Callable[[Sequence[Opinion]], Winners],
        Callable[[Sequence[Opinion], Tally, Winners], bool],
    ],
] = {
    Plurality(): (_plurality, _never),
    Approval(): (_approval, _never),
    Borda(): (_borda, _never),
    Score(max_score=5): (_score, _never),
    InstantRunoff(): (_instant_runoff, _fewest_tie),
    Copeland(): (_copeland, _borda_or_level),
    Schulze(): (_schulze, _is_tied),
    RankedPairs(): (_ranked_pairs, _is_tied),
    MajorityJudgement(max_score=5): (_judgement, _came_back),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_votelib_finds_the_same_winners_or_the_difference_is_explained(
    rule: VotingRule, ballots_of: BallotsOf
) -> None:
    chance = random.Random(rule.name)  # noqa: S311 (profiles to try, not a secret)
    count, explains = RULES[rule]
    equal = 0
    has_points = isinstance(rule, Score | MajorityJudgement | Approval)
    for _ in range(VOTES):
        size, voters = chance.randint(2, 5), chance.randint(1, 15)
        profile = [
            tuple(chance.randint(0, 5) for _ in range(size))
            if has_points
            else tuple(chance.sample(range(size), size))
            for _ in range(voters)
        ]
        labels = LABELS[:size]
        ballots = ballots_of(rule, profile, labels)
        ours, theirs = tally(rule, ballots, labels, tie_order=labels), count(profile)
        if frozenset(ours.tied) == theirs:
            equal += 1
        else:
            assert explains(profile, ours, theirs), (profile, ours, theirs)
    assert equal == VOTES or (explains is not _never and equal > VOTES // 2)

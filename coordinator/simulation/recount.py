"""Counts a vote once more, from the ballots that a simulation has seen go by."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import assert_never

from msgspec import UnsetType

from agents.protocol.chunks import (
    AgentId,
    Approval,
    Ballot,
    Choice,
    Label,
    Ranking,
    Scores,
)
from agents.protocol.turns import BallotForm, Criterion
from coordinator.ballots import form, tally
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import VoteCounted, WinnerDecided

HANGS_ON_TIES = frozenset({"instant_runoff", "ranked_pairs"})
"""Rules whose measure, not only the order of equals, depends on the tie order."""


def is_counted_right(
    rules: Rules,
    ballots: Mapping[AgentId, Ballot],
    decided: WinnerDecided,
    drafts: Mapping[AgentId, Label],
) -> bool:
    """Whether ``decided`` has the standings, and a winner, of these ballots.

    The order of ties is not known here: that it was followed is not asked.

    Args:
        rules: By which it was decided.
        ballots: Voter → ballot.
        decided: What came of it.
        drafts: Author → the answer that its draft is a ballot for.
    """
    if rules.voting.self_votes == "tie_break":
        # What is said of one's own answer counts only among the tied.
        return True
    labels = tuple(label for label, _ in decided.standings)
    cast, weights = dict(ballots), dict(rules.voting.weights)
    for author, label in drafts.items():
        if label not in labels:
            continue  # its entry is out of the vote that decided: in a runoff, say
        voter = AgentId(f"the draft of {author}")
        cast[voter] = _ballot_for(label, form(rules.voting.rule, labels))
        weights[voter] = rules.voting.weights.get(author, 1.0)
    recounted = tally(
        rules.voting.rule, cast, labels, weights=weights, tie_order=labels
    )
    if recounted.rule != decided.rule:
        return False
    if recounted.rule in HANGS_ON_TIES:
        return True
    # A rule that elects nobody leaves it to the standings.
    is_best = recounted.winner is None or decided.label in recounted.tied
    return is_best and dict(recounted.standings) == dict(decided.standings)


def _ballot_for(label: Label, blank: BallotForm) -> Ballot:
    """A ballot that says nothing but that ``label`` is best."""
    if blank.kind == "choice":
        return Choice(label=label)
    if blank.kind == "approval":
        return Approval(labels=(label,))
    if blank.kind == "ranking":
        return Ranking(tiers=((label,),))
    return Scores(points={label: blank.max_score})


def is_sure_whatever_comes(
    rules: Rules,
    ballots: Mapping[AgentId, Ballot],
    given_up: Collection[AgentId],
    decided: WinnerDecided,
) -> bool:
    """Whether ``decided`` still wins if all of ``given_up`` vote for any one other.

    The tie order is not known here and is taken to be in the winner's favour. Ways to
    upset it that need different ballots of those given up are not tried.
    """
    if rules.voting.self_votes == "tie_break":
        return True
    labels = (
        decided.label,
        *(label for label, _ in decided.standings if label != decided.label),
    )
    for other in labels[1:]:
        upset = _upset(rules, labels, other)
        cast = {**ballots, **dict.fromkeys(given_up, upset)}
        recounted = tally(
            rules.voting.rule,
            cast,
            labels,
            weights=rules.voting.weights,
            tie_order=labels,
        )
        if (recounted.winner or recounted.standings[0][0]) != decided.label:
            return False
    return True


def _upset(rules: Rules, labels: tuple[Label, ...], other: Label) -> Ballot:
    """The ballot that serves ``other`` best against the first of ``labels``."""
    blank = form(rules.voting.rule, labels, may_abstain=False)
    match blank.kind:
        case "choice":
            return Choice(label=other)
        case "approval":
            return Approval(labels=(other,))
        case "ranking":
            middle = tuple(x for x in labels[1:] if x != other)
            tiers = ((other,), middle, labels[:1])
            return Ranking(tiers=tuple(tier for tier in tiers if tier))
        case "scores":
            most = blank.max_score
            return Scores(points={x: most if x == other else 0 for x in labels})
        case _:
            assert_never(blank.kind)


def is_graded_right(criteria: tuple[Criterion, ...], vote: VoteCounted) -> bool:
    """Whether a ballot's points are the weighted means of its grades by criterion."""
    grades, ballot = vote.grades, vote.ballot
    if not criteria or isinstance(grades, UnsetType) or not isinstance(ballot, Scores):
        return isinstance(grades, UnsetType)
    whole = sum(each.weight for each in criteria)
    means = {
        label: sum(each.weight * points[each.name] for each in criteria) / whole
        for label, points in grades.items()
    }
    return means.keys() == ballot.points.keys() and all(
        abs(ballot.points[label] - mean) <= 0.5 for label, mean in means.items()
    )

"""A count step by step to its winner, and the winners under every other rule.

For people who ask why an answer won: sums, rounds of elimination, duels, medians. The
numbers are those that the rules themselves count with. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import assert_never

from agents.protocol.chunks import AgentId, Ballot, Label
from coordinator.ballots.condorcet import margins, widest_paths
from coordinator.ballots.election import Election, Number, Weights, hold
from coordinator.ballots.instant_runoff import standing_votes
from coordinator.ballots.majority_judgement import grades_of
from coordinator.ballots.tally import ALIKE, Bar, added, tally_of
from coordinator.ballots.voting_rules import (
    Approval,
    Borda,
    Copeland,
    InstantRunoff,
    Majority,
    MajorityJudgement,
    Plurality,
    RankedPairs,
    Schulze,
    Score,
    Supermajority,
    Unanimity,
    VotingRule,
    every_rule,
)
from coordinator.protocol.explanation import CountStep, Duel, OtherRule


def count_steps(
    rule: VotingRule,
    ballots: Mapping[AgentId, Ballot],
    order: Sequence[Label],
    weights: Weights = ALIKE,
) -> tuple[CountStep, ...]:
    """Say how ``rule`` counts ``ballots``.

    Args:
        rule: How to count.
        ballots: Voter → ballot, each of a kind that the rule counts.
        order: The answers that stand, in the order of ties.
        weights: Voter → weight; 1 where absent.
    """
    return tuple(_steps(rule, hold(ballots, order, order, weights)))


def _steps(rule: VotingRule, election: Election) -> list[CountStep]:
    size = election.size
    match rule:
        case Plurality() | Approval() | Borda() | Score():
            sums, unit = added(rule, election)
            return [_step(_TITLES[rule.name], election, sums, unit)]
        case Majority() | Supermajority() | Unanimity():
            bar = Bar(rule, election, election.total)
            first = _step("first places", election, bar.votes, bar=float(bar.height))
            if bar.reached_by is None and rule.fallback is not None:
                return [first, *_steps(rule.fallback, election)]
            return [first]
        case InstantRunoff():
            return _rounds(election)
        case Copeland() | RankedPairs():
            matrix = margins(election.tiers(), size)
            wins = [sum((x > 0) - (x < 0) for x in row) for row in matrix]
            return [_step("wins less losses in pairs", election, wins)]
        case Schulze():
            widths = widest_paths(margins(election.tiers(), size))
            others = range(size)
            beaten = [
                sum(widths[a][c] >= widths[c][a] for c in others if c != a)
                for a in others
            ]
            return [_step("others it is not beaten by", election, beaten)]
        case MajorityJudgement():
            grades = grades_of(election.points(rule.max_score), size, rule.max_score)
            return [_step("median grade", election, [_median(row) for row in grades])]
        case _:
            assert_never(rule)


_TITLES = {
    "plurality": "first places",
    "approval": "approvals",
    "borda": "Borda points",
    "score": "points",
}


def _step(
    title: str,
    election: Election,
    measure: Sequence[Number],
    unit: int = 1,
    *,
    bar: float | None = None,
) -> CountStep:
    order = sorted(range(election.size), key=lambda i: (-measure[i], i))
    points = tuple((election.labels[i], float(measure[i]) / unit) for i in order)
    return CountStep(title=title, points=points, bar=bar)


def _rounds(election: Election) -> list[CountStep]:
    alive = set(range(election.size))
    tiers = election.tiers()
    steps: list[CountStep] = []
    while True:
        votes = standing_votes(tiers, alive, election.size)
        order = sorted(alive, key=lambda i: (-votes[i], i))
        out = None if len(alive) == 1 else order[-1]
        steps.append(
            CountStep(
                title=f"round {len(steps) + 1}",
                points=tuple((election.labels[i], float(votes[i])) for i in order),
                dropped=None if out is None else election.labels[out],
            )
        )
        if out is None:
            return steps
        alive.remove(out)


def _median(grades: Sequence[Number]) -> int:
    total = sum(grades)
    below = enumerate(accumulate(grades))
    return next(grade for grade, weight in below if 2 * weight >= total)


def duels(
    ballots: Mapping[AgentId, Ballot],
    order: Sequence[Label],
    weights: Weights = ALIKE,
) -> tuple[Duel, ...]:
    """Compare every two answers on the ballots; each pair once, the winner first."""
    election = hold(ballots, order, order, weights)
    matrix = margins(election.tiers(), election.size)
    listed: list[Duel] = []
    for a in range(election.size):
        for b in range(a + 1, election.size):
            one, other = (a, b) if matrix[a][b] >= 0 else (b, a)
            listed.append(
                Duel(
                    one=election.labels[one],
                    other=election.labels[other],
                    margin=float(matrix[one][other]),
                )
            )
    return tuple(listed)


def choices_of_all_rules(
    ballots: Mapping[AgentId, Ballot],
    order: Sequence[Label],
    weights: Weights = ALIKE,
    *,
    max_score: int = 10,
) -> tuple[OtherRule, ...]:
    """The winner of the same ballots under each rule; ``None``: nobody.

    Left out are rules that these ballots say nothing to: points cannot be read off a
    ranking.

    Args:
        ballots: Voter → ballot.
        order: The answers that stand, in the order of ties.
        weights: Voter → weight; 1 where absent.
        max_score: The best score that could be given.
    """
    choices: list[OtherRule] = []
    election = hold(ballots, order, order, weights)
    for kind in every_rule():
        is_graded = isinstance(kind, Score | MajorityJudgement)
        rule = type(kind)(max_score=max_score) if is_graded else kind
        try:
            result = tally_of(election, rule)
        except ValueError:
            continue
        choices.append(OtherRule(rule=rule.name, label=result.winner))
    return tuple(choices)

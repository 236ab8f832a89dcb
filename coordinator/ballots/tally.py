"""From ballots to a winner: one count for each rule, and what thresholds ask beyond it.

What a rule means stands at its class in :mod:`coordinator.ballots.voting_rules`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType
from typing import TypeAlias, assert_never

from agents.protocol.chunks import AgentId, Ballot, Label
from coordinator.ballots.condorcet import copeland, margins, ranked_pairs, schulze
from coordinator.ballots.election import (
    Count,
    Election,
    Number,
    Weights,
    exact,
    hold,
    ranked,
)
from coordinator.ballots.instant_runoff import instant_runoff
from coordinator.ballots.majority_judgement import grades_of, majority_judgement
from coordinator.ballots.positional import (
    approvals,
    doubled_borda,
    first_places,
    point_sums,
)
from coordinator.ballots.tallies import Tally
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
)

ALIKE: Weights = MappingProxyType({})
"""Weights of an electorate in which every vote counts the same."""

Threshold: TypeAlias = Majority | Supermajority | Unanimity
"""Rules that may elect nobody, and then hand over to their fallback."""
Open: TypeAlias = (
    Plurality
    | Approval
    | Borda
    | InstantRunoff
    | Copeland
    | Schulze
    | RankedPairs
    | Score
    | MajorityJudgement
)
"""Rules that always elect somebody."""


def tally(
    rule: VotingRule,
    ballots: Mapping[AgentId, Ballot],
    labels: Collection[Label],
    *,
    tie_order: Sequence[Label],
    weights: Weights = ALIKE,
    electorate: float | None = None,
) -> Tally:
    """Count ``ballots`` and rank the answers.

    With no ballots all answers are equal, and the tie order ranks them.

    Args:
        rule: How to count.
        ballots: Voter → a ballot that :func:`~coordinator.ballots.reject_reason` has
            let pass. What it says of answers outside ``labels`` is skipped.
        labels: The answers that stand.
        tie_order: All of them, first wins.
        weights: Voter → weight, 0 or more; 1 where absent.
        electorate: Weight of all who had a vote, for rules that ask for a share of it;
            ``None``: those whose ballots are here.

    Raises:
        NoAnswers: ``labels`` is empty.
        ValueError: ``tie_order`` lacks a label, a weight is negative or not finite, or
            the ballot's kind says nothing under ``rule``.
    """
    election = hold(ballots, labels, tie_order, weights)
    return tally_of(election, rule, electorate)


def tally_of(
    election: Election, rule: VotingRule, electorate: float | None = None
) -> Tally:
    """Count an election that is held; several rules may count the same one.

    Args:
        election: The ballots, brought into shape.
        rule: How to count.
        electorate: As :func:`tally` takes it.

    Raises:
        ValueError: The ballots' kind says nothing under ``rule``.
    """
    voters = election.total if electorate is None else exact(electorate)
    name, count, elected = _decide(rule, election, voters)
    names = election.labels
    return Tally(
        winner=names[count.order[0]] if elected else None,
        standings=tuple((names[i], float(count.measure[i])) for i in count.order),
        tied=tuple(names[i] for i in sorted(count.tied)) if elected else (),
        rule=name,
    )


def _decide(
    rule: VotingRule, election: Election, voters: Number
) -> tuple[str, Count, bool]:
    """The rule that decided, its count, and whether that elects its first."""
    if not isinstance(rule, Majority | Supermajority | Unanimity):
        return rule.name, count(rule, election), True
    bar = Bar(rule, election, voters)
    if bar.reached_by is None and rule.fallback is not None:
        return _decide(rule.fallback, election, voters)
    return rule.name, ranked(bar.votes), bar.reached_by is not None


def count(rule: Open, election: Election) -> Count:
    """Rank the answers by a rule that always elects somebody."""
    size = election.size
    match rule:
        case Plurality() | Approval() | Borda() | Score():
            sums, unit = added(rule, election)
            result = ranked(sums)
            if unit == 1:
                return result
            measure = [Fraction(points, unit) for points in sums]
            return Count(order=result.order, measure=measure, tied=result.tied)
        case InstantRunoff():
            return instant_runoff(election.tiers(), size)
        case Copeland():
            tiers = election.tiers()
            return copeland(margins(tiers, size), doubled_borda(tiers, size))
        case Schulze():
            return schulze(margins(election.tiers(), size))
        case RankedPairs():
            return ranked_pairs(margins(election.tiers(), size))
        case MajorityJudgement():
            points = election.points(rule.max_score)
            return majority_judgement(grades_of(points, size, rule.max_score))
        case _:
            assert_never(rule)


def added(
    rule: Plurality | Approval | Borda | Score, election: Election
) -> tuple[list[Number], int]:
    """The sums of a rule that adds up, and what one point of the rule is in them."""
    size = election.size
    match rule:
        case Plurality():
            return first_places(election.firsts(), size), 1
        case Approval():
            return approvals(election.approvals(), size), 1
        case Borda():
            return doubled_borda(election.tiers(), size), 2
        case Score():
            return point_sums(election.points(rule.max_score), size), 1
        case _:
            assert_never(rule)


def _half(whole: Number) -> Number:
    if isinstance(whole, int):
        return whole // 2 if whole % 2 == 0 else Fraction(whole, 2)
    return whole / 2


class Bar:
    """How high a threshold lies, and who is over it.

    Args:
        rule: The rule that sets the threshold.
        election: The ballots so far.
        voters: Weight of the whole electorate.
    """

    __slots__ = ("_is_strict", "height", "votes")

    def __init__(self, rule: Threshold, election: Election, voters: Number) -> None:
        firsts = election.firsts()
        self.votes = first_places(firsts, election.size)
        """First places by answer."""
        self._is_strict = isinstance(rule, Majority)
        match rule:
            case Majority():
                self.height: Number = _half(voters)
            case Supermajority():
                self.height = exact(rule.share) * voters
            case Unanimity():
                self.height = sum(firsts.values())
            case _:
                assert_never(rule)

    def is_over(self, votes: Number) -> bool:
        """Whether so much weight of first places is enough."""
        if self._is_strict:
            return votes > self.height
        return votes > 0 and votes >= self.height

    @property
    def reached_by(self) -> int | None:
        """The answer that has enough; there is one at most."""
        return next((i for i, has in enumerate(self.votes) if self.is_over(has)), None)

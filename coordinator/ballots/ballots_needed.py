"""The least number of ballots still needed, so that few votes need a new count."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Sized
from fractions import Fraction
from typing import assert_never

from agents.protocol.chunks import AgentId, Ballot, Label
from coordinator.ballots.condorcet import margins
from coordinator.ballots.early_decision import (
    is_stuck,
    sure_winner,
    swing_of,
    within_reach,
)
from coordinator.ballots.election import Election, Number, Weights, hold, open_weights
from coordinator.ballots.instant_runoff import standing_votes
from coordinator.ballots.tally import ALIKE, Bar, Open, added
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

FIRST_PLACES = Plurality()
"""The order of the answers under a rule that elects nobody and has no fallback."""


def ballots_until_decided(
    rule: VotingRule,
    ballots: Mapping[AgentId, Ballot],
    outstanding: Collection[AgentId] | int,
    labels: Collection[Label],
    *,
    tie_order: Sequence[Label],
    weights: Weights = ALIKE,
) -> int:
    """A number of events before which nothing can be decided.

    An *event* is an outstanding voter's ballot, or that voter's leaving without one.
    Before so many have happened :func:`~coordinator.ballots.is_decided` need not be
    asked, nor, for a rule without a fallback, whether it is deadlocked with a leader
    that nobody can pass. 0: it may be decided now.

    One ballot moves the gap to be closed by twice its weight at most, so the gap is at
    least halved between two counts, unless it is closed: n voters need O(log n) counts
    of O(n) each, which is O(log n) a vote.

    Raises:
        NoAnswers: ``labels`` is empty.
        ValueError: As :func:`~coordinator.ballots.tally`.
    """
    election = hold(ballots, labels, tie_order, weights)
    return _events(rule, election, open_weights(outstanding, weights))


def events_until_over(
    rule: VotingRule,
    ballots: Mapping[AgentId, Ballot],
    outstanding: Collection[AgentId] | int,
    labels: Collection[Label],
    *,
    tie_order: Sequence[Label],
    weights: Weights = ALIKE,
    clear_of_ties: bool = False,
) -> int:
    """0 if the vote is over; else the number of events before which it is not.

    It is over when it is decided. A deadlock without a fallback elects nobody, and
    then first places order the answers: it is over once nobody can pass the first of
    them. That is what :func:`~coordinator.ballots.is_decided`,
    :func:`~coordinator.ballots.is_deadlocked` and :func:`ballots_until_decided` say,
    with the ballots read once.

    Raises:
        NoAnswers: ``labels`` is empty.
        ValueError: As :func:`~coordinator.ballots.tally`.
    """
    election = hold(ballots, labels, tie_order, weights)
    coming = open_weights(outstanding, weights)
    if sure_winner(rule, election, coming, clear_of_ties=clear_of_ties) is not None:
        return 0
    # Where there is a fallback, the ballots to come still say whom it elects.
    has_bar = isinstance(rule, Majority | Supermajority | Unanimity)
    if has_bar and not rule.fallback and is_stuck(rule, election, sum(coming)):
        # Nobody is elected, so that no tie is settled otherwise than by the order.
        leader = sure_winner(FIRST_PLACES, election, coming)
        if leader is not None:
            return 0
    return max(1, _events(rule, election, coming))


def events_before_any(
    rule: VotingRule, answers: Sized, voters: int, weights: Weights = ALIKE
) -> int:
    """A lower bound of :func:`ballots_until_decided` before the first ballot.

    Without a look at anything: half of the voters must have been heard under most
    rules, a quarter where a majority may be missed or lost as early.
    """
    if weights or len(answers) < 2:
        return 0
    match rule:
        case Majority():
            return -(-voters // 4)
        case Supermajority() | Unanimity():
            return min(1, voters)
        case _:
            return -(-voters // 2)


def _events(rule: VotingRule, election: Election, coming: Sequence[Number]) -> int:
    if election.size == 1:
        return 0
    gap = _gap(rule, election, coming)
    closed: Number = 0
    for events, weight in enumerate(coming):
        if 2 * closed >= gap:
            return events
        closed += weight
    return len(coming)


def _gap(rule: VotingRule, election: Election, coming: Sequence[Number]) -> Number:
    """The lead to make up for a decision, at twice a ballot's weight each."""
    weight = sum(coming)
    if not isinstance(rule, Majority | Supermajority | Unanimity):
        return _open_gap(rule, election, weight)
    bar = Bar(rule, election, election.total + weight)
    # Without a fallback first places order the answers where the bar is not reached.
    gap = _gap(rule.fallback or FIRST_PLACES, election, coming)
    if not within_reach(bar, rule, weight):
        return gap
    if isinstance(rule, Unanimity):
        # Reached with the last ballot only, but perhaps out of reach with the next.
        return gap if rule.fallback else max((gap, *coming))
    best = max(bar.votes)
    # A ballot lifts the leader, and a voter who leaves lowers the bar: together by the
    # voter's weight at most.
    lacking = 0 if bar.is_over(best) else bar.height - best
    # Then it is over when, too, so much went elsewhere that none can reach it.
    stuck = gap if rule.fallback else max(gap, best + weight - bar.height)
    return min(lacking, stuck)


def _open_gap(rule: Open, election: Election, weight: Number) -> Number:
    size = election.size
    match rule:
        case Plurality() | Approval() | Borda() | Score():
            sums, _ = added(rule, election)
            first, second = sorted(sums, reverse=True)[:2]
            return weight - Fraction(first - second) / swing_of(rule, size)
        case Copeland() | Schulze() | RankedPairs():
            # Until it is decided two answers may yet win every duel, and so the vote.
            matrix = margins(election.tiers(), size)
            lost = [max(matrix[x][c] for x in range(size)) for c in range(size)]
            return weight - sorted(lost)[1]
        case InstantRunoff():
            # Until it is decided two answers may yet have more than half of all firsts.
            votes = standing_votes(election.tiers(), range(size), size)
            return 2 * sorted(votes)[-2] + weight - election.total
        case MajorityJudgement():
            # As long as more weight is outstanding than cast, it alone makes medians.
            return weight - sum(election.points(rule.max_score).values())
        case _:
            assert_never(rule)

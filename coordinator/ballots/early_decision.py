"""Is it decided? Whether ballots still to come can change the winner.

An outstanding voter may hand in any ballot that the rule reads, or none at all.
*Exact* means that :func:`is_decided` names the winner if and only if every completion
elects it; *sound* means that it never names one too early, but may name it late.

=================== ==================================================================
rule                decided for *a* when, with weight K outstanding
=================== ==================================================================
plurality, approval exact: s(a) ≥* s(c) + K for every other c
score 0…G           exact: s(a) ≥* s(c) + KG
Borda               exact: s(a) ≥* s(c) + K(m - 1)
Copeland            exact: a ≥* c in wins - losses, then Borda, if all K rank c first
                    and a last
majority judgement  exact: a ≥* c if all K give c the best grade and a the worst
majority, super-    sound, and exact without a fallback and with plurality as one: a has
majority, unanimity enough first places; or the fallback is decided for a, and nobody
                    else can have enough any more
Schulze             sound: a's narrowest way to c ≥* c's widest way to a
ranked pairs        sound: a beats every c, or equals it and is before it, whatever
                    comes
instant-runoff      sound: each elimination that may happen leaves a in the end
=================== ==================================================================

≥* is greater, or equal and before the other in the tie order. The last three are exact
where no more than :data:`~coordinator.ballots.completions.MOST` completions differ:
they are tried then. That is the end of a vote, where it matters: with three answers the
last three ballots, with five answers the last one.

Why the worst completion is enough for exactness: under these rules nothing serves c
against a better than a ballot with c at the top and a at the bottom, whatever it says
of the others; also not its absence. If a stays ahead of each c in turn, a has won.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import assert_never

from agents.protocol.chunks import AgentId, Ballot, Label
from coordinator.ballots.ballot_kinds import Tiers
from coordinator.ballots.completions import completions
from coordinator.ballots.condorcet import (
    Matrix,
    add_ranking,
    margins,
    ranked_pairs,
    schulze,
    sign,
    widest_paths,
)
from coordinator.ballots.election import (
    Count,
    Election,
    Number,
    Weights,
    hold,
    open_weights,
)
from coordinator.ballots.instant_runoff import (
    PATHS_TRIED,
    instant_runoff,
    standing_votes,
)
from coordinator.ballots.majority_judgement import grades_of, keys_of
from coordinator.ballots.positional import doubled_borda
from coordinator.ballots.tally import ALIKE, Bar, Open, added, count
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


def is_decided(
    rule: VotingRule,
    ballots: Mapping[AgentId, Ballot],
    outstanding: Collection[AgentId] | int,
    labels: Collection[Label],
    *,
    tie_order: Sequence[Label],
    weights: Weights = ALIKE,
    clear_of_ties: bool = False,
) -> Label | None:
    """Name the winner if no outstanding ballot can change it.

    See the module for each rule's condition. It holds whether outstanding voters vote
    or not, as long as :func:`~coordinator.ballots.tally` is given the same electorate
    or none.

    Args:
        rule: How ballots are counted.
        ballots: Voter → ballot, as for :func:`~coordinator.ballots.tally`.
        outstanding: Who may still vote, or how many of weight 1.
        labels: The answers that stand.
        tie_order: All of them, first wins.
        weights: Voter → weight; 1 where absent.
        clear_of_ties: Name it only if no completion even ties, because ties are settled
            otherwise than by ``tie_order``, e.g. by a runoff.

    Raises:
        NoAnswers: ``labels`` is empty.
        ValueError: As :func:`~coordinator.ballots.tally`.
    """
    election = hold(ballots, labels, tie_order, weights)
    coming = open_weights(outstanding, weights)
    return sure_winner(rule, election, coming, clear_of_ties=clear_of_ties)


def sure_winner(
    rule: VotingRule,
    election: Election,
    coming: Sequence[Number],
    *,
    clear_of_ties: bool = False,
) -> Label | None:
    """The same of an election that is held already; ``coming`` heaviest first."""
    winner = _decided(rule, election, coming, strict=False)
    if winner is None or not clear_of_ties:
        return None if winner is None else election.labels[winner]
    # Level with whomever, the last in the tie order loses: so it must not come to that.
    last = election.with_last(winner)
    again = _decided(rule, last, coming, strict=True)
    return None if again is None else last.labels[again]


def is_deadlocked(
    rule: VotingRule,
    ballots: Mapping[AgentId, Ballot],
    outstanding: Collection[AgentId] | int,
    labels: Collection[Label],
    *,
    weights: Weights = ALIKE,
) -> bool:
    """Whether nobody can reach the rule's threshold any more.

    From then on its fallback decides; where there is none, waiting for more ballots is
    in vain. Exact: if it is not deadlocked, all outstanding ballots for one answer
    would reach it. Rules without a threshold are never deadlocked.

    Raises:
        NoAnswers: ``labels`` is empty.
        ValueError: As :func:`~coordinator.ballots.tally`.
    """
    if not isinstance(rule, Majority | Supermajority | Unanimity):
        return False
    election = hold(ballots, labels, list(labels), weights)
    return is_stuck(rule, election, sum(open_weights(outstanding, weights)))


def is_stuck(
    rule: Majority | Supermajority | Unanimity, election: Election, coming: Number
) -> bool:
    """The same of an election that is held already, with so much weight to come."""
    bar = Bar(rule, election, election.total + coming)
    return not within_reach(bar, rule, coming)


def within_reach(
    bar: Bar, rule: Majority | Supermajority | Unanimity, coming: Number
) -> list[int]:
    """The answers that have, or may yet have, enough first places."""
    if isinstance(rule, Unanimity):
        # A ballot for one answer more raises the bar by what it gives.
        reached = (i for i, has in enumerate(bar.votes) if has >= bar.height)
        return [i for i in reached if bar.votes[i] + coming > 0]
    return [i for i, has in enumerate(bar.votes) if bar.is_over(has + coming)]


def _decided(
    rule: VotingRule, election: Election, coming: Sequence[Number], *, strict: bool
) -> int | None:
    if not isinstance(rule, Majority | Supermajority | Unanimity):
        winner = count(rule, election).order[0]
        sure = _is_sure(rule, election, coming, winner, strict=strict)
        return winner if sure else None
    weight = sum(coming)
    bar = Bar(rule, election, election.total + weight)
    able = within_reach(bar, rule, weight)
    if not isinstance(rule, Unanimity) or not weight:
        reached = bar.reached_by
        if reached is not None:
            return reached
    if rule.fallback is None:
        return None
    winner = _decided(rule.fallback, election, coming, strict=strict)
    return winner if winner is not None and set(able) <= {winner} else None


def _is_sure(
    rule: Open,
    election: Election,
    coming: Sequence[Number],
    winner: int,
    *,
    strict: bool,
) -> bool:
    """Whether ``winner``, who leads now, wins whatever comes; alone, if ``strict``."""
    weight = sum(coming)
    if not weight or election.size == 1:
        return not strict or count(rule, election).tied == (winner,)
    match rule:
        case Plurality() | Approval() | Borda() | Score():
            sums, _ = added(rule, election)
            swing = weight * swing_of(rule, election.size)
            return all(
                _holds(sums[winner] - sums[c] - swing, winner, c)
                for c in _others(winner, election.size)
            )
        case Copeland():
            return _copeland_holds(election.tiers(), election.size, weight, winner)
        case MajorityJudgement():
            return _judgement_holds(rule, election, weight, winner)
        case Schulze() | RankedPairs() | InstantRunoff():
            return _is_sure_of_ranks(rule, election, coming, winner, strict=strict)
        case _:
            assert_never(rule)


def swing_of(rule: Plurality | Approval | Borda | Score, size: int) -> int:
    """By how much one ballot of weight 1 can move an answer against another one.

    In the unit of :func:`~coordinator.ballots.tally.added`.
    """
    match rule:
        case Plurality() | Approval():
            return 1
        case Borda():
            return 2 * (size - 1)
        case Score():
            return rule.max_score
        case _:
            assert_never(rule)


def _others(one: int, size: int) -> list[int]:
    return [i for i in range(size) if i != one]


def _holds(lead: Number, winner: int, other: int) -> bool:
    return lead > 0 or (lead == 0 and winner < other)


def _copeland_holds(
    tiers: Mapping[Tiers, Number], size: int, weight: Number, winner: int
) -> bool:
    matrix, borda = margins(tiers, size), doubled_borda(tiers, size)
    worst = sum(sign(matrix[winner][x] - weight) for x in _others(winner, size))
    swing = 2 * (size - 1) * weight
    for c in _others(winner, size):
        best = sum(sign(matrix[c][x] + weight) for x in _others(c, size))
        if worst < best:
            return False
        lead = borda[winner] - borda[c] - swing
        if worst == best and not _holds(lead, winner, c):
            return False
    return True


def _judgement_holds(
    rule: MajorityJudgement, election: Election, weight: Number, winner: int
) -> bool:
    top = rule.max_score
    grades = grades_of(election.points(top), election.size, top)
    lowest = [grades[winner][0] + weight, *grades[winner][1:]]
    for c in _others(winner, election.size):
        highest = [*grades[c][:-1], grades[c][-1] + weight]
        held, won = keys_of([lowest, highest])
        if held < won or (held == won and c < winner):
            return False
    return True


def _is_sure_of_ranks(
    rule: Schulze | RankedPairs | InstantRunoff,
    election: Election,
    coming: Sequence[Number],
    winner: int,
    *,
    strict: bool,
) -> bool:
    """Try the sound condition, then the likeliest upsets, then all if they are few."""
    tiers, size, weight = election.tiers(), election.size, sum(coming)
    match rule:
        case Schulze():
            sure = _paths_hold(margins(tiers, size), weight, winner)
        case RankedPairs():
            matrix = margins(tiers, size)
            sure = all(
                _holds(matrix[winner][c] - weight, winner, c)
                for c in _others(winner, size)
            )
        case InstantRunoff():
            sure = _eliminations_hold(tiers, size, weight, winner, strict=strict)
        case _:
            assert_never(rule)
    if sure:
        return True
    upsets = [[(_upset(c, winner, size), weight)] for c in _others(winner, size)]
    after = _counter(rule, tiers, size)

    def elects(more: Sequence[tuple[Tiers, Number]]) -> bool:
        counted = after(more)
        return counted.tied == (winner,) if strict else counted.order[0] == winner

    if not all(elects(upset) for upset in upsets):
        return False
    every = completions(size, coming)
    return every is not None and all(elects(more) for more in every)


def _upset(challenger: int, winner: int, size: int) -> Tiers:
    """The ballot that serves ``challenger`` best against ``winner``."""
    middle = tuple(i for i in range(size) if i not in {challenger, winner})
    return tuple(tier for tier in ((challenger,), middle, (winner,)) if tier)


def _counter(
    rule: Schulze | RankedPairs | InstantRunoff,
    tiers: Mapping[Tiers, Number],
    size: int,
) -> Callable[[Sequence[tuple[Tiers, Number]]], Count]:
    """Make the function from further ballots to the count with them."""
    if isinstance(rule, InstantRunoff):

        def after_runoff(more: Sequence[tuple[Tiers, Number]]) -> Count:
            all_in = dict(tiers)
            for ranking, weight in more:
                all_in[ranking] = all_in.get(ranking, 0) + weight
            return instant_runoff(all_in, size)

        return after_runoff
    before = margins(tiers, size)
    counted = schulze if isinstance(rule, Schulze) else ranked_pairs

    def after_duels(more: Sequence[tuple[Tiers, Number]]) -> Count:
        matrix = [list(row) for row in before]
        for ranking, weight in more:
            add_ranking(matrix, ranking, weight)
        return counted(matrix)

    return after_duels


def _paths_hold(matrix: Matrix, weight: Number, winner: int) -> bool:
    size = len(matrix)
    narrowest = widest_paths([[margin - weight for margin in row] for row in matrix])
    widest = widest_paths([[margin + weight for margin in row] for row in matrix])
    return all(
        _holds(narrowest[winner][c] - widest[c][winner], winner, c)
        for c in _others(winner, size)
    )


def _eliminations_hold(
    tiers: Mapping[Tiers, Number],
    size: int,
    weight: Number,
    winner: int,
    *,
    strict: bool,
) -> bool:
    """Whether no order of eliminations that may come about removes ``winner``.

    From each set of remaining answers, whoever can be brought to the bottom by giving
    ``weight`` votes to the others may drop out. Each set is judged on its own, as if
    outstanding voters could change their minds between eliminations: that is sound.
    """
    start = frozenset(range(size))
    seen, todo = {start}, [start]
    while todo:
        alive = todo.pop()
        votes = standing_votes(tiers, alive, size)
        if 2 * votes[winner] > sum(votes) + weight:
            # More than half of all first places, whatever comes: it stays for good.
            continue
        for out in alive:
            if not _may_drop(out, votes, alive, weight, strict=strict):
                continue
            if out == winner:
                return False
            left = alive - {out}
            if len(left) > 1 and left not in seen:
                seen.add(left)
                todo.append(left)
        if len(seen) > PATHS_TRIED:
            return False
    return True


def _may_drop(
    out: int,
    votes: Sequence[Number],
    alive: frozenset[int],
    weight: Number,
    *,
    strict: bool,
) -> bool:
    """Whether ``weight`` can lift all others to where ``out`` drops out.

    With exactly enough to lift them level, it does so only if it is the last of those
    level in the tie order; if ``strict``, ties may go either way.
    """
    lacking = sum(max(0, votes[out] - votes[i]) for i in alive)
    if lacking != weight or strict:
        return lacking <= weight
    return all(i <= out for i in alive if votes[i] <= votes[out])

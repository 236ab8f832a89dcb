"""Instant-runoff: answers drop out one by one, and their voters move on."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from coordinator.ballots.ballot_kinds import Tiers
from coordinator.ballots.election import Count, Number
from coordinator.ballots.positional import first_places, scaled_places

PATHS_TRIED = 2_000
"""Sets of remaining answers that a count follows through where ties, or ballots to
come, leave open who drops out: all subsets of ten answers."""


def standing_votes(
    tiers: Mapping[Tiers, Number], alive: Collection[int], size: int
) -> list[Number]:
    """First places among ``alive``, by answer; 0 for those that dropped out.

    A ballot that is indifferent between all of them gives each the same part, which
    changes nobody's place.
    """
    return first_places(_firsts_among(tiers, alive), size)


def _firsts_among(
    tiers: Mapping[Tiers, Number], alive: Collection[int]
) -> dict[tuple[int, ...], Number]:
    """Answers of ``alive`` that share a first place → the weight of such ballots."""
    firsts: dict[tuple[int, ...], Number] = {}
    for ranking, weight in tiers.items():
        for tier in ranking:  # pragma: no branch  (the last tier has all the rest)
            if len(tier) == 1:
                sharing = tier if tier[0] in alive else ()
            else:
                sharing = tuple([i for i in tier if i in alive])
            if sharing:
                firsts[sharing] = firsts.get(sharing, 0) + weight
                break
    return firsts


def instant_runoff(tiers: Mapping[Tiers, Number], size: int) -> Count:
    """Drop the lowest until one remains; the measure is the votes each had at the end.

    That is: when it dropped out, and for the winner when the last other one did.
    """
    alive = set(range(size))
    measure = standing_votes(tiers, alive, size)
    gone: list[int] = []
    had_tie = False
    while len(alive) > 1:
        votes = standing_votes(tiers, alive, size)
        # The fewest votes, and of those the last in the tie order.
        out = min(alive, key=lambda i: (votes[i], -i))
        had_tie |= any(votes[i] == votes[out] for i in alive if i != out)
        for i in alive:
            measure[i] = votes[i]
        alive.remove(out)
        gone.append(out)
    order = (*alive, *reversed(gone))
    tied = _possible_winners(tiers, size) | alive if had_tie else alive
    return Count(order=order, measure=measure, tied=tuple(sorted(tied)))


def _possible_winners(tiers: Mapping[Tiers, Number], size: int) -> set[int]:
    """The answers that remain if ties for the fewest votes go this way or that.

    Follows at most :data:`PATHS_TRIED` sets of remaining answers, so where more than
    ten answers tie again and again some may be missing.
    """
    start = frozenset(range(size))
    seen, todo = {start}, [start]
    winners: set[int] = set()
    while todo:
        alive = todo.pop()
        if len(alive) == 1:
            winners |= alive
            continue
        votes, _ = scaled_places(_firsts_among(tiers, alive), size)
        if not any(votes):
            # Nobody has said anything of those that remain.
            winners |= alive
            continue
        fewest = min(votes[i] for i in alive)
        if not fewest:
            # Whoever has nothing drops out, in whichever order, before anyone else.
            todo.append(frozenset(i for i in alive if votes[i]))
            continue
        for out in sorted(i for i in alive if votes[i] == fewest):
            left = alive - {out}
            if left not in seen and len(seen) < PATHS_TRIED:
                seen.add(left)
                todo.append(left)
    return winners

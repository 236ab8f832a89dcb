"""Every way in which the outstanding voters may still rank the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, combinations_with_replacement, product
from math import comb

from coordinator.ballots.ballot_kinds import Tiers
from coordinator.ballots.election import Number

MOST = 600
"""Completions worth trying: some ten milliseconds, nothing beside a model's turn. It
covers three ballots over three answers (455) and one over five (541)."""
MOST_ANSWERS = 5
"""Six answers can be ranked in 4,683 ways, which is more than :data:`MOST`."""


def completions(
    size: int, coming: Sequence[Number]
) -> Iterator[list[tuple[Tiers, Number]]] | None:
    """All different ways to complete a vote; ``None`` if there are too many to try.

    Each is a list of rankings with weights. A voter who does not vote is among them: to
    place all answers in one tier comes to the same. Voters of equal weight are
    exchangeable, so only how many rank in which way matters.

    Args:
        size: How many answers stand.
        coming: The weight of each outstanding ballot.
    """
    if size > MOST_ANSWERS:
        return None
    ways = weak_orders(size)
    groups = Counter(coming)
    different = 1
    for voters in groups.values():
        different *= comb(len(ways) + voters - 1, voters)
    return _each(ways, groups) if different <= MOST else None


def _each(
    ways: Sequence[Tiers], groups: Counter[Number]
) -> Iterator[list[tuple[Tiers, Number]]]:
    choices = [
        list(combinations_with_replacement(ways, voters)) for voters in groups.values()
    ]
    for chosen in product(*choices):
        yield [
            (ranking, weight)
            for weight, rankings in zip(groups, chosen, strict=True)
            for ranking in rankings
        ]


@lru_cache(maxsize=MOST_ANSWERS + 1)
def weak_orders(size: int) -> tuple[Tiers, ...]:
    """Every ranking of ``size`` answers with ties: 1, 3, 13, 75, 541, … of them."""
    return tuple(_orders(tuple(range(size))))


def _orders(left: tuple[int, ...]) -> Iterator[Tiers]:
    if not left:
        yield ()
    for many in range(1, len(left) + 1):
        for tier in combinations(left, many):
            rest = tuple(i for i in left if i not in tier)
            for after in _orders(rest):
                yield (tier, *after)

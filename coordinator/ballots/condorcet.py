"""Counts of duels: Copeland, Schulze and ranked pairs, all on margins.

``margins[a][b]`` is the weight of ballots that rank *a* above *b*, less that of those
that rank *b* above *a*. Margins rather than winning votes: the two differ only where
ballots have equals, and then a voter who is indifferent should count for neither side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from coordinator.ballots.ballot_kinds import Tiers
from coordinator.ballots.election import Count, Number

Matrix: TypeAlias = Sequence[Sequence[Number]]


def margins(tiers: Mapping[Tiers, Number], size: int) -> list[list[Number]]:
    """Each answer's margin over each other; O(m²) for each different ranking."""
    table: list[list[Number]] = [[0] * size for _ in range(size)]
    for ranking, weight in tiers.items():
        add_ranking(table, ranking, weight)
    return table


def add_ranking(matrix: list[list[Number]], ranking: Tiers, weight: Number) -> None:
    """Let ``weight`` more voters rank so; a negative weight takes them away."""
    above: list[int] = []
    for tier in ranking:
        for low in tier:
            for high in above:
                matrix[high][low] += weight
                matrix[low][high] -= weight
        above.extend(tier)


def sign(number: Number) -> int:
    """1, 0 or -1."""
    return (number > 0) - (number < 0)


def copeland(matrix: Matrix, borda: Sequence[Number]) -> Count:
    """Wins minus losses, then ``borda``; see :class:`~coordinator.ballots.Copeland`."""
    size = len(matrix)
    scores = [sum(sign(margin) for margin in row) for row in matrix]
    keys = [(scores[i], borda[i]) for i in range(size)]
    order = tuple(sorted(range(size), key=lambda i: (-scores[i], -borda[i], i)))
    tied = tuple(i for i in order if keys[i] == keys[order[0]])
    return Count(order=order, measure=scores, tied=tied)


def widest_paths(matrix: Matrix) -> list[list[Number]]:
    """The width of the widest path of wins between each two; 0 where there is none.

    Floyd and Warshall's order, O(m³).
    """
    size = len(matrix)
    widths = [[max(margin, 0) for margin in row] for row in matrix]
    for via in range(size):
        onward = widths[via]
        for start in range(size):
            first = widths[start][via]
            if start == via or not first:
                continue
            row = widths[start]
            for end in range(size):
                width = min(first, onward[end])
                if end != start and width > row[end]:
                    row[end] = width
    return widths


def schulze(matrix: Matrix) -> Count:
    """Widest paths; the measure is how many others have no wider path to an answer."""
    size = len(matrix)
    widths = widest_paths(matrix)
    unbeaten = [
        sum(widths[c][a] <= widths[a][c] for c in range(size) if c != a)
        for a in range(size)
    ]
    # "Has a wider path" is transitive, so whoever is beaten by an answer is beaten by
    # all that beat it: this order never puts a loser of a pair before its winner.
    order = tuple(sorted(range(size), key=lambda i: (-unbeaten[i], i)))
    tied = tuple(i for i in order if unbeaten[i] == size - 1)
    return Count(order=order, measure=unbeaten, tied=tied)


def ranked_pairs(matrix: Matrix) -> Count:
    """Locked pairs; the measure is how many answers one is locked above."""
    size = len(matrix)
    below = _locked(matrix, range(size))
    measure = [mask.bit_count() for mask in below]
    # Every pair is locked one way or implied, so the locked wins are a whole order.
    order = tuple(sorted(range(size), key=lambda i: -measure[i]))
    tied = tuple(c for c in range(size) if c == order[0] or _may_win(matrix, c))
    return Count(order=order, measure=measure, tied=tied)


def _may_win(matrix: Matrix, candidate: int) -> bool:
    """Whether ``candidate`` wins under the tie order that serves it best.

    It first, then the others as clearly as it beats them, so that its ways to those
    that beat it are locked before their wins. Whether any order of equal margins at all
    elects it is NP-hard to say; this finds nearly all of those it is true of.
    """
    size = len(matrix)
    by_margin = sorted(
        range(size), key=lambda i: (i != candidate, -matrix[candidate][i])
    )
    places = [by_margin.index(i) for i in range(size)]
    return _locked(matrix, places)[candidate].bit_count() == size - 1


def _locked(matrix: Matrix, places: Sequence[int]) -> list[int]:
    """Lock pairs in order; who stands below each answer then, as bits.

    Args:
        matrix: Margins.
        places: Each answer's place in the tie order.
    """
    size = len(matrix)
    pairs = [
        (a, b)
        for a in range(size)
        for b in range(size)
        if matrix[a][b] > 0 or (matrix[a][b] == 0 and places[a] < places[b])
    ]
    pairs.sort(key=lambda pair: (-matrix[pair[0]][pair[1]], *(places[i] for i in pair)))
    below = [0] * size
    for high, low in pairs:
        # Known already, or known the other way round: then it would close a cycle.
        if below[high] >> low & 1 or below[low] >> high & 1:
            continue
        gained = below[low] | 1 << low
        for i in range(size):
            if i == high or below[i] >> high & 1:
                below[i] |= gained
    return below

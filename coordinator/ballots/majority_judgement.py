"""Majority judgement: medians of grades, compared to the last voter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TypeAlias

from coordinator.ballots.election import Count, Number

Grades: TypeAlias = Sequence[Number]
"""Weight of the ballots that give grade 0, 1, 2, …, to one answer."""
Key: TypeAlias = tuple[tuple[int, int], ...]


def grades_of(
    points: Mapping[tuple[int, ...], Number], size: int, max_score: int
) -> list[list[Number]]:
    """How much weight gave which grade, by answer; each row adds up to the same."""
    grades: list[list[Number]] = [[0] * (max_score + 1) for _ in range(size)]
    for points_given, weight in points.items():
        for i, grade in enumerate(points_given):
            grades[i][grade] += weight
    return grades


def keys_of(grades: Sequence[Grades]) -> list[Key]:
    """One key for each answer; the greater has the better judgement.

    Line the grades of an answer up along their weight. The lower median lies just below
    the middle; taking it off, again and again, uncovers the grades at both sides in
    turn, the lower first. So the key is the pairs of grades at equal distance below and
    above the middle, from the inside out, taken where some answer's grade changes. With
    whole weights this is the removal of one median grade a time.
    """
    ends = [list(accumulate(row)) for row in grades]
    total = ends[0][-1]
    # Twice the distance from the middle, so that it stays whole.
    steps = {0} | {abs(2 * end - total) for row in ends for end in row}
    distances = sorted(step for step in steps if step < total)
    return [
        tuple((_at_or_above(row, total - d), _above(row, total + d)) for d in distances)
        for row in ends
    ]


def _at_or_above(ends: Sequence[Number], doubled: Number) -> int:
    """The grade just below a place in the line, given twice the place."""
    return bisect_left(ends, doubled, key=lambda end: 2 * end)


def _above(ends: Sequence[Number], doubled: Number) -> int:
    """The grade just above a place in the line, given twice the place."""
    return bisect_right(ends, doubled, key=lambda end: 2 * end)


def majority_judgement(grades: Sequence[Grades]) -> Count:
    """Rank by key, equals by the tie order; the measure is the lower median."""
    keys = keys_of(grades)
    # Reversed sorting keeps equals in their order, which is the tie order.
    order = tuple(sorted(range(len(keys)), key=keys.__getitem__, reverse=True))
    tied = tuple(i for i in order if keys[i] == keys[order[0]])
    medians = [key[0][0] if key else 0 for key in keys]
    return Count(order=order, measure=medians, tied=tied)

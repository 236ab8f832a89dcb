"""Counts that add up: first places, approvals, Borda's places, points."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import lcm

from coordinator.ballots.ballot_kinds import Tiers
from coordinator.ballots.election import Number


def first_places(firsts: Mapping[tuple[int, ...], Number], size: int) -> list[Number]:
    """Weight of first places by answer; equal firsts have equal parts of it."""
    sums, unit = scaled_places(firsts, size)
    return sums if unit == 1 else [Fraction(total) / unit for total in sums]


def scaled_places(
    firsts: Mapping[tuple[int, ...], Number], size: int
) -> tuple[list[Number], int]:
    """The same in whole parts of a vote, and how many of them one vote is.

    Comparing asks for no more, and whole numbers are added much faster.
    """
    unit = lcm(*map(len, firsts))
    sums: list[Number] = [0] * size
    for sharing, weight in firsts.items():
        part = weight * (unit // len(sharing))
        for i in sharing:
            sums[i] += part
    return sums, unit


def approvals(approved: Mapping[tuple[int, ...], Number], size: int) -> list[Number]:
    """Weight of approvals by answer."""
    sums: list[Number] = [0] * size
    for those, weight in approved.items():
        for i in those:
            sums[i] += weight
    return sums


def doubled_borda(tiers: Mapping[Tiers, Number], size: int) -> list[Number]:
    """Twice the Borda sum by answer; twice, so that shared places stay whole.

    A place is worth 2 for each answer below it and 1 for each other one beside it.
    """
    sums: list[Number] = [0] * size
    for ranking, weight in tiers.items():
        below = size
        for tier in ranking:
            below -= len(tier)
            worth = (2 * below + len(tier) - 1) * weight
            for i in tier:
                sums[i] += worth
    return sums


def point_sums(points: Mapping[tuple[int, ...], Number], size: int) -> list[Number]:
    """Weighted sum of points by answer."""
    sums: list[Number] = [0] * size
    for scores, weight in points.items():
        for i, has in enumerate(scores):
            sums[i] += has * weight
    return sums

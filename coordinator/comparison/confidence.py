"""Means, shares, percentiles and ratios, each with its 95 % confidence interval."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, sqrt

import msgspec

Z = 1.959964
"""Of the normal distribution, for 95 %."""


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate, and between which bounds 95 such in 100 hold the truth."""

    value: float
    low: float
    high: float


def mean(values: Sequence[float]) -> Interval:
    """The mean, by Student's t; of one value, that value."""
    n = len(values)
    middle = sum(values) / n
    if n < 2:
        return Interval(value=middle, low=middle, high=middle)
    variance = sum((x - middle) ** 2 for x in values) / (n - 1)
    reach = student(n - 1) * sqrt(variance / n)
    return Interval(value=middle, low=middle - reach, high=middle + reach)


def student(freedom: int) -> float:
    """Student's t for 95 %, to three digits (Abramowitz and Stegun, 26.7.5).

    Args:
        freedom: Degrees of freedom, 1 or more.
    """
    if freedom <= 2:
        return (12.7062, 4.3027)[freedom - 1]
    z = Z
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))


def share(hits: int, n: int) -> Interval:
    """The share of ``hits`` in ``n``, by Wilson's interval (good near 0 and 1)."""
    p = hits / n
    bottom = 1 + Z * Z / n
    centre = (p + Z * Z / (2 * n)) / bottom
    reach = Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / bottom
    return Interval(value=p, low=min(p, centre - reach), high=max(p, centre + reach))


def paired_difference(both: int, first: int, second: int, n: int) -> Interval:
    """One share less another of the same ``n``, by Newcombe's interval for pairs.

    Good near 0 and 1 and for few pairs, where a mean of differences would call three of
    three certain (Newcombe 1998, Statistics in Medicine 17: 2635, method 10).

    Args:
        both: Pairs where both have hit.
        first: Pairs where the first alone has.
        second: Pairs where the second alone has.
        n: Pairs in all.
    """
    neither = n - both - first - second
    one, other = share(both + first, n), share(both + second, n)
    spread = (both + first) * (second + neither) * (both + second) * (first + neither)
    phi = 0.0
    if spread:
        product = both * neither - first * second
        if product > 0:  # corrected for continuity
            product = max(product - n / 2, 0)
        phi = product / sqrt(spread)
    value = one.value - other.value
    down = _together(one.value - one.low, other.high - other.value, phi)
    up = _together(one.high - one.value, other.value - other.low, phi)
    return Interval(value=value, low=value - down, high=value + up)


def _together(one: float, other: float, phi: float) -> float:
    """The reach of a difference, from those of its sides."""
    return sqrt(max(one * one - 2 * phi * one * other + other * other, 0.0))


def percentile(values: Sequence[float], p: float) -> Interval:
    """The ``p``-quantile (0…1), between order statistics (no shape is assumed)."""
    ordered = sorted(values)
    n = len(ordered)
    reach = Z * sqrt(n * p * (1 - p))

    def at(rank: float) -> float:
        return ordered[max(0, min(n - 1, floor(rank)))]

    return Interval(value=at(n * p), low=at(n * p - reach), high=at(n * p + reach))


def ratio(over: Sequence[float], under: Sequence[float]) -> Interval:
    """Ratio of the means of pairs, by the delta method.

    Args:
        over: One value a pair.
        under: The other's, in the same order; their sum is not 0.
    """
    n = len(over)
    value = sum(over) / sum(under)
    if n < 2:
        return Interval(value=value, low=value, high=value)
    scale = sum(under) / n
    pairs = zip(over, under, strict=True)
    variance = sum((a - value * b) ** 2 for a, b in pairs) / (n - 1)
    reach = Z * sqrt(variance / n) / scale
    return Interval(value=value, low=value - reach, high=value + reach)

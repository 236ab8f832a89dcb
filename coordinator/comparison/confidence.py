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
    """The mean, by the normal approximation."""
    n = len(values)
    middle = sum(values) / n
    if n < 2:
        return Interval(value=middle, low=middle, high=middle)
    variance = sum((x - middle) ** 2 for x in values) / (n - 1)
    reach = Z * sqrt(variance / n)
    return Interval(value=middle, low=middle - reach, high=middle + reach)


def share(hits: int, n: int) -> Interval:
    """The share of ``hits`` in ``n``, by Wilson's interval (good near 0 and 1)."""
    p = hits / n
    bottom = 1 + Z * Z / n
    centre = (p + Z * Z / (2 * n)) / bottom
    reach = Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / bottom
    return Interval(value=p, low=min(p, centre - reach), high=max(p, centre + reach))


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

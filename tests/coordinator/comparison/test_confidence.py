"""Intervals hold the truth as often as they claim, also of few values."""

from __future__ import annotations

from math import comb

import pytest

from coordinator.comparison.confidence import mean, paired_difference, share, student


@pytest.mark.parametrize(
    ("freedom", "t"),
    [
        (1, 12.706205),
        (2, 4.302653),
        (3, 3.182446),
        (4, 2.776445),
        (5, 2.570582),
        (9, 2.262157),
        (29, 2.045230),
        (199, 1.971957),
        (10_000, 1.960201),
    ],
)
def test_students_t_is_that_of_the_tables(freedom: int, t: float) -> None:
    assert student(freedom) == pytest.approx(t, rel=2e-3)


def test_a_mean_of_few_values_is_as_uncertain_as_it_is() -> None:
    found = mean([1.0, 2.0, 3.0])  # s = 1, so 4.303 / sqrt(3) on both sides
    assert (found.low, found.high) == pytest.approx((-0.4843, 4.4843), abs=1e-3)


def test_wilsons_interval_is_that_of_the_books() -> None:
    # Newcombe 1998, Statistics in Medicine 17: 857, table I: 15 of 148, 1 of 29.
    found = share(15, 148)
    assert (found.low, found.high) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    found = share(1, 29)
    assert (found.low, found.high) == pytest.approx((0.0061, 0.1718), abs=1e-4)


def test_three_of_three_do_not_prove_a_difference() -> None:
    found = paired_difference(0, 3, 0, 3)
    assert found.value == 1.0
    assert found.low < 0.5
    nobody = paired_difference(5, 0, 0, 5)
    assert nobody.low < 0 < nobody.high


def test_newcombes_own_example_comes_out_as_he_has_it() -> None:
    # Newcombe 1998, Statistics in Medicine 17: 2635, table III: 36, 12, 2, 0.
    found = paired_difference(36, 12, 2, 50)
    assert (found.low, found.high) == pytest.approx((0.0569, 0.3404), abs=1e-4)


def _coverage(n: int, both: float, first: float, second: float) -> float:
    """How often the interval of ``n`` pairs holds the true difference; exact."""
    covered = 0.0
    for a in range(n + 1):
        for b in range(n - a + 1):
            for c in range(n - a - b + 1):
                d = n - a - b - c
                ways = comb(n, a) * comb(n - a, b) * comb(n - a - b, c)
                rest = 1 - both - first - second
                chance = ways * both**a * first**b * second**c * rest**d
                found = paired_difference(a, b, c, n)
                if found.low <= first - second <= found.high:
                    covered += chance
    return covered


@pytest.mark.parametrize(
    ("both", "first", "second"),
    [(0.4, 0.1, 0.1), (0.7, 0.2, 0.05), (0.1, 0.05, 0.25), (0.25, 0.25, 0.25)],
)
def test_paired_differences_are_covered_as_claimed(
    both: float, first: float, second: float
) -> None:
    assert 0.93 <= _coverage(20, both, first, second) <= 0.995

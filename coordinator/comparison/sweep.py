"""One assumption at several values: does the verdict depend on it, and where?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from coordinator.comparison.assumptions import Assumptions, assumptions
from coordinator.comparison.compare import Versus, compare
from coordinator.comparison.contenders import DEFAULT
from coordinator.comparison.table import aligned, standing, within
from coordinator.errors import ConfigInvalid


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The default policy against one rival where the assumption has one value."""

    value: float
    versus: Versus


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """All points, and what is needed to find them again."""

    assumption: str
    seed: int
    runs: int
    points: tuple[Point, ...]


def read_sweep(words: str) -> tuple[str, tuple[float, ...]]:
    """Take ``NAME=V1,V2,…`` apart.

    Raises:
        ConfigInvalid: It is not written so, or has fewer than two values.
    """
    name, _, listed = words.partition("=")
    try:
        values = tuple(sorted(float(value) for value in listed.split(",")))
    except ValueError:
        values = ()
    if not name or len(values) < 2:
        raise ConfigInvalid(
            f"sweep {words!r} cannot be read; write NAME=V1,V2,… with two numbers or "
            "more"
        )
    return name, values


def sweep(
    name: str,
    values: Sequence[float],
    *,
    runs: int,
    sizes: Sequence[int],
    seed: int,
    rivals: Sequence[str],
    workers: int = 1,
    assumed: Assumptions | None = None,
) -> Sweep:
    """Compare the default policy with ``rivals`` at each value, over the same teams.

    Raises:
        ConfigInvalid: A name is unknown, or a value not possible.
    """
    points: list[Point] = []
    for value in values:
        compared = compare(
            runs=runs,
            sizes=sizes,
            seed=seed,
            workers=workers,
            contenders=rivals,
            situations=("plain",),
            assumed=assumptions(assumed, **{name: value}),
        )
        points += [
            Point(value=value, versus=versus)
            for versus in compared.versus
            if versus.contender == DEFAULT
        ]
    return Sweep(assumption=name, seed=seed, runs=runs, points=tuple(points))


def sweep_report(swept: Sweep) -> str:
    """The points as a table, and where the difference of qualities changes its sign."""
    rivals = dict.fromkeys((p.versus.size, p.versus.rival) for p in swept.points)
    lines = [
        (swept.assumption, "agents", "against", "runs", "tokens /", "quality diff", "")
    ]
    for size, rival in rivals:
        for point in _of(swept, size, rival):
            versus = point.versus
            lines.append(
                (
                    f"{point.value:g}",
                    str(size),
                    rival,
                    str(versus.runs),
                    within(versus.tokens, 3),
                    within(versus.quality, 3, sign="+"),
                    standing(versus.quality),
                )
            )
    turns = [
        f"{size} agents against {rival}: {_turn(swept, size, rival)}."
        for size, rival in rivals
    ]
    seeds = f"Seeds {swept.seed}…{swept.seed + swept.runs - 1}."
    return "\n".join((aligned(lines, left={2, 6}), "", *turns, seeds)) + "\n"


def _of(swept: Sweep, size: int, rival: str) -> list[Point]:
    return [
        point
        for point in swept.points
        if (point.versus.size, point.versus.rival) == (size, rival)
    ]


def _turn(swept: Sweep, size: int, rival: str) -> str:
    points = _of(swept, size, rival)
    at = ", ".join(f"{value:.3g}" for value in _zeros(points))
    if at:
        return f"quality is the same at {swept.assumption} = {at}"
    higher = DEFAULT if points[0].versus.quality.value > 0 else rival
    return f"the mean quality of {higher} is higher at every value"


def _zeros(points: Sequence[Point]) -> Iterator[float]:
    """Where the difference is 0, on straight lines between the points."""
    for one, other in pairwise(points):
        low, high = one.versus.quality.value, other.versus.quality.value
        if low * high < 0:
            yield one.value + (other.value - one.value) * low / (low - high)

"""The correlation of judges: measured, and as the simulator has it.

A simulated judge sees an answer's quality, an error that all judges share and one of
its own. Of two answers it prefers the right one with a chance that only the whole error
decides; how often two judges are right *together* depends on the shared part. The
correlation of being right is what recorded verdicts show, so the parts are solved for
it. Orthant probabilities of the normal distribution in closed form (Sheppard 1899).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from math import asin, pi, sin, sqrt
from statistics import fmean
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from coordinator.comparison.outcome_data import Verdict
from coordinator.errors import ConfigInvalid

JudgesName: TypeAlias = Literal["one_model", "several_models", "independent"]
RATINGS = "Rating"
"""Prompts that begin so ask for points and not for a verdict."""
WHOLE_SD = 1.3
"""Error of one judge about one answer, shared and own together, in standard deviations
of answers. One judge keeps its verdict of two answers 65 % of the time."""


class Judges(msgspec.Struct, frozen=True, kw_only=True):
    """The measured correlation of a kind of judges."""

    correlation: float
    """Of being right, between two of them on one pair of answers."""
    source: str


RECORDED: dict[JudgesName, Judges] = {
    "one_model": Judges(
        correlation=0.67,
        source="LLMBar, GPT-4 with itself under other prompts and orders: .63 to .72 "
        "(recorded 2023, measured 2026-11-30)",
    ),
    "several_models": Judges(
        correlation=0.38,
        source="JudgeBench, judges of several models: .38 (two models: .25 to .43; "
        "measured 2026-11-30)",
    ),
    "independent": Judges(
        correlation=0.16,
        source="assumed in the study behind 'slate'; no recorded judges are so far "
        "apart",
    ),
}


class Errors(NamedTuple):
    """The two parts of a judge's error, as standard deviations."""

    shared_sd: float
    own_sd: float


def right_alone(errors: Errors) -> float:
    """How often one judge is right of two answers."""
    whole = 1 + errors.shared_sd**2 + errors.own_sd**2
    return 0.5 + asin(1 / sqrt(whole)) / pi


def correlation_of(errors: Errors) -> float:
    """Correlation of being right between two judges with such errors."""
    whole = 1 + errors.shared_sd**2 + errors.own_sd**2
    alone = 0.5 + asin(1 / sqrt(whole)) / pi
    between = (1 + errors.shared_sd**2) / whole
    both = 0.25 + (2 * asin(1 / sqrt(whole)) + asin(between)) / (2 * pi)
    return (both - alone**2) / (alone * (1 - alone))


def errors_of(correlation: float, whole_sd: float = WHOLE_SD) -> Errors:
    """The errors of judges who are right together so often.

    Raises:
        ConfigInvalid: No error of that size has this correlation.
    """
    least = correlation_of(Errors(0.0, whole_sd))
    most = correlation_of(Errors(whole_sd, 0.0))
    if not least <= correlation <= most:
        raise ConfigInvalid(
            f"a correlation of {correlation:g} is not possible here; use {least:.2f} "
            f"to {most:.2f}"
        )
    whole = 1 + whole_sd**2
    one = asin(1 / sqrt(whole))
    alone = 0.5 + one / pi
    both = correlation * alone * (1 - alone) + alone**2
    between = sin(2 * pi * (both - 0.25) - 2 * one)
    shared = max(0.0, between * whole - 1)
    return Errors(sqrt(shared), sqrt(max(0.0, whole_sd**2 - shared)))


def named(words: str) -> tuple[Errors, str]:
    """Judges by their name, or by a correlation; and where that is from.

    Raises:
        ConfigInvalid: It is neither, or not possible.
    """
    for name, known in RECORDED.items():
        if words == name:
            return errors_of(known.correlation), known.source
    try:
        correlation = float(words)
    except ValueError:
        raise ConfigInvalid(
            f"judges {words!r} are unknown; choose {', '.join(RECORDED)}, or a "
            "correlation of being right"
        ) from None
    return errors_of(correlation), "given"


def judges_of(verdicts: Sequence[Verdict]) -> tuple[Errors, str]:
    """The errors of the best judge of recorded verdicts, with itself.

    Raises:
        ConfigInvalid: No judge was asked in two ways of the same pairs.
    """
    by_judge = {
        judge: measured([each for each in verdicts if each.judge == judge])
        for judge in sorted({each.judge for each in verdicts})
    }
    known = {judge: x for judge, x in by_judge.items() if x.within is not None}
    if not known:
        raise ConfigInvalid(
            "the verdicts have no judge that was asked in two ways of the same pairs, "
            "so how far it agrees with itself cannot be told"
        )
    best = max(known, key=lambda judge: known[judge].right)
    within = known[best].within
    assert within is not None
    pairs = f"{known[best].pairs} pairs"
    source = f"{best} with itself, right together at {within:.2f} over {pairs}"
    return errors_of(within), source


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of recorded verdicts."""

    right: float
    """How often one verdict is right."""
    within: float | None
    """Correlation of being right between two prompts of one model, over pairs; the mean
    over models and pairs of prompts."""
    between: float | None
    """The same between two models."""
    turned: float | None
    """Share of verdicts that turn when the two answers change places."""
    pairs: int


def measured(verdicts: Sequence[Verdict]) -> Measured:
    """Measure recorded verdicts; those that are points are left out.

    Args:
        verdicts: At least one.
    """
    comparisons = [each for each in verdicts if not each.prompt.startswith(RATINGS)]
    by: dict[tuple[str, str, bool], dict[str, float]] = defaultdict(dict)
    for each in comparisons:
        by[each.judge, each.prompt, each.swapped][each.pair] = float(each.is_right)
    within: list[float] = []
    between: list[float] = []
    turned: list[float] = []
    for one, other in combinations(sorted(by), 2):
        common = sorted(by[one].keys() & by[other].keys())
        if one[:2] == other[:2]:
            # Right in both orders, or wrong in both: then it named another place.
            turned += [float(by[one][x] != by[other][x]) for x in common]
            continue
        correlation = _correlation(
            [by[one][x] for x in common], [by[other][x] for x in common]
        )
        if correlation is not None:
            (within if one[0] == other[0] else between).append(correlation)
    return Measured(
        right=fmean(each.is_right for each in comparisons),
        within=fmean(within) if within else None,
        between=fmean(between) if between else None,
        turned=fmean(turned) if turned else None,
        pairs=len({each.pair for each in comparisons}),
    )


def _correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Pearson's; ``None`` where one of both never changes, or there are too few."""
    if len(xs) < 3:
        return None
    x, y = fmean(xs), fmean(ys)
    over = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True))
    under = sqrt(sum((a - x) ** 2 for a in xs) * sum((b - y) ** 2 for b in ys))
    return over / under if under else None

"""The comparison as text: the targets, a table for each situation, what was assumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from coordinator.comparison.compare import Comparison, Row, Versus
from coordinator.comparison.confidence import Interval
from coordinator.comparison.contenders import DEFAULT
from coordinator.comparison.situations import situation

_HEAD = (
    "agents",
    "policy",
    "runs",
    "tokens",
    "in",
    "cached",
    "out",
    "USD",
    "p50 s",
    "p95 s",
    "quality",
    "best",
    "right",
    "fixed",
    "broken",
    "→right",
    "→wrong",
    "wasted",
    "restarts",
    "early",
    "=full",
)
LEGEND = """\
Figures are means, ± half of a 95 % confidence interval. tokens = in (uncached and
written to the cache) + cached (read from it) + out, turns that were cancelled included.
quality: of the answer given, in standard deviations of one agent's answers; best: of
the best answer produced. right: share of sessions whose answer is right; fixed, broken:
right where the agent alone is wrong, and the reverse. →right, →wrong: revisions a
session that turned. wasted: share of the tokens spent on turns without effect.
restarts: answers a session that sent voters back. early: last vote decided before all
ballots were in; =full: winner the same as with all ballots."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The highest cost of a policy of ours, as a ratio to a rival."""

    rival: str
    size: int
    tokens: float
    time: float
    policy: str = "slate"


TARGETS = (
    Target(rival="ensemble", size=7, tokens=0.65, time=1.0, policy="evidence"),
    Target(rival="massgen", size=7, tokens=0.2, time=0.5),
    Target(rival="ensemble", size=3, tokens=1.02, time=1.0),
    Target(rival="ensemble", size=5, tokens=1.02, time=1.0),
    Target(rival="ensemble", size=7, tokens=0.8, time=1.0),
    Target(rival="ensemble", size=16, tokens=0.5, time=1.0),
    Target(rival="ensemble", size=64, tokens=0.2, time=1.0),
)


def report(comparison: Comparison) -> str:
    """All of it, to be printed."""
    parts = [_targets(comparison)]
    for name in dict.fromkeys(row.situation for row in comparison.rows):
        rows = [row for row in comparison.rows if row.situation == name]
        parts.append(f"{name}: {situation(name).about}\n{_table(rows)}")
    parts.append(LEGEND)
    parts.append(_assumed(comparison))
    return "\n\n".join(part for part in parts if part) + "\n"


def verdict(interval: Interval, most: float) -> str:
    """Whether a ratio is at ``most`` so much, as far as the runs can tell."""
    if interval.high <= most:
        return "met"
    return "missed" if interval.low > most else "open"


def standing(difference: Interval) -> str:
    """The verdict on a difference of qualities."""
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "no difference seen"


def _targets(comparison: Comparison) -> str:
    lines = [
        _target_line(target, versus)
        for target in TARGETS
        for versus in comparison.versus
        if versus.situation == "plain"
        and versus.size == target.size
        and versus.rival == target.rival
        and versus.contender == target.policy
    ]
    if not lines:
        return ""
    # Ratios to the rival, and what is left of the quality when its own is taken away.
    head = (
        "agents",
        "policy",
        "against",
        "tokens /",
        "at most",
        "",
        "time /",
        "at most",
        "",
        "USD /",
        "quality diff",
        "",
        "right diff",
    )
    return "Targets (plain)\n" + aligned([head, *lines], left={1, 2, 5, 8, 11})


def _target_line(target: Target, versus: Versus) -> tuple[str, ...]:
    return (
        str(versus.size),
        versus.contender,
        versus.rival,
        within(versus.tokens, 3),
        f"{target.tokens:g}",
        verdict(versus.tokens, target.tokens),
        within(versus.time, 3),
        f"{target.time:g}",
        verdict(versus.time, target.time),
        within(versus.usd, 3),
        within(versus.quality, 3, sign="+"),
        standing(versus.quality),
        within(versus.right, 3, sign="+"),
    )


def _table(rows: Sequence[Row]) -> str:
    ordered = sorted(rows, key=lambda row: row.size)
    return aligned([_HEAD, *(tuple(_cells(row)) for row in ordered)], left={1})


def _cells(row: Row) -> Iterator[str]:
    yield str(row.size)
    yield f"*{row.contender}" if row.contender == DEFAULT else row.contender
    yield str(row.runs)
    for tokens in (row.tokens, row.tokens_in, row.tokens_cached, row.tokens_out):
        yield _thousands(tokens)
    yield within(row.usd, 3)
    yield within(row.p50_s, 0)
    yield within(row.p95_s, 0)
    yield within(row.quality, 2)
    yield within(row.best, 2)
    for share in (row.right, row.fixed, row.broken):
        yield _percent(share)
    yield within(row.turned_right, 2)
    yield within(row.turned_wrong, 2)
    yield _percent(row.wasted)
    yield within(row.restarts, 1)
    yield _percent(row.early)
    yield "" if row.early_same is None else _percent(row.early_same)


def _half(interval: Interval) -> float:
    return (interval.high - interval.low) / 2


def within(interval: Interval, digits: int, sign: str = "") -> str:
    """An estimate and half of its interval."""
    half = _half(interval)
    about = f"±{half:.{digits}f}" if half else ""
    return f"{interval.value:{sign}.{digits}f}{about}"


def _thousands(interval: Interval) -> str:
    half = _half(interval) / 1000
    return f"{interval.value / 1000:,.1f}k" + (f"±{half:,.1f}" if half else "")


def _percent(interval: Interval) -> str:
    half = _half(interval)
    return f"{interval.value:.0%}" + (f"±{100 * half:.0f}" if half >= 0.005 else "")


def aligned(lines: Sequence[tuple[str, ...]], left: set[int]) -> str:
    """Lines of cells as columns; those at the places ``left`` begin alike."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _assumed(comparison: Comparison) -> str:
    values = msgspec.to_builtins(comparison.assumptions)
    listed = ", ".join(f"{name}={value}" for name, value in values.items())
    seeds = f"{comparison.seed}…{comparison.seed + comparison.runs - 1}"
    judges = f"Judges: {comparison.judges}.\n" if comparison.judges else ""
    return (
        f"{judges}Seeds {seeds}. Assumed unless a situation says otherwise: {listed}."
    )

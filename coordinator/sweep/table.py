"""A sweep's summary in words: a row for each team, a line for each pair. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.comparison.confidence import Interval
from coordinator.sweep.summary import Difference, Summary, TeamSummary

PAIRS_MOST = 10
_HEAD = (
    "team",
    "policy, rule",
    "sessions",
    "failed",
    "right",
    "agreement",
    "USD",
    "tokens",
    "s",
)
_NAMES = {
    "accuracy": "right",
    "agreement": "agreement",
    "cost_usd": "USD a session",
    "tokens": "tokens a session",
    "elapsed_s": "seconds a session",
}


def told(summary: Summary) -> str:
    """The summary as text; brackets hold 95 % intervals."""
    rows = [_HEAD, *(_row(team) for team in summary.teams)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.ljust(width) if at < 2 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines += _pairs(summary.differences)
    if summary.missing:
        lines += ["", f"{summary.missing:,} sessions of the plan have no outcome yet"]
    return "\n".join(lines) + "\n"


def _row(team: TeamSummary) -> tuple[str, ...]:
    return (
        team.team,
        ", ".join(filter(None, (team.policy, team.rule))),
        f"{team.sessions:,}",
        f"{team.failed:,}",
        _interval(team.accuracy, "{:.1%}"),
        _interval(team.agreement, "{:.0%}"),
        _interval(team.cost_usd, "{:.4f}"),
        _interval(team.tokens, "{:,.0f}"),
        _interval(team.elapsed_s, "{:.2f}"),
    )


def _interval(interval: Interval | None, form: str) -> str:
    if interval is None:
        return "-"
    low, high = form.format(interval.low), form.format(interval.high)
    if interval.low == interval.high:  # one value, or all alike: no bounds to tell
        return form.format(interval.value)
    return f"{form.format(interval.value)} [{low}, {high}]"


def _pairs(differences: Sequence[Difference]) -> list[str]:
    """Those on what was asked for first: whether it is right, and what it costs."""
    lines: list[str] = []
    order = ("accuracy", "cost_usd", "tokens", "elapsed_s", "agreement")
    told_of = sorted(differences, key=lambda one: order.index(one.of))
    pairs = list(dict.fromkeys((one.one, one.other) for one in told_of))
    for pair in pairs[:PAIRS_MOST]:
        lines += ["", f"{pair[0]} less {pair[1]}, question by question:"]
        for one in told_of:
            if (one.one, one.other) == pair:
                lines.append(_pair(one))
    if len(pairs) > PAIRS_MOST:
        lines.append(f"{len(pairs) - PAIRS_MOST} more pairs are in summary.json")
    return lines


def _pair(one: Difference) -> str:
    form = {"accuracy": "{:+.1%}", "agreement": "{:+.1%}", "cost_usd": "{:+.5f}"}
    shown = _interval(one.difference, form.get(one.of, "{:+,.2f}"))
    verdict = "clear" if one.is_clear else "not clear"
    counts = f"{one.better:,} more, {one.worse:,} less of {one.questions:,}"
    return f"  {_NAMES[one.of]:<18} {shown}  ({counts}; {verdict})"

"""A sweep as a picture (SVG): a point for each team, with its 95 % intervals. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from coordinator.comparison.confidence import Interval
from coordinator.sweep.summary import Summary, TeamSummary

WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 80, 230, 56, 64
TICKS = 5
_COLOURS = (
    *("#1f77b4", "#e15759", "#59a14f", "#f28e2b", "#b07aa1", "#17a2a2"),
    *("#9c755f", "#d37295", "#6b4fbb", "#c8a200", "#767676", "#8c564b"),
)


_OPENING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
    f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">'
)


class _Scale:
    """From a measure to a place in the picture, 0 in it where that is near."""

    def __init__(self, intervals: Sequence[Interval], begin: float, end: float) -> None:
        low = min(one.low for one in intervals)
        high = max(one.high for one in intervals)
        self.low = 0.0 if 0 <= low < high / 2 else low
        self.high = high if high > self.low else self.low + (abs(self.low) or 1.0)
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        """Where ``value`` stands, in pixels."""
        part = (value - self.low) / (self.high - self.low)
        return self._begin + part * (self._end - self._begin)

    def ticks(self) -> list[float]:
        """Values to write beside the axis."""
        step = (self.high - self.low) / TICKS
        return [self.low + step * number for number in range(TICKS + 1)]


def drawn(summary: Summary) -> str:
    """Draw what an answer costs (across) and is worth (upwards)."""
    up, up_name, up_form = _upwards(summary.teams)
    across, across_name, across_form = _across(summary.teams)
    points = [
        (team, x, y)
        for team in summary.teams
        if (x := across(team)) is not None and (y := up(team)) is not None
    ]
    parts = [
        _OPENING,
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 28, f"{summary.sessions:,} sessions: {up_name}", size=16),
    ]
    if points:
        xs = _Scale([x for _, x, _ in points], LEFT, WIDTH - RIGHT)
        ys = _Scale([y for _, _, y in points], HEIGHT - BOTTOM, TOP)
        parts += _axes(xs, ys, across_form, up_form, across_name)
        for number, (team, x, y) in enumerate(points):
            parts += _point(number, team, (x, y), (xs, ys))
    return "\n".join([*parts, "</svg>"]) + "\n"


_Of = Callable[[TeamSummary], Interval | None]


def _upwards(teams: Sequence[TeamSummary]) -> tuple[_Of, str, str]:
    if any(team.accuracy for team in teams):
        return (lambda team: team.accuracy), "right answers", "{:.0%}"
    if any(team.agreement for team in teams):
        return (lambda team: team.agreement), "agreement of the vote", "{:.0%}"
    return (lambda team: team.elapsed_s), "seconds a session", "{:.2f}"


def _across(teams: Sequence[TeamSummary]) -> tuple[_Of, str, str]:
    if any(team.cost_usd and team.cost_usd.value > 0 for team in teams):
        return (lambda team: team.cost_usd), "USD a session", "{:.4f}"
    return (lambda team: team.tokens), "tokens a session", "{:,.0f}"


def _axes(xs: _Scale, ys: _Scale, x_form: str, y_form: str, x_name: str) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts: list[str] = []
    for value in xs.ticks():
        x = xs.at(value)
        parts.append(_line(x, TOP, x, bottom, "#e2e2e2"))
        parts.append(_text(x, bottom + 18, x_form.format(value), anchor="middle"))
    for value in ys.ticks():
        y = ys.at(value)
        parts.append(_line(LEFT, y, right, y, "#e2e2e2"))
        parts.append(_text(LEFT - 8, y + 4, y_form.format(value), anchor="end"))
    middle = (LEFT + right) / 2
    words = f"{x_name} (95 % intervals, question by question)"
    parts.append(_text(middle, HEIGHT - 18, words, anchor="middle"))
    return parts


def _point(
    number: int,
    team: TeamSummary,
    at: tuple[Interval, Interval],
    scales: tuple[_Scale, _Scale],
) -> list[str]:
    (across, up), (xs, ys) = at, scales
    colour = _COLOURS[number % len(_COLOURS)]
    x, y = xs.at(across.value), ys.at(up.value)
    title = escape(f"{team.team}: {team.sessions:,} sessions, {team.rule}")
    legend_y = TOP + 14 + 20 * number
    return [
        _line(xs.at(across.low), y, xs.at(across.high), y, colour),
        _line(x, ys.at(up.low), x, ys.at(up.high), colour),
        _dot(x, y, colour, f"<title>{title}</title>"),
        _dot(WIDTH - RIGHT + 26, legend_y - 4, colour),
        _text(WIDTH - RIGHT + 38, legend_y, team.team[:28]),
    ]


def _dot(x: float, y: float, colour: str, inside: str = "") -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}">{inside}</circle>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}"/>'
    )


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 12
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'font-size="{size}" fill="#222222">{escape(words)}</text>'
    )

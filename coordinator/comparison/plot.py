"""The comparison as a picture: what quality costs, a line for each policy, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

from coordinator.comparison.compare import Comparison, Row
from coordinator.comparison.contenders import DEFAULT

WIDTH, HEIGHT = 920, 560
LEFT, RIGHT, TOP, BOTTOM = 70, 270, 50, 60
_COLOURS = (
    "#767676",
    "#b07aa1",
    "#e15759",
    "#f28e2b",
    "#c8a200",
    "#9c755f",
    "#d37295",
    "#8c564b",
    "#1f77b4",
    "#59a14f",
    "#17a2a2",
    "#6b4fbb",
)


_OPENING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
    f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">'
)


class _Scales:
    """From tokens (logarithmic) and quality to places in the picture."""

    def __init__(self, rows: Sequence[Row]) -> None:
        tokens = [row.tokens.value for row in rows]
        self.first = floor(log10(min(tokens)))
        self.last = max(self.first + 1, ceil(log10(max(tokens))))
        self.low = floor(2 * min(row.quality.low for row in rows)) / 2
        self.high = max(
            self.low + 0.5, ceil(2 * max(row.quality.high for row in rows)) / 2
        )

    def x(self, tokens: float) -> float:
        """Where so many tokens stand."""
        part = (log10(tokens) - self.first) / (self.last - self.first)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, quality: float) -> float:
        """Where that quality stands."""
        part = (quality - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def drawn(comparison: Comparison, situation: str = "plain") -> str:
    """Draw one situation; the first that was played if that one was not."""
    names = list(dict.fromkeys(row.situation for row in comparison.rows))
    if situation not in names:
        situation = names[0]
    rows = [row for row in comparison.rows if row.situation == situation]
    scales = _Scales(rows)
    contenders = list(dict.fromkeys(row.contender for row in rows))
    parts = [
        _OPENING,
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 26, f"What an answer costs and is worth: {situation}", size=16),
        *_axes(scales),
    ]
    for i, name in enumerate(contenders):
        colour = _COLOURS[i % len(_COLOURS)]
        own = sorted((r for r in rows if r.contender == name), key=lambda r: r.size)
        parts.extend(_line(own, scales, colour))
        parts.append(_entry(i, name, colour))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _axes(scales: _Scales) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts: list[str] = []
    for power in range(scales.first, scales.last + 1):
        x = scales.x(10.0**power)
        parts.append(_stroke(x, TOP, x, bottom, "#dddddd"))
        parts.append(_text(x, bottom + 18, _spoken(power), anchor="middle"))
    halves = round(2 * (scales.high - scales.low))
    for half in range(halves + 1):
        quality = scales.low + half / 2
        y = scales.y(quality)
        parts.append(_stroke(LEFT, y, right, y, "#dddddd"))
        parts.append(_text(LEFT - 8, y + 4, f"{quality:.1f}", anchor="end"))
    middle = (LEFT + right) / 2
    parts.append(
        _text(middle, HEIGHT - 16, "tokens a session, all counted", anchor="middle")
    )
    parts.append(
        f'<text transform="translate(20 {(TOP + bottom) / 2:.0f}) rotate(-90)" '
        'text-anchor="middle">quality of the answer given (95 % intervals)</text>'
    )
    return parts


def _spoken(power: int) -> str:
    units = {0: "", 1: "k", 2: "M", 3: "G"}
    return f"{10 ** (power % 3)}{units.get(power // 3, '')}"


def _line(rows: Sequence[Row], scales: _Scales, colour: str) -> list[str]:
    points = [(scales.x(r.tokens.value), scales.y(r.quality.value)) for r in rows]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    width = 3 if rows and rows[0].contender == DEFAULT else 1.5
    parts = [
        (
            f'<polyline points="{path}" fill="none" stroke="{colour}" '
            f'stroke-width="{width}"/>'
        )
    ]
    for row, (x, y) in zip(rows, points, strict=True):
        low, high = scales.y(row.quality.low), scales.y(row.quality.high)
        parts.append(_stroke(x, low, x, high, colour))
        words = escape(
            f"{row.contender}, {row.size} agents: {row.tokens.value:,.0f} tokens, "
            f"quality {row.quality.value:.2f}"
        )
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}">'
            f"<title>{words}</title></circle>"
        )
        parts.append(_text(x + 6, y - 6, str(row.size), size=10, fill=colour))
    return parts


def _entry(place: int, name: str, colour: str) -> str:
    x, y = WIDTH - RIGHT + 24, TOP + 12 + 20 * place
    mark = f'<circle cx="{x}" cy="{y - 4}" r="5" fill="{colour}"/>'
    return mark + _text(x + 12, y, name)


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}"/>'
    )


def _text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    size: int = 12,
    fill: str = "#222222",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{fill}">{escape(words)}</text>'
    )

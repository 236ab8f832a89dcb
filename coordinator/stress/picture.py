"""A campaign drawn: when each session ended, against its deadline."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from coordinator.stress.campaign import Outcome

_WIDTH, _ROW, _LEFT, _RIGHT, _TOP = 720, 14, 150, 190, 40
_COLOURS = {"answered": "#2a7", "deadline": "#c80", "interrupted": "#68b"}
_BARS = "▁▂▃▄▅▆▇█"
_TERMINAL = 40


def svg(outcomes: Sequence[Outcome], title: str) -> str:
    """A bar for each session, as SVG; red where something is wrong."""
    longest = max((one.ending.deadline_s for one in outcomes), default=1.0)
    longest = max([longest, *(one.ending.took_s for one in outcomes)])
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    parts = [_text(8, 20, title)]
    for number, (ending, cpu_s) in enumerate(outcomes):
        y = _TOP + number * _ROW
        colour = "#c22" if ending.problems else _COLOURS.get(ending.status, "#777")
        width = max(1.0, ending.took_s * scale)
        deadline = _LEFT + ending.deadline_s * scale
        parts += [
            _text(8, y + 10, f"{ending.runtime}, seed {ending.seed}"),
            _box(_LEFT, y, width, _ROW - 3, colour),
            _box(deadline, y - 1, 1, _ROW - 1, "#222"),
            _text(
                _WIDTH - _RIGHT + 8,
                y + 10,
                f"{ending.status}, {ending.chunks:,} chunks, {cpu_s:.2f} CPU-s",
            ),
        ]
    height = _TOP + len(outcomes) * _ROW + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="10">{"".join(parts)}</svg>\n'
    )


def sparkline(outcomes: Sequence[Outcome]) -> str:
    """When sessions ended, as shares of their deadlines: eight heights, for a terminal.

    A ``!`` stands where something is wrong; of many sessions each mark is the latest of
    its neighbours.
    """
    group = max(1, -(-len(outcomes) // _TERMINAL))
    marks = ""
    for start in range(0, len(outcomes), group):
        some = outcomes[start : start + group]
        if any(one.ending.problems for one in some):
            marks += "!"
            continue
        share = max(one.ending.took_s / one.ending.deadline_s for one in some)
        marks += _BARS[min(len(_BARS) - 1, int(share * len(_BARS)))]
    return marks


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}"/>'


def _text(x: float, y: float, words: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="#222">{escape(words)}</text>'

"""Cost against agents, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from coordinator.bench.measurements import Figure

_WIDTH, _HEIGHT, _EDGE = 640, 360, 60


def plot(figures: Sequence[Figure]) -> str:
    """CPU time a chunk by team size, as SVG; a line for each way and event loop."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for figure in figures:
        if figure.group == "engine" and "a frame" not in figure.name:
            agents, _, what = figure.name.partition(" agents, ")
            line = lines.setdefault(f"{what}, {figure.runtime}", [])
            line.append((int(agents.replace(",", "")), 1e6 / figure.value))
    most = max((cost for line in lines.values() for _, cost in line), default=1.0)
    sizes = sorted({agents for line in lines.values() for agents, _ in line}) or [1]

    def x(agents: int) -> float:
        step = (_WIDTH - 2 * _EDGE) / max(1, len(sizes) - 1)
        return _EDGE + sizes.index(agents) * step

    def y(cost: float) -> float:
        return _HEIGHT - _EDGE - cost / most * (_HEIGHT - 2 * _EDGE)

    parts = [
        _text(_EDGE, 24, "µs of CPU time a chunk, by number of agents"),
        *(_text(x(agents), _HEIGHT - _EDGE + 20, f"{agents:,}") for agents in sizes),
        *(_text(8, y(cost), f"{cost:.2g}") for cost in (0, most / 2, most)),
    ]
    for number, (name, line) in enumerate(lines.items()):
        colour = f"hsl({number * 360 // len(lines)} 70% 40%)"
        points = " ".join(f"{x(agents):.0f},{y(cost):.0f}" for agents, cost in line)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" '
            'stroke-width="2"/>'
        )
        parts.append(_text(_EDGE + 8, 44 + 16 * number, name, colour))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12">{"".join(parts)}</svg>\n'
    )


def _text(x: float, y: float, words: str, colour: str = "#333") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{escape(words)}</text>'

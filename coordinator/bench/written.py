"""The figures as Markdown, ready for a README."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from coordinator.bench.figures import Figure, spelled


def in_markdown(figures: Sequence[Figure]) -> str:
    """A table a group: a row for each thing measured, a column for each event loop."""
    today = datetime.now(UTC).date()
    python, system = platform.python_version(), platform.system()
    where = f"Python {python}, {system}, {os.cpu_count()} cores"
    parts = [f"Measured on {today} in one run: {where}.\n"]
    groups = dict.fromkeys(figure.group for figure in figures)
    parts += [_table([f for f in figures if f.group == group]) for group in groups]
    return "\n".join(parts)


def _table(figures: Sequence[Figure]) -> str:
    loops = list(dict.fromkeys(figure.runtime for figure in figures))
    heads = [loop or "measured" for loop in loops]
    lines = [
        f"| {figures[0].group} | {' | '.join(heads)} | unit | target |",
        f"|---|{'---:|' * len(heads)}---|---:|",
    ]
    for name in dict.fromkeys(figure.name for figure in figures):
        row = {figure.runtime: figure for figure in figures if figure.name == name}
        cells = [_cell(row.get(loop)) for loop in loops]
        first = next(iter(row.values()))
        lines.append(f"| {name} | {' | '.join(cells)} | {first.unit} | {first.aim} |")
    return "\n".join(lines) + "\n"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    shown = spelled(figure.value)
    return f"**{shown}** (missed)" if figure.is_met is False else shown

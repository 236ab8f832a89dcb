"""The figures as Markdown, ready for a README."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from coordinator.bench.measurements import Figure, spelled


def in_markdown(figures: Sequence[Figure]) -> str:
    """One table: a row for each thing measured, a column for each event loop."""
    today = datetime.now(UTC).date()
    python, system = platform.python_version(), platform.system()
    where = f"Python {python}, {system}, {os.cpu_count()} cores"
    loops = list(dict.fromkeys(f.runtime for f in figures if f.runtime)) or [""]
    lines = [
        f"Measured on {today} in one run: {where}.\n",
        f"| what | {' | '.join(loops)} | unit | target |",
        f"|---|{'---:|' * len(loops)}---|---:|",
    ]
    group = ""
    for one, name in dict.fromkeys((f.group, f.name) for f in figures):
        if one != group:
            lines.append(f"| **{one}** |{' |' * (2 + len(loops))}")
        group = one
        row = [f for f in figures if (f.group, f.name) == (one, name)]
        cells = {f.runtime or loops[0]: _cell(f) for f in row}
        shown = " | ".join(cells.get(loop, "") for loop in loops)
        lines.append(f"| {name} | {shown} | {row[0].unit} | {row[0].aim} |")
    return "\n".join(lines) + "\n"


def _cell(figure: Figure) -> str:
    shown = spelled(figure.value)
    if figure.note:
        shown += f" ({figure.note})"
    return f"**{shown}** (missed)" if figure.is_met is False else shown

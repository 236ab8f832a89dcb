"""The figures as a table for a person."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from coordinator.bench.figures import Figure, spelled


def print_table(figures: Sequence[Figure], console: Console) -> None:
    """Print every figure beside its target; what misses it says so in words."""
    table = Table(box=None, pad_edge=False)
    for name in ("group", "what", "loop"):
        table.add_column(name, no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("target", justify="right")
    table.add_column("")
    group = ""
    for figure in figures:
        same, group = figure.group == group, figure.group
        table.add_row(
            "" if same else group,
            figure.name,
            figure.runtime,
            spelled(figure.value),
            figure.unit,
            figure.aim,
            {True: "met", False: "missed", None: ""}[figure.is_met],
            style="yellow" if figure.is_met is False else "",
        )
    console.print(table)

"""The figures as a table for a person."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from coordinator.bench.measurements import Figure, spelled

_UNBOUNDED = 1_000
"""Columns: wider than any table of ours."""


def print_table(figures: Sequence[Figure], console: Console) -> None:
    """Print every figure beside its target; what misses it says so in words."""
    table = _wide(figures)
    free = console.options.update(max_width=_UNBOUNDED)
    if console.measure(table, options=free).maximum > console.width:
        table = _narrow(figures)
    console.print(table)


def _wide(figures: Sequence[Figure]) -> Table:
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
            _verdict(figure),
            style=_style(figure),
        )
    return table


def _narrow(figures: Sequence[Figure]) -> Table:
    """The same where lines are short: only words break, no number is cut."""
    table = Table(box=None, pad_edge=False)
    table.add_column("what", overflow="fold")
    table.add_column("loop", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("target", justify="right", min_width=len("≥ 400,000"))
    group = ""
    for figure in figures:
        if figure.group != group:
            group = figure.group
            table.add_row(f"[bold]{group}[/bold]")
        table.add_row(
            figure.name,
            figure.runtime,
            spelled(figure.value),
            figure.unit,
            f"{figure.aim} {_verdict(figure)}".strip(),
            style=_style(figure),
        )
    return table


def _verdict(figure: Figure) -> str:
    return {True: "met", False: "missed", None: ""}[figure.is_met]


def _style(figure: Figure) -> str:
    return "yellow" if figure.is_met is False else ""

"""``coordinator bench``: measures this machine, prints the table."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from coordinator.bench import plan
from coordinator.bench.figures import Figure
from coordinator.cli.exits import Exit, complain


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--json`` prints."""

    python: str
    machine: str
    cpus: int
    figures: Sequence[Figure]


def bench_command(
    *,
    is_quick: bool,
    is_json: bool,
    peers: Sequence[Literal["sdk"]],
    picture: Path | None,
) -> int:
    """Measure, say what is being measured meanwhile, and print what came of it."""
    sizes = plan.QUICK if is_quick else plan.FULL
    figures: list[Figure] = []
    for name, part in plan.parts(sizes, has_sdk="sdk" in peers):
        sys.stderr.write(f"measuring: {name}\n")
        figures += part()
    if is_json:
        report = _Report(
            python=platform.python_version(),
            machine=platform.platform(),
            cpus=os.cpu_count() or 0,
            figures=figures,
        )
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    _show(figures, picture, is_silent=is_json)
    return Exit.ANSWERED


def _show(figures: Sequence[Figure], picture: Path | None, *, is_silent: bool) -> None:
    from rich.console import Console  # noqa: PLC0415  (70 ms)

    from coordinator.bench.table import plot, print_table  # noqa: PLC0415

    if not is_silent:
        # A file has no width, and lines that break are no table.
        print_table(figures, Console(width=None if sys.stdout.isatty() else 120))
    if picture is not None:
        try:
            picture.write_text(plot(figures), "utf-8")
        except OSError as error:
            complain(f"the plot could not be written to {picture}: {error}")

"""The progress of a sweep: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from coordinator.sweep.driver import Progress

LINE_S = 10.0
"""How often a log is told."""


class Watcher(Protocol):
    """Shows how far a sweep is, from entering to leaving."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, progress: Progress) -> None:
        """Show this."""
        ...


def sentence(progress: Progress) -> str:
    """All that is known, in one line."""
    parts = [f"{progress.running:,} running", f"{progress.tokens:,} tokens"]
    cost = f"${progress.cost_usd:,.4f}"
    parts.append(cost if progress.is_cost_known else f"{cost} and unknown prices")
    if progress.judged:
        parts.append(f"{progress.right / progress.judged:.1%} right")
    parts.append(f"{progress.failed:,} failed")
    if progress.workers_lost:
        parts.append(f"{progress.workers_lost:,} workers lost")
    parts.append(f"{progress.rate:.1f}/s")
    left_s = progress.left_s
    if left_s is not None and progress.done < progress.total:
        parts.append(f"{_spoken(left_s)} left")
    return ", ".join(parts)


def _spoken(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6_000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h"


class Lines:
    """Writes a line every ten seconds, and the last one.

    Args:
        out: Where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._told_at = time.monotonic()
        self._last: Progress | None = None
        self._told: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._last is not None and self._last is not self._told:
            self._write(self._last)

    def show(self, progress: Progress) -> None:
        """Write it, if the last line is old enough."""
        self._last = progress
        if time.monotonic() - self._told_at >= LINE_S:
            self._write(progress)

    def _write(self, progress: Progress) -> None:
        self._told_at, self._told = time.monotonic(), progress
        counts = f"{progress.done:,} of {progress.total:,}"
        self._out.write(f"{counts}, {sentence(progress)}\n")
        self._out.flush()


class Bar:
    """A bar at the foot of a terminal.

    Args:
        out: The terminal.
    """

    def __init__(self, out: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415  (70 ms)
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
        )

        self._bar = Progress(
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            console=Console(file=out),
        )
        self._task = self._bar.add_task("sweep", total=None, words="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: Progress) -> None:
        """Move the bar."""
        self._bar.update(
            self._task,
            total=progress.total,
            completed=progress.done,
            words=sentence(progress),
        )

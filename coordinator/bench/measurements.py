"""One measured number, and the clocks it is taken with."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

Runtime: TypeAlias = Literal["asyncio", "trio"]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the table."""

    group: str
    """The group in the table, e.g. ``engine``."""
    name: str
    value: float
    unit: str
    target: float | None = None
    is_at_most: bool = False
    """Whether the target is a ceiling, and not a floor."""
    runtime: str = ""
    note: str = ""

    @property
    def aim(self) -> str:
        """The target in words; empty where there is none."""
        if self.target is None:
            return ""
        return f"{'≤' if self.is_at_most else '≥'} {spelled(self.target)}"

    @property
    def is_met(self) -> bool | None:
        """Whether the target is reached; ``None`` where there is none."""
        if self.target is None:
            return None
        return (
            self.value <= self.target if self.is_at_most else self.value >= self.target
        )


def spelled(value: float) -> str:
    """A number with three digits that matter."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Stopwatch:
    """Seconds since it was made, on the wall and of this process's CPU."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    @property
    def cpu_s(self) -> float:
        """CPU time of all threads of this process."""
        return time.process_time() - self._cpu

    @property
    def wall_s(self) -> float:
        """Time that passed."""
        return time.perf_counter() - self._wall


def percentile(values: Iterable[float], share: float) -> float:
    """The value that ``share`` (0 to 1) of ``values`` do not exceed; 0.0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def resident_bytes() -> int:
    """Memory of this process that is in RAM now."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (not a user's path)
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no such file but on Linux: the peak is the next best
        unit = 1 if sys.platform == "darwin" else 1024  # each counts in its own
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def open_files() -> int:
    """File descriptors that this process has open; 0 where nobody can tell."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))  # noqa: PTH208  (names are all we need)
        except OSError:
            continue
    return 0

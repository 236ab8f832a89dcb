"""Many sessions: how fast they are simulated, and whether anything of them stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import partial

import anyio

from coordinator.bench.measurements import (
    Figure,
    Runtime,
    Stopwatch,
    open_files,
    resident_bytes,
)
from coordinator.bench.teams import QUESTION, talkative_team
from coordinator.session.session import run
from coordinator.simulation.campaign import run_seeds

COLLECTED_EVERY = 100
"""Sessions after which garbage is collected: what waits for that is no leak, and the
room it has taken meanwhile would look like one."""


def simulation(sessions: int) -> Figure:
    """Seeded sessions of the machine a CPU-second, all invariants checked."""
    run_seeds(range(20))
    watch = Stopwatch()
    report = run_seeds(range(sessions))
    assert not report.failures, report.failures
    return Figure(
        group="simulation",
        name=f"{sessions:,} seeded sessions, checked",
        value=sessions / watch.cpu_s,
        unit="sessions/CPU-s",
        target=5_000,
    )


def soak(sessions: int, *, runtime: Runtime) -> Iterator[Figure]:
    """Sessions one after the other: files and memory they leave, after a warm-up."""
    files, slope = anyio.run(partial(_soak, sessions), backend=runtime)
    yield Figure(
        group="soak",
        name=f"{sessions:,} sessions, files left open",
        value=float(files),
        unit="files",
        target=0.0,
        is_at_most=True,
        runtime=runtime,
    )
    yield Figure(
        group="soak",
        name=f"{sessions:,} sessions, memory left",
        value=slope,
        unit="bytes/session",
        target=100.0,
        is_at_most=True,
        runtime=runtime,
    )


async def _soak(sessions: int) -> tuple[int, float]:
    await _one_by_one(max(10, sessions // 5))
    files, memory = open_files(), resident_bytes()
    await _one_by_one(sessions)
    return open_files() - files, (resident_bytes() - memory) / sessions


async def _one_by_one(sessions: int) -> None:
    for number in range(sessions):
        await run(QUESTION, talkative_team(3, 50), journal=False)
        if number % COLLECTED_EVERY == 0:
            gc.collect()
    gc.collect()

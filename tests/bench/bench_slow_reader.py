"""How much memory a reader at a hundredth of the writer's speed costs; run by hand.

::

    python tests/bench/bench_slow_reader.py [--chunks 1000000] [-v]

Four scripted agents stream into a session with an ``async`` journal. In one process a
reader keeps up and the writer's speed is taken; in another one takes a hundredth of
that. Prints how much more memory is resident in the second at most, in megabytes: the
larger of a display's, which misses text, and a program's, which misses nothing and
holds the agents back. Both are checked: no decision is missed, and nothing comes out of
order.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import anyio

from agents.protocol.chunks import Chunk
from coordinator.bench.measurements import resident_bytes
from coordinator.bench.teams import QUESTION, talkative_team
from coordinator.protocol.events import Output
from coordinator.session.session import open_session
from coordinator.session.subscription import Feed

SHARE = 0.01
"""The reader's speed, as a share of the writer's."""
SAMPLE_S = 0.02
AGENTS = 4
BATCH = 8
"""Chunks a read brings; real ones bring one to ten."""


class Run(NamedTuple):
    """The measurements of one session."""

    peak_bytes: int
    chunks_per_s: float
    read: int
    decisions: Counter[str]


class Reader:
    """Takes events at a steady speed, and checks their order."""

    def __init__(self, events_per_s: float, *, may_miss: bool) -> None:
        self.read = 0
        self._may_miss = may_miss
        self.decisions: Counter[str] = Counter()
        self._events_per_s = events_per_s
        self._last: dict[tuple[str, int], int] = {}

    async def take(self, feed: Feed, *, until: anyio.Event) -> None:
        """Read until the feed ends; at full speed once ``until`` is set."""
        async for batch in feed:
            for event in batch:
                self._check(event)
            self.read += len(batch)
            with anyio.move_on_after(len(batch) / self._events_per_s):
                await until.wait()

    def _check(self, event: object) -> None:
        if isinstance(event, Output):
            self.decisions[type(event).__name__] += 1
        elif isinstance(event, Chunk):
            key = (event.agent, event.turn)
            gap = event.seq - self._last.get(key, -1)
            if gap < 1 or (gap > 1 and not self._may_miss):
                raise AssertionError(f"{event} came out of order, or after a loss")
            self._last[key] = event.seq


async def run(chunks: int, events_per_s: float, *, lossless: bool, root: Path) -> Run:
    """Run a session whose reader takes so many events a second."""
    reader = Reader(events_per_s, may_miss=not lossless)
    peak, over = 0, anyio.Event()
    team = talkative_team(AGENTS, chunks // AGENTS, batch=BATCH)

    async def sample() -> None:
        nonlocal peak
        while True:
            peak = max(peak, resident_bytes())
            await anyio.sleep(SAMPLE_S)

    began, took_s = time.perf_counter(), 0.0
    async with (
        open_session(QUESTION, team, journal=root) as session,
        anyio.create_task_group() as group,
    ):
        group.start_soon(sample)
        async with anyio.create_task_group() as reading:
            feed = session.events(lossless=lossless)
            reading.start_soon(lambda: reader.take(feed, until=over))
            await session.wait()
            took_s = time.perf_counter() - began
            over.set()
        group.cancel_scope.cancel("measured")
    return Run(peak, chunks / took_s, reader.read, reader.decisions)


def measure(chunks: int, *, is_verbose: bool) -> float:
    """Megabytes that a slow reader adds, at most."""
    worst, speed = 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "sessions"
        for lossless in (False, True):
            # Whoever waits for a slow reader takes a hundred times as long.
            some = chunks // 50 if lossless else chunks
            fast = _run(some, float("inf"), lossless=lossless, root=root)
            speed = speed or fast.chunks_per_s
            slow = _run(some, SHARE * speed, lossless=lossless, root=root)
            if slow.decisions != fast.decisions:
                raise AssertionError("a decision was missed")
            grown = (slow.peak_bytes - fast.peak_bytes) / 1e6
            worst = max(worst, grown)
            if is_verbose:
                who = "program" if lossless else "display"
                sys.stderr.write(
                    f"{who}: {speed:,.0f} chunks/s where the reader keeps up, "
                    f"{slow.chunks_per_s:,.0f} written while {slow.read:,} of {some:,} "
                    f"were read slowly; {grown:+.1f} MB\n"
                )
    return worst


def _run(chunks: int, events_per_s: float, *, lossless: bool, root: Path) -> Run:
    """Run in a process of its own, because memory once taken stays."""
    work = partial(run, chunks, events_per_s, lossless=lossless, root=root)
    fresh = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as executor:
        return executor.submit(anyio.run, work).result()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args()
    megabytes = measure(given.chunks, is_verbose=given.verbose)
    sys.stdout.write(f"{megabytes:.1f}\n")

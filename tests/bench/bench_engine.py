"""How fast scripted chunks pass through the whole engine; run by hand.

::

    python tests/bench/bench_engine.py [--agents 3 16 128 1000] [--chunks 800000]

Agents, frames, channels, machine, books and, where said, an ``async`` journal, all in
this process. Prints chunks a second and chunks a CPU-second, on asyncio and trio, and
how each compares with three agents on the same loop.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import anyio

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId
from coordinator.ballots import Plurality
from coordinator.consensus.rules import Rules
from coordinator.team.team import Team

BATCH = 32
"""Chunks that one read brings: what a busy socket does."""


class Speed(NamedTuple):
    """The measurements of one session."""

    chunks: int
    wall_s: float
    cpu_s: float


def team_of(agents: int, chunks: int) -> Team:
    """Agents that each stream their share of ``chunks``, answer, vote and present."""
    share = chunks // agents
    deltas = {"repeat_text": {"text": "word ", "times": share, "batch": BATCH}}
    script = parse_script(
        {
            "turns": [
                {"when": {"task": "draft"}, "lines": [deltas, {"answer": "42"}]},
                {
                    "when": {"task": "review"},
                    "repeat": True,
                    "lines": [{"vote": {"first": True}}],
                },
                {"lines": [{"text": "42"}]},
            ]
        }
    )
    rules = Rules("slate", rule=Plurality(), straggler=None, duplicate_over=1.0)
    backend = ScriptedBackend(script)
    members = tuple(Agent(id=AgentId(f"a{n}"), backend=backend) for n in range(agents))
    return Team(agents=members, rules=rules, seed=1)


async def measured(agents: int, chunks: int, journal: Path | None) -> Speed:
    """Run one session and take the time."""
    team = team_of(agents, chunks)
    wall, cpu = time.perf_counter(), time.process_time()
    result = await coordinator.run("q", team, journal=journal)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert result.status == "answered", result.detail
    return Speed(chunks // agents * agents, wall, cpu)


def main(words: list[str]) -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--agents", type=int, nargs="+", default=[3, 16, 128, 1000])
    options.add_argument("--chunks", type=int, default=800_000)
    asked = options.parse_args(words)
    row = "{:<8} {:>7} {:>8} {:>12} {:>14} {:>7}"
    print(row.format("loop", "agents", "journal", "chunks/s", "chunks/CPU-s", "ratio"))  # noqa: T201 (a report)
    for loop in ("asyncio", "trio"):
        first: float | None = None
        for agents in asked.agents:
            for journal in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    kept = Path(folder) if journal else None
                    took = anyio.run(measured, agents, asked.chunks, kept, backend=loop)
                speed = took.chunks / took.wall_s
                first = first or speed
                print(  # noqa: T201 (a report)
                    row.format(
                        loop,
                        agents,
                        "async" if journal else "none",
                        f"{speed:,.0f}",
                        f"{took.chunks / took.cpu_s:,.0f}",
                        f"{speed / first:.2f}",
                    )
                )


if __name__ == "__main__":
    main(sys.argv[1:])

"""Memory of many live agents; run as a program of its own, because memory stays.

``python -m coordinator.bench.memory_usage scripted|http AGENTS RUNTIME`` prints bytes
resident before the agents and, with all of them in the midst of a stream, after.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from typing import Literal, cast

import anyio

from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId
from coordinator.bench.measurements import Figure, Runtime, resident_bytes
from coordinator.bench.teams import QUESTION
from coordinator.consensus.rules import Rules
from coordinator.session.session import open_session
from coordinator.team.team import Team

TARGETS = {"scripted": 30.0, "http": 100.0}
"""Kilobytes an agent at most."""


def weight(
    kind: Literal["scripted", "http"], agents: int, *, runtime: Runtime
) -> Iterator[Figure]:
    """Resident kilobytes that one more live agent takes, and megabytes without any."""
    done = subprocess.run(  # noqa: S603  (our own module)
        [sys.executable, "-m", __name__, kind, str(agents), runtime],
        start_new_session=True,  # Ctrl-C is ours; it would answer with a traceback
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    before, after = map(int, done.stdout.split())
    if kind == "scripted":
        yield Figure(
            group="memory",
            name="resident before anthropic is loaded",
            value=before / 1e6,
            unit="MB",
            target=60.0,
            is_at_most=True,
        )
    yield Figure(
        group="memory",
        name=f"{agents:,} live {'HTTP' if kind == 'http' else kind} agents",
        value=(after - before) / agents / 1e3,
        unit="KB/agent",
        target=TARGETS[kind],
        is_at_most=True,
        runtime=runtime,
    )


async def _scripted(agents: int) -> tuple[int, int]:
    lines = [{"text": "Well"}, {"stall": True}]
    script = parse_script({"turns": [{"repeat": True, "lines": lines}]})
    backend = ScriptedBackend(script, idle_limit_s=3600.0)
    await _weigh(1, _team(backend, 1))
    before = _settled_bytes()
    return before, await _weigh(agents, _team(backend, agents))


async def _http(agents: int) -> tuple[int, int]:
    from coordinator.bench.cancellation import live_team  # noqa: PLC0415
    from coordinator.bench.http_throughput import MODEL, ClaudeBackend, server  # noqa: PLC0415

    with server() as base:
        backend = ClaudeBackend(MODEL, api_key="none", base_url=f"{base}/1000000/1")
        await _weigh(1, live_team(backend, 1))
        before = _settled_bytes()
        after = await _weigh(agents, live_team(backend, agents))
        await backend.aclose()
    return before, after


def _team(backend: ScriptedBackend, agents: int) -> Team:
    ids = [AgentId(f"agent{number}") for number in range(1, agents + 1)]
    members = tuple(Agent(id=name, backend=backend) for name in ids)
    return Team(agents=members, rules=Rules("slate"), seed=1)


async def _weigh(agents: int, team: Team) -> int:
    """Bytes resident while all of ``team`` are streaming."""
    from coordinator.bench.speaking import until_all_speak  # noqa: PLC0415

    async with open_session(QUESTION, team, journal=False) as session:
        feed = session.events()
        await until_all_speak(feed, agents)
        feed.close()
        return _settled_bytes()


def _settled_bytes() -> int:
    gc.collect()
    return resident_bytes()


if __name__ == "__main__":
    kind, agents, runtime = sys.argv[1:]
    weigh = _http if kind == "http" else _scripted
    weighed = anyio.run(weigh, int(agents), backend=cast("Runtime", runtime))
    sys.stdout.write(" ".join(map(str, weighed)))

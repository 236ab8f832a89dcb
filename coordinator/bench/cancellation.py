"""Cancelling live streams, measured: one of many, and all at once."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import anyio
import anyio.lowlevel

from agents.agent import Agent
from agents.backends.claude.backend import ClaudeBackend
from agents.protocol.backend import Request
from agents.protocol.chunks import AgentId, StreamChunk
from agents.protocol.stamper import Pen
from coordinator.bench.http_throughput import MODEL, server
from coordinator.bench.measurements import Figure, Runtime, open_files, percentile
from coordinator.bench.speaking import until_all_speak
from coordinator.bench.teams import QUESTION
from coordinator.consensus.rules import Rules
from coordinator.session.session import open_session
from coordinator.team.team import Team

STOPPED_ALONE = 50
"""Agents that are stopped one by one before all are: enough for a 99th percentile of
the slowest."""


def cancelling(agents: int, *, runtime: Runtime) -> Iterator[Figure]:
    """Stop agents of a live session, then all; how long until all is gone."""
    with server() as base:
        url = f"{base}/1000000/1"
        gone = anyio.run(partial(_cancelled, url, agents), backend=runtime)
    rows = (
        (f"one of {agents:,} live HTTP agents, p99", gone.one_s * 1e3, "ms", 50.0),
        (f"{agents:,} live HTTP agents, all closed", gone.all_s * 1e3, "ms", 250.0),
        ("file descriptors left", float(gone.files), "files", 0.0),
    )
    for name, value, unit, target in rows:
        yield Figure(
            group="cancel",
            name=name,
            value=value,
            unit=unit,
            target=target,
            is_at_most=True,
            runtime=runtime,
        )


class _Gone(NamedTuple):
    """Measurements of a cancellation."""

    one_s: float
    """From the decision that stops one agent to its socket's end, p99."""
    all_s: float
    files: int
    """Descriptors left."""


async def _cancelled(url: str, agents: int) -> _Gone:
    backend = ClaudeBackend(MODEL, api_key="none", base_url=url)
    await anyio.lowlevel.checkpoint()
    before = open_files()
    alone = [_Closing(backend) for _ in range(min(STOPPED_ALONE, agents // 2))]
    rest = [_Unlimited(backend) for _ in range(agents - len(alone))]
    took_s: list[float] = []
    async with open_session(
        QUESTION, _team_of([*alone, *rest]), journal=False
    ) as session:
        feed = session.events()
        await until_all_speak(feed, agents)
        feed.close()
        for number, member in enumerate(alone, 1):
            began = time.perf_counter()
            session.stop_agent(AgentId(f"agent{number}"), "measured")
            await member.closed.wait()
            took_s.append(time.perf_counter() - began)
        began = time.perf_counter()
        session.interrupt("measured")
        await session.wait()
        all_s = time.perf_counter() - began
    left = open_files() - before
    await backend.aclose()
    return _Gone(percentile(took_s, 0.99), all_s, left)


def live_team(backend: ClaudeBackend, agents: int) -> Team:
    """As many as there are, at once: each under a limit of its own."""
    return _team_of([_Unlimited(backend) for _ in range(agents)])


def _team_of(members: Sequence[_Unlimited]) -> Team:
    return Team(
        agents=tuple(
            Agent(id=AgentId(f"agent{n}"), backend=member)
            for n, member in enumerate(members, 1)
        ),
        rules=Rules("slate"),
        seed=1,
    )


class _Unlimited(ClaudeBackend):
    """A Claude backend that nothing holds back, as no server here would.

    It is one, and not like one: what a caller's own class streams is checked.
    """

    def __init__(self, backend: ClaudeBackend) -> None:
        vars(self).update(vars(backend))  # one client for all

    @property
    def limit_key(self) -> str:
        """Empty: under no limit."""
        return ""


class _Closing(_Unlimited):
    """One that tells when its stream and its socket are closed."""

    def __init__(self, backend: ClaudeBackend) -> None:
        super().__init__(backend)
        self.closed = anyio.Event()
        self._open = backend.open_stream

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        try:
            async with self._open(request, pen) as stream:
                yield stream
        finally:
            self.closed.set()

"""Streams over loopback: what reading costs, how soon it arrives, how fast it stops."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, NamedTuple, TypeAlias, cast

import anthropic
import anyio

from agents.agent import Agent
from agents.backends.claude.backend import ClaudeBackend
from agents.protocol.chunks import AgentId, ResponseEnded, TextDelta
from coordinator.bench import massgen
from coordinator.bench.massgen import PeerMissing
from coordinator.bench.measurements import Figure, Runtime, Stopwatch, percentile
from coordinator.bench.speaking import until_all_speak
from coordinator.bench.teams import QUESTION
from coordinator.consensus.rules import Rules
from coordinator.session.session import open_session, run
from coordinator.team.team import Team

MODEL = "claude-haiku-5-5"
_ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 1_000,
    "messages": [{"role": "user", "content": QUESTION}],
}

Way: TypeAlias = Callable[[str, int], Awaitable[None]]


@contextmanager
def server() -> Generator[str]:
    """Run :mod:`coordinator.bench.event_server` beside us; its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "coordinator.bench.event_server"],
        start_new_session=True,  # Ctrl-C is ours; it would answer with a traceback
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


@asynccontextmanager
async def _client(url: str) -> AsyncGenerator[anthropic.AsyncAnthropic]:
    # Without limits of its own, so that it waits for nothing that we do not wait for.
    http = anthropic.DefaultAsyncHttpxClient(limits=_unlimited())
    async with anthropic.AsyncAnthropic(
        api_key="none", base_url=url, max_retries=0, http_client=http
    ) as client:
        yield client


def _unlimited() -> Any:  # noqa: ANN401  (the SDK's transport's own type)
    import httpx2  # noqa: PLC0415

    return httpx2.Limits(max_connections=None)


async def _at_once(agents: int, one: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(agents):
            group.start_soon(one)


async def by_bytes(url: str, agents: int) -> None:
    """The SDK's response, read as bytes and thrown away."""
    async with _client(url) as client:
        create = cast("Any", client.messages.with_streaming_response.create)

        async def one() -> None:
            async with create(stream=True, **_ASK) as response:
                async for _ in response.iter_bytes():
                    pass

        await _at_once(agents, one)


async def by_sdk(url: str, agents: int) -> None:
    """The SDK's own stream of events."""
    async with _client(url) as client:

        async def one() -> None:
            stream = cast("Any", await client.messages.create(stream=True, **_ASK))
            async with stream:
                async for _ in stream:
                    pass

        await _at_once(agents, one)


async def by_engine(url: str, agents: int) -> None:
    """A session of that many agents, who each answer once and all alike."""
    backend = ClaudeBackend(MODEL, api_key="none", base_url=url)
    # Else the winner would stream once more, alone.
    rules = Rules("slate", final="reuse")
    result = await run(QUESTION, _team(backend, agents, rules), journal=False)
    assert result.status == "answered", result.detail
    await backend.aclose()


def _team(backend: ClaudeBackend, agents: int, rules: Rules) -> Team:
    ids = [AgentId(f"agent{number}") for number in range(1, agents + 1)]
    members = tuple(Agent(id=name, backend=backend) for name in ids)
    return Team(agents=members, rules=rules, seed=1)


OURS = "coordinator"
BYTES, SDK, MASSGEN = "bytes alone", "SDK, create(stream=True)", "MassGen's backend"
TARGETS = {BYTES: 0.8, SDK: 2.0}
"""How many times their speed ours is at least, where a loop has enough to do: one that
sleeps between any two events spends most of its time on that, whoever reads."""
PAIRS = 3
"""Rounds that a ratio is the median of, at least."""
WAYS: dict[str, Way] = {
    BYTES: by_bytes,
    SDK: by_sdk,
    OURS: by_engine,
}


def throughput(
    agents: int,
    events: int,
    *,
    runtime: Runtime,
    rate: float = 0,
    is_abreast: bool = False,
    peers: Collection[str] = (),
    rounds: int = PAIRS,
) -> Iterator[Figure]:
    """Events a CPU-second of each way, in turns, the best of some rounds.

    How one compares with another is the median of the rounds' ratios.

    Args:
        agents: Streams at once.
        events: Text deltas of each.
        runtime: The event loop.
        rate: Deltas a second of each stream, so few that each is a read of its own
            from the socket; 0: all there are, each a chunk of HTTP's.
        is_abreast: All streams speak at the same moments, as they do for a loop that
            is never idle; otherwise one after another, and the loop sleeps between.
        peers: Who else is measured: ``sdk``, ``massgen``.
        rounds: Of all ways.

    Raises:
        PeerMissing: One of the others cannot be measured; said behind the figures of
            all that can.
    """
    missing: list[PeerMissing] = []
    ways = {n: w for n, w in WAYS.items() if "sdk" in peers or w is not by_sdk}
    with server() as base:
        for name, way in list(ways.items()):
            try:
                anyio.run(way, f"{base}/1/0", 1, backend=runtime)  # imports, once
            except Exception as error:  # whatever another library raises
                if name == OURS:
                    raise
                del ways[name]
                missing.append(PeerMissing(f"{name} cannot be measured: {error!r}"))
        how = "/abreast" if is_abreast else ""
        load = _Load(f"{base}/{events}/{rate}{how}", agents, events, runtime)
        turns = [
            {name: load.read_by(way) for name, way in ways.items()}
            for _ in range(max(PAIRS, rounds))
        ]
        if "massgen" in peers:
            try:
                theirs = _of_massgen(base, agents, events, rate)
            except PeerMissing as error:
                missing.append(error)
            else:
                for turn in turns:  # a single run: half a minute
                    turn[MASSGEN] = theirs
    pace = "abreast" if is_abreast else "one after another" if rate else "full speed"
    group = f"HTTP, {agents} streams, {pace}"
    targets = TARGETS if is_abreast or not rate else {}
    yield from _compared(group, turns, runtime, targets)
    if missing:
        raise PeerMissing("; ".join(map(str, missing)))


def _of_massgen(base: str, agents: int, events: int, rate: float) -> _Rate:
    """The rate of MassGen's backend on a fifth of our events, in half a minute.

    Raises:
        PeerMissing: It cannot be installed or run.
    """
    few = events // 5 + 1
    (took,) = massgen.streams(few, f"{base}/{few}/{rate}", [agents])
    total = agents * few
    return _Rate(total / took.cpu_s, total / took.wall_s)


class _Rate(NamedTuple):
    """Events a second."""

    of_cpu: float
    of_time: float


@dataclass(frozen=True, slots=True)
class _Load:
    """The load of one measurement, whichever way it is read."""

    url: str
    agents: int
    events: int
    runtime: Runtime

    def read_by(self, way: Way) -> _Rate:
        watch = Stopwatch()
        anyio.run(way, self.url, self.agents, backend=self.runtime)
        total = self.agents * self.events
        return _Rate(total / watch.cpu_s, total / watch.wall_s)


def _compared(
    group: str,
    turns: Sequence[Mapping[str, _Rate]],
    runtime: Runtime,
    targets: Mapping[str, float],
) -> Iterator[Figure]:
    for name in turns[0]:
        yield Figure(
            group=group,
            name=name,
            value=max(turn[name].of_cpu for turn in turns),
            unit="events/CPU-s",
            runtime=runtime,
        )
    for name in [name for name in turns[0] if name != OURS]:
        yield Figure(
            group=group,
            name=f"{OURS} beside {name}",
            value=median(turn[OURS].of_cpu / turn[name].of_cpu for turn in turns),
            unit="times",
            target=targets.get(name),
            runtime=runtime,
        )
    if MASSGEN in turns[0]:
        yield Figure(
            group=group,
            name=f"{OURS} beside {MASSGEN}, time that passed",
            value=median(turn[OURS].of_time / turn[MASSGEN].of_time for turn in turns),
            unit="times",
            target=20.0,
            runtime=runtime,
        )


def latency(
    agents: int, events: int, rate: float, *, runtime: Runtime
) -> Iterator[Figure]:
    """From the server's write to a reader of the session, in milliseconds.

    Counted from when all agents are streaming, up to when the first has ended: making
    fifty requests at once is another thing than reading fifty streams.

    Both processes share one clock (monotonic), so the kernel's part is in it.
    """
    with server() as base:
        url = f"{base}/{events}/{rate}/stamped"
        delays = anyio.run(partial(_delays, url, agents), backend=runtime)
    for name, share, most in (("p50", 0.5, 0.5), ("p99", 0.99, 5.0)):
        yield Figure(
            group="latency",
            name=f"{name}, {agents} agents at {rate:g} events/s",
            value=percentile(delays, share) * 1e3,
            unit="ms",
            target=most,
            is_at_most=True,
            runtime=runtime,
        )


async def _delays(url: str, agents: int) -> list[float]:
    backend = ClaudeBackend(MODEL, api_key="none", base_url=url)
    team = _team(backend, agents, Rules("slate"))
    delays: list[float] = []
    async with open_session(QUESTION, team, journal=False) as session:
        feed = session.events()
        await until_all_speak(feed, agents)
        async for batch in feed:
            now = time.monotonic()
            delays += [now - float(e.text) for e in batch if isinstance(e, TextDelta)]
            if any(isinstance(event, ResponseEnded) for event in batch):
                break
        feed.close()
    await backend.aclose()
    return delays

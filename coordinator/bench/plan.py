"""Which measurements are taken, and how large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import TypeAlias

import msgspec

from coordinator.bench import engine, lives, starting
from coordinator.bench.figures import Figure, Runtime
from coordinator.bench.weighing import weight

Part: TypeAlias = Callable[[], Iterator[Figure]]


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured; everything scales with these."""

    teams: tuple[int, ...]
    chunks: int
    """Text deltas of each scripted agent."""
    least_chunks: int
    """Text deltas of a small team, all together, so that it is measurable."""
    streams: int
    events: int
    rate: float
    cancelled: int
    weighed: tuple[int, int]
    """Scripted agents, HTTP agents."""
    simulated: int
    soaked: int
    stressed: tuple[int, int]
    """Agents, seeds."""
    rounds: int
    runtimes: tuple[Runtime, ...] = ("asyncio", "trio")


FULL = Sizes(
    teams=(3, 16, 128, 1_000, 10_000),
    chunks=400,
    least_chunks=200_000,
    streams=50,
    events=400,
    rate=100,
    cancelled=1_000,
    weighed=(10_000, 1_000),
    simulated=2_000,
    soaked=10_000,
    stressed=(10_000, 4),
    rounds=3,
)
QUICK = msgspec.structs.replace(
    FULL,
    teams=(3, 16, 128, 1_000),
    chunks=200,
    least_chunks=40_000,
    events=100,
    cancelled=100,
    weighed=(2_000, 100),
    simulated=300,
    soaked=100,
    stressed=(300, 1),
    rounds=1,
    runtimes=("asyncio",),
)
TINY = msgspec.structs.replace(
    QUICK,
    teams=(1, 3),
    chunks=5,
    least_chunks=5,
    streams=2,
    events=3,
    cancelled=3,
    weighed=(5, 2),
    simulated=3,
    soaked=2,
    stressed=(10, 1),
)
"""Measures nothing worth knowing; it proves that everything still runs."""


def parts(sizes: Sizes, *, has_sdk: bool = False) -> Iterator[tuple[str, Part]]:
    """Name and carry out the measurements one by one, the light ones first."""
    yield "start", partial(starting.starting, sizes.rounds)
    yield "machine", partial(engine.machine, (10, sizes.teams[-1]))
    yield "simulation", lambda: iter([lives.simulation(sizes.simulated)])
    for runtime in sizes.runtimes:
        yield f"engine, {runtime}", partial(_engine, sizes, runtime)
        ends = (min(10, sizes.teams[-1]), sizes.teams[-1])
        yield (
            f"growth, {runtime}",
            partial(engine.growth, ends, sizes.chunks, runtime=runtime),
        )
    for runtime in sizes.runtimes:
        yield f"HTTP, {runtime}", partial(_http, sizes, runtime, has_sdk=has_sdk)
    for runtime in sizes.runtimes:
        scripted, http = sizes.weighed
        yield f"memory, {runtime}", partial(_memory, scripted, http, runtime)
        yield f"soak, {runtime}", partial(lives.soak, sizes.soaked, runtime=runtime)
        yield (
            f"stress, {runtime}",
            partial(lives.stress, *sizes.stressed, runtime=runtime),
        )


def _engine(sizes: Sizes, runtime: Runtime) -> Iterator[Figure]:
    for agents in sizes.teams:
        chunks = max(sizes.chunks, sizes.least_chunks // agents)
        for is_recorded in (True, False):
            yield engine.throughput(
                agents,
                chunks,
                runtime=runtime,
                is_recorded=is_recorded,
                rounds=sizes.rounds,
            )
    agents = sizes.teams[-2]
    chunks = max(sizes.chunks, sizes.least_chunks // agents) // 4 + 1
    yield engine.throughput(
        agents, chunks, runtime=runtime, batch=1, rounds=sizes.rounds
    )


def _http(sizes: Sizes, runtime: Runtime, *, has_sdk: bool) -> Iterator[Figure]:
    from coordinator.bench import wire  # noqa: PLC0415  (loads anthropic: one second)

    fast = sizes.events * 5
    yield from wire.throughput(
        sizes.streams, fast, runtime=runtime, has_sdk=has_sdk, rounds=sizes.rounds
    )
    yield from wire.throughput(
        sizes.streams,
        sizes.events,
        rate=sizes.rate,
        runtime=runtime,
        has_sdk=has_sdk,
        rounds=1,
    )
    yield from wire.latency(sizes.streams, sizes.events, sizes.rate, runtime=runtime)
    yield from wire.cancelling(sizes.cancelled, runtime=runtime)


def _memory(scripted: int, http: int, runtime: Runtime) -> Iterator[Figure]:
    return chain(
        weight("scripted", scripted, runtime=runtime),
        weight("http", http, runtime=runtime),
    )

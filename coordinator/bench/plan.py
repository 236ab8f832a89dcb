"""Which measurements are taken, and how large."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import chain
from typing import Literal, TypeAlias

import msgspec

from coordinator.bench import engine_throughput, soak, startup, stress, virtual_time
from coordinator.bench.measurements import Figure, Runtime
from coordinator.bench.memory_usage import weight

Part: TypeAlias = Callable[[], Iterator[Figure]]
Peer: TypeAlias = Literal["sdk", "massgen"]
PEERS: tuple[Peer, ...] = ("sdk", "massgen")
"""Peers to measure beside us."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured; everything scales with these."""

    teams: tuple[int, ...]
    chunks: int
    """Text deltas of each scripted agent."""
    least_chunks: int
    """Text deltas of a small team, all together, so that it is measurable."""
    streams: int
    events: int
    """Text deltas of each HTTP stream where throughput is measured at full speed."""
    read: tuple[int, float]
    """Text deltas of each HTTP stream where each is a read of its own, and how many of
    them a second: so few that who takes longest has read them all before the next."""
    heard: int
    """Text deltas of each HTTP stream where latency is measured."""
    rate: float
    """How many of them a second."""
    cancelled: int
    weighed: tuple[int, int]
    """Scripted agents, HTTP agents."""
    simulated: int
    waited: int
    """Virtual seconds of a team that streams."""
    soaked: int
    stressed: tuple[int, int]
    """Agents, seeds."""
    beside: tuple[tuple[int, ...], int]
    """Sizes at which MassGen is measured, and the chunks of its whole team."""
    rounds: int
    runtimes: tuple[Runtime, ...] = ("asyncio", "trio")


FULL = Sizes(
    teams=(3, 16, 128, 1_000, 10_000),
    chunks=400,
    least_chunks=600_000,
    streams=50,
    events=2_000,
    read=(600, 300),
    heard=300,
    rate=100,
    cancelled=1_000,
    weighed=(10_000, 1_000),
    simulated=2_000,
    waited=300,
    soaked=1_000,
    stressed=(10_000, 1),
    beside=((3, 16, 64, 128), 8_000),
    rounds=2,
)
QUICK = msgspec.structs.replace(
    FULL,
    teams=(3, 16, 128, 1_000),
    chunks=200,
    least_chunks=40_000,
    events=200,
    read=(60, 300),
    heard=100,
    cancelled=100,
    weighed=(2_000, 100),
    simulated=300,
    waited=60,
    soaked=100,
    stressed=(300, 1),
    beside=((3,), 600),
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
    read=(3, 300),
    heard=3,
    cancelled=3,
    weighed=(5, 2),
    simulated=3,
    waited=1,
    soaked=2,
    stressed=(10, 1),
    beside=((3,), 30),
)
"""Measures nothing worth knowing; it proves that everything still runs."""


def parts(sizes: Sizes, peers: Collection[Peer] = ()) -> Iterator[tuple[str, Part]]:
    """Name and carry out the measurements one by one, the light ones first."""
    yield "start", partial(startup.starting, sizes.rounds)
    yield "machine", partial(engine_throughput.machine, (10, sizes.teams[-1]))
    yield "simulation", lambda: iter([soak.simulation(sizes.simulated)])
    for runtime in sizes.runtimes:
        yield f"virtual time, {runtime}", partial(_waiting, sizes, runtime)
    for runtime in sizes.runtimes:
        yield f"engine, {runtime}", partial(_engine, sizes, runtime)
        ends = (min(10, sizes.teams[-1]), sizes.teams[-1])
        yield (
            f"growth, {runtime}",
            partial(engine_throughput.growth, ends, sizes.chunks, runtime=runtime),
        )
    for runtime in sizes.runtimes:
        yield f"HTTP, {runtime}", partial(_http, sizes, runtime, peers)
        yield f"latency, {runtime}", partial(_latency, sizes, runtime)
        yield f"cancel, {runtime}", partial(_cancel, sizes, runtime)
    if "massgen" in peers:
        yield "MassGen", partial(_beside, sizes)
    for runtime in sizes.runtimes:
        scripted, http = sizes.weighed
        yield f"memory, {runtime}", partial(_memory, scripted, http, runtime)
        yield f"soak, {runtime}", partial(soak.soak, sizes.soaked, runtime=runtime)
        yield (
            f"stress, {runtime}",
            partial(stress.stress, *sizes.stressed, runtime=runtime, say=_say),
        )


def _say(line: str) -> None:
    """Tell how far a long measurement is, and what it has found so far."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _waiting(sizes: Sizes, runtime: Runtime) -> Iterator[Figure]:
    yield virtual_time.virtual_time(sizes.waited, runtime=runtime, rounds=sizes.rounds)


def _engine(sizes: Sizes, runtime: Runtime) -> Iterator[Figure]:
    for agents in sizes.teams:
        chunks = max(sizes.chunks, sizes.least_chunks // agents)
        yield from engine_throughput.with_journal(
            agents, chunks, runtime=runtime, rounds=sizes.rounds
        )
        once = (
            1 if agents > engine_throughput.FEW else sizes.rounds
        )  # half a minute each
        yield engine_throughput.throughput(
            agents, chunks, runtime=runtime, is_read=True, rounds=once
        )
    agents = sizes.teams[-2]
    chunks = max(sizes.chunks, sizes.least_chunks // agents) // 4 + 1
    yield engine_throughput.throughput(
        agents, chunks, runtime=runtime, batch=1, rounds=sizes.rounds
    )


def _http(sizes: Sizes, runtime: Runtime, peers: Collection[Peer]) -> Iterator[Figure]:
    from coordinator.bench import http_throughput  # noqa: PLC0415  (anthropic: a second)

    measured = partial(
        http_throughput.throughput, sizes.streams, runtime=runtime, rounds=sizes.rounds
    )
    # MassGen is compared once, where nothing keeps either of us waiting.
    few = {*peers} - {"massgen"}
    events, rate = sizes.read
    yield from measured(events, rate=rate, is_abreast=True, peers=few)
    yield from measured(events, rate=rate, peers=few)
    yield from measured(sizes.events, peers=few if runtime == "trio" else peers)


def _latency(sizes: Sizes, runtime: Runtime) -> Iterator[Figure]:
    from coordinator.bench import http_throughput  # noqa: PLC0415  (anthropic: a second)

    return http_throughput.latency(
        sizes.streams, sizes.heard, sizes.rate, runtime=runtime
    )


def _cancel(sizes: Sizes, runtime: Runtime) -> Iterator[Figure]:
    from coordinator.bench import cancellation  # noqa: PLC0415  (anthropic: a second)

    return cancellation.cancelling(sizes.cancelled, runtime=runtime)


def _beside(sizes: Sizes) -> Iterator[Figure]:
    from coordinator.bench import massgen  # noqa: PLC0415  (where it is asked for)

    agents_each, total = sizes.beside
    for agents in agents_each:
        chunks = max(sizes.chunks, sizes.least_chunks // agents)
        turns = (
            engine_throughput.PAIRS * sizes.rounds
        )  # a second each; theirs take longer
        ours = engine_throughput.speeds(agents, chunks, runtime="asyncio", rounds=turns)
        yield from massgen.beside(ours, agents, total)


def _memory(scripted: int, http: int, runtime: Runtime) -> Iterator[Figure]:
    return chain(
        weight("scripted", scripted, runtime=runtime),
        weight("http", http, runtime=runtime),
    )

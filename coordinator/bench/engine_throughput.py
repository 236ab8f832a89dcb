"""Scripted teams through the whole engine: speed, growth, and the machine alone."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import anyio

from agents.protocol.chunks import AgentId, AnswerProposed, Ranking, TextDelta, VoteCast
from agents.protocol.stamper import Pen
from coordinator.bench.measurements import Figure, Runtime, Stopwatch
from coordinator.bench.teams import QUESTION, talkative_team
from coordinator.consensus import Consensus
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import SessionOpened, StartTurn
from coordinator.session.session import open_session

TARGETS = {3: 400_000, 16: 400_000, 128: 400_000, 1_000: 400_000, 10_000: 250_000}
"""Chunks a second with the journal ``async``, by the number of agents."""
FEW = 1_000
"""Teams of so many at most are done in a second, of which a neighbour's work may take
half: they are measured twice as often."""
PAIRS = 3
"""Sessions with a journal and without, in turns, that a ratio is the median of."""


def throughput(
    agents: int,
    chunks: int,
    *,
    runtime: Runtime,
    is_recorded: bool = True,
    is_read: bool = False,
    batch: int = 0,
    rounds: int = 2,
) -> Figure:
    """Text chunks a CPU-second of one whole session, the best of some rounds.

    Args:
        agents: Who draft; some vote, and one presents.
        chunks: Text deltas of each draft; no other chunk is counted.
        runtime: The event loop.
        is_recorded: Whether a journal is kept, ``async``.
        is_read: Whether a program takes every chunk, one by one; without any reader
            the engine need not make them.
        batch: Deltas in one frame; 0: as many as the script likes.
        rounds: Sessions, one after the other.
    """
    play = partial(_session, agents, chunks, batch)
    play = partial(play, is_recorded=is_recorded, is_read=is_read)
    cost_s = _best(play, runtime=runtime, rounds=rounds).cpu_s
    what = "journal async" if is_recorded else "no journal"
    if is_read:
        what += ", one reader"
    if batch:
        what += f", {batch} a frame"
    is_target = is_recorded and not batch
    return Figure(
        group="engine",
        name=f"{agents:,} agents, {what}",
        value=agents * chunks / cost_s,
        unit="chunks/CPU-s",
        target=TARGETS.get(agents) if is_target else None,
        runtime=runtime,
    )


class Took(NamedTuple):
    """Seconds."""

    cpu_s: float
    wall_s: float


def _best(
    play: Callable[[], Awaitable[Took]], *, runtime: Runtime, rounds: int
) -> Took:
    """The least that some sessions took, by either clock."""
    took = [anyio.run(play, backend=runtime) for _ in range(rounds)]
    return Took(min(t.cpu_s for t in took), min(t.wall_s for t in took))


def speeds(
    agents: int, chunks: int, *, runtime: Runtime, rounds: int
) -> tuple[float, float]:
    """Text chunks a second with the journal: of CPU time, of time that passed.

    A program takes every chunk, as MassGen's caller does where it is measured.
    """
    play = partial(_session, agents, chunks, is_read=True)
    took = _best(play, runtime=runtime, rounds=rounds)
    return agents * chunks / took.cpu_s, agents * chunks / took.wall_s


def with_journal(
    agents: int, chunks: int, *, runtime: Runtime, rounds: int
) -> Iterator[Figure]:
    """The same with a journal and without, in turns, and how much of it is kept.

    The speeds are the best of the turns, the ratio is the median of the turns' ratios.
    """
    turns = max(PAIRS, rounds) * (2 if agents <= FEW and rounds > 1 else 1)
    one = partial(throughput, agents, chunks, runtime=runtime, rounds=1)
    pairs = [(one(), one(is_recorded=False)) for _ in range(turns)]
    for figures in zip(*pairs, strict=True):
        yield max(figures, key=lambda figure: figure.value)
    yield Figure(
        group="engine",
        name=f"{agents:,} agents, kept with a journal",
        value=median(journaled.value / bare.value for journaled, bare in pairs),
        unit="times",
        target=0.8,
        runtime=runtime,
    )


async def _session(
    agents: int,
    chunks: int,
    batch: int = 0,
    *,
    is_recorded: bool = True,
    is_read: bool = False,
) -> Took:
    team = talkative_team(agents, chunks, batch=batch)
    read = 0
    with tempfile.TemporaryDirectory() as folder:
        watch = Stopwatch()
        journal = Path(folder) if is_recorded else None
        async with open_session(QUESTION, team, journal=journal) as session:
            if is_read:
                async for chunk in session:
                    read += type(chunk) is TextDelta
            result = await session.wait()
        took = Took(watch.cpu_s, watch.wall_s)
    assert result.status == "answered", result.detail
    assert not is_read or read >= agents * chunks, f"only {read:,} chunks were read"
    return took


def growth(sizes: Sequence[int], chunks: int, *, runtime: Runtime) -> Iterator[Figure]:
    """CPU time per chunk by team size, and what the largest costs beside the smallest.

    Every agent says as much, so that a session's own cost per agent is in it.
    """
    costs: list[float] = []
    for agents in sizes:
        rounds = max(1, min(20, 500 // agents))
        speed = throughput(
            agents, chunks, runtime=runtime, is_recorded=False, rounds=rounds
        ).value
        costs.append(1e6 / speed)
        yield Figure(
            group="growth",
            name=f"{agents:,} agents, {chunks} chunks each",
            value=1e6 / speed,
            unit="µs/chunk",
            runtime=runtime,
        )
    yield Figure(
        group="growth",
        name=f"{sizes[-1]:,} agents beside {sizes[0]:,}",
        value=costs[-1] / costs[0],
        unit="times",
        target=1.5,
        is_at_most=True,
        runtime=runtime,
    )


def machine(sizes: Sequence[int]) -> Iterator[Figure]:
    """CPU time of the machine alone, by input: every agent answers, who is asked votes.

    All answers differ, so committees judge all of them.
    """
    costs: list[float] = []
    for agents in sizes:
        inputs, cost_s = _deliberation(agents)
        costs.append(cost_s / inputs * 1e6)
        yield Figure(
            group="machine",
            name=f"{agents:,} agents, an answer or a vote",
            value=costs[-1],
            unit="µs/input",
        )
    yield Figure(
        group="machine",
        name=f"{sizes[-1]:,} agents beside {sizes[0]:,}",
        value=costs[-1] / costs[0],
        unit="times",
    )


def _deliberation(agents: int) -> tuple[int, float]:
    """Play one session without any I/O; the inputs, and the machine's CPU time."""
    ids = [AgentId(f"agent{number}") for number in range(agents)]
    rules = Rules("slate")
    machine = Consensus.new(ids, QUESTION, rules, seed=1, nonce="n")
    watch = Stopwatch()
    machine, outputs = machine.step(SessionOpened(at=0.0))
    turns = [output.turn for output in outputs if isinstance(output, StartTurn)]
    inputs = 1
    while turns and machine.phase in {"drafting", "voting"}:
        turn = turns.pop(0) if agents < 100 else turns.pop()
        pen = Pen(turn.agent, turn.number, float(inputs))
        match turn.task:
            case _ if machine.phase == "drafting":
                content = f"{turn.agent} says so"
                chunk = AnswerProposed(**pen.stamp(), content=content)
            case task:
                labels = tuple(a.label for a in getattr(task, "answers", ()))
                ballot = Ranking(tiers=tuple((label,) for label in labels))
                chunk = VoteCast(**pen.stamp(), ballot=ballot, seen=labels)
        machine, outputs = machine.step(chunk)
        turns += [output.turn for output in outputs if isinstance(output, StartTurn)]
        inputs += 1
    return inputs, watch.cpu_s

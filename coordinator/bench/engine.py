"""Scripted teams through the whole engine: speed, growth, and the machine alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import anyio

from agents.chunks import AgentId, AnswerProposed, Ranking, VoteCast
from agents.pen import Pen
from coordinator.bench.figures import Figure, Runtime, Stopwatch
from coordinator.bench.teams import QUESTION, talkative_team
from coordinator.consensus import Consensus
from coordinator.effects import SessionOpened, StartTurn
from coordinator.rules import Rules
from coordinator.session import run

TARGETS = {3: 400_000, 16: 400_000, 128: 400_000, 1_000: 400_000, 10_000: 250_000}
"""Chunks a second with the journal ``async``, by the number of agents."""
FEW = 1_000
"""Smaller teams are done in half a second, of which a neighbour's work may take half:
they are measured three times as often."""


def throughput(
    agents: int,
    chunks: int,
    *,
    runtime: Runtime,
    is_recorded: bool = True,
    batch: int = 0,
    rounds: int = 2,
) -> Figure:
    """Text chunks a CPU-second of one whole session, the best of some rounds.

    Args:
        agents: Who draft; some vote, and one presents.
        chunks: Text deltas of each draft; no other chunk is counted.
        runtime: The event loop.
        is_recorded: Whether a journal is kept, ``async``.
        batch: Deltas in one frame; 0: as many as the script likes.
        rounds: Sessions, one after the other.
    """
    cost_s = _best(
        agents, chunks, batch, runtime=runtime, is_recorded=is_recorded, rounds=rounds
    ).cpu_s
    what = "journal async" if is_recorded else "no journal"
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
    agents: int,
    chunks: int,
    batch: int = 0,
    *,
    runtime: Runtime,
    is_recorded: bool = True,
    rounds: int,
) -> Took:
    """The least that some sessions took, by either clock."""
    play = partial(_session, agents, chunks, batch, is_recorded=is_recorded)
    took = [anyio.run(play, backend=runtime) for _ in range(rounds)]
    return Took(min(t.cpu_s for t in took), min(t.wall_s for t in took))


def speeds(
    agents: int, chunks: int, *, runtime: Runtime, rounds: int
) -> tuple[float, float]:
    """Text chunks a second with the journal: of CPU time, of time that passed."""
    took = _best(agents, chunks, runtime=runtime, rounds=rounds)
    return agents * chunks / took.cpu_s, agents * chunks / took.wall_s


def with_journal(
    agents: int, chunks: int, *, runtime: Runtime, rounds: int
) -> Iterator[Figure]:
    """The same with a journal and without, in turns, and how much of it is kept."""
    best: dict[bool, Figure] = {}
    if agents < FEW:
        rounds *= 3
    for _ in range(rounds):
        for is_recorded in (True, False):
            figure = throughput(
                agents, chunks, runtime=runtime, is_recorded=is_recorded, rounds=1
            )
            before = best.get(is_recorded)
            if before is None or figure.value > before.value:
                best[is_recorded] = figure
    yield from best.values()
    yield Figure(
        group="engine",
        name=f"{agents:,} agents, kept with a journal",
        value=best[True].value / best[False].value,
        unit="times",
        target=0.8,
        runtime=runtime,
    )


async def _session(agents: int, chunks: int, batch: int, *, is_recorded: bool) -> Took:
    team = talkative_team(agents, chunks, batch=batch)
    with tempfile.TemporaryDirectory() as folder:
        watch = Stopwatch()
        result = await run(
            QUESTION, team, journal=Path(folder) if is_recorded else None
        )
        took = Took(watch.cpu_s, watch.wall_s)
    assert result.status == "answered", result.detail
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
    rules = Rules.preset("slate")
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
                said = AnswerProposed(**pen.stamp(), content=content)
            case task:
                labels = tuple(a.label for a in getattr(task, "answers", ()))
                ballot = Ranking(tiers=tuple((label,) for label in labels))
                said = VoteCast(**pen.stamp(), ballot=ballot, seen=labels)
        machine, outputs = machine.step(said)
        turns += [output.turn for output in outputs if isinstance(output, StartTurn)]
        inputs += 1
    return inputs, watch.cpu_s

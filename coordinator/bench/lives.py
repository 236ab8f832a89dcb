"""Many sessions: whether they end, and whether anything of them stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

import anyio

from agents.agent import Agent
from agents.chunks import AgentId
from agents.script import Script, parse_script
from agents.scripted import ScriptedBackend
from coordinator.bench.figures import (
    Figure,
    Runtime,
    Stopwatch,
    open_files,
    resident_bytes,
)
from coordinator.bench.teams import QUESTION, talkative_team
from coordinator.rules import Rules
from coordinator.session import Session, open_session, run
from coordinator.simulation.campaign import run_seeds
from coordinator.team import Team

STATUSES = frozenset({"answered", "deadline", "failed", "interrupted"})


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
    for _ in range(max(10, sessions // 5)):
        await run(QUESTION, talkative_team(3, 50))
    gc.collect()
    files, memory = open_files(), resident_bytes()
    for _ in range(sessions):
        await run(QUESTION, talkative_team(3, 50))
    gc.collect()
    return open_files() - files, (resident_bytes() - memory) / sessions


def stress(agents: int, seeds: int, *, runtime: Runtime) -> Iterator[Figure]:
    """Teams of which half fail, stall, flood or are cancelled, by lot.

    Raises:
        AssertionError: A session did not end as it must, or left a task.
    """
    watch = Stopwatch()
    lates = [
        anyio.run(partial(_stress, agents, seed), backend=runtime)
        for seed in range(seeds)
    ]
    yield Figure(
        group="stress",
        name=f"{agents:,} agents, {seeds} seeds: past the deadline at most",
        value=max(lates),
        unit="s",
        runtime=runtime,
        note=f"{watch.wall_s / seeds:.1f} s a session",
    )


async def _stress(agents: int, seed: int) -> float:
    """Play one; seconds that it ended after its deadline, 0 if before."""
    chance = Random(seed)  # noqa: S311  (a schedule, not a secret)
    kinds = list(_TROUBLES.values())
    good = ScriptedBackend(_script({"answer": "as asked"}))
    made = [ScriptedBackend(_script(*lines)) for lines in kinds]
    members = tuple(
        Agent(
            id=AgentId(f"agent{n}"),
            backend=chance.choice(made) if chance.random() < 0.5 else good,
        )
        for n in range(agents)
    )
    deadline_s = 2.0 + agents / 1_000
    rules = Rules(deadline_s=deadline_s, attempts=2)
    began = anyio.current_time()
    before = len(anyio.get_running_tasks())
    team = Team(agents=members, rules=rules, seed=seed)
    async with (
        open_session(QUESTION, team) as session,
        anyio.create_task_group() as group,
    ):
        group.start_soon(_meddle, session, members, Random(seed + 1))  # noqa: S311
        await session.wait()
        group.cancel_scope.cancel("the session has ended")
    result = session.result
    assert result is not None
    assert result.status in STATUSES
    assert set(result.agents) == {member.id for member in members}
    assert len(anyio.get_running_tasks()) == before, "a task is left"
    return max(0.0, anyio.current_time() - began - deadline_s)


async def _meddle(
    session: Session,
    members: tuple[Agent, ...],
    chance: Random,
) -> None:
    for member in chance.sample(members, len(members) // 8):
        session.stop_agent(member.id)
        await anyio.sleep(chance.uniform(0, 0.002))


_TROUBLES: dict[str, list[dict[str, Any]]] = {
    "refused": [{"error": {"status": 400}}],
    "overloaded": [{"error": {"status": 529}}],
    "stalling": [{"text": "Well"}, {"stall": True}],
    "cut": [{"text": "Well"}, {"truncate": True}],
    "gone": [{"text": "Well"}, {"disconnect": True}],
    "flooding": [{"repeat_text": {"text": "a ", "times": 2_000}}],
    "slow": [{"text": "Well", "delay_s": 1.0}],
}


def _script(*lines: dict[str, Any]) -> Script:
    review = [{"vote": {"first": True}, "reason": "it is first"}]
    return parse_script(
        {
            "turns": [
                {"when": {"task": "draft"}, "repeat": True, "lines": list(lines)},
                {"when": {"task": "review"}, "repeat": True, "lines": review},
                {"repeat": True, "lines": [{"text": "It is settled."}]},
            ]
        }
    )

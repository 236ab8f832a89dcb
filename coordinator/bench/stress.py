"""Large teams of which half goes wrong: whether each ends when and as it must.

A seed decides who fails, stalls, floods, is slow or is stopped by a person, how long
the session may take and whether stragglers are waited for. It is played in virtual
time, in which ten thousand agents are no excuse for a deadline missed by a millisecond,
and the last seed once more in real time, in which they are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any, NamedTuple

import anyio

from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import Script, parse_script
from agents.protocol.chunks import AgentId
from coordinator.bench.measurements import Figure, Runtime, Stopwatch, open_files
from coordinator.bench.teams import QUESTION
from coordinator.consensus.rules import Rules, Straggler
from coordinator.protocol.result import Result
from coordinator.session.session import Session, open_session
from coordinator.simulation.virtual_time import virtual
from coordinator.team.team import Team

DEADLINES_S = (0.5, 25.0, 60.0)
"""Before most have answered, after most have, and after all but who stalls."""
STALL_S = 3600.0
"""For so long nothing comes: longer than any session may take."""
EXACT_S = 1e-6
"""Of virtual time: what adding up floats may be off."""
STOPPED_ONE_IN = 8


class Trouble(NamedTuple):
    """One team as its seed made it."""

    team: Team
    kinds: dict[AgentId, str]
    """Agent → what it does."""
    stopped: tuple[AgentId, ...]
    """Agents that a person stops, one after the other, while it runs."""
    deadline_s: float


class Ending(NamedTuple):
    """How one session ended."""

    result: Result
    took_s: float
    """Until all of it was gone, on the loop's clock."""
    tasks_left: int
    files_left: int


def stress(
    agents: int,
    seeds: int,
    *,
    runtime: Runtime,
    say: Callable[[str], object] | None = None,
) -> Iterator[Figure]:
    """Play every seed; count what did not end as it must.

    Args:
        agents: In each team.
        seeds: How many teams.
        runtime: The event loop.
        say: Is told of every session as it ends.
    """
    wrong: list[str] = []
    watch = Stopwatch()
    for seed in range(seeds):
        trouble, one = troubled(agents, seed), Stopwatch()
        ending = play(trouble, runtime, is_virtual=True)
        faults = faults_of(trouble, ending)
        wrong += [f"seed {seed}: {fault}" for fault in faults]
        if say is not None:
            took = f"{ending.took_s:.3f} s of {trouble.deadline_s} s"
            verdict = "; ".join(faults) or "as it must"
            status = ending.result.status
            say(f"{runtime}, seed {seed}: {status} after {took}, {verdict}")
            say(f"  {len(ending.result.answers):,} answers, {one.cpu_s:.1f} CPU-s")
    name = f"{agents:,} agents, {seeds:,} seeds"
    yield Figure(
        group="stress",
        name=f"{name}: not ended as it must",
        value=len(wrong),
        unit="sessions",
        target=0,
        is_at_most=True,
        runtime=runtime,
        note=wrong[0] if wrong else f"{watch.cpu_s / seeds:.1f} CPU-s a session",
    )
    trouble = troubled(agents, seeds - 1, deadline_s=2.0 + agents / 1_000)
    ending = play(trouble, runtime, is_virtual=False)
    wrong = left_by(trouble, ending)
    yield Figure(
        group="stress",
        name=f"{agents:,} agents, real time: past the deadline",
        value=max(0.0, ending.took_s - trouble.deadline_s),
        unit="s",
        runtime=runtime,
        note=wrong[0]
        if wrong
        else f"{ending.result.status} of {trouble.deadline_s:g} s",
    )


def faults_of(trouble: Trouble, ending: Ending) -> list[str]:
    """The faults of an ending, clause by clause; empty: none."""
    result, took_s = ending.result, ending.took_s
    faults: list[str] = []
    if took_s > trouble.deadline_s + EXACT_S:
        faults.append(f"ended {took_s - trouble.deadline_s:.6f} s past its deadline")
    if result.status != (right := _right_status(trouble, took_s)):
        faults.append(f"status {result.status}, not {right}")
    return faults + left_by(trouble, ending)


def left_by(trouble: Trouble, ending: Ending) -> list[str]:
    """The same but for the time it took."""
    result = ending.result
    faults: list[str] = []
    if (result.answer is None) == bool(result.answers):
        faults.append(f"{len(result.answers)} answers, but it gives {result.answer!r}")
    if set(result.agents) != set(trouble.kinds):
        faults.append("not every agent has its record")
    faults += [
        f"{agent}, {trouble.kinds[agent]}, is recorded as {record.status}"
        for name, record in result.agents.items()
        if record.status not in _FATES[trouble.kinds[agent := AgentId(name)]]
        and not (agent in trouble.stopped and record.status in {"retired", "cancelled"})
    ]
    if ending.tasks_left:
        faults.append(f"{ending.tasks_left} tasks are left")
    if ending.files_left > 0:
        faults.append(f"{ending.files_left} files are left open")
    return faults


def _right_status(trouble: Trouble, took_s: float) -> str:
    """Half of the team answers well, so what is left to ask is whether it had time."""
    if took_s >= trouble.deadline_s - EXACT_S:
        return "deadline"
    stalled = {agent for agent, kind in trouble.kinds.items() if kind == "stalling"}
    if trouble.team.rules.drafting.straggler is None and stalled - {*trouble.stopped}:
        return "deadline"  # who stalls is waited for, and nobody has stopped them all
    return "answered"


def troubled(agents: int, seed: int, *, deadline_s: float | None = None) -> Trouble:
    """The team of one seed, with a deadline by lot or the one given."""
    chance = Random(seed)  # noqa: S311  (a schedule, not a secret)
    good, bad = list(_GOOD), list(_TROUBLES)
    backends = {kind: _backend(lines) for kind, lines in (_GOOD | _TROUBLES).items()}
    kinds = {
        AgentId(f"agent{n}"): chance.choice(bad if chance.random() < 0.5 else good)
        for n in range(agents)
    }
    members = tuple(
        Agent(id=agent, backend=backends[kind]) for agent, kind in kinds.items()
    )
    drawn_s = chance.choice(DEADLINES_S)
    deadline_s = drawn_s if deadline_s is None else deadline_s
    straggler = chance.choice((None, Straggler()))
    rules = Rules("slate", deadline_s=deadline_s, straggler=straggler, attempts=2)
    stopped = chance.sample(list(kinds), agents // STOPPED_ONE_IN)
    team = Team(agents=members, rules=rules, seed=seed)
    return Trouble(team, kinds, tuple(stopped), deadline_s)


def play(trouble: Trouble, runtime: Runtime, *, is_virtual: bool) -> Ending:
    """Run one session until all of it is gone."""
    files = open_files()
    options = virtual(runtime) if is_virtual else {}
    session = partial(_session, trouble)
    ending = anyio.run(session, backend=runtime, backend_options=options)
    return ending._replace(files_left=open_files() - files)


async def _session(trouble: Trouble) -> Ending:
    before = len(anyio.get_running_tasks())
    began = anyio.current_time()
    async with (
        open_session(QUESTION, trouble.team, journal=False) as session,
        anyio.create_task_group() as group,
    ):
        group.start_soon(_meddle, session, trouble)
        await session.wait()
        group.cancel_scope.cancel("the session has ended")
    took_s = anyio.current_time() - began
    left = len(anyio.get_running_tasks()) - before
    assert session.result is not None
    return Ending(session.result, took_s, left, 0)


async def _meddle(session: Session, trouble: Trouble) -> None:
    """Stop some agents, spread over three seconds or as long as there is."""
    pause_s = min(3.0, trouble.deadline_s) / max(1, len(trouble.stopped))
    for agent in trouble.stopped:
        session.stop_agent(agent)
        await anyio.sleep(pause_s)


_GOOD: dict[str, list[dict[str, Any]]] = {
    f"good, {delay_s} s": [{"answer": "as asked", "delay_s": delay_s}]
    for delay_s in (0.01, 0.1, 0.3, 1.0, 2.0)
}
_TROUBLES: dict[str, list[dict[str, Any]]] = {
    "refused": [{"error": {"status": 400}}],
    "overloaded": [{"error": {"status": 529}}],
    "stalling": [{"text": "Well"}, {"stall": True}],
    "cut": [{"text": "Well"}, {"truncate": True}],
    "gone": [{"text": "Well"}, {"disconnect": True}],
    "flooding": [
        {"repeat_text": {"text": "a ", "times": 2_000}},
        {"answer": "in many words"},
    ],
    "slow": [{"text": "Well", "delay_s": 20.0}],
}
_SOUND = frozenset({"done", "cancelled"})
_BROKEN = frozenset({"failed", "cancelled"})
_FATES: dict[str, frozenset[str]] = {
    **dict.fromkeys(_GOOD, _SOUND),
    **dict.fromkeys(_TROUBLES, _BROKEN),
    "flooding": _SOUND,
    "slow": _SOUND,
    # Cut while it drafts, it may vote all the same, and then it has done its part.
    "stalling": _SOUND,
}
"""Outcomes allowed for an agent that nobody has stopped; one that still runs when all
is decided is cancelled."""


def _backend(lines: list[dict[str, Any]]) -> ScriptedBackend:
    return ScriptedBackend(_script(*lines), idle_limit_s=STALL_S)


def _script(*lines: dict[str, Any]) -> Script:
    ballot = {"vote": {"first": True}, "reason": "it is first", "delay_s": 0.05}
    return parse_script(
        {
            "turns": [
                {"when": {"task": "draft"}, "repeat": True, "lines": list(lines)},
                {"when": {"task": "review"}, "repeat": True, "lines": [ballot]},
                {"repeat": True, "lines": [{"text": "It is settled."}]},
            ]
        }
    )

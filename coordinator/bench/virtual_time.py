"""Virtual time: how much faster than real a team talks that mostly waits."""

from __future__ import annotations

from functools import partial

import anyio

from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId
from coordinator.bench.measurements import Figure, Runtime, Stopwatch
from coordinator.bench.teams import QUESTION, WORD
from coordinator.consensus.rules import Rules
from coordinator.session.session import run
from coordinator.simulation.virtual_time import virtual
from coordinator.team.team import Team

AGENTS = 5
CHUNKS_A_SECOND = 50.0
"""Of the whole team."""
APART_S = 0.0137
"""Seconds between one agent's start and the next, so that every chunk has an instant of
its own, as in life: each is a wake-up of its agent and one of the coordinator."""


def virtual_time(seconds: int, *, runtime: Runtime, rounds: int) -> Figure:
    """Play so many seconds of a team that streams, the best of some rounds."""
    play = partial(_streaming, seconds)
    speeds: list[float] = []
    for _ in range(rounds):
        options = virtual(runtime)
        speeds.append(anyio.run(play, backend=runtime, backend_options=options))
    return Figure(
        group="virtual time",
        name=f"{AGENTS} agents, {CHUNKS_A_SECOND:.0f} chunks/s",
        value=max(speeds),
        unit="times real",
        target=1_000,
        runtime=runtime,
    )


async def _streaming(seconds: int) -> float:
    """Virtual seconds that a CPU-second brings."""
    team = _paced_team(seconds)
    began, watch = anyio.current_time(), Stopwatch()
    result = await run(QUESTION, team, journal=False)
    assert result.status == "answered", result.detail
    return (anyio.current_time() - began) / watch.cpu_s


def _paced_team(seconds: int) -> Team:
    each = CHUNKS_A_SECOND / AGENTS
    text, rate = WORD * int(seconds * each), each * len(WORD)
    members = tuple(
        Agent(
            id=AgentId(f"agent{number}"),
            backend=_speaker(text, rate, number * APART_S),
        )
        for number in range(1, AGENTS + 1)
    )
    # Nobody is slow: all drafts are waited for.
    return Team(agents=members, rules=Rules("slate", straggler=None), seed=1)


def _speaker(text: str, rate: float, delay_s: float) -> ScriptedBackend:
    draft = [{"text": text, "rate": rate, "delay_s": delay_s}, {"answer": "an answer"}]
    review = [{"vote": {"first": True}, "reason": "it is first"}]
    return ScriptedBackend(
        parse_script(
            {
                "turns": [
                    {"when": {"task": "draft"}, "lines": draft},
                    {"when": {"task": "review"}, "repeat": True, "lines": review},
                    {"when": {"task": "present"}, "lines": [{"text": "It is so."}]},
                ]
            }
        )
    )

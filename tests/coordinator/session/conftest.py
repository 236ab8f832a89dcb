"""Teams of scripted agents, written as short as they can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId
from coordinator.consensus.rules import PolicyName, Rules
from coordinator.team.team import Team

Turns: TypeAlias = list[dict[str, Any]]
MakeTeam: TypeAlias = Callable[..., Team]


def scripted(agent: str, turns: Turns) -> Agent:
    """An agent that plays ``turns``."""
    backend = ScriptedBackend(parse_script({"turns": turns}))
    return Agent(id=AgentId(agent), backend=backend)


def drafts(answer: str, after_s: float = 1.0) -> dict[str, Any]:
    line = {"answer": answer, "delay_s": after_s}
    return {"when": {"task": "draft"}, "lines": [line]}


def votes(choice: str, after_s: float = 1.0) -> dict[str, Any]:
    line = {"vote": choice, "delay_s": after_s, "reason": f"{choice} it is"}
    return {"when": {"task": "review"}, "repeat": True, "lines": [line]}


def presents(text: str, after_s: float = 1.0) -> dict[str, Any]:
    line = {"text": text, "delay_s": after_s}
    return {"when": {"task": "present"}, "lines": [line]}


@pytest.fixture
def team() -> MakeTeam:
    """Make a team of agent → turns, under ``policy`` with changed settings."""

    def make(
        agents: dict[str, Turns], policy: PolicyName = "revision", **changes: Any
    ) -> Team:
        rules = Rules(policy, **changes)
        members = tuple(scripted(name, turns) for name, turns in agents.items())
        return Team(agents=members, rules=rules, seed=1)

    return make

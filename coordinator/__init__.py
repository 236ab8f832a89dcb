"""A team of agents under one roof: voting, consensus, sessions.

    result = await coordinator.run("Which city is the capital of Australia?", team)

    async with coordinator.open_session(question, team) as session:
        async for chunk in session:
            ...

Importing this package loads nothing: each name brings its own room with it when it is
first used, so ``coordinator --help`` does not wait for the engine.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.agent import Agent
    from agents.protocol.chunks import AgentId, StreamChunk
    from coordinator.consensus.rules import Rules
    from coordinator.errors import ConfigInvalid, CoordinatorError
    from coordinator.protocol.result import Result
    from coordinator.recovery.follow_up import continued_from
    from coordinator.session.resume import branch_session, resume_session
    from coordinator.session.session import Session, open_session, run, run_sync
    from coordinator.team.team import Team

__all__ = [
    "Agent",
    "AgentId",
    "ConfigInvalid",
    "CoordinatorError",
    "Result",
    "Rules",
    "Session",
    "StreamChunk",
    "Team",
    "branch_session",
    "continued_from",
    "open_session",
    "resume_session",
    "run",
    "run_sync",
]

_ROOMS = {
    "Agent": "agents.agent",
    "AgentId": "agents.protocol.chunks",
    "ConfigInvalid": "coordinator.errors",
    "CoordinatorError": "coordinator.errors",
    "Result": "coordinator.protocol.result",
    "Rules": "coordinator.consensus.rules",
    "Session": "coordinator.session.session",
    "StreamChunk": "agents.protocol.chunks",
    "Team": "coordinator.team.team",
    "branch_session": "coordinator.session.resume",
    "continued_from": "coordinator.recovery.follow_up",
    "open_session": "coordinator.session.session",
    "resume_session": "coordinator.session.resume",
    "run": "coordinator.session.session",
    "run_sync": "coordinator.session.session",
}


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(room), name)
    globals()[name] = value  # asked once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

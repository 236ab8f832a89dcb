"""A team of agents under one roof: voting, consensus, sessions.

    result = await coordinator.run("Which city is the capital of Australia?", team)

    async with coordinator.open_session(question, team) as session:
        async for chunk in session:
            ...

Importing this package loads neither ``anthropic`` nor ``rich``.
"""

from agents.agent import Agent

from agents.chunks import AgentId, StreamChunk
from coordinator.errors import ConfigInvalid, CoordinatorError
from coordinator.result import Result
from coordinator.rules import Rules
from coordinator.session import Session, open_session, run, run_sync
from coordinator.team import Team

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
    "open_session",
    "run",
    "run_sync",
]

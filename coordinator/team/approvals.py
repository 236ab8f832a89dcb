"""Validation of ``approve`` in a team file: the names are tools that somebody has.

A name that is nobody's would protect nothing, and what was meant would run unasked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    from agents.agent import Agent
    from coordinator.team.team_file_schema import AgentEntry


def check_approvals(entries: Sequence[AgentEntry], agents: Sequence[Agent]) -> None:
    """Refuse names under ``approve`` that no agent's tool has.

    The whole team's tools count, for ``defaults`` say ``approve`` for agents with and
    without the tool. Patterns may match nothing; what an MCP server offers is known
    only when it has started, so any name with its prefix will do.

    Args:
        entries: What the team file says of the agents.
        agents: The agents made from that, with their tools.

    Raises:
        ConfigInvalid: A name is no tool's.
    """
    names = {tool.spec.name for agent in agents for tool in agent.tools}
    prefixes = tuple(f"{server.name}__" for entry in entries for server in entry.mcp)
    for entry in entries:
        for name in _plain(entry.approve):
            if name not in names and not name.startswith(prefixes):
                known = sorted((*names, *(f"{prefix}*" for prefix in prefixes), "*"))
                raise ConfigInvalid(
                    f"agent {entry.id!r}: approve names {name!r}, which is no tool "
                    f"that runs on this machine; choose from {', '.join(known)}"
                )


def _plain(approve: Sequence[str]) -> Iterator[str]:
    """The names that are no patterns."""
    return (name for name in approve if not set(name) & set("*?["))

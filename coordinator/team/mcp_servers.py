"""From the ``mcp`` section of a team file to toolboxes, not opened yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from coordinator.errors import ConfigInvalid
from coordinator.team.paths import beside

if TYPE_CHECKING:
    from agents.mcp.server_config import McpServer
    from agents.tools.base import Toolbox
    from coordinator.team.team_file_schema import AgentEntry


def toolboxes(entry: AgentEntry, folder: str = "") -> tuple[Toolbox, ...]:
    """The MCP servers that the agent shall have sessions with.

    Args:
        entry: The agent's.
        folder: Of the team file: relative commands are sought there too.

    Raises:
        ConfigInvalid: The library is not installed, two servers share a name, or one
            cannot be: no such program, a variable that is not set.
    """
    if not entry.mcp:
        return ()
    who = f"agent {entry.id!r}"
    names = [server.name for server in entry.mcp]
    for name in names:
        if names.count(name) > 1:
            raise ConfigInvalid(f"{who} has two MCP servers named {name!r}; rename one")
    try:
        # 0.7 s of imports, for the few teams that have servers.
        from agents.mcp.toolbox import McpToolbox  # noqa: PLC0415
    except ImportError as error:
        raise ConfigInvalid(
            f"{who} has MCP servers, and those need a package: {error}; "
            "pip install 'massgen-coordinator[mcp]'"
        ) from error
    try:
        return tuple(McpToolbox(_placed(server, folder)) for server in entry.mcp)
    except ValueError as error:
        raise ConfigInvalid(f"{who}: {error}") from error


def _placed(server: McpServer, folder: str) -> McpServer:
    """``server`` with the files of its command that lie beside the team file."""
    command = tuple(beside(word, folder) for word in server.command)
    return msgspec.structs.replace(server, command=command)

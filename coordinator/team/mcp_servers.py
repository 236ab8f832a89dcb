"""From the ``mcp`` section of a team file to toolboxes, not opened yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    from agents.tools import Toolbox
    from coordinator.team.schema import AgentEntry


def toolboxes(entry: AgentEntry) -> tuple[Toolbox, ...]:
    """The MCP servers that the agent shall have sessions with.

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
        return tuple(McpToolbox(server) for server in entry.mcp)
    except ValueError as error:
        raise ConfigInvalid(f"{who}: {error}") from error

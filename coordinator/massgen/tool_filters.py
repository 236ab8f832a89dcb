"""The tools that a MassGen configuration allows or excludes, as those of a team file.

MassGen calls a server's tool ``mcp__server__tool``; its shell and its files are servers
of its own, ``command_line`` and ``filesystem``, which are ``bash`` and ``text_editor``
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from coordinator.massgen.configuration import Json
from coordinator.massgen.ledger import Ledger
from coordinator.team.yaml_document import Where

SHELL = frozenset({"mcp__command_line__execute_command", "execute_command"})
FILES = "mcp__filesystem__"


def filtered(
    ledger: Ledger,
    where: Where,
    backend: Json,
    servers: Sequence[Json],
    tools: Sequence[str | Json],
) -> list[str | Json]:
    """Filter an agent's tools; its servers' filters are filled in.

    Args:
        ledger: Where it is noted what became of each filter.
        where: The place of the backend.
        backend: What the filters stand in.
        servers: The agent's MCP servers, as a team file has them.
        tools: Its other tools.
    """
    remaining = [*tools]
    for key in ("allowed_tools", "exclude_tools", "disallowed_tools"):
        names = backend.get(key)
        if not isinstance(names, list):
            continue
        listed = [str(name) for name in cast("list[Any]", names)]
        for server in servers:
            _filter_server(server, listed, is_allowing=key == "allowed_tools")
        without = _without_shell(listed, is_allowing=key == "allowed_tools")
        has_shell = "bash" in remaining
        if without:
            remaining = [tool for tool in remaining if tool != "bash"]
        if (
            any(name.startswith(FILES) for name in listed)
            and "text_editor" in remaining
        ):
            note = "the editor is one tool; leave out 'cwd' to have none"
            ledger.decline((*where, key), note)
        elif without and has_shell:
            ledger.honour((*where, key), "without 'bash'")
        elif servers:
            ledger.honour((*where, key), "for its MCP servers' tools")
        else:
            ledger.pass_over((*where, key), "it has none of these tools")
    return remaining


def _filter_server(server: Json, listed: Sequence[str], *, is_allowing: bool) -> None:
    begin = f"mcp__{server['name']}__"
    own = [name.removeprefix(begin) for name in listed if _is_of(name, begin)]
    if not own:
        return
    if is_allowing:
        server.setdefault("tools", own)
    else:
        server["exclude"] = [*server.get("exclude", ()), *own]


def _is_of(name: str, begin: str) -> bool:
    """Whether a filter's word names a tool of this server: wholly, or by itself."""
    return name.startswith(begin) or not name.startswith("mcp__")


def _without_shell(listed: Sequence[str], *, is_allowing: bool) -> bool:
    """Whether the shell is filtered out; a list of allowed tools has to name it."""
    names_it = bool(SHELL & set(listed))
    return not names_it if is_allowing else names_it

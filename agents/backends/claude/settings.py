"""Settings of an agent that runs on Claude, and what follows from them. Data."""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec

from agents.backends.claude.server_tools import BETAS, Json, generation, server_tool

MAX_TOKENS = 16_000
"""Most tokens of one response where nothing is said: room for thinking and a long
answer, within what every current model gives."""


class ClaudeSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What a request says beside the conversation."""

    model: str
    max_tokens: int = MAX_TOKENS
    thinking: Literal["adaptive", "disabled", "between_tools"] | int | Json | None = (
        None
    )
    """A number: that many tokens to think with, on models that take a budget. An
    object: as the API takes it. ``None``: left to the model."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    server_tools: tuple[str | Json, ...] = ()
    """Names, for the newest version that the model takes; or versions; or objects."""
    mcp_servers: tuple[Json, ...] = ()
    """Servers the API connects to; each gets a toolset unless one is given."""
    betas: tuple[str, ...] = ()
    """Beyond those that the rest implies."""
    compact_at_tokens: int | None = None
    """Prompts longer than this are summarised by the API before they are read."""
    cache: bool = True
    """Whether to set breakpoints for the prompt cache."""
    output_format: Json | None = None
    """A JSON Schema format for the response, as the API takes it."""
    extra: Json = msgspec.field(default_factory=dict[str, Any])
    """Further parameters, as the API names them (``context_management``, …)."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may quote: tokens of servers, headers of one's own."""
        headers = self.extra.get("extra_headers")
        own = cast("Json", headers) if isinstance(headers, dict) else {}
        tokens = (server.get("authorization_token") for server in self.mcp_servers)
        return tuple(each for each in (*own.values(), *tokens) if isinstance(each, str))

    def __repr__(self) -> str:
        return f"ClaudeSettings(model={self.model!r})"  # MCP servers have tokens


MCP = "mcp-client-2025-11-20"
"""The MCP connector, unless a setting names another of its versions."""
MCP_WITHOUT_TOOLSETS = "mcp-client-2025-04-04"
"""Its first version, in which servers name their tools themselves; deprecated."""
FILES = "files-api-2025-04-14"
SKILLS = "skills-2025-10-02"
CONTEXT_MANAGEMENT = "context-management-2025-06-27"
COMPACTION = "compact-2026-01-12"

COMPACT = "compact_20260112"
"""The edit of a context that summarises what is old (SDK 2.12.0)."""
COMPACT_TOKENS = 50_000
"""The smallest prompt that the API summarises (docs.claude.com, compaction)."""

BUDGET_TOKENS = 1024
"""The smallest thinking budget that the API takes."""

INTERLEAVED = "interleaved-thinking-2025-05-14"
"""Thinking between tool calls, for models that do not do so by themselves."""


def runs_code(settings: ClaudeSettings) -> bool:
    """Whether code runs in a container of the API's, where files can be put."""
    kinds = (
        tool if isinstance(tool, str) else str(tool.get("type", tool.get("name", "")))
        for tool in settings.server_tools
    )
    return any(kind.startswith("code_execution") for kind in kinds)


def server_tool_names(settings: ClaudeSettings) -> frozenset[str]:
    """What the tools that the API runs are called in a request."""
    tools = (server_tool(tool, settings.model) for tool in settings.server_tools)
    return frozenset(str(tool["name"]) for tool in tools if tool.get("name"))


def check(settings: ClaudeSettings) -> None:
    """Refuse what no request could be made of, before one is needed.

    Raises:
        ValueError: A server tool or a toolset's server is unknown, a name is missing or
            given twice, or the thinking budget leaves no room to answer.
    """
    tools = [server_tool(tool, settings.model) for tool in settings.server_tools]
    _once("tool", [str(tool["name"]) for tool in tools if "name" in tool])
    _check_servers(settings, tools)
    at = settings.compact_at_tokens
    if at is not None and at < COMPACT_TOKENS:
        raise ValueError(
            f"compact_at_tokens: {at} is less than {COMPACT_TOKENS}, the least that "
            "the API takes; raise it"
        )
    budget = settings.thinking
    if isinstance(budget, int) and not BUDGET_TOKENS <= budget < settings.max_tokens:
        raise ValueError(
            f"thinking: {budget} tokens must be at least {BUDGET_TOKENS} and fewer than"
            f" max_tokens, {settings.max_tokens}; change either"
        )


def _check_servers(settings: ClaudeSettings, tools: list[Json]) -> None:
    for server in settings.mcp_servers:
        if not server.get("name"):
            raise ValueError(f"MCP server {server.get('url')!r} has no name; add one")
    names = [str(server["name"]) for server in settings.mcp_servers]
    _once("MCP server", names)
    for tool in tools:
        wanted = tool.get("mcp_server_name")
        if tool["type"] == "mcp_toolset" and wanted not in names:
            there = f"there are {', '.join(names)}" if names else "there are none"
            raise ValueError(
                f"mcp_toolset: mcp_server_name: {wanted!r} is not among mcp_servers; "
                f"{there}"
            )


def _once(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} {name!r} is given twice; keep one")


def toolsets(settings: ClaudeSettings, tools: list[Json]) -> list[Json]:
    """A toolset for each MCP server that has none."""
    if MCP_WITHOUT_TOOLSETS in settings.betas:
        return []
    served = {tool.get("mcp_server_name") for tool in tools}
    return [
        {"type": "mcp_toolset", "mcp_server_name": server["name"]}
        for server in settings.mcp_servers
        if server.get("name") not in served
    ]


def betas(
    settings: ClaudeSettings, tools: list[Json], *, has_files: bool = False
) -> list[str]:
    """The beta headers that a request with ``tools`` needs, each once."""
    found = [*settings.betas]
    found += [BETAS[tool["type"]] for tool in tools if tool.get("type") in BETAS]
    has_mcp = bool(settings.mcp_servers) or any(
        tool.get("type") == "mcp_toolset" for tool in tools
    )
    if has_mcp and not any(beta.startswith("mcp-client-") for beta in found):
        found.append(MCP)
    if has_files:
        found.append(FILES)
    found += _betas_of(extra(settings))
    budget = isinstance(settings.thinking, int)
    if isinstance(settings.thinking, dict):
        budget = settings.thinking.get("type") == "enabled"
    if budget and tools and generation(settings.model) < (4, 6):
        found.append(INTERLEAVED)
    return list(dict.fromkeys(found))


def extra(settings: ClaudeSettings) -> Json:
    """Parameters passed on as they are, and what compaction adds to them."""
    at = settings.compact_at_tokens
    if at is None:
        return settings.extra
    given = cast("Json", settings.extra.get("context_management") or {})
    trigger = {"type": "input_tokens", "value": at}
    edits = [*given.get("edits", ()), {"type": COMPACT, "trigger": trigger}]
    return {**settings.extra, "context_management": {**given, "edits": edits}}


def _betas_of(extra: Json) -> list[str]:
    """Those that parameters imply which are passed on as they are."""
    found: list[str] = []
    container = extra.get("container")
    if isinstance(container, dict) and "skills" in container:
        found.append(SKILLS)
    managed = extra.get("context_management")
    if isinstance(managed, dict):
        kinds = [str(e.get("type")) for e in cast("Json", managed).get("edits") or ()]
        compacts = [kind.startswith("compact_") for kind in kinds]
        if any(compacts):
            found.append(COMPACTION)
        if not all(compacts):
            found.append(CONTEXT_MANAGEMENT)
    return found


def thinking(settings: ClaudeSettings, max_tokens: int) -> Json | None:
    """The thinking parameter, in the API's form, within ``max_tokens``."""
    match settings.thinking:
        case None:
            return None
        case str(mode):
            return {"type": mode}
        case int(budget):
            if max_tokens <= BUDGET_TOKENS:
                return {"type": "disabled"}
            # The API wants room for an answer beyond the budget.
            budget = min(budget, max_tokens - 1)
            return {"type": "enabled", "budget_tokens": budget}
        case given:
            return given

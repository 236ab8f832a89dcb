"""How an agent uses Claude: what people set, and which tools a model takes. Data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast

import msgspec

Json: TypeAlias = dict[str, Any]  # the API's own objects, carried and not looked into

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

    def __repr__(self) -> str:
        return f"ClaudeSettings(model={self.model!r})"  # MCP servers have tokens


# Versions by the first model generation that takes them, newest first. Which models
# take what: docs.claude.com, tool pages, read 2026-11-22; the versions of 2026 need
# programmatic tool calling, which came with generation 4.6.
_VERSIONS: dict[str, tuple[tuple[tuple[int, int], str], ...]] = {
    "web_search": (
        ((4, 6), "web_search_20260318"),
        ((0, 0), "web_search_20250305"),
    ),
    "web_fetch": (
        ((4, 6), "web_fetch_20260318"),
        ((0, 0), "web_fetch_20250910"),
    ),
    "code_execution": (
        ((4, 6), "code_execution_20260521"),
        ((0, 0), "code_execution_20250825"),
    ),
    "tool_search": (((0, 0), "tool_search_tool_bm25_20251119"),),
    "tool_search_bm25": (((0, 0), "tool_search_tool_bm25_20251119"),),
    "tool_search_regex": (((0, 0), "tool_search_tool_regex_20251119"),),
    "advisor": (((0, 0), "advisor_20260301"),),
}

_NAMES = {
    "text_editor_20250124": "str_replace_editor",
    "text_editor_20250429": "str_replace_based_edit_tool",
    "text_editor_20250728": "str_replace_based_edit_tool",
}
"""The API's names for tools whose type does not tell them (SDK 2.12.0)."""

_BETAS = {
    "code_execution_20250522": "code-execution-2025-05-22",
    "memory_20250818": "context-management-2025-06-27",
    "advisor_20260301": "advisor-tool-2026-03-01",
    "computer_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
}
"""Tools that the API offers behind a beta header only (SDK 2.12.0)."""

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

_GENERATION = re.compile(
    r"(?:opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?!\d)(?:-(\d{1,2})(?!\d))?"
)
_OLD_GENERATION = re.compile(r"claude-(\d{1,2})(?:-(\d{1,2}))?-(?:opus|sonnet|haiku)")


def generation(model: str) -> tuple[int, int]:
    """A model's generation by its name: ``claude-opus-4-8`` is (4, 8).

    A name that says nothing is taken for a new model: aliases point at new ones.
    """
    found = _GENERATION.search(model) or _OLD_GENERATION.search(model)
    if found is None:
        return (99, 0)
    return int(found[1]), int(found[2] or 0)


def server_tool(tool: str | Mapping[str, Any], model: str) -> Json:
    """A server tool in the API's form, in the newest version that ``model`` takes.

    Raises:
        ValueError: There is no such tool.
    """
    given: Json = {"type": tool} if isinstance(tool, str) else dict(tool)
    kind = str(given.get("type", given.get("name", "")))
    if kind in _VERSIONS:
        made = generation(model)
        versions = _VERSIONS[kind]
        kind = next(name for first, name in versions if made >= first)
    elif not re.fullmatch(r"[a-z][a-z0-9_]*_\d{8}|mcp_toolset", kind):
        known = ", ".join(sorted(_VERSIONS))
        raise ValueError(f"server tool {kind!r} is unknown; choose from {known}")
    given["type"] = kind
    if "toolset" not in kind:
        given.setdefault("name", _NAMES.get(kind) or re.sub(r"_\d{8}$", "", kind))
    if kind.startswith("advisor_"):
        given.setdefault("model", model)  # it must be named: at least as able a one
    return given


def runs_code(settings: ClaudeSettings) -> bool:
    """Whether code runs in a container of the API's, where files can be put."""
    kinds = (
        tool if isinstance(tool, str) else str(tool.get("type", tool.get("name", "")))
        for tool in settings.server_tools
    )
    return any(kind.startswith("code_execution") for kind in kinds)


def check(settings: ClaudeSettings) -> None:
    """Refuse what no request could be made of, before one is needed.

    Raises:
        ValueError: A server tool is unknown, an MCP server has no name, or the thinking
            budget leaves no room to answer.
    """
    for tool in settings.server_tools:
        server_tool(tool, settings.model)
    for server in settings.mcp_servers:
        if not server.get("name"):
            raise ValueError(f"MCP server {server.get('url')!r} has no name; add one")
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
    found += [_BETAS[tool["type"]] for tool in tools if tool.get("type") in _BETAS]
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

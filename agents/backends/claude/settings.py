"""Settings of an agent of Claude's: set by people, and what follows. Data."""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec

from agents.backends.claude.model_limits import EFFORTS, limits_of, most_output
from agents.backends.claude.server_tools import BETAS, Json, generation, server_tool

MAX_TOKENS = 16_000
"""Most tokens of one response where nothing is said: room for thinking and a long
answer, within what every current model gives."""


class ClaudeSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The fields of a request beside the conversation."""

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
    cache: bool | Literal["5m", "1h"] = True
    """Whether to set breakpoints for the prompt cache, and how long what is behind them
    lives; ``True``: five minutes, as long as a team's turns follow one another."""
    speed: Literal["standard", "fast"] | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    inference_geo: str | None = None
    """The country that inference is kept in, as the API names it."""
    task_budget: int | None = None
    """Tokens that the model is told it has for the whole task, and paces itself by."""
    skills: tuple[str | Json, ...] = ()
    """Agent Skills in the container: names of Anthropic's own, or objects."""
    output_format: Json | None = None
    """A JSON Schema format for the response, as the API takes it."""
    extra: Json = msgspec.field(default_factory=dict[str, Any])
    """Further parameters, as the API names them (``context_management``, …)."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts to redact: tokens of servers, headers of one's own."""
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
FAST = "fast-mode-2026-02-01"
TASK_BUDGET = "task-budgets-2026-03-13"
BINDING = "thinking-binding-controls-2026-08-01"
FALLBACKS = "server-side-fallback-2026-07-01"
DIAGNOSIS = "cache-diagnosis-2026-04-07"
SUMMARIZE = "compact-2026-09-04"
"""All of the API's betas: SDK 2.14.0 and docs.claude.com, read 2026-11-30."""
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

TOOL_CHANGES = "mid-conversation-tool-changes-2026-07-01"
"""Tools that come and go amid a conversation, told in a message of the system's."""
INLINE_TOOLS = "inline-tools-2026-09-15"
"""Such a message may define a tool (SDK 2.14.0, read 2026-12-01)."""

UNASKED = frozenset({BINDING, INTERLEAVED, TOOL_CHANGES, INLINE_TOOLS})
"""Betas that no setting asks for: where they are refused, a request does without."""


def runs_code(settings: ClaudeSettings) -> bool:
    """Whether code runs in a container of the API's, where files can be put."""
    kinds = (
        tool if isinstance(tool, str) else str(tool.get("type", tool.get("name", "")))
        for tool in settings.server_tools
    )
    return any(kind.startswith("code_execution") for kind in kinds)


def server_tool_names(settings: ClaudeSettings) -> frozenset[str]:
    """Names, in a request, of the tools that the API runs."""
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
    budget = _thinking_budget(settings)
    if budget is not None and not BUDGET_TOKENS <= budget < settings.max_tokens:
        raise ValueError(
            f"thinking: {budget} tokens must be at least {BUDGET_TOKENS} and fewer than"
            f" max_tokens, {settings.max_tokens}; change either"
        )
    _check_extra(settings)
    _check_model(settings)


_ELSEWHERE = {
    "model": "'model'",
    "max_tokens": "'max_tokens'",
    "thinking": "'thinking'",
    "system": "'system' of the agent",
    "messages": "the question, or 'attach'",
    "tools": "'tools'",
    "stream": "nothing: every response is streamed",
    "timeout": "'idle_limit_s' and 'deadline_s'",
}
"""Parameters that are written here, and what says them."""


def _check_extra(settings: ClaudeSettings) -> None:
    """Refuse what would be lost, or would take the place of what is written here."""
    for name, way_out in _ELSEWHERE.items():
        if name in settings.extra:
            raise ValueError(f"extra: {name!r} cannot stand there; use {way_out}")
    own = output_config(settings, {})
    config = settings.extra.get("output_config")
    if isinstance(config, dict):
        for name in own.keys() & cast("Json", config).keys():
            raise ValueError(
                f"extra: output_config.{name} is said twice; keep the setting of its "
                "own"
            )
    for name in ("speed", "service_tier", "inference_geo"):
        if name in settings.extra and getattr(settings, name) is not None:
            raise ValueError(f"extra: {name} is said twice; keep one")


def _check_model(settings: ClaudeSettings) -> None:
    """Refuse what the model is known to refuse (read 2026-11-30)."""
    limits = limits_of(settings.model)
    mode = settings.thinking
    if isinstance(mode, dict):
        mode = str(mode.get("type"))
    elif isinstance(mode, int):
        mode = "enabled"
    if mode in limits.refused_thinking:
        what = "budget of tokens" if mode == "enabled" else repr(mode)
        raise ValueError(
            f"thinking: {settings.model} takes no {what}; leave it out, or say "
            "'adaptive'"
        )
    most = limits.most_effort_without_thinking
    effort = settings.effort or "low"
    if mode == "disabled" and most and EFFORTS.index(effort) > EFFORTS.index(most):
        raise ValueError(
            f"effort: {settings.model} takes {effort!r} with thinking alone; say "
            f"{most!r} or less, or leave out 'thinking'"
        )
    most_tokens = most_output(settings.model)
    is_longer = any(beta.startswith("output-") for beta in settings.betas)
    if most_tokens is not None and settings.max_tokens > most_tokens and not is_longer:
        raise ValueError(
            f"max_tokens: {settings.model} writes {most_tokens:,} tokens at most, and "
            f"not {settings.max_tokens:,}; lower it"
        )
    choice = settings.extra.get("tool_choice")
    kind = cast("Json", choice).get("type") if isinstance(choice, dict) else None
    if kind in {"any", "tool"} and not limits.takes_forced_choice:
        raise ValueError(
            f"extra: {settings.model} takes no forced tool_choice; leave it out"
        )


def _thinking_budget(settings: ClaudeSettings) -> int | None:
    """The tokens to think with, in either spelling."""
    budget = settings.thinking
    if isinstance(budget, dict):
        budget = (
            budget.get("budget_tokens") if budget.get("type") == "enabled" else None
        )
    return budget if isinstance(budget, int) and not isinstance(budget, bool) else None


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
    names = [*settings.betas, *cast("list[str]", settings.extra.get("betas") or [])]
    names += [BETAS[tool["type"]] for tool in tools if tool.get("type") in BETAS]
    has_mcp = bool(settings.mcp_servers) or any(
        tool.get("type") == "mcp_toolset" for tool in tools
    )
    if has_mcp and not any(beta.startswith("mcp-client-") for beta in names):
        names.append(MCP)
    if has_files:
        names.append(FILES)
    names += _betas_of(extra(settings))
    if "task_budget" in output_config(settings, settings.extra):
        names.append(TASK_BUDGET)
    if "block_binding" in (thinking(settings, settings.max_tokens) or {}):
        names.append(BINDING)
    budget = _thinking_budget(settings) is not None
    if budget and tools and generation(settings.model) < (4, 6):
        names.append(INTERLEAVED)
    return list(dict.fromkeys(names))


def extra(settings: ClaudeSettings) -> Json:
    """Parameters passed on as they are, and what compaction adds to them."""
    at = settings.compact_at_tokens
    served = {
        "speed": settings.speed,
        "service_tier": settings.service_tier,
        "inference_geo": settings.inference_geo,
    }
    own: Json = {name: value for name, value in served.items() if value is not None}
    if settings.skills:
        own["container"] = _with_skills(settings)
    if own:
        settings = msgspec.structs.replace(settings, extra={**settings.extra, **own})
    if at is None:
        return settings.extra
    management = cast("Json", settings.extra.get("context_management") or {})
    trigger = {"type": "input_tokens", "value": at}
    edits = [*management.get("edits", ()), {"type": COMPACT, "trigger": trigger}]
    return {**settings.extra, "context_management": {**management, "edits": edits}}


def _with_skills(settings: ClaudeSettings) -> Json:
    """The container parameter with the skills that are set."""
    value = settings.extra.get("container")
    container = cast("Json", value) if isinstance(value, dict) else {}
    skills: list[Json] = [
        {"type": "anthropic", "skill_id": skill, "version": "latest"}
        if isinstance(skill, str)
        else skill
        for skill in settings.skills
    ]
    return {**container, "skills": [*container.get("skills", ()), *skills]}


def output_config(settings: ClaudeSettings, extra: Json) -> Json:
    """How the model is to word its output, with what ``extra`` says of it."""
    extra_config = extra.get("output_config")
    config: Json = (
        {**cast("Json", extra_config)} if isinstance(extra_config, dict) else {}
    )
    if settings.effort is not None:
        config["effort"] = settings.effort
    if settings.output_format is not None:
        config["format"] = settings.output_format
    if settings.task_budget is not None:
        config["task_budget"] = {"type": "tokens", "total": settings.task_budget}
    return config


_OF_PARAMETERS = {
    "speed": FAST,
    "fallbacks": FALLBACKS,
    "fallback_credit_token": FALLBACKS,
    "diagnostics": DIAGNOSIS,
    "compaction": SUMMARIZE,
}
"""The beta that each parameter needs."""


def _betas_of(extra: Json) -> list[str]:
    """Those that parameters imply which are passed on as they are."""
    names = [beta for name, beta in _OF_PARAMETERS.items() if name in extra]
    container = extra.get("container")
    if isinstance(container, dict) and "skills" in container:
        names.append(SKILLS)
    managed = extra.get("context_management")
    if isinstance(managed, dict):
        kinds = [str(e.get("type")) for e in cast("Json", managed).get("edits") or ()]
        compacts = [kind.startswith("compact_") for kind in kinds]
        if any(compacts):
            names.append(COMPACTION)
        if not all(compacts):
            names.append(CONTEXT_MANAGEMENT)
    return names


def thinking(settings: ClaudeSettings, max_tokens: int) -> Json | None:
    """The thinking parameter, in the API's form, within ``max_tokens``."""
    budget = _thinking_budget(settings)
    if budget is not None:
        if max_tokens <= BUDGET_TOKENS:
            return {"type": "disabled"}
        fields = settings.thinking if isinstance(settings.thinking, dict) else {}
        # The API wants room for an answer beyond the budget.
        merged_fields = {
            **fields,
            "type": "enabled",
            "budget_tokens": min(budget, max_tokens - 1),
        }
        return _bound(settings, merged_fields)
    match settings.thinking:
        case str(mode):
            return _bound(settings, {"type": mode})
        case dict(fields):
            return _bound(settings, fields)
        case _:
            return (
                _bound(settings, {"type": "adaptive"}) if _is_bound(settings) else None
            )


def _is_bound(settings: ClaudeSettings) -> bool:
    """Whether the model binds its thinking to what comes before it, and says so.

    Those of platforms, whose names differ, are asked nothing that is a beta here.
    """
    is_ours = settings.model.startswith("claude-") and "@" not in settings.model
    return is_ours and limits_of(settings.model).binds_thinking


def _bound(settings: ClaudeSettings, fields: Json) -> Json:
    """``fields`` with what models that bind their thinking need.

    Summaries, because nothing is to be seen of them otherwise between tools, whoever
    looks; and, as a belt, that thoughts whose prefix has changed are left out instead
    of having the request refused.
    """
    if not _is_bound(settings) or fields.get("type") not in {"adaptive", "enabled"}:
        return fields
    drop = {"prefix_mismatch_behavior": "drop_block"}
    return {"display": "summarized", "block_binding": drop, **fields}

"""Semantic validation of a team file: what is well written and makes no sense.

Refused before anything is opened or paid for, with its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from agents.backends.claude.server_tools import server_tool
from agents.backends.claude.settings import ClaudeSettings, check
from coordinator.team import claude_code
from coordinator.team.function_tools import FunctionEntry
from coordinator.team.makers import MODELS, OTHERS, check_maker, fallback_of
from coordinator.team.yaml_document import Document, Where, convert, value_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.consensus.rules import Rules
    from coordinator.team.team_file_schema import AgentEntry

JsonObject: TypeAlias = dict[str, Any]  # carried to the API as it is

WORKSPACE_TOOLS = ("bash", "text_editor", "memory")
"""Run here, in the agent's own folder."""

FILE_TOOLS = frozenset({"bash", "text_editor"})
"""Those that see what is in it."""

_PLACES = {
    "region": ("bedrock", "vertex"),
    "project": ("vertex",),
    "resource": ("foundry", "azure"),
}


def check_agent(document: Document, where: Where, entry: AgentEntry) -> None:
    """Refuse what is well written of an agent and makes no sense.

    Args:
        document: The whole file.
        where: The agent's place in it.
        entry: The agent, with what ``defaults`` says filled in.

    Raises:
        ConfigInvalid: With line, key, value and the way out.
    """
    _check_tools(document, said_at(document, where, "tools"), entry)
    place = (*where, "workspace_shown")
    has_files = FILE_TOOLS & {tool for tool in entry.tools if isinstance(tool, str)}
    if value_at(document, place) is True and not has_files:
        tools = " or ".join(sorted(FILE_TOOLS))
        problem = (
            f"the agent has no tool that makes files; add {tools}, or leave it out"
        )
        raise document.error(place, problem)
    if entry.backend == "scripted" and entry.script is None:
        raise document.error(where, "a scripted agent needs a script; add 'script:'")
    if entry.fallback and entry.backend not in MODELS:
        problem = f"a {entry.backend} agent has no model to fall back from"
        place = said_at(document, where, "fallback")
        raise document.error(place, f"{problem}; leave it out")
    if entry.place is not None and (entry.backend == "human" or entry.approve):
        problem = "people are asked where the session runs, not at another place"
        place = said_at(document, where, "place")
        raise document.error(place, f"{problem}; leave out the place, or them")
    for name, takes in _PLACES.items():
        if getattr(entry, name) is not None and entry.provider not in takes:
            problem = f"provider {entry.provider} has none; {' and '.join(takes)} have"
            raise document.error(said_at(document, where, name), problem)
    if entry.backend == "claude":
        _check_claude(document, where, entry)
    if entry.backend in OTHERS:
        _check_other(document, where, entry)
    if entry.backend == "claude_code":
        _check_claude_code(document, where, entry)
    for model in entry.fallback:
        other = fallback_of(entry, model)
        if other.backend in OTHERS:
            _check_fallback(document, said_at(document, where, "fallback"), other)


def check_checked_places(
    document: Document, rules: Rules, agents: Sequence[AgentEntry]
) -> None:
    """Refuse a check by command of a workspace that is on another machine.

    A command runs in a copy of the author's workspace, and where the session is there
    is none of it: tests would pass or fail on an empty folder.

    Raises:
        ConfigInvalid: With line, key, value and the way out.
    """
    commands = [each for each in rules.drafting.each_check() if each.command]
    for number, entry in enumerate(agents):
        has_work = entry.workspace is not None or entry.backend == "claude_code"
        if commands and has_work and entry.place is not None:
            where = said_at(document, ("agents", number), "place")
            raise document.error(
                where,
                f"check {commands[0].called!r} is a command, which runs where the "
                f"session is, and {entry.id!r} has its workspace at another place; "
                "leave out the place, or check by a function, a pattern or a schema",
            )


def _proxy_fault(proxy: str | None) -> str:
    """The fault of a proxy as written; never its words, which may be secret."""
    if proxy is None or proxy.startswith("$"):
        return ""
    if not proxy.startswith(("http://", "https://", "socks5://", "socks5h://")):
        return "a proxy is http://host:port, or $VARIABLE"
    if "@" in proxy:
        return (
            "a password has no place in a file; put the address into a variable and "
            "write $VARIABLE"
        )
    return ""


def said_at(document: Document, where: Where, key: str) -> Where:
    """Where a setting of the agent at ``where`` stands: there, or under defaults."""
    is_its_own = value_at(document, (*where, key)) is not None
    return (*where, key) if is_its_own else ("defaults", key)


def _check_tools(document: Document, where: Where, entry: AgentEntry) -> None:
    for number, tool in enumerate(entry.tools):
        place = (*where, number)
        if not isinstance(tool, str) and "function" in tool:
            convert(document, FunctionEntry, at=place)
        if tool in WORKSPACE_TOOLS and entry.workspace is None:
            problem = f"{tool} needs a folder to work in; add e.g. 'workspace: work'"
            raise document.error(place, problem)


def _check_other(document: Document, where: Where, entry: AgentEntry) -> None:
    """Refuse what an agent of another maker cannot be asked with."""
    _check_addresses(document, where, entry)
    try:
        check_maker(entry, tuple(filter(is_server_tool, entry.tools)))
    except ValueError as error:
        key = str(error).partition(":")[0]
        place = said_at(document, where, "tools" if key in entry.tools else key)
        is_there = value_at(document, place) is not None
        raise document.error(place if is_there else where, str(error)) from None


def _check_claude_code(document: Document, where: Where, entry: AgentEntry) -> None:
    """Refuse what Claude Code cannot be started with."""
    _check_addresses(document, where, entry)
    try:
        claude_code.check(entry)
    except ValueError as error:
        place = said_at(document, where, str(error).partition(":")[0])
        is_there = value_at(document, place) is not None
        raise document.error(place if is_there else where, str(error)) from None


def _check_fallback(document: Document, where: Where, entry: AgentEntry) -> None:
    try:
        check_maker(entry, tuple(filter(is_server_tool, entry.tools)))
    except ValueError as error:
        problem = f"{entry.backend} {entry.model!r} cannot take over: {error}"
        raise document.error(where, problem) from None


def _check_addresses(document: Document, where: Where, entry: AgentEntry) -> None:
    url = entry.base_url
    if url is not None and not url.startswith(("https://", "http://")):
        problem = f"{url!r} is no address; begin it with https:// or http://"
        raise document.error(said_at(document, where, "base_url"), problem)
    if fault := _proxy_fault(entry.proxy):
        raise document.error(said_at(document, where, "proxy"), fault)


def _check_claude(document: Document, where: Where, entry: AgentEntry) -> None:
    if entry.model is None or not entry.model.strip():
        problem = "a claude agent needs a model, e.g. 'model: claude-sonnet-5-5'"
        raise document.error(where, problem)
    url = entry.base_url
    if url is not None and not url.startswith(("https://", "http://")):
        problem = f"{url!r} is no address; begin it with https:// or http://"
        raise document.error(said_at(document, where, "base_url"), problem)
    if fault := _proxy_fault(entry.proxy):
        raise document.error(said_at(document, where, "proxy"), fault)
    place = said_at(document, where, "tools")
    for number, tool in enumerate(entry.tools):
        if is_server_tool(tool):
            try:
                server_tool(tool, entry.model, others=WORKSPACE_TOOLS)
            except ValueError as error:
                raise document.error((*place, number), str(error)) from None
    if entry.effort in {"none", "minimal"}:
        problem = f"Claude takes no effort {entry.effort!r}; say low, or leave it out"
        raise document.error(said_at(document, where, "effort"), problem)
    others = {"server": entry.server, "api": entry.api, "sign_in": entry.sign_in}
    for name, key in others.items():
        if key is not None:
            problem = f"{name} is for other makers' models; leave it out"
            raise document.error(said_at(document, where, name), problem)
    names = ("max_tokens", "thinking", "mcp_servers", "compact_at_tokens", "betas")
    values = {name: getattr(entry, name) for name in names}
    settings = ClaudeSettings(
        model=entry.model,
        server_tools=tuple(filter(is_server_tool, entry.tools)),
        **{name: value for name, value in values.items() if value is not None},
    )
    try:
        check(settings)
    except ValueError as error:
        raise document.error(where, str(error)) from None


def is_server_tool(tool: str | JsonObject) -> bool:
    """Whether the API runs this tool; else it is a Python function, or works here."""
    if not isinstance(tool, str):
        return "function" not in tool
    return ":" not in tool and tool not in WORKSPACE_TOOLS


def check_schema(document: Document, schema: JsonObject) -> None:
    """Refuse an ``answer_schema`` that is no JSON Schema, with the place in it.

    Raises:
        ConfigInvalid: It is none, or a reference in it leads nowhere.
    """
    from agents.tools.answer_schema import (  # noqa: PLC0415  (few teams have a schema)
        SchemaInvalid,
        answer_form,
    )

    try:
        answer_form(schema)
    except SchemaInvalid as error:
        place = ("answer_schema", *error.path)
        raise document.error(place, f"no JSON Schema: {error.problem}") from None

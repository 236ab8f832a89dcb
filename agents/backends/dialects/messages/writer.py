"""From a request in our words to the parameters of one API call. Pure."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

import msgspec

from agents.backends.claude.server_tools import Json, server_tool
from agents.backends.claude.settings import (
    UNASKED,
    ClaudeSettings,
    betas,
    extra,
    output_config,
    thinking,
    toolsets,
)
from agents.backends.dialects.messages.cache_marks import MARKS_MOST, make_room
from agents.backends.dialects.messages.tool_changes import ToolChanges, json_of
from agents.backends.dialects.tool_names import with_wire_ids
from agents.protocol.backend import KnownTool, Message, Request, ToolSpec

AGENT_HEADER = "x-coordinator-agent"
"""Names the agent to proxies and to the emulator; the API ignores it."""
_PLAIN = " !#$&'()*+,/:;<=>?@[]^`{|}\""
"""Characters that a header takes beside letters and digits; others are escaped."""

_MARKABLE = frozenset({"text", "tool_result", "image", "document"})
"""Types of blocks that may bear a breakpoint at the end of a message."""
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_BREAKPOINT: Json = {"type": "ephemeral"}
"""Five minutes: as long as a team's turns follow one another."""
_HOUR: Json = {"type": "ephemeral", "ttl": "1h"}
_LOOK_BACK = 20
"""Blocks before a breakpoint in which the API looks for what it has read before
(docs.claude.com, prompt caching, read 2026-11-30)."""


def parameters(
    settings: ClaudeSettings, request: Request, *, is_bare: bool = False
) -> Json:
    """Everything ``client.beta.messages.create`` is given, streaming.

    Cache breakpoints (all four that are allowed) stand after the tools that are there
    in every turn, after the system prompt, after what all viewers of the same answers
    share, and, where a conversation goes on, at its end. Order and content before them
    do not depend on the agent, so that agents of one model read what the first wrote.

    Args:
        settings: The backend's.
        request: What is asked.
        is_bare: Without betas that no setting asks for, which some servers refuse.

    Raises:
        ValueError: A server tool is unknown.
    """
    changes = ToolChanges.of(settings, request, is_bare=is_bare)
    tools = _tools(settings, changes.begun_with)
    conversation = [_message(message) for message in request.messages]
    if request.attached and conversation:
        # Before the question: they are the largest part of the prefix that all share.
        conversation[0]["content"][:0] = [
            msgspec.json.decode(block) for block in request.attached
        ]
    system = [_text(request.system)] if request.system else []
    if settings.cache:
        _mark(system, tools, conversation, settings)
    conversation = changes.told_in(conversation)
    max_tokens = settings.max_tokens
    if request.max_tokens is not None:
        max_tokens = min(max_tokens, request.max_tokens)
    carried = (*(message.content for message in request.messages), *request.attached)
    has_files = any(b'"file_id"' in bytes(content) for content in carried)
    fields: Json = {
        **extra(settings),
        "model": settings.model,
        "max_tokens": max_tokens,
        "messages": conversation,
        "stream": True,
        "betas": [*betas(settings, tools, has_files=has_files), *changes.betas],
        "extra_headers": {
            **settings.extra.get("extra_headers", {}),
            AGENT_HEADER: quote(request.turn.agent, safe=_PLAIN),
        },
    }
    optional: Json = {
        "system": system,
        "tools": tools,
        "thinking": thinking(settings, max_tokens),
        "output_config": output_config(settings, settings.extra),
        "mcp_servers": [*settings.extra.get("mcp_servers", ()), *settings.mcp_servers],
        "container": _container(settings, request),
    }
    fields.update({name: value for name, value in optional.items() if value})
    if not fields["betas"]:
        del fields["betas"]
    if fields.get("thinking") == {"type": "disabled"}:
        fields["messages"] = without_thoughts(conversation)
    make_room(fields, _breakpoint(settings))
    return fields


def without_unasked(fields: Json, settings: ClaudeSettings) -> Json:
    """The same parameters without the betas that no setting has asked for.

    For servers that refuse a beta they do not know: a gateway, or a platform.
    """
    set_by_user = {*settings.betas, *(settings.extra.get("betas") or ())}
    dropped = UNASKED - set_by_user
    betas = [beta for beta in fields.get("betas", ()) if beta not in dropped]
    rest = {name: value for name, value in fields.items() if name != "betas"}
    if betas:
        rest["betas"] = betas
    setting = settings.thinking
    is_theirs = isinstance(setting, dict) and "block_binding" in setting
    if isinstance(rest.get("thinking"), dict) and not is_theirs:
        thinking = cast("Json", rest["thinking"])
        unbound = {k: v for k, v in thinking.items() if k != "block_binding"}
        rest["thinking"] = unbound
    return rest


def without_thoughts(conversation: list[Json]) -> list[Json]:
    """The messages as they are taken where thinking is switched off.

    A budget may leave too little to think with amid a tool loop, whose calls were
    thought about: with those thoughts, some models refuse to be asked without.
    """
    thoughtless: list[Json] = []
    for message in conversation:
        blocks = cast("list[Json]", message["content"])
        other_blocks = [block for block in blocks if block.get("type") not in _THOUGHTS]
        if other_blocks:
            thoughtless.append({**message, "content": other_blocks})
    return thoughtless


def _tools(
    settings: ClaudeSettings, specs: tuple[ToolSpec | KnownTool, ...]
) -> list[Json]:
    """The API's own tools first: they are the same for every agent and turn."""
    tools = [server_tool(tool, settings.model) for tool in settings.server_tools]
    tools += toolsets(settings, tools)
    return [*tools, *map(json_of, specs)]


def _container(settings: ClaudeSettings, request: Request) -> Json | str | None:
    """The conversation's container, with the skills it was given."""
    container = extra(settings).get("container")
    if request.container and isinstance(container, dict):
        return {**cast("Json", container), "id": request.container}
    return request.container


def _message(message: Message) -> Json:
    content: Any = msgspec.json.decode(message.content)
    if isinstance(content, str):
        content = [_text(content)]
    blocks = with_wire_ids(cast("list[Json]", content))
    return {"role": message.role, "content": blocks}


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _mark(
    system: list[Json],
    tools: list[Json],
    conversation: list[Json],
    settings: ClaudeSettings,
) -> None:
    """Set the breakpoints, in place; a user's own stay, and may take their room.

    Behind the conversation, so that the next request reads it; where more blocks have
    come since the last request than the API looks back over, behind that as well;
    behind what all viewers share, the system prompt, and the tools.
    """
    places = [
        *_ends(conversation, settings),
        *_shared(conversation),
        *system[-1:],
        *_last_tool(tools, settings),
    ]
    for block in places[:MARKS_MOST]:
        block.setdefault("cache_control", _breakpoint(settings))


def _breakpoint(settings: ClaudeSettings) -> Json:
    return _HOUR if settings.cache == "1h" else _BREAKPOINT


def _ends(conversation: list[Json], settings: ClaudeSettings) -> list[Json]:
    """The conversation's last block, and the last of the request before."""
    if not conversation:
        return []
    last = cast("list[Json]", conversation[-1]["content"])
    # A single question that no tool carries on is never read again: writing it to the
    # cache would only cost the surcharge.
    goes_on = len(conversation) > 1 or bool(settings.server_tools)
    blocks = last[-1:] if goes_on else []
    if len(conversation) > 2:
        since = sum(len(message["content"]) for message in conversation[-2:])
        if since >= _LOOK_BACK:
            blocks += cast("list[Json]", conversation[-3]["content"])[-1:]
    return [block for block in blocks if block.get("type") in _MARKABLE]


def _shared(conversation: list[Json]) -> list[Json]:
    """The last block that viewers of the same answers share: one's own comes last."""
    opening = cast("list[Json]", conversation[0]["content"]) if conversation else []
    if len(opening) > 1 and opening[-2].get("type") == "text":
        return [opening[-2]]
    return []


def _last_tool(tools: list[Json], settings: ClaudeSettings) -> list[Json]:
    """The last tool that is there from the beginning, unless a user has set marks."""
    if any("cache_control" in each for each in (settings.extra, *tools)):
        return []
    for tool in reversed(tools):
        # A tool that is loaded later is not there yet, and cannot bear one.
        if not (tool.get("defer_loading") or tool.get("default_config")):
            return [tool]
    return []

"""Calls of the API's own tools that have no result yet, and what may follow them. Pure.

Such a call is fit to be sent as the last message's, which asks the API to go on, or
before a user message of tool results alone (docs.claude.com, server tools, "Mixing
server tools and client tools in one turn", read 2026-11-30). Before anything else it is
refused for good, so it is left out there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from agents.protocol.backend import Message

_Blocks: TypeAlias = list[dict[str, Any]]

THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_CALLS = frozenset({"server_tool_use", "mcp_tool_use"})
_MARKS = tuple(f'"{kind}"'.encode() for kind in _CALLS)
"""In JSON, no text can hold these bytes unescaped."""


def without_open_calls(messages: Sequence[Message]) -> list[Message]:
    """``messages`` without calls of the API's that nothing answers, where that matters.

    A message that is left empty is left out, and its neighbours of one role are put
    together.
    """
    remaining = [*messages]
    calling = [place for place, each in enumerate(messages) if _may_call(each)]
    if not calling:
        return remaining
    returned = _returned(messages[calling[0] :])
    for place in reversed(calling):
        if not _is_left_behind(messages, place):
            continue
        blocks = _read(messages[place])
        closed = [block for block in blocks if not _is_open(block, returned)]
        if len(closed) == len(blocks):
            continue
        if trimmed := without_last_thoughts(closed):
            content = msgspec.Raw(msgspec.json.encode(trimmed))
            remaining[place] = msgspec.structs.replace(messages[place], content=content)
        else:
            del remaining[place]
    return _together(remaining)


def has_open_call(messages: Sequence[Message]) -> bool:
    """Whether the last message has a call of the API's that nothing answers yet."""
    if not messages or not _may_call(messages[-1]):
        return False
    returned = _returned(messages[-1:])
    return any(_is_open(block, returned) for block in _read(messages[-1]))


def without_last_thoughts(blocks: _Blocks) -> _Blocks:
    """``blocks`` without thoughts at their end, where the API refuses them.

    "The final block in an assistant message cannot be `thinking`" (public reports).
    """
    end = len(blocks)
    while end and blocks[end - 1].get("type") in THOUGHTS:
        end -= 1
    return blocks[:end]


def without_thoughts(messages: Sequence[Message]) -> list[Message]:
    """``messages`` without what the model thought; what is left empty is left out."""
    thoughtless: list[Message] = []
    for message in messages:
        if message.role == "assistant":
            blocks = _read(message)
            other_blocks = [
                block for block in blocks if block.get("type") not in THOUGHTS
            ]
            if not other_blocks:
                continue
            if len(other_blocks) < len(blocks):
                content = msgspec.Raw(msgspec.json.encode(other_blocks))
                message = msgspec.structs.replace(message, content=content)  # noqa: PLW2901
        thoughtless.append(message)
    return _together(thoughtless)


def trimmed_end(content: msgspec.Raw) -> msgspec.Raw:
    """``content`` whose last text has no blanks at its end.

    "final assistant content cannot end with trailing whitespace" (public reports).
    """
    blocks: _Blocks = msgspec.json.decode(content)
    if not blocks or blocks[-1].get("type") != "text":
        return content
    text = str(blocks[-1].get("text", ""))
    if text == text.rstrip():
        return content
    blocks[-1] = {**blocks[-1], "text": text.rstrip()}
    return msgspec.Raw(msgspec.json.encode(blocks))


def _may_call(message: Message) -> bool:
    content = bytes(message.content)
    return message.role == "assistant" and any(mark in content for mark in _MARKS)


def _returned(messages: Sequence[Message]) -> set[str]:
    """The calls that are answered in what the model said."""
    return {
        str(block.get("tool_use_id"))
        for message in messages
        if message.role == "assistant"
        for block in _read(message)
        if str(block.get("type")).endswith("_result")
    }


def _is_left_behind(messages: Sequence[Message], place: int) -> bool:
    """Whether more follows than what may: the results of our tools, once."""
    after = [message for message in messages[place + 1 :] if message.role == "user"]
    return len(after) > 1 or any(
        block.get("type") != "tool_result"
        for message in after
        for block in _read(message)
    )


def _is_open(block: dict[str, Any], returned: set[str]) -> bool:
    return block.get("type") in _CALLS and str(block.get("id")) not in returned


def _read(message: Message) -> _Blocks:
    content: Any = msgspec.json.decode(message.content)
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _together(messages: list[Message]) -> list[Message]:
    """Put user messages together that nothing stands between any more."""
    merged: list[Message] = []
    for message in messages:
        if merged and merged[-1].role == message.role == "user":
            before, after = _read(merged[-1]), _read(message)
            content = msgspec.Raw(msgspec.json.encode([*before, *after]))
            merged[-1] = msgspec.structs.replace(merged[-1], content=content)
        else:
            merged.append(message)
    return merged

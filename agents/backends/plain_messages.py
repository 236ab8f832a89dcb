"""Messages as MassGen and OpenAI write them, in the Messages API's form. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import msgspec

from agents.protocol.backend import Message
from agents.protocol.unicode_text import whole_json

Blocks: TypeAlias = list[dict[str, Any]]


def system_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """The texts of all messages with the role ``system``, joined by line ends."""
    texts = (
        block.get("text", "")
        for message in messages
        if message.get("role") == "system"
        for block in _blocks(message.get("content"))
    )
    return "\n".join(text for text in texts if text)


def api_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[Message, ...]:
    """All others: results of tools as blocks of the user's, neighbours together.

    Text that is empty or blank is left out, because the API refuses it, and so is a
    message of nothing else.
    """
    turns: list[tuple[str, Blocks]] = []
    for message in messages:
        role, blocks = _read(message)
        if role == "system" or not blocks:
            continue
        if turns and turns[-1][0] == role == "user":
            turns[-1][1].extend(blocks)
        else:
            turns.append((role, blocks))
    return tuple(
        Message(
            role=cast("Any", role),
            content=msgspec.Raw(
                msgspec.json.encode(whole_json(_results_first(blocks)))
            ),
        )
        for role, blocks in turns
    )


def _read(message: Mapping[str, Any]) -> tuple[str, Blocks]:
    role = str(message.get("role"))
    blocks = _blocks(message.get("content"))
    if role == "tool":
        result = {
            "type": "tool_result",
            "tool_use_id": str(message.get("tool_call_id", "")),
            "content": blocks or "(no output)",
        }
        return "user", [result]
    calls: Any = message.get("tool_calls") or ()
    if role == "assistant":
        blocks += [_call(call) for call in calls]
    return role, blocks


def _blocks(content: Any) -> Blocks:  # noqa: ANN401  (whatever its callers pass)
    items: list[Any] = [content] if isinstance(content, str) else list(content or ())
    parts = [{"type": "text", "text": x} if isinstance(x, str) else x for x in items]
    return [
        {**part}
        for part in parts
        if part.get("type") != "text" or str(part.get("text") or "").strip()
    ]


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call of OpenAI's, whose input is JSON within JSON."""
    function: Mapping[str, Any] = call.get("function", call)
    arguments: Any = function.get("arguments") or {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            arguments = {}
    name, id_ = str(function.get("name", "")), str(call.get("id", ""))
    input_ = cast("dict[str, Any]", arguments) if isinstance(arguments, dict) else {}
    return {"type": "tool_use", "id": id_, "name": name, "input": input_}


def _results_first(blocks: Blocks) -> Blocks:
    """Results of tools come before what else is said, or the API refuses them."""
    return sorted(blocks, key=lambda block: block.get("type") != "tool_result")

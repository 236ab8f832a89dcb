"""Histories of MassGen's made whole, so that an API takes them. Pure.

Its orchestrator keeps an agent's history itself. It answers the calls it has refused
and no others, sends news as text after a call that nothing answers, and keeps a result
whose call it has dropped (0.1.97, read 2026-12-01). The Messages API refuses each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

Json: TypeAlias = dict[str, Any]

NOT_RUN = "Not run: the turn went on without it."
"""The result of a call that nothing has answered."""
GO_ON = "Go on."
"""Said where a history ends with the assistant's words: current models refuse that."""


def whole_history(messages: Sequence[Mapping[str, Any]]) -> list[Json]:
    """Give each call one result, and each result its call.

    A result whose call is not in the message before it becomes text, and so does a
    second one. Who speaks first and last is the user.
    """
    whole: list[Json] = []
    open_calls: list[str] = []
    for message in messages:
        if message.get("role") == "assistant":
            whole += _unanswered(open_calls)
            whole.append(dict(message))
            open_calls = calls_of(message)
        elif message.get("role") == "system":
            whole.append(dict(message))
        else:
            whole += _answering(message, open_calls)
    whole += _unanswered(open_calls)
    spoken = [each for each in whole if each.get("role") != "system"]
    if not spoken or spoken[-1].get("role") == "assistant":
        whole.append({"role": "user", "content": GO_ON})
    if spoken and spoken[0].get("role") == "assistant":
        whole.insert(whole.index(spoken[0]), {"role": "user", "content": GO_ON})
    return whole


def calls_of(message: Mapping[str, Any]) -> list[str]:
    """The ids of an assistant message's calls, in order, in OpenAI's form or ours."""
    content: Any = message.get("content")
    blocks = cast("list[Any]", content) if isinstance(content, list) else []
    used = [
        str(cast("Json", block).get("id", ""))
        for block in blocks
        if isinstance(block, dict) and cast("Json", block).get("type") == "tool_use"
    ]
    called: Any = message.get("tool_calls") or ()
    return [*used, *(str(call.get("id", "")) for call in called)]


def _answering(message: Mapping[str, Any], open_calls: list[str]) -> list[Json]:
    """A message of the user's or a tool's; the calls that it answers are closed."""
    if message.get("role") == "tool":
        id_ = str(message.get("tool_call_id", ""))
        if id_ in open_calls:
            open_calls.remove(id_)
            return [dict(message)]
        return [_as_text(message.get("content"))]
    content: Any = message.get("content")
    if not isinstance(content, list):
        return [*_unanswered(open_calls), dict(message)]
    blocks = [_block(block, open_calls) for block in cast("list[Any]", content)]
    is_text = any(block.get("type") != "tool_result" for block in blocks)
    before = _unanswered(open_calls) if is_text else []
    return [*before, {**message, "content": blocks}]


def _block(block: object, open_calls: list[str]) -> Json:
    if not isinstance(block, dict):
        return {"type": "text", "text": str(block)}
    fields = cast("Json", block)
    if fields.get("type") != "tool_result":
        return fields
    id_ = str(fields.get("tool_use_id", ""))
    if id_ in open_calls:
        open_calls.remove(id_)
        return fields
    return {"type": "text", "text": str(_as_text(fields.get("content"))["content"])}


def _as_text(content: object) -> Json:
    return {"role": "user", "content": f"A tool returned: {content}"}


def _unanswered(open_calls: list[str]) -> list[Json]:
    """A result for each call that has none; they are closed by it."""
    results = [
        {"role": "tool", "tool_call_id": id_, "content": NOT_RUN} for id_ in open_calls
    ]
    open_calls.clear()
    return results

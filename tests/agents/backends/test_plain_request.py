"""MassGen's way of asking: messages and tools of two makers, as they were meant."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.backends.plain_request import plain_request
from agents.emulator.history_validation import Issued
from agents.emulator.request_validation import refusals

CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "look", "arguments": '{"q": 1}'},
}


def sent(*messages: Any, tools: tuple[Any, ...] = ()) -> dict[str, Any]:
    """The body that messages and tools come to."""
    request = plain_request(messages, tools, {})
    body = {
        "model": "claude-haiku-5-5",
        "max_tokens": 9,
        "system": request.system,
        "messages": [
            {"role": m.role, "content": msgspec.json.decode(m.content)}
            for m in request.messages
        ],
        "tools": msgspec.json.decode(msgspec.json.encode(request.tools)),
    }
    assert refusals(body, frozenset(), Issued()) == []
    return body


def test_results_of_openais_tools_go_back_as_results() -> None:
    body = sent(
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
        {"role": "user", "content": "and?"},
    )
    kinds = [(m["role"], [b["type"] for b in m["content"]]) for m in body["messages"]]
    assert kinds == [
        ("user", ["text"]),
        ("assistant", ["tool_use"]),
        ("user", ["tool_result", "text"]),
    ]
    assert body["messages"][1]["content"][0]["input"] == {"q": 1}


@pytest.mark.parametrize("arguments", ["{", "", None, "[1]", {"q": 1}])
def test_arguments_that_are_no_object_are_an_empty_one(arguments: Any) -> None:
    call = {**CALL, "function": {"name": "look", "arguments": arguments}}
    body = sent(
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": ""},
    )
    assert isinstance(body["messages"][1]["content"][0]["input"], dict)


def test_empty_texts_stay_behind_marked_or_not() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    body = sent(
        {"role": "user", "content": [{"type": "text", "text": "", **mark}, "q"]},
        {"role": "assistant", "content": " "},
        {"role": "user", "content": "caf\udce9"},
    )
    (message,) = body["messages"]
    assert [block["text"] for block in message["content"]] == ["q", "caf\ufffd"]


def test_a_system_prompt_of_blocks_is_its_text() -> None:
    blocks = [{"type": "text", "text": "Be brief."}, {"type": "text", "text": ""}]
    body = sent(
        {"role": "system", "content": blocks},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "q"},
    )
    assert body["system"] == "Be brief.\nBe kind."


def test_what_a_tool_says_of_itself_is_kept() -> None:
    schema: Any = {"type": "object", "properties": {}, "additionalProperties": False}
    mark = {"type": "ephemeral", "ttl": "1h"}
    theirs: Any = {
        "type": "function",
        "function": {"name": "f", "parameters": schema, "strict": True},
    }
    ours: Any = {
        "name": "g",
        "input_schema": schema,
        "cache_control": mark,
        "eager_input_streaming": True,
    }
    late: Any = {"name": "h", "input_schema": schema, "defer_loading": True}
    body = sent({"role": "user", "content": "q"}, tools=(theirs, ours, late))
    first, second, third = body["tools"]
    assert first["strict"] is True
    assert second["cache_control"] == mark
    assert second["eager_input_streaming"] is True
    assert third["defer_loading"] is True

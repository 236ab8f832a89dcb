"""Claude Code's messages as chunks, and requests as prompts for it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.backends.claude_code.errors import error_of
from agents.backends.claude_code.prompt import (
    BY,
    prompt_of,
    session_item,
    whole_prompt,
)
from agents.backends.claude_code.reader import Reader
from agents.backends.dialects.json_values import raw
from agents.conversation.accumulator import Transcript
from agents.errors import BackendRefused, BackendUnavailable, BudgetExhausted
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import (
    AgentId,
    ServerToolCalled,
    ServerToolReturned,
    StreamChunk,
    ToolCalled,
    TurnNumber,
    UsageReported,
)
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn


def _message(*blocks: dict[str, Any], stop: str, tokens: int = 5) -> list[Any]:
    """The events of one message of the model."""
    start = {"id": "m", "model": "claude-x", "usage": {"input_tokens": tokens}}
    events: list[Any] = [{"type": "message_start", "message": start}]
    for place, block in enumerate(blocks):
        typed = block.pop("typed", None)
        events.append(
            {"type": "content_block_start", "index": place, "content_block": block}
        )
        if block["type"] == "text":
            delta = {"type": "text_delta", "text": "Let me see."}
            events.append(
                {"type": "content_block_delta", "index": place, "delta": delta}
            )
        for piece in typed or ():
            delta = {"type": "input_json_delta", "partial_json": piece}
            events.append(
                {"type": "content_block_delta", "index": place, "delta": delta}
            )
        events.append({"type": "content_block_stop", "index": place})
    ending = {"delta": {"stop_reason": stop}, "usage": {"output_tokens": 7}}
    return [*events, {"type": "message_delta", **ending}, {"type": "message_stop"}]


def _call(call_id: str, name: str, *typed: str) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "id": call_id,
        "name": name,
        "input": {},
        "typed": typed,
    }


def _read(*messages: list[Any] | tuple[str, str]) -> list[StreamChunk]:
    reader = Reader(
        Pen(AgentId("ada"), TurnNumber(1), 0.0),
        lambda _model, _usage, _factor=1.0: None,
        {},
    )
    for message in messages:
        if isinstance(message, tuple):
            call_id, content = message
            reader.returned(call_id, content, is_error=False)
        else:
            for event in message:
                reader.event(event)
    reader.end("session-1")
    return reader.take()


def test_its_own_tools_are_the_servers_and_ours_are_called() -> None:
    chunks = _read(
        _message(
            {"type": "text", "text": ""},
            _call("c1", "Bash", '{"command"', ': "ls"}'),
            stop="tool_use",
        ),
        ("c1", "file.txt"),
        _message(_call("c2", "mcp__team__vote", '{"label": "a.1"}'), stop="tool_use"),
    )
    (served,) = [x for x in chunks if isinstance(x, ServerToolCalled)]
    assert (served.name, bytes(served.input)) == ("Bash", b'{"command":"ls"}')
    (returned,) = [x for x in chunks if isinstance(x, ServerToolReturned)]
    assert bytes(returned.content) == b'"file.txt"'
    (called,) = [x for x in chunks if isinstance(x, ToolCalled)]
    assert (called.name, bytes(called.input)) == ("vote", b'{"label": "a.1"}')


def test_several_messages_of_its_model_are_one_response_that_sums_them_up() -> None:
    chunks = _read(
        _message(_call("c1", "Bash", "{}"), stop="tool_use", tokens=100),
        ("c1", "ok"),
        _message({"type": "text", "text": ""}, stop="end_turn", tokens=200),
    )
    whole = Transcript()
    whole.absorb(chunks)
    assert whole.is_complete
    assert whole.why == "finished"
    assert whole.by == BY
    usage = [x.usage for x in chunks if isinstance(x, UsageReported)][-1]
    assert (usage.input_tokens, usage.output_tokens) == (300, 14)


def test_a_tool_that_did_not_return_was_broken_off() -> None:
    chunks = _read(_message(_call("c1", "Bash", "{}"), stop="tool_use"))
    (returned,) = [x for x in chunks if isinstance(x, ServerToolReturned)]
    assert returned.is_error


def _request(*messages: Message) -> Request:
    turn = Turn(
        agent=AgentId("ada"),
        number=TurnNumber(1),
        question="Why?",
        task=Draft(),
        nonce="n",
    )
    return Request(turn=turn, messages=messages)


def _said(role: Any, *blocks: dict[str, Any], session: str = "") -> Message:
    items = (raw(session_item(session)),) if session else ()
    by = BY if session else ""
    content = msgspec.Raw(msgspec.json.encode(blocks))
    return Message(role=role, content=content, items=items, by=by)


ASKED = _said("user", {"type": "text", "text": "Why?"})
CALLED = _said(
    "assistant",
    {"type": "tool_use", "id": "c1", "name": "height", "input": {"of": "it"}},
    session="s-1",
)
RETURNED = _said(
    "user", {"type": "tool_result", "tool_use_id": "c1", "content": "2962 m"}
)


def test_a_session_is_resumed_and_told_what_came_since() -> None:
    prompt = prompt_of(_request(ASKED, CALLED, RETURNED))
    assert prompt.session == "s-1"
    assert prompt.blocks == [{"type": "text", "text": "The result of height:\n2962 m"}]


def test_a_new_session_is_told_everything() -> None:
    assert prompt_of(_request(ASKED)).session is None
    told = whole_prompt(_request(ASKED, CALLED, RETURNED))
    assert told.session is None
    assert [block["text"] for block in told.blocks] == [
        "Why?",
        'You have called height with {"of":"it"}',
        "The result of height:\n2962 m",
    ]


@pytest.mark.parametrize(
    ("failed", "result", "kind"),
    [
        ({"error": "authentication_failed", "message": "no"}, {}, BackendRefused),
        ({"error": "rate_limit"}, {"is_error": True}, BackendUnavailable),
        ({}, {"subtype": "error_max_budget_usd"}, BudgetExhausted),
        ({}, {"is_error": True, "status": 529}, BackendUnavailable),
        ({}, {}, BackendUnavailable),
    ],
)
def test_its_failures_are_told_by_what_to_do(
    failed: dict[str, Any], result: dict[str, Any], kind: type[Exception]
) -> None:
    assert type(error_of(failed, result)) is kind


def test_a_result_is_no_failure() -> None:
    assert error_of({}, {"subtype": "success", "is_error": False}) is None

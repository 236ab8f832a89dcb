"""The chunks of events, and the point at which a response counts as whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agents.backends.claude.decoder import RECORDED
from agents.backends.dialects.messages.reader import Translator
from agents.conversation.accumulator import Transcript
from agents.errors import BackendRefused, BackendUnavailable, StreamMalformed
from agents.protocol.chunks import (
    BlockDelta,
    ResponseAbandoned,
    ResponseEnded,
    ServerToolCalled,
    ServerToolReturned,
    StreamChunk,
    TextDelta,
    ToolCalled,
    TurnNumber,
    Unrecognized,
    UsageReported,
)
from agents.protocol.stamper import Pen

START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "m",
        "model": "claude-x",
        "content": [],
        "usage": {"input_tokens": 3},
    },
}
STOP: dict[str, Any] = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"output_tokens": 5},
}
END: dict[str, Any] = {"type": "message_stop"}


def opened(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def closed(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


TEXT: list[dict[str, Any]] = [
    opened(0, type="text", text=""),
    delta(0, type="text_delta", text="Paris"),
    closed(0),
]


def translated(
    events: Sequence[dict[str, Any] | bytes], *, finish: bool = True
) -> list[StreamChunk]:
    translator = Translator(Pen(RECORDED, TurnNumber(1), 0.0), lambda _m, _u, _f: 0.5)
    raw = [e if isinstance(e, bytes) else json.dumps(e).encode() for e in events]
    said = translator.translate([(b"message", data) for data in raw])
    return said + (translator.finish() if finish else [])


def test_an_answer_is_whole_when_a_stop_reason_came_and_every_block_closed() -> None:
    said = translated([START, *TEXT, STOP, END])
    assert isinstance(said[-1], ResponseEnded)
    assert said[-1].stop_reason == "end_turn"


def test_a_missing_message_stop_is_forgiven() -> None:
    assert isinstance(translated([START, *TEXT, STOP])[-1], ResponseEnded)


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ([], "before a response began"),
        ([START, *TEXT], "without a stop reason"),
        ([START, *TEXT, END], "without a stop reason"),
        ([START, *TEXT[:2], STOP, END], "block 0 was open"),
        ([START, *TEXT[:2], STOP], "block 0 was open"),
        ([START, TEXT[1]], "block 0 is not open"),
        ([START, TEXT[0], TEXT[0]], "began twice"),
        ([START, delta(0, type="text_delta")], "content_block_delta"),
        ([b"{not json"], "not JSON"),
        ([START, b"[" * 100_000], "not JSON|deeply"),
    ],
)
def test_anything_less_is_an_error_never_an_answer(
    events: list[dict[str, Any] | bytes], problem: str
) -> None:
    with pytest.raises(StreamMalformed, match=problem):
        translated(events)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", BackendUnavailable),
        ("api_error", BackendUnavailable),
        ("timeout_error", BackendUnavailable),
        ("rate_limit_error", BackendUnavailable),
        ("invalid_request_error", BackendRefused),
        ("authentication_error", BackendRefused),
        ("something_new", BackendUnavailable),
    ],
)
def test_an_error_amid_the_stream_is_sorted_by_its_type(
    kind: str, error: type[Exception]
) -> None:
    event = {
        "type": "error",
        "error": {"details": None, "type": kind, "message": "Overloaded"},
    }
    with pytest.raises(error, match=f"{kind}: Overloaded") as caught:
        translated([START, *TEXT, event])
    if isinstance(caught.value, BackendUnavailable):
        assert caught.value.is_rate_limit == (kind == "rate_limit_error")


def test_a_whole_message_in_its_start_is_understood() -> None:
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
    start: dict[str, Any] = {
        "type": "message_start",
        "message": {**START["message"], "content": [call], "stop_reason": "tool_use"},
    }
    said = translated([start, END])
    (called,) = [c for c in said if isinstance(c, ToolCalled)]
    assert json.loads(bytes(called.input)) == {"a": 1}
    transcript = Transcript()
    transcript.absorb(said)
    assert json.loads(bytes(transcript.content)) == [call]
    assert transcript.stop_reason == "tool_use"


def test_empty_tool_input_means_no_arguments() -> None:
    block = opened(0, type="tool_use", id="t", name="f", input={})
    said = translated(
        [
            START,
            block,
            delta(0, type="input_json_delta", partial_json=""),
            closed(0),
            STOP,
        ]
    )
    (called,) = [c for c in said if isinstance(c, ToolCalled)]
    assert bytes(called.input) == b"{}"


def test_invalid_tool_input_is_the_models_error_and_can_go_back() -> None:
    block = opened(0, type="tool_use", id="t", name="f", input={})
    typed = delta(0, type="input_json_delta", partial_json='{"a": ')
    said = translated([START, block, typed, closed(0), STOP])
    (called,) = [c for c in said if isinstance(c, ToolCalled)]
    assert not called.is_valid
    assert json.loads(bytes(called.input)) == '{"a": '
    transcript = Transcript()
    transcript.absorb(said)
    assert json.loads(bytes(transcript.content))[0]["input"] == {}


def test_server_tools_and_their_results_are_said_whole() -> None:
    call = opened(0, type="server_tool_use", id="s", name="web_search", input={})
    typed = delta(0, type="input_json_delta", partial_json='{"query":"x"}')
    failed = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    result = opened(1, type="web_search_tool_result", tool_use_id="s", content=failed)
    said = translated([START, call, typed, closed(0), result, closed(1), STOP])
    (called,) = [c for c in said if isinstance(c, ServerToolCalled)]
    assert (called.name, bytes(called.input)) == ("web_search", b'{"query":"x"}')
    (returned,) = [c for c in said if isinstance(c, ServerToolReturned)]
    assert (returned.id, returned.is_error) == ("s", True)


def test_what_has_no_struct_travels_as_it_came() -> None:
    news = {"type": "future_event", "usage": {"input_tokens": 99}}
    grown = delta(0, type="future_delta", more=[1, 2])
    said = translated([news, START, TEXT[0], grown, closed(0), STOP, END, b"[DONE]"])
    events = [c for c in said if isinstance(c, Unrecognized)]
    assert json.loads(bytes(events[0].data)) == news
    assert json.loads(bytes(events[1].data)) == "[DONE]"
    (unknown,) = [c for c in said if isinstance(c, BlockDelta)]
    assert json.loads(bytes(unknown.delta)) == grown["delta"]


def test_container_uploads_travel_as_they_came() -> None:
    upload = opened(0, type="container_upload", file_id="file_1")
    transcript = Transcript()
    transcript.absorb(translated([START, upload, closed(0), STOP]))
    assert json.loads(bytes(transcript.content)) == [upload["content_block"]]


def test_a_response_begun_anew_voids_what_came_before() -> None:
    said = translated([START, *TEXT[:2], START, *TEXT, STOP, END])
    assert any(isinstance(chunk, ResponseAbandoned) for chunk in said)
    transcript = Transcript()
    transcript.absorb(said)
    assert transcript.text == "Paris"


def test_usage_is_cumulative_and_unknown_is_not_zero() -> None:
    said = translated([START, *TEXT, STOP])
    first, last = (c.usage for c in said if isinstance(c, UsageReported))
    assert (first.input_tokens, first.output_tokens) == (3, 0)
    assert (last.input_tokens, last.output_tokens) == (3, 5)
    assert last.cache_read_input_tokens is None


def test_text_that_is_not_quite_unicode_is_mended_not_lost() -> None:
    broken = json.dumps(delta(0, type="text_delta", text="a\ud83d")).encode()
    said = translated([START, TEXT[0], broken, closed(0), STOP])
    (text,) = [c for c in said if isinstance(c, TextDelta)]
    assert text.text == "a\ufffd"


def test_chunks_are_numbered_without_a_gap() -> None:
    said = translated([START, *TEXT, STOP, END])
    assert [chunk.seq for chunk in said] == list(range(len(said)))


def altered(event: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**event, **more}


MESSAGE = START["message"]


@pytest.mark.parametrize(
    "events",
    [
        [altered(START, message={**MESSAGE, "content": None}), *TEXT, STOP, END],
        [altered(START, message={**MESSAGE, "model": None}), *TEXT, STOP, END],
        [altered(START, message={**MESSAGE, "content": ""}), *TEXT, STOP, END],
        [
            altered(START, message={**MESSAGE, "usage": {"input_tokens": None}}),
            *TEXT,
            STOP,
            END,
        ],
        [
            altered(START, message={**MESSAGE, "usage": None, "stop_reason": None}),
            *TEXT,
            STOP,
            END,
        ],
        [
            START,
            *TEXT[:1],
            delta(0, type="text_delta", text=None),
            *TEXT[1:],
            STOP,
            END,
        ],
        [
            START,
            *TEXT,
            altered(STOP, usage={"output_tokens": 5.0, "server_tool_use": None}),
            END,
        ],
        [START, *TEXT, altered(STOP, usage={"output_tokens": "5"}), END],
        [
            START,
            *TEXT,
            STOP,
            altered(STOP, delta=None, usage=None),
            END,
        ],
        [
            START,
            *TEXT,
            opened(
                1, type="tool_result", tool_use_id=None, is_error=None, content=None
            ),
            closed(1),
            STOP,
            END,
        ],
        [
            START,
            *TEXT,
            altered(STOP, usage={"output_tokens": 5, "cache_creation": [1]}),
            END,
        ],
    ],
)
def test_a_null_where_nothing_depends_on_it_voids_no_response(
    events: list[dict[str, Any]],
) -> None:
    said = translated(events)
    transcript = Transcript()
    transcript.absorb(said)
    assert transcript.is_complete
    assert transcript.text == "Paris"
    assert transcript.usage.output_tokens in {5, 0}


def test_a_count_that_is_a_whole_float_counts() -> None:
    said = translated([START, *TEXT, altered(STOP, usage={"output_tokens": 5.0}), END])
    (report,) = [c for c in said if isinstance(c, UsageReported)][-1:]
    assert report.usage.output_tokens == 5


def test_null_input_is_an_empty_one() -> None:
    call = opened(0, type="tool_use", id="t", name="look", input=None)
    said = translated(
        [
            START,
            call,
            delta(0, type="input_json_delta", partial_json=None),
            closed(0),
            STOP,
            END,
        ]
    )
    (called,) = [c for c in said if isinstance(c, ToolCalled)]
    assert bytes(called.input) == b"{}"

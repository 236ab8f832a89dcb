"""Responses accumulated from streams whose bytes are not as they should be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.backends.claude.decoder import decode_sse, message_of
from agents.conversation.accumulator import Transcript
from agents.protocol.chunks import Unrecognized


def event(**fields: Any) -> bytes:
    return f"event: {fields['type']}\ndata: {json.dumps(fields)}\n\n".encode()


START = event(type="message_start", message={"model": "claude-haiku-5-5"})
END = event(type="message_delta", delta={"stop_reason": "tool_use"})


def calling(typed: str, kind: str = "tool_use") -> bytes:
    block: dict[str, Any] = {"type": kind, "id": "toolu_1", "name": "f", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": typed}
    return b"".join(
        [
            START,
            event(type="content_block_start", index=0, content_block=block),
            event(type="content_block_delta", index=0, delta=delta),
            event(type="content_block_stop", index=0),
            END,
        ]
    )


def transcript_of(body: bytes) -> Transcript:
    transcript = Transcript()
    transcript.absorb(decode_sse(body))
    return transcript


@pytest.mark.parametrize("kind", ["tool_use", "server_tool_use", "mcp_tool_use"])
def test_half_a_surrogate_pair_in_a_tools_input_is_mended_everywhere(kind: str) -> None:
    body = calling(r'{"content": "hi \ud83d"}', kind)
    expected = {"content": "hi \ufffd"}
    assert message_of(body)["content"][0]["input"] == expected
    (block,) = json.loads(bytes(transcript_of(body).content))
    assert block["input"] == expected


@pytest.mark.parametrize("typed", ['{"a": 1e999}', '{"a": NaN}', '{"a": ', "[1]", "7"])
def test_an_input_the_api_would_refuse_goes_back_empty(typed: str) -> None:
    transcript = transcript_of(calling(typed))
    (block,) = json.loads(bytes(transcript.content))
    assert block["input"] == {}
    assert block["id"] == "toolu_1"
    assert transcript.message()["content"][0]["input"] is not None


def test_blank_text_does_not_go_back() -> None:
    block = {"type": "text", "text": " \n"}
    body = b"".join(
        [
            START,
            event(type="content_block_start", index=0, content_block=block),
            event(type="content_block_stop", index=0),
            END,
        ]
    )
    assert bytes(transcript_of(body).content) == b"[]"


def test_what_comes_before_a_response_is_carried_on_one_clean_line() -> None:
    delta = b'{"type":"content_block_delta","index":0,"x":"\xff","delta":'
    early = b"data:  " + delta + b'{"type":"text_delta","text":"hm"}}\n\n'
    first = next(decode_sse(early + calling("{}")))
    assert isinstance(first, Unrecognized)
    raw = bytes(first.data)
    assert raw.startswith(b"{")
    assert json.loads(raw)["x"] == "\ufffd"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "Paris"},
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    ],
)
def test_input_that_a_gateway_sends_for_other_blocks_does_not_go_back(
    block: dict[str, Any],
) -> None:
    # As traceloop/openllmetry#4050 tells of (read 2026-12-01).
    delta = {"type": "input_json_delta", "partial_json": "{}"}
    last = {"type": "text", "text": "So."}
    body = b"".join(
        [
            START,
            event(type="content_block_start", index=0, content_block=block),
            event(type="content_block_delta", index=0, delta=delta),
            event(type="content_block_stop", index=0),
            event(type="content_block_start", index=1, content_block=last),
            event(type="content_block_stop", index=1),
            END,
        ]
    )
    assert json.loads(bytes(transcript_of(body).content)) == [block, last]

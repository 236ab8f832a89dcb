"""Streams of every dialect, broken by a seed, and what must hold for each. Pure.

How they are broken is :mod:`tests.agents.backends.dialects.messages.mutations`'s.
``test_stream_mutations.py`` tries some thousand, ``tests/bench/mutate_streams.py
--dialect`` millions.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from agents.backends.dialects.decoder import Dialect, decode_stream
from agents.conversation.accumulator import Transcript
from agents.errors import AgentError
from agents.protocol.chunks import (
    ResponseAbandoned,
    ResponseEnded,
    ResponseStarted,
    StreamChunk,
)
from agents.protocol.frames import decode_frame, encode_frame
from tests.agents.backends.dialects.messages.mutations import read_size
from tests.agents.backends.dialects.provider_recordings import recordings

LARGEST = 6_000
"""Bytes of a seed: larger ones only make it slow."""


def _responses() -> bytes:
    def event(kind: str, **fields: Any) -> str:
        told = {"type": f"response.{kind}", **fields}
        return f"event: response.{kind}\ndata: {json.dumps(told)}\n\n"

    text: dict[str, Any] = {"type": "output_text", "text": "café 😀", "annotations": []}
    items: list[dict[str, Any]] = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2Vh"},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [text]},
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": "vote",
            "arguments": '{"label": "a"}',
        },
        {"type": "web_search_call", "id": "ws_1", "action": {"type": "search"}},
    ]
    usage = {
        "input_tokens": 9,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 3},
        "output_tokens_details": {"reasoning_tokens": 2},
    }
    response = {"id": "resp_1", "model": "gpt-5", "status": "completed", "usage": usage}
    parts = [
        event("created", response={"id": "resp_1", "model": "gpt-5"}),
        event("in_progress", response={}),
        event("output_item.added", output_index=0, item={"type": "reasoning"}),
        event("reasoning_summary_text.delta", output_index=0, delta="hm… 🤔"),
        event("output_item.done", output_index=0, item=items[0]),
        event("output_item.added", output_index=1, item={"type": "message"}),
        event("output_text.delta", output_index=1, content_index=0, delta="café "),
        event("output_text.delta", output_index=1, content_index=0, delta="😀"),
        event("output_item.done", output_index=1, item=items[1]),
        event("output_item.added", output_index=2, item={**items[2], "arguments": ""}),
        event("function_call_arguments.delta", output_index=2, delta='{"label"'),
        event("function_call_arguments.delta", output_index=2, delta=': "a"}'),
        event("output_item.done", output_index=2, item=items[2]),
        event("output_item.added", output_index=3, item=items[3]),
        event("output_item.done", output_index=3, item=items[3]),
        event("completed", response={**response, "output": items}),
    ]
    return "".join(parts).encode()


def _chat() -> bytes:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        told = {"id": "c1", "model": "m", "choices": [choice]}
        return f"data: {json.dumps(told)}\n\n"

    def call(**fields: Any) -> dict[str, Any]:
        return {"tool_calls": [fields]}

    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    return "".join(
        [
            ": keepalive\n\n",
            chunk({"role": "assistant", "content": ""}),
            chunk({"reasoning_content": "hm… 🤔"}),
            chunk({"content": "café 😀"}),
            chunk({"reasoning_details": [{"type": "reasoning.text", "text": "x"}]}),
            chunk(call(index=0, id="call_1", function={"name": "f", "arguments": ""})),
            chunk(call(index=0, function={"arguments": '{"a"'})),
            chunk(call(index=0, function={"arguments": ": 1}"})),
            chunk(call(id="call_2", function={"name": "g", "arguments": {"b": 2}})),
            chunk({}, "tool_calls"),
            f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n",
            "data: [DONE]\n\n",
        ]
    ).encode()


def _gemini() -> bytes:
    def chunk(*parts: dict[str, Any], **more: Any) -> str:
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, **more}
        usage = {"promptTokenCount": 9, "candidatesTokenCount": 5}
        told = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "g"}
        return f"data: {json.dumps(told)}\r\n\r\n"

    piece = {"jsonPath": "$.a.b[1]", "stringValue": "x", "willContinue": True}
    support = {
        "segment": {"startIndex": 0, "endIndex": 5, "text": "café"},
        "groundingChunkIndices": [0],
    }
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [support],
    }
    return "".join(
        [
            chunk({"text": "hm… 🤔", "thought": True}),
            chunk({"text": "café "}, {"text": "😀", "thoughtSignature": "c2ln"}),
            chunk({"executableCode": {"language": "PYTHON", "code": "1"}}),
            chunk({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}),
            chunk(
                {
                    "functionCall": {"name": "f", "args": {"a": 1}},
                    "thoughtSignature": "c2ln",
                },
                {"functionCall": {"name": "g"}},
            ),
            chunk({"functionCall": {"name": "h", "willContinue": True}}),
            chunk({"functionCall": {"partialArgs": [piece], "willContinue": True}}),
            chunk({"functionCall": {}}),
            chunk({"text": ""}, finishReason="STOP", groundingMetadata=grounding),
        ]
    ).encode()


WRITTEN: dict[Dialect, bytes] = {
    "responses": _responses(),
    "chat": _chat(),
    "gemini": _gemini(),
}


def seeds(dialect: Dialect, largest: int = LARGEST) -> list[bytes]:
    """The stream written here, and those recorded that are not too large."""
    found = [
        one.data
        for one in recordings()
        if one.dialect == dialect and len(one.data) < largest
    ]
    return [WRITTEN[dialect], *found]


def chunks_of(
    stream: bytes, dialect: Dialect, read_bytes: int
) -> tuple[list[StreamChunk], str | None]:
    """The chunks, and the error that ended them; anything else goes through."""
    said: list[StreamChunk] = []
    try:
        said.extend(decode_stream(stream, dialect, read_bytes=read_bytes))
    except AgentError as error:
        return said, str(error)
    return said, None


def check(stream: bytes, dialect: Dialect, random: Random) -> str | None:
    """Make sure that ``stream`` gives usable chunks or one clear error; the error."""
    said, error = chunks_of(stream, dialect, read_size(stream, random))
    assert [chunk.seq for chunk in said] == list(range(len(said)))
    assert list(decode_frame(encode_frame(said))) == said
    transcript = Transcript()
    transcript.absorb(said)
    json.loads(bytes(transcript.content))
    for item in transcript.items:
        json.loads(bytes(item))
    assert isinstance(transcript.text, str)
    assert transcript.usage.output_tokens >= 0
    assert transcript.usage.input_tokens >= 0
    ids = [call.id for call in transcript.tool_calls]
    assert all(ids)
    ended = sum(isinstance(chunk, ResponseEnded) for chunk in said)
    if error is None:
        assert ended == 1
        assert transcript.is_complete
        assert transcript.why
        assert any(isinstance(chunk, ResponseStarted) for chunk in said)
    else:
        assert ended == 0 or any(isinstance(c, ResponseAbandoned) for c in said)
        assert error
        assert len(error) < 1_200
    return error

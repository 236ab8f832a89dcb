"""Whatever bytes come, there are chunks that can be used, or one clear error.

Seeded: a failure names its seed, and the seed alone repeats it. Real streams are
mutated where the recordings are at hand, and one written here in any case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from agents.chunks import (
    ResponseEnded,
    ResponseStarted,
    StreamChunk,
    decode_frame,
    encode_frame,
)
from agents.claude.decode import decode_sse
from agents.errors import AgentError
from agents.transcript import Transcript

CASES = 3_000
"""A million were run once, on 2026-11-23; what they found has tests of its own."""
LARGEST = 20_000
"""Bytes of a seed: larger ones only make it slow."""

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "streams"


def _event(**fields: object) -> str:
    return f"event: {fields['type']}\ndata: {json.dumps(fields)}\n\n"


def _block(index: int, start: dict[str, object], *deltas: dict[str, object]) -> str:
    grown = [
        _event(type="content_block_delta", index=index, delta=delta) for delta in deltas
    ]
    return "".join(
        [
            _event(type="content_block_start", index=index, content_block=start),
            *grown,
            _event(type="content_block_stop", index=index),
        ]
    )


WRITTEN = "".join(
    [
        _event(
            type="message_start",
            message={
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-5-5",
                "content": [],
                "stop_reason": None,
                "usage": {"input_tokens": 9, "output_tokens": 1},
            },
        ),
        _event(type="ping"),
        _block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm\u2026 \U0001f914"},
            {"type": "signature_delta", "signature": "c2ln"},
        ),
        _block(
            1,
            {"type": "text", "text": "", "citations": []},
            {"type": "text_delta", "text": "caf\u00e9 \U0001f600"},
            {"type": "citations_delta", "citation": {"url": "https://a.example"}},
        ),
        _block(
            2,
            {"type": "tool_use", "id": "toolu_1", "name": "new_answer", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"content": "Pa'},
            {"type": "input_json_delta", "partial_json": 'ris"}'},
        ),
        _block(
            3,
            {
                "type": "web_search_tool_result",
                "tool_use_id": "srvtoolu_1",
                "content": [{"type": "web_search_result", "title": "A"}],
            },
        ),
        _block(
            4,
            {"type": "fallback", "to": {"model": "claude-haiku-5-5"}},
            {"type": "new"},
        ),
        _event(
            type="message_delta",
            delta={"stop_reason": "tool_use"},
            usage={"output_tokens": 20},
        ),
        _event(type="message_stop"),
    ]
).encode()

PIECES = [
    b"\\ud83d",
    b"\\\\ud83d",
    b"\xff",
    b"\xf0\x9f",
    b"\xef\xbb\xbf",
    b"\x00",
    b"\n\n",
    b"\r",
    b"\r\n",
    b": comment\n",
    b"data: [DONE]\n\n",
    b"event: ",
    b"data: ",
    b"null",
    b'"',
    b"{",
    b"}",
    b"[]",
    b"[" * 3_000,
    b"\\",
    b"9" * 20,
    b"1e999",
    b"NaN",
    b'"index":0',
    b'"index":7',
    b'"type":"tool_use"',
    b'"content":"x"',
]
"""What breaks parsers, put in anywhere."""

VALUES = [
    b"null",
    b"1",
    b"-5",
    b"1.5",
    b"true",
    b'"x"',
    b"{}",
    b"[]",
    b"[1]",
    b'{"a":1}',
    b'"\\ud83d"',
    b'"\\n"',
]
"""Valid JSON that stands in a wrong place."""

_VALUE = re.compile(rb'"[^"]{0,40}"|\d+|\{\}|\[\]|null')


def _cut_out(stream: bytes, random: Random) -> bytes:
    start = random.randrange(len(stream) + 1)
    return stream[:start] + stream[start + random.randint(1, 60) :]


def _cut_short(stream: bytes, random: Random) -> bytes:
    return stream[: random.randrange(len(stream) + 1)]


def _put_in(stream: bytes, random: Random) -> bytes:
    at = random.randrange(len(stream) + 1)
    return stream[:at] + random.choice(PIECES) + stream[at:]


def _say_twice(stream: bytes, random: Random) -> bytes:
    at = random.randrange(len(stream) + 1)
    return stream[:at] + stream[max(0, at - random.randint(1, 400)) :]


def _flip(stream: bytes, random: Random) -> bytes:
    at = random.randrange(len(stream) + 1)
    return stream[:at] + random.randbytes(1) + stream[at + 1 :]


def _move_events(stream: bytes, random: Random) -> bytes:
    events = stream.split(b"\n\n")
    match random.randrange(4):
        case 0:
            random.shuffle(events)
        case 1:
            events.pop(random.randrange(len(events)))
        case _:
            events.insert(random.randrange(len(events)), random.choice(events))
    return b"\n\n".join(events)


def _change_value(stream: bytes, random: Random) -> bytes:
    values = list(_VALUE.finditer(stream))
    if not values:
        return stream
    value = random.choice(values)
    return stream[: value.start()] + random.choice(VALUES) + stream[value.end() :]


MUTATIONS: list[Callable[[bytes, Random], bytes]] = [
    _cut_out,
    _cut_short,
    _put_in,
    _say_twice,
    _flip,
    _move_events,
    _change_value,
]


def seeded(case: int) -> Random:
    return Random(case)  # noqa: S311  (repeatable is the point)


def mutated(stream: bytes, random: Random) -> bytes:
    for _ in range(random.randint(1, 4)):
        stream = random.choice(MUTATIONS)(stream, random)
    return stream


def chunks_of(stream: bytes, read_bytes: int) -> tuple[list[StreamChunk], str | None]:
    """The chunks, and the error that ended them; anything else goes through."""
    said: list[StreamChunk] = []
    try:
        said.extend(decode_sse(stream, read_bytes=read_bytes))
    except AgentError as error:
        return said, str(error)
    return said, None


def check(stream: bytes, random: Random) -> None:
    said, error = chunks_of(stream, random.choice([5, 64, 4_096, 65_536]))
    assert [chunk.seq for chunk in said] == list(range(len(said)))
    assert list(decode_frame(encode_frame(said))) == said
    transcript = Transcript()
    transcript.absorb(said)
    json.loads(bytes(transcript.content))
    json.dumps(transcript.message())
    assert isinstance(transcript.text, str)
    ended = sum(isinstance(chunk, ResponseEnded) for chunk in said)
    if error is None:
        assert ended == 1
        assert transcript.is_complete
        assert any(isinstance(chunk, ResponseStarted) for chunk in said)
    else:
        assert ended == 0
        assert error
        assert len(error) < 1_000


def test_the_unharmed_stream_is_an_answer() -> None:
    said, error = chunks_of(WRITTEN, 65_536)
    assert error is None
    assert isinstance(said[-1], ResponseEnded)


@pytest.mark.parametrize("part", range(4))
def test_a_mutated_stream_gives_chunks_or_one_clear_error(part: int) -> None:
    for case in range(part, CASES, 4):
        random = seeded(case)
        stream = mutated(WRITTEN, random)
        try:
            check(stream, random)
        except Exception as error:
            error.add_note(f"seed {case}: {stream!r}")
            raise


@pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"NO RECORDINGS at {RECORDINGS}: none was mutated"
)
def test_a_mutated_recording_gives_chunks_or_one_clear_error() -> None:
    streams = [
        path.read_bytes()
        for path in sorted(RECORDINGS.glob("*.sse"))
        if path.stat().st_size < LARGEST
    ]
    for case in range(CASES):
        random = seeded(case)
        stream = mutated(random.choice(streams), random)
        try:
            check(stream, random)
        except Exception as error:
            error.add_note(f"seed {case}: {stream!r}")
            raise

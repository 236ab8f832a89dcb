"""Streams that are cut, mixed up and broken by a seed, and what must hold for each.

Pure; ``test_mutations.py`` tries a few thousand, ``tests/bench/mutate_streams.py``
millions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from agents.backends.claude.decoder import decode_sse
from agents.conversation.accumulator import Transcript
from agents.errors import AgentError
from agents.protocol.chunks import ResponseEnded, ResponseStarted, StreamChunk
from agents.protocol.frames import decode_frame, encode_frame

SWELL_RATE = 0.01
SWOLLEN_BYTES = 500_000
HALF = 0.5
MOST_READS = 2_000
LARGEST = 20_000
"""Bytes of a seed: larger ones only make it slow."""

RECORDINGS = Path(__file__).parents[6] / "shared" / "recordings" / "streams"


def recorded(largest: int = LARGEST) -> list[bytes]:
    """Real streams of less than ``largest`` bytes; none where there are none."""
    return [
        path.read_bytes()
        for path in sorted(RECORDINGS.glob("*.sse"))
        if path.stat().st_size < largest
    ]


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
"""Pieces that break parsers, put in anywhere."""

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


def _swell(stream: bytes, random: Random) -> bytes:
    """Say one event far too often, or one word at far too great a length."""
    if random.random() > SWELL_RATE:
        return _put_in(stream, random)
    if random.random() < HALF:
        event = random.choice(stream.split(b"\n\n")) + b"\n\n"
        times = random.randint(100, 2_000)
        return stream + event * min(times, SWOLLEN_BYTES // len(event))
    at = random.randrange(len(stream) + 1)
    return stream[:at] + b"x" * random.randint(10_000, 1_000_000) + stream[at:]


MUTATIONS: list[Callable[[bytes, Random], bytes]] = [
    _cut_out,
    _cut_short,
    _put_in,
    _say_twice,
    _flip,
    _move_events,
    _change_value,
    _swell,
]


def seeded(case: int) -> Random:
    return Random(case)  # noqa: S311  (repeatable is the point)


def mutated(stream: bytes, random: Random) -> bytes:
    for _ in range(random.randint(1, 4)):
        stream = random.choice(MUTATIONS)(stream, random)
    return stream


def read_size(stream: bytes, random: Random) -> int:
    """How many bytes a read brings; a swollen stream comes in fewer, larger ones.

    A megabyte in reads of five bytes takes seconds and reaches nothing more.
    """
    return max(random.choice([5, 64, 4_096, 65_536]), len(stream) // MOST_READS)


def chunks_of(stream: bytes, read_bytes: int) -> tuple[list[StreamChunk], str | None]:
    """The chunks, and the error that ended them; anything else goes through."""
    said: list[StreamChunk] = []
    try:
        said.extend(decode_sse(stream, read_bytes=read_bytes))
    except AgentError as error:
        return said, str(error)
    return said, None


def check(stream: bytes, random: Random) -> str | None:
    """Make sure that ``stream`` gives usable chunks or one clear error; the error."""
    said, error = chunks_of(stream, read_size(stream, random))
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
    return error

"""526 real streams decode, and amount to what the SDK makes of them.

The recordings stand beside the checkout, not in it; where they are absent these tests
are skipped, and say so.
"""

from __future__ import annotations

import json
from itertools import zip_longest
from pathlib import Path
from random import Random
from typing import Any, TypeAlias, cast

import msgspec
import pytest

from agents.backends.claude.decoder import RECORDED, decode_sse, message_of
from agents.backends.dialects.event_stream import Splitter
from agents.backends.dialects.messages.reader import Translator
from agents.conversation.accumulator import Transcript
from agents.protocol.chunks import StreamChunk, TurnNumber
from agents.protocol.frames import decode_frame, encode_frame
from agents.protocol.stamper import Pen

Json: TypeAlias = dict[str, Any]

RECORDINGS = Path(__file__).parents[6] / "shared" / "recordings"
STREAMS = sorted((RECORDINGS / "streams").glob("*.sse"))

pytestmark = pytest.mark.skipif(
    not STREAMS, reason=f"NO RECORDINGS at {RECORDINGS}: nothing real was decoded"
)

EXCEPTIONS = {
    "vercel-ai__spliced-message-start": (
        "a gateway began its response anew in the middle; the SDK glues both together, "
        "here the second one counts"
    ),
}
"""Where the oracle is not right, and why."""

WITHOUT_ORACLE = {
    "anthropic-sdk__tool_use_invalid_json_response",
    "rig__anthropic-streaming-gateway_message_delta_metadata",
}
"""The SDK raises on them; here they decode."""


def differences(ours: Any, oracle: Any, path: str = "") -> list[str]:
    """Where the two differ; a field that one of them leaves out is null."""
    if isinstance(ours, dict) and isinstance(oracle, dict):
        one, other = cast("Json", ours), cast("Json", oracle)
        pairs = [(f".{n}", one.get(n), other.get(n)) for n in sorted({*one, *other})]
    elif isinstance(ours, list) and isinstance(oracle, list):
        ones, others = cast("list[Any]", ours), cast("list[Any]", oracle)
        both = enumerate(zip_longest(ones, others))
        pairs = [(f"[{index}]", *pair) for index, pair in both]
    else:
        return [] if ours == oracle else [f"{path}: {ours!r} is not {oracle!r}"]
    return [
        difference
        for step, a, b in pairs
        for difference in differences(a, b, path + step)
    ]


def test_all_recordings_are_here() -> None:
    assert len(STREAMS) == 526


def test_every_message_equals_the_oracles_field_by_field() -> None:
    compared = 0
    for stream in STREAMS:
        message = message_of(stream.read_bytes())
        oracle = RECORDINGS / "oracle" / f"{stream.stem}.final.json"
        if stream.stem in WITHOUT_ORACLE:
            assert not oracle.exists()
            assert message["stop_reason"]
            continue
        found = differences(message, json.loads(oracle.read_text()))
        assert bool(found) == (stream.stem in EXCEPTIONS), (stream.stem, found)
        compared += 1
    assert compared == 524


def test_chunks_do_not_depend_on_how_the_network_cut_the_bytes() -> None:
    chance = Random(7)  # noqa: S311 (cuts, no secret)
    for stream in STREAMS:
        data = stream.read_bytes()
        whole = _said(data, [len(data)])
        cuts = [chance.randint(1, 90) for _ in range(len(data) // 40 + 1)]
        assert _said(data, cuts) == whole, stream.stem


def test_chunks_do_not_depend_on_the_cuts_that_were_recorded() -> None:
    manifest = json.loads((RECORDINGS / "manifest.json").read_text())
    cut = {
        name: entry["chunk_sizes"]
        for name, entry in manifest.items()
        if entry.get("chunk_sizes")
    }
    assert cut
    for name, sizes in cut.items():
        data = (RECORDINGS / "streams" / name).read_bytes()
        assert _said(data, sizes) == _said(data, [len(data)]), name


@pytest.mark.long
def test_core_recordings_are_the_same_at_every_single_cut() -> None:
    names: list[str] = json.loads((RECORDINGS / "core.json").read_text())
    # core.json names a stream or two that the folder does not hold.
    small = [path for path in STREAMS if path.name in names]
    assert len(small) > 40
    for stream in (path for path in small if path.stat().st_size < 4000):
        data = stream.read_bytes()
        whole = _said(data, [len(data)])
        for cut in range(1, len(data)):
            assert _said(data, [cut, len(data)]) == whole, (stream.stem, cut)


def test_line_ends_of_the_other_kinds_change_nothing() -> None:
    for stream in STREAMS[::10]:
        data = stream.read_bytes()
        if b"\r" in data:
            continue
        for line_end in (b"\r\n", b"\r"):
            other = data.replace(b"\n", line_end)
            assert _said(other, [31] * len(other)) == _said(data, [len(data)])


def test_frames_carry_every_recording() -> None:
    for stream in STREAMS:
        chunks = list(decode_sse(stream.read_bytes()))
        frame = encode_frame(chunks)
        told = decode_frame(frame)
        assert list(told) == chunks, stream.stem
        again = Transcript()
        again.absorb(told)
        assert again.message() == message_of(stream.read_bytes())


def test_what_goes_back_to_the_api_is_what_came() -> None:
    sealed = 0
    for stream in STREAMS:
        transcript = Transcript()
        transcript.absorb(decode_sse(stream.read_bytes()))
        blocks: list[dict[str, Any]] = msgspec.json.decode(transcript.content)
        came = transcript.message()["content"]
        for block in blocks:
            assert block in came or block.get("input") == {}, stream.stem
            sealed += block["type"] in {"thinking", "redacted_thinking"}
    assert sealed > 80


def _said(data: bytes, sizes: list[int]) -> list[StreamChunk]:
    splitter = Splitter()
    translator = Translator(Pen(RECORDED, TurnNumber(1), 0.0), lambda _m, _u, _f: None)
    said: list[StreamChunk] = []
    start = 0
    for size in [*sizes, len(data)]:
        said += translator.translate(splitter.feed(data[start : start + size]))
        start += size
    return said + translator.finish()

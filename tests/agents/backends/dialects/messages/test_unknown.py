"""Unknown content is kept, goes back as it came, and is shown.

One thing at a time is given a name that nobody knows: in a stream made by hand, and in
each recording that stands beside the checkout (without them, by hand alone).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import msgspec
import pytest
from msgspec.structs import replace

from agents.backends.claude.decoder import decode_sse
from agents.conversation.accumulator import Transcript
from agents.conversation.conversation import Conversation
from agents.protocol.chunks import Ping, StreamChunk
from coordinator.displays.narration import moment_of
from tests.agents.backends.dialects.messages.test_reader import (
    END,
    START,
    STOP,
    TEXT,
    closed,
    delta,
    opened,
)
from tests.agents.backends.dialects.messages.test_recordings import STREAMS

KEPT = ("end_turn", "tool_use", "stop_sequence")
"""Responses that end otherwise do not go back, or not as they came."""
Json: TypeAlias = dict[str, Any]
Mutate: TypeAlias = Callable[[list[Json]], bool]
"""Gives one thing in a stream's events an unknown name; whether there was one."""

SEARCH: Json = {
    "type": "server_tool_use",
    "id": "s1",
    "name": "web_search",
    "input": {},
}
BY_HAND: list[Json] = [
    START,
    {"type": "ping"},
    opened(0, type="thinking", thinking="", signature=""),
    delta(0, type="thinking_delta", thinking="hm"),
    delta(0, type="signature_delta", signature="c2ln"),
    closed(0),
    opened(1, **SEARCH),
    closed(1),
    *[{**event, "index": 2} for event in TEXT],
    STOP,
    END,
]


def block(events: list[Json]) -> bool:
    """The last block is of an unknown kind; all it holds came with its start."""
    starts = [e for e in events if e["type"] == "content_block_start"]
    if not starts:
        return False
    index = starts[-1]["index"]
    starts[-1]["content_block"] = {"type": "hologram", "of": {"deep": [1, None]}}
    events[:] = [
        e
        for e in events
        if e.get("type") != "content_block_delta" or e.get("index") != index
    ]
    return True


def block_in_pieces(events: list[Json]) -> bool:
    """The same, and it comes in deltas that are unknown as well."""
    if not block(events):
        return False
    unknown = next(e for e in events if "hologram" in str(e.get("content_block")))
    stop = events.index(closed(unknown["index"]))
    events[stop:stop] = [
        delta(unknown["index"], type="hologram_delta", beam="ab"),
        delta(unknown["index"], type="hologram_delta", beam="cd", angle=7),
    ]
    return True


def event(events: list[Json]) -> bool:
    events.insert(len(events) // 2 + 1, {"type": "weather", "sky": "blue"})
    return True


def stop_reason(events: list[Json]) -> bool:
    found = [e for e in events if e["type"] == "message_delta"]
    calls = any(
        e.get("content_block", {}).get("type") == "tool_use"
        for e in events
        if e["type"] == "content_block_start"
    )
    if len(found) != 1 or calls:
        return False
    found[0]["delta"]["stop_reason"] = "pondering"
    return True


def usage(events: list[Json]) -> bool:
    found = [e for e in events if e["type"] == "message_delta" and e.get("usage")]
    if not found:
        return False
    found[-1]["usage"]["quantum_tokens"] = 12
    return True


MUTATIONS: list[tuple[Mutate, str, str]] = [
    (block, '{"type":"hologram","of":{"deep":[1,null]}}', "'hologram'"),
    (block_in_pieces, '"beam":"abcd","angle":7', "hologram_delta"),
    (event, "", "weather"),
    (stop_reason, "", "'pondering'"),
    (usage, "", "quantum_tokens: 12"),
]
"""The unknown part, the part of it that goes back, and the words for people."""


def events_of(stream: bytes) -> list[Json]:
    found: list[Json] = []
    for line in stream.splitlines():
        if line.startswith(b"data:") and line[5:].strip().startswith(b"{"):
            try:
                found.append(msgspec.json.decode(line[5:]))
            except msgspec.DecodeError:
                return []
    return found


def said_of(events: list[Json]) -> list[StreamChunk]:
    lines = (b"data: " + msgspec.json.encode(each) + b"\n\n" for each in events)
    return list(decode_sse(b"".join(lines)))


def told(said: list[StreamChunk]) -> str:
    """The words for people."""
    moments = (moment_of(chunk, {}) for chunk in said)
    return "\n".join(moment.words for moment in moments if moment)


def sent_back(said: list[StreamChunk]) -> bytes:
    response = Transcript()
    response.absorb(said)
    conversation = Conversation()
    conversation.absorb(response)
    return b"".join(bytes(message.content) for message in conversation.messages())


def check(events: list[Json], mutate: Mutate, back: str, words: str) -> bool:
    """Whether there was anything to mutate, and all was well."""
    changed = cast("list[Json]", msgspec.json.decode(msgspec.json.encode(events)))
    if not mutate(changed):
        return False
    said = said_of(changed)
    assert words in told(said)
    assert back.encode() in sent_back(said)
    if mutate in (event, stop_reason, usage):
        assert sent_back(said) == sent_back(said_of(events))
    if mutate is stop_reason:
        response = Transcript()
        response.absorb(said)
        assert (response.stop_reason, response.why) == ("pondering", "other")
    return True


@pytest.mark.parametrize(("mutate", "back", "words"), MUTATIONS)
def test_what_nobody_knows_is_kept_sent_back_and_shown(
    mutate: Mutate, back: str, words: str
) -> None:
    assert check(BY_HAND, mutate, back, words)
    assert words not in told(said_of(BY_HAND))


def test_a_new_tool_of_the_apis_is_shown_where_it_is_counted() -> None:
    used = {"web_search_requests": 1, "moon_requests": 3, "sun_requests": 0}
    said = said_of([START, *TEXT, {**STOP, "usage": {"server_tool_use": used}}, END])
    assert "server_tool_use.moon_requests: 3" in told(said)
    assert "web_search" not in told(said)
    assert "sun" not in told(said)


@pytest.mark.long
@pytest.mark.skipif(not STREAMS, reason="NO RECORDINGS: nothing real was mutated")
@pytest.mark.parametrize(("mutate", "back", "words"), MUTATIONS)
def test_what_nobody_knows_is_kept_in_every_recording(
    mutate: Mutate, back: str, words: str
) -> None:
    tried = 0
    for stream in STREAMS[::3]:
        events = events_of(stream.read_bytes())
        starts = [e for e in events if e.get("type") == "message_start"]
        indices = [e["index"] for e in events if e["type"] == "content_block_start"]
        is_kept = any(e.get("delta", {}).get("stop_reason") in KEPT for e in events)
        if is_kept and len(starts) == 1 and len(set(indices)) == len(indices):
            tried += check(events, mutate, back, words)
    assert tried > 60


@pytest.mark.skipif(not STREAMS, reason="NO RECORDINGS: nothing real was shown")
def test_of_what_is_recorded_nothing_is_unknown() -> None:
    """Whatever is shown as unknown is not known to the vendor's SDK either."""
    found = {
        line
        for stream in STREAMS
        for line in told(list(decode_sse(stream.read_bytes()))).splitlines()
        if "not known here" in line
    }
    assert len(found) <= 3, found


def test_a_ping_is_a_ping() -> None:
    assert sum(isinstance(chunk, Ping) for chunk in said_of(BY_HAND)) == 1
    assert "ping" not in told(said_of(BY_HAND))


def compacted(*deltas: Json) -> list[StreamChunk]:
    start = opened(0, type="compaction", content=None)
    return said_of([START, start, *deltas, closed(0), *TEXT_BEHIND, STOP, END])


TEXT_BEHIND: list[Json] = [{**each, "index": 1} for each in TEXT]
SUMMARY = delta(0, type="compaction_delta", content="So far: Paris.")


def test_a_summary_of_the_past_goes_back_sealed_and_is_shown() -> None:
    sealed = {**SUMMARY["delta"], "encrypted_content": "c2VhbA=="}
    said = compacted({**SUMMARY, "delta": sealed})
    assert '"encrypted_content":"c2VhbA=="' in sent_back(said).decode()
    assert "So far: Paris." in told(said)


def test_a_summary_with_more_than_is_known_goes_back_whole() -> None:
    said = compacted({**SUMMARY, "delta": {**SUMMARY["delta"], "signature": "x"}})
    assert '"signature":"x"' in sent_back(said).decode()
    assert "So far: Paris." in told(said)


def test_a_summary_that_could_not_be_made_is_said_to_be_none() -> None:
    said = compacted(delta(0, type="compaction_delta", content=None))
    assert "no summary could be made" in told(said)


EDITED = {
    "applied_edits": [
        {
            "type": "clear_tool_uses_20250919",
            "cleared_tool_uses": 8,
            "cleared_input_tokens": 50_000,
        },
        {
            "type": "clear_thinking_20251015",
            "cleared_thinking_turns": 0,
            "cleared_input_tokens": 0,
        },
        {"type": "clear_dreams_20270101", "cleared_dreams": 2},
    ]
}
DROPPED = [
    {"type": "thinking_dropped", "message_index": 1},
    {"type": "thinking_dropped", "message_index": 3},
    {"type": "thinking_mismatch_allowed", "message_index": 5},
]


def test_what_the_api_left_out_of_the_conversation_is_shown() -> None:
    message = {**START["message"], "input_transformations": DROPPED}
    start = {**START, "message": message}
    said = said_of([start, *TEXT, {**STOP, "context_management": EDITED}, END])
    words = told(said)
    assert "2 blocks of thinking" in words
    assert "8 results of tools left out by the API: 50,000 tokens fewer" in words
    assert "2 pieces of the past (clear_dreams_20270101)" in words
    assert "turns of thinking" not in words


UNREADABLE: list[Any] = [5, "x", [1], {"applied_edits": [5, {}]}, None]


@pytest.mark.parametrize("told_", UNREADABLE)
def test_edits_that_cannot_be_read_void_no_response(told_: object) -> None:
    message = {**START["message"], "input_transformations": told_}
    stop = {**STOP, "context_management": told_}
    said = said_of([{**START, "message": message}, *TEXT, stop, END])
    response = Transcript()
    response.absorb([replace(chunk) for chunk in said])
    assert response.is_complete


def test_a_summary_that_comes_whole_is_shown_as_well() -> None:
    start = opened(0, type="compaction", content="So far: Paris.")
    said = said_of([START, start, closed(0), *TEXT_BEHIND, STOP, END])
    assert "the past is summarised: So far: Paris." in told(said)

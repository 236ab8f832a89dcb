"""The splitter, by the letter of the standard and beyond what it promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backends.dialects.event_stream import ServerEvent, Splitter
from agents.backends.dialects.json_text import as_utf8
from agents.errors import StreamMalformed


def split(*reads: bytes) -> list[ServerEvent]:
    splitter = Splitter()
    return [event for read in reads for event in splitter.feed(read)]


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"event: a\ndata: 1\n\n", [(b"a", b"1")]),
        (b"data: 1\n\n", [(b"", b"1")]),
        (b"data:1\n\n", [(b"", b"1")]),
        (b"data:  1\n\n", [(b"", b" 1")]),
        (b"data: 1\ndata: 2\n\n", [(b"", b"1\n2")]),
        (b"data: 1\nevent: late\n\n", [(b"late", b"1")]),
        (b": comment\n\n", []),
        (b": comment\ndata: 1\n\n", [(b"", b"1")]),
        (b"event: a\n\n", []),
        (b"id: 7\nretry: 3\ndata: 1\n\n", [(b"", b"1")]),
        (b"data\n\n", [(b"", b"")]),
        (b"\n\n\n\ndata: 1\n\n\n\ndata: 2\n\n", [(b"", b"1"), (b"", b"2")]),
        (b"\xef\xbb\xbfdata: 1\n\n", [(b"", b"1")]),
        (b"data: 1\n", []),
        (b"data: \xc3\xa9\n\n", [(b"", b"\xc3\xa9")]),
    ],
)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_events_are_read_as_the_standard_says_at_every_cut(
    body: bytes, events: list[tuple[bytes, bytes]], line_end: bytes
) -> None:
    body = body.replace(b"\n", line_end)
    assert split(body) == events
    assert split(*(bytes([byte]) for byte in body)) == events
    for cut in range(len(body)):
        assert split(body[:cut], body[cut:]) == events


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_no_bytes_whatever_do_anything_but_split_or_be_refused(
    reads: list[bytes],
) -> None:
    split(*reads)


def test_a_long_event_is_refused_before_it_is_whole() -> None:
    splitter = Splitter(line_bytes=1000)
    splitter.feed(b"x" * 1000)
    with pytest.raises(StreamMalformed, match="longer than 1000 bytes"):
        splitter.feed(b"x")


def test_a_long_body_is_refused() -> None:
    splitter = Splitter(body_bytes=100)
    for _ in range(11):
        splitter.feed(b"data: 1\n\n")
    with pytest.raises(StreamMalformed, match="body is longer"):
        splitter.feed(b"data: 1\n\n")


def test_half_a_surrogate_pair_becomes_a_replacement_character() -> None:
    assert as_utf8(b'{"text":"a\\ud83d"}') == '{"text":"a\ufffd"}'.encode()
    assert as_utf8(b'{"text":"\\ud83d\\ude00"}') == '{"text":"\U0001f600"}'.encode()


def test_a_long_event_is_refused_though_one_read_brings_it_whole() -> None:
    splitter = Splitter(line_bytes=1000)
    events = splitter.feed(b"data: 1\n\ndata: " + b"x" * 1000 + b"\n\n")
    assert events == [(b"", b"1")], "what came before it was paid for"
    with pytest.raises(StreamMalformed, match="longer than 1000 bytes"):
        splitter.feed(b"data: 2\n\n")
    with pytest.raises(StreamMalformed, match="longer than 1000 bytes"):
        splitter.finish()
    with pytest.raises(StreamMalformed, match="longer than 1000 bytes"):
        Splitter(line_bytes=1000).feed(b"data: " + b"x" * 1000 + b"\n\ndata: 1\n\n")

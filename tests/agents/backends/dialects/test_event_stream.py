"""Events as other dialects frame them: without a name, bare, or without an end."""

from __future__ import annotations

import pytest

from agents.backends.dialects.event_stream import ServerEvent, Splitter

UNNAMED = (
    b'data: {"a":1}\r\n\r\ndata: {"b":"\xc3\xa9"}\n\n: comment\n\ndata: [DONE]\n\n'
)
BARE = b'data: {"a":1}\n\n{\n  "error": {\n    "code": 499\n  }\n}\n'


def _events(data: bytes, cut: int) -> list[ServerEvent]:
    splitter = Splitter()
    events = [*splitter.feed(data[:cut]), *splitter.feed(data[cut:])]
    return events + splitter.finish()


def test_unnamed_events_are_the_same_at_every_cut() -> None:
    for cut in range(len(UNNAMED)):
        assert _events(UNNAMED, cut) == [
            (b"", b'{"a":1}'),
            (b"", b'{"b":"\xc3\xa9"}'),
            (b"", b"[DONE]"),
        ], cut


def test_one_unnamed_event_a_read_is_read_alone() -> None:
    splitter = Splitter()
    assert splitter.feed(b'data: {"a":1}\n\n') == [(b"", b'{"a":1}')]
    assert splitter.feed(b'data: {"b":1}\n\n') == [(b"", b'{"b":1}')]


def test_bare_json_amid_a_body_is_an_event_at_every_cut() -> None:
    for cut in range(len(BARE)):
        first, second = _events(BARE, cut)
        assert first == (b"", b'{"a":1}')
        assert second[1].startswith(b"{\n"), cut


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_last_event_needs_no_blank_line(line_end: bytes) -> None:
    splitter = Splitter()
    assert splitter.feed(b'data: {"a":1}' + line_end) == []
    assert splitter.finish() == [(b"", b'{"a":1}')]


def test_event_cut_within_its_json_is_none() -> None:
    splitter = Splitter()
    assert splitter.feed(b'data: {"a":1}\n\ndata: {"b":') == [(b"", b'{"a":1}')]
    assert splitter.finish() == []

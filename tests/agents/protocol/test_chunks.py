"""Properties of chunks."""

from __future__ import annotations

import msgspec
import pytest

from agents.protocol.chunks import (
    AgentId,
    BlockEnded,
    Ping,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    TurnNumber,
    brings_on,
    one_line,
)
from agents.protocol.stamper import Pen

STAMP = Pen(AgentId("ada"), TurnNumber(1), 0.0).stamp()
WORD = TextDelta(**STAMP, block=0, text="So")
NO_WORD = TextDelta(**STAMP, block=0, text="")
NO_THOUGHT = ThinkingDelta(**STAMP, block=0, text="")
PING = Ping(**STAMP)
END = BlockEnded(**STAMP, block=0)


@pytest.mark.parametrize("chunks", [[WORD], [PING, WORD], [NO_WORD, END], [END]])
def test_words_and_ends_bring_a_response_on(chunks: list[StreamChunk]) -> None:
    assert brings_on(chunks)


@pytest.mark.parametrize("chunks", [[PING], [NO_WORD], [PING, NO_THOUGHT, NO_WORD]])
def test_what_keeps_a_stream_alive_does_not(chunks: list[StreamChunk]) -> None:
    assert not brings_on(chunks)


def test_json_stays_on_one_line() -> None:
    assert bytes(one_line(b'{"a": 1}')) == b'{"a": 1}'
    assert bytes(one_line(b'{\n"a":\r\n "b\\n"}')) == b'{"a":"b\\n"}'
    with pytest.raises(msgspec.DecodeError):
        one_line(b"{\n")

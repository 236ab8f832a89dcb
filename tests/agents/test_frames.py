"""Frames: what is encoded, and what stays of it."""

from __future__ import annotations

import gc
from collections.abc import Iterable

import pytest

from agents.chunks import (
    AgentId,
    Seq,
    StreamChunk,
    TextDelta,
    TurnNumber,
    decode_frame,
    encode_frame,
)

SAID = TextDelta(
    agent=AgentId("ada"), turn=TurnNumber(1), seq=Seq(0), at=1.0, block=0, text="Well"
)


@pytest.mark.parametrize("chunks", [(SAID,), [SAID, SAID], {SAID: None}])
def test_a_frame_holds_its_chunks_and_nothing_stays_of_it(
    chunks: Iterable[StreamChunk],
) -> None:
    assert list(decode_frame(encode_frame(chunks))) == list(chunks)
    iterators = {type(iter(())), type(iter({}))}
    gc.collect()
    before = sum(type(one) in iterators for one in gc.get_objects())
    for _ in range(50):
        encode_frame(chunks)
    gc.collect()
    assert sum(type(one) in iterators for one in gc.get_objects()) < before + 50

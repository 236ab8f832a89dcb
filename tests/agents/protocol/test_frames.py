"""Frames: what is encoded, and what stays of it."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from agents.protocol.chunks import (
    AgentId,
    BlockEnded,
    Seq,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    TurnNumber,
)
from agents.protocol.frames import decode_frame, encode_frame, skim_frame, unfolded

SAID = TextDelta(
    agent=AgentId("ada"), turn=TurnNumber(1), seq=Seq(0), at=1.0, block=0, text="Well"
)


def said(*texts: str) -> list[StreamChunk]:
    """A block's pieces as one read brings them."""
    return [
        msgspec.structs.replace(SAID, seq=Seq(seq), text=text)
        for seq, text in enumerate(texts)
    ]


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


def test_pieces_of_one_read_are_one_line_of_text_that_a_person_can_read() -> None:
    chunks = said("Two ", "hands\n", 'meet "often"')
    frame = encode_frame(chunks)
    assert frame == (
        b'{"kind":"deltas","agent":"ada","turn":1,"seq":0,"at":1.0,"block":0,'
        b'"of":"text_delta","pieces":["Two ","hands\\n","meet \\"often\\""]}\n'
    )
    assert decode_frame(frame) == chunks
    assert unfolded(frame) == b"".join(
        msgspec.json.encode(chunk) + b"\n" for chunk in chunks
    )


def piece(chance: random.Random) -> StreamChunk:
    """Something said, mostly where the piece before it was said."""
    at = {"at": 1.0 if chance.random() < 0.98 else 1.25}
    stamp: dict[str, Any] = {**at, "agent": AgentId(chance.choice("a" * 40 + "b"))}
    stamp |= {"turn": TurnNumber(chance.choice((1,) * 40 + (2,))), "seq": Seq(0)}
    stamp |= {"block": 0 if chance.random() < 0.98 else 1}
    text = chance.choice(("", "word ", "\n", '"{', "ä\u2028\U0001f600"))
    match chance.choice("tttttttthhhhiiiieb"):
        case "t":
            return TextDelta(**stamp, text=text)
        case "h":
            return ThinkingDelta(**stamp, text=text)
        case "i":
            return ToolInputDelta(**stamp, partial_json=text)
        case _:
            return BlockEnded(**stamp)


def test_any_chunks_come_back_as_they_went_in() -> None:
    for seed in range(300):
        chance = random.Random(seed)  # noqa: S311 (repeatable on purpose)
        chunks: list[StreamChunk] = []
        seq = 0
        while len(chunks) < 40:
            kind = piece(chance)
            for _ in range(chance.randrange(1, 8)):
                seq += 1 if chance.random() < 0.95 else 2
                chunks.append(msgspec.structs.replace(kind, seq=Seq(seq)))
        frame = encode_frame(chunks)
        assert decode_frame(frame) == chunks
        assert decode_frame(unfolded(frame)) == chunks


def test_who_does_not_read_text_still_gets_all_that_is_no_run_of_it() -> None:
    ended = BlockEnded(
        agent=SAID.agent, turn=SAID.turn, seq=Seq(3), at=SAID.at, block=0
    )
    frame = encode_frame([*said("a", "b", "c"), ended])
    assert skim_frame(frame) == [ended]
    assert skim_frame(encode_frame([SAID, ended])) == [SAID, ended]


def test_a_frame_that_is_none_is_refused() -> None:
    for read in (decode_frame, skim_frame, unfolded):
        with pytest.raises(msgspec.DecodeError):
            read(b'{"kind":"deltas"')


def test_a_frame_with_half_a_character_marks_it_and_loses_nothing_else() -> None:
    halved = msgspec.structs.replace(SAID, text="cut \ud83d")
    assert decode_frame(encode_frame([halved, SAID])) == [
        msgspec.structs.replace(SAID, text="cut \ufffd"),
        SAID,
    ]
    run = [msgspec.structs.replace(x, text="\ud83d") for x in said(*"abcdef")]
    assert {
        x.text for x in decode_frame(encode_frame(run)) if isinstance(x, TextDelta)
    } == {"\ufffd"}

"""Frames: chunks of one agent as the bytes that travel, and back.

A *frame* is ``bytes``: one or more chunks that one network read brought, encoded once
by the agent that made them, as JSON lines. Channels, journal, displays and wires carry
the same bytes; nobody encodes again. JSON lines were chosen over msgpack because they
cost the same (86 ns to encode and 162 ns to decode one text delta, against 78 and 152,
measured on 2026-11-23 with msgspec 0.22) and a person can read them.

A line is one chunk as :mod:`agents.protocol.chunks` has it, or a run of pieces of one
block, which differ in their text and their place alone::

    {"kind":"deltas","agent":"ada","turn":1,"seq":5,"at":8.2,"block":0,
     "of":"text_delta","pieces":["Two ","hands ","meet "]}

Those are ``seq`` 5, 6 and 7. Said one by one they take ten times the bytes, which the
journal has to write, and cost three times as much to read back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias, assert_never, cast

import msgspec

from agents.protocol.chunks import (
    AgentId,
    Chunk,
    Seq,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    TurnNumber,
)
from agents.protocol.unicode_text import whole_json

FEWEST = 3
"""Pieces that are worth a run."""
FRAME_BYTES_MOST = 64 * 1024 * 1024
"""A journal's record takes four times as much; the longest that a model may write, each
character escaped, comes to some 24 MB."""

_Piece: TypeAlias = TextDelta | ThinkingDelta | ToolInputDelta
_Kind: TypeAlias = Literal["text_delta", "thinking_delta", "tool_input_delta"]
_PIECES = (TextDelta, ThinkingDelta, ToolInputDelta)
_NAMES: dict[type[_Piece], _Kind] = {
    TextDelta: "text_delta",
    ThinkingDelta: "thinking_delta",
    ToolInputDelta: "tool_input_delta",
}


class _Run(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="deltas"):
    """Pieces of one block that one read brought; on the wire alone."""

    agent: AgentId
    turn: TurnNumber
    seq: Seq
    """The first one's."""
    at: float
    block: int
    of: _Kind
    """The kind of chunk that each piece is."""
    pieces: list[str]

    def chunks(self) -> list[StreamChunk]:
        """The chunks of the run, one by one."""
        # Written out field by field: this is as fast as decoding whole chunks.
        agent, turn, at, block = self.agent, self.turn, self.at, self.block
        numbered = enumerate(self.pieces, self.seq)
        match self.of:
            case "text_delta":
                return [
                    TextDelta(
                        agent=agent, turn=turn, seq=Seq(n), at=at, block=block, text=t
                    )
                    for n, t in numbered
                ]
            case "thinking_delta":
                return [
                    ThinkingDelta(
                        agent=agent, turn=turn, seq=Seq(n), at=at, block=block, text=t
                    )
                    for n, t in numbered
                ]
            case "tool_input_delta":
                return [
                    ToolInputDelta(
                        agent=agent,
                        turn=turn,
                        seq=Seq(n),
                        at=at,
                        block=block,
                        partial_json=typed,
                    )
                    for n, typed in numbered
                ]
            case _:
                assert_never(self.of)


class _RunPassed(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="deltas"
):
    """A run that nobody wants to read."""


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[StreamChunk | _Run]
_decoder = msgspec.json.Decoder(StreamChunk | _Run)
_skimmer: msgspec.json.Decoder[StreamChunk | _RunPassed]
_skimmer = msgspec.json.Decoder(StreamChunk | _RunPassed)


def encode_frame(chunks: Iterable[StreamChunk]) -> bytes:
    """Encode chunks of one agent as a frame."""
    # A list always: of anything else, msgspec (0.22) never frees the iterator, which
    # was half a kilobyte a session.
    lines = [*chunks]
    if len(lines) >= FEWEST:
        lines = _folded(lines)
    try:
        return _encoder.encode_lines(lines)
    except UnicodeEncodeError:
        # Whatever a backend of the caller's own says of its trouble, the others go on.
        return _encoder.encode_lines([_whole(chunk) for chunk in lines])


def _whole(chunk: StreamChunk | _Run) -> StreamChunk | _Run:
    """``chunk`` with texts that UTF-8 can hold."""
    fields = {name: getattr(chunk, name) for name in chunk.__struct_fields__}
    mended = {
        name: whole_json(value) if isinstance(value, str | list) else value
        for name, value in fields.items()
    }
    return msgspec.structs.replace(chunk, **mended)


def decode_frame(frame: bytes) -> Sequence[StreamChunk]:
    """Decode a frame into its chunks, in the order they were said.

    Raises:
        msgspec.DecodeError: The bytes are not chunks; frames come from our own encoder,
            so this is a bug or a damaged file.
    """
    chunks: list[StreamChunk] = []
    for line in _decoder.decode_lines(frame):
        if isinstance(line, _Run):
            chunks += line.chunks()
        else:
            chunks.append(line)
    return chunks


def skim_frame(frame: bytes) -> Sequence[StreamChunk]:
    """Decode a frame for somebody who does not read text: its runs are left out.

    Raises:
        msgspec.DecodeError: The bytes are not chunks.
    """
    return [line for line in _skimmer.decode_lines(frame) if isinstance(line, Chunk)]


def unfolded(frame: bytes) -> bytes:
    """The same frame, one chunk a line.

    Raises:
        msgspec.DecodeError: The bytes are not chunks.
    """
    return _encoder.encode_lines([*decode_frame(frame)])


def _folded(chunks: Sequence[StreamChunk]) -> list[StreamChunk | _Run]:
    """Put the pieces that lie together into runs."""
    lines: list[StreamChunk | _Run] = []
    place, end = 0, len(chunks)
    while place < end:
        first = chunks[place]
        if isinstance(first, _PIECES):
            behind = _end_of_run(first, chunks, place)
            if behind - place >= FEWEST:
                lines.append(_run(first, chunks[place:behind]))
                place = behind
                continue
        lines.append(first)
        place += 1
    return lines


def _end_of_run(first: _Piece, chunks: Sequence[StreamChunk], begin: int) -> int:
    """The place of the chunk that does not go on where the one before it ends."""
    kind, agent, turn = type(first), first.agent, first.turn
    at, block, offset = first.at, first.block, first.seq - begin
    others: Sequence[Any] = chunks  # a cast for each would cost a tenth of this
    for place in range(begin + 1, len(others)):
        chunk = others[place]
        if (
            type(chunk) is not kind
            or chunk.seq != offset + place
            or chunk.at != at
            or chunk.agent != agent
            or chunk.turn != turn
            or chunk.block != block
        ):
            return place
    return len(others)


def _run(first: _Piece, chunks: Sequence[StreamChunk]) -> _Run:
    if isinstance(first, ToolInputDelta):
        typed = cast("Sequence[ToolInputDelta]", chunks)
        pieces = [piece.partial_json for piece in typed]
    else:
        pieces = [piece.text for piece in cast("Sequence[TextDelta]", chunks)]
    return _Run(
        agent=first.agent,
        turn=first.turn,
        seq=first.seq,
        at=first.at,
        block=first.block,
        of=_NAMES[type(first)],
        pieces=pieces,
    )

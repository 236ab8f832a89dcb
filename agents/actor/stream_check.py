"""Checks of a caller's own backend: its stream is looked at before it is believed.

The backends that live here are checked by their tests, and the hot path does without
this. Another's slip (text without its block, a chunk instead of a list) would surface
far from its cause; here it becomes a ``StreamMalformed`` that names the rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from agents.boundary.guard import class_name
from agents.errors import BackendBroken, ProtocolBroken, StreamMalformed
from agents.protocol.backend import Backend
from agents.protocol.chunks import (
    DELTAS,
    SAID_BY_BACKENDS,
    BlockEnded,
    BlockStarted,
    Chunk,
    CitationAdded,
    ResponseEnded,
    ResponseStarted,
    ServerToolCalled,
    ServerToolReturned,
    SignatureDelta,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolInputDelta,
)
from agents.protocol.frames import decode_frame, encode_frame
from agents.protocol.stamper import Pen
from agents.protocol.unicode_text import whole_text

WRITTEN_MOST = 4_000_000
"""Characters of one response. The longest that a model may write is 128,000 tokens
(docs.claude.com, models, read 2026-11-30); thirty characters a token are no language.
What is longer would be compared, recorded and shown to everybody."""
WITHOUT_TEXT_MOST = 20_000
"""Empty reads, and chunks without a letter, of one response: blocks, calls, usage. A
response has some dozens."""
_OURS = "agents.backends."
_NAMES = (ToolCalled, ServerToolCalled, ServerToolReturned)


def is_checked(backend: Backend) -> bool:
    """Whether what ``backend`` streams must be checked: it is not one of ours."""
    stream: object = getattr(type(backend), "open_stream", None)
    return not str(getattr(stream, "__module__", "")).startswith(_OURS)


class StreamCheck:
    """Checks one response's chunks, in order.

    Args:
        pen: What must have stamped them, before the stream is opened.
    """

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._seq = pen.next_free_seq
        self._open: dict[int, BlockStarted] = {}
        self._known: dict[int, BlockStarted] = {}
        self._is_over = False
        self._characters = 0
        self._without_text = 0

    def batch(self, item: object) -> Sequence[StreamChunk]:
        """``item``, if one read of a response may bring it.

        Raises:
            StreamMalformed: It may not; which rule it breaks.
        """
        if not isinstance(item, list | tuple):
            raise _broken(f"an item is a list of chunks, not {class_name(item)}")
        chunks = cast("Sequence[Any]", item)
        for chunk in chunks:
            if not isinstance(chunk, Chunk):
                raise _broken(f"an item holds chunks, not {class_name(chunk)}")
        read = self._whole_text(chunks)
        for chunk in read:
            self._check(chunk)
        self._count(read)
        return read

    def _count(self, chunks: Sequence[StreamChunk]) -> None:
        """Bound what one response is: of ours, the transport bounds it.

        Raises:
            BackendBroken: It is no answer any more.
        """
        characters = sum(map(_length, chunks))
        self._characters += characters
        if self._characters > WRITTEN_MOST:
            raise BackendBroken(
                f"a response of more than {WRITTEN_MOST:,} characters is no answer: no "
                "model writes so many at once"
            )
        if not characters:
            self._without_text += max(1, len(chunks))
            if self._without_text > WITHOUT_TEXT_MOST:
                raise BackendBroken(
                    f"a response whose stream brings nothing {WITHOUT_TEXT_MOST:,} "
                    "times is no answer"
                )

    def _whole_text(self, chunks: Sequence[StreamChunk]) -> Sequence[StreamChunk]:
        """The chunks as the other end of a wire would read them."""
        mended = [
            msgspec.structs.replace(chunk, text=whole_text(chunk.text))
            if isinstance(chunk, TextDelta | ThinkingDelta) and type(chunk.text) is str
            else chunk
            for chunk in chunks
        ]
        try:
            read = decode_frame(encode_frame(mended))
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            raise _broken(f"a chunk cannot be written as JSON: {error}") from error
        if len(read) != len(chunks):
            raise _broken("raw JSON has no line feed in it")
        return read

    def _check(self, chunk: StreamChunk) -> None:
        name = type(chunk).__name__
        if (chunk.agent, chunk.turn) != (self._pen.agent, self._pen.turn):
            raise _broken(f"{name} is another agent's or turn's; stamp it by the pen")
        if chunk.seq != self._seq:
            raise _broken(
                f"{name} has seq {chunk.seq} where {self._seq} comes next; stamp each "
                "chunk once by the pen, and leave none out"
            )
        self._seq += 1
        if self._is_over:
            raise _broken(f"{name} comes after ResponseEnded, which is the last")
        if isinstance(chunk, BlockStarted):
            self._open[chunk.block] = self._known[chunk.block] = chunk
        elif isinstance(chunk, BlockEnded):
            if self._open.pop(chunk.block, None) is None:
                raise _broken(f"block {chunk.block} ends and was not begun")
        elif isinstance(chunk, DELTAS):
            # Some makers tell their sources when the text is over.
            blocks = self._known if isinstance(chunk, CitationAdded) else self._open
            if chunk.block not in blocks:
                raise _broken(f"{name} adds to block {chunk.block}, which is not open")
        elif isinstance(chunk, _NAMES):
            self._check_call(chunk)
        elif isinstance(chunk, ResponseStarted):
            self._open, self._known = {}, {}
        elif isinstance(chunk, ResponseEnded):
            self._is_over = True
        elif not isinstance(chunk, SAID_BY_BACKENDS):
            raise _broken(f"{name} is the actor's to say, not a backend's")

    def _check_call(
        self, chunk: ToolCalled | ServerToolCalled | ServerToolReturned
    ) -> None:
        name = type(chunk).__name__
        block = self._known.get(chunk.block)
        if block is None:
            raise _broken(f"{name} {chunk.id!r} has no block; begin it by BlockStarted")
        if not isinstance(chunk, ToolCalled):
            return
        try:
            content = msgspec.json.decode(block.content, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise _broken(f"the content of block {chunk.block} is no object") from error
        if content.get("type") != "tool_use" or content.get("id") != chunk.id:
            raise _broken(
                f"ToolCalled {chunk.id!r} is of a block of type "
                f"{content.get('type')!r} and id {content.get('id')!r}; it must be a "
                "'tool_use' of the same id"
            )


def _length(chunk: StreamChunk) -> int:
    """The characters that ``chunk`` adds to its response."""
    match chunk:
        case TextDelta(text=text) | ThinkingDelta(text=text):
            return len(text)
        case ToolInputDelta(partial_json=text) | SignatureDelta(signature=text):
            return len(text)
        case _:
            return 0


def _broken(rule: str) -> StreamMalformed:
    return ProtocolBroken(f"the backend broke the protocol: {rule}")

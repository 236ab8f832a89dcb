"""Moves as the chunks that the Claude backend would make of the same events."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never, cast

import msgspec

from agents.backends.dialects.messages.event_types import WireUsage
from agents.backends.dialects.messages.usage import Meter
from agents.backends.scripted.response_steps import (
    BlockCloses,
    BlockOpens,
    Breaks,
    Cited,
    Deltas,
    MessageCloses,
    MessageOpens,
    Move,
    Pause,
    Pinged,
    RawSent,
    Sealed,
)
from agents.limits.pricing import cost_usd
from agents.protocol.chunks import (
    BlockEnded,
    BlockStarted,
    CitationAdded,
    Ping,
    ResponseEnded,
    ResponseOpened,
    ResponseStarted,
    ServerToolCalled,
    ServerToolReturned,
    SignatureDelta,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolInputDelta,
    UsageReported,
)
from agents.protocol.endings import ending_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.protocol.chunks import StreamChunk
from agents.backends.scripted.script import JsonObject
from agents.protocol.stamper import Pen

PING = b'{"type": "ping"}'
"""A ``ping`` event's data, blank and all as the API sends it."""

_encode = msgspec.json.Encoder().encode


class Scribe:
    """Writes one response's moves down as chunks.

    Args:
        pen: Stamps them; whoever plays sets its time.
        batch: Chunks at most in one list.
    """

    def __init__(self, pen: Pen, batch: int) -> None:
        self._pen = pen
        self._batch = batch
        self._meter = Meter(cost_usd)

    def write(self, move: Move) -> list[StreamChunk]:
        """Give the chunks of one move, all that it has."""
        stamp = self._pen.stamp
        match move:
            case Deltas():
                return self._deltas(move, move.pieces * move.times)
            case MessageOpens():
                return self._opening(move)
            case BlockOpens(block, content):
                raw = msgspec.Raw(_encode(content))
                type_ = str(content["type"])
                return [BlockStarted(**stamp(), block=block, type=type_, content=raw)]
            case Sealed(block, signature):
                return [SignatureDelta(**stamp(), block=block, signature=signature)]
            case Cited(block, citation):
                raw = msgspec.Raw(_encode(citation))
                return [CitationAdded(**stamp(), block=block, citation=raw)]
            case BlockCloses():
                ended = BlockEnded(**stamp(), block=move.block)
                return [ended, *self._closed(move)]
            case MessageCloses():
                return self._closing(move)
            case Pinged():
                return [Ping(**stamp())]
            case Pause() | RawSent() | Breaks():
                return []
            case _:
                assert_never(move)

    def batches(self, move: Deltas) -> Iterator[list[StreamChunk]]:
        """Give a move's deltas in lists; the caller may pass time between them."""
        size = move.batch or self._batch
        pieces = move.pieces
        whole = pieces * max(1, size // len(pieces))
        rounds, rest = divmod(len(pieces) * move.times, len(whole))
        for _ in range(rounds):
            yield self._deltas(move, whole)
        if rest:
            yield self._deltas(move, whole[:rest])

    def _deltas(self, move: Deltas, pieces: tuple[str, ...]) -> list[StreamChunk]:
        # Written out field by field: a stamp for each would double what it costs.
        pen = self._pen
        agent, turn, at = pen.agent, pen.turn, pen.at
        block = move.block
        numbered = zip(pen.next_seqs(len(pieces)), pieces, strict=True)
        match move.kind:
            case "text":
                return [
                    TextDelta(
                        agent=agent,
                        turn=turn,
                        seq=seq,
                        at=at,
                        block=block,
                        text=piece,
                    )
                    for seq, piece in numbered
                ]
            case "thinking":
                return [
                    ThinkingDelta(
                        agent=agent,
                        turn=turn,
                        seq=seq,
                        at=at,
                        block=block,
                        text=piece,
                    )
                    for seq, piece in numbered
                ]
            case "input":
                return [
                    ToolInputDelta(
                        agent=agent,
                        turn=turn,
                        seq=seq,
                        at=at,
                        block=block,
                        partial_json=piece,
                    )
                    for seq, piece in numbered
                ]

    def _opening(self, move: MessageOpens) -> list[StreamChunk]:
        model = str(move.message["model"])
        self._meter.begin(model)
        opened = ResponseOpened(**self._pen.stamp())
        started = ResponseStarted(
            **self._pen.stamp(),
            model=model,
            message=msgspec.Raw(_encode(move.message)),
        )
        return [opened, started, self._reported(move.message["usage"])]

    def _closed(self, move: BlockCloses) -> list[StreamChunk]:
        content, block = move.content, move.block
        type_ = str(content["type"])
        stamp = self._pen.stamp
        match type_:
            case "tool_use":
                input_, is_valid = _input(move)
                return [
                    ToolCalled(
                        **stamp(),
                        block=block,
                        id=content["id"],
                        name=content["name"],
                        input=input_,
                        is_valid=is_valid,
                    )
                ]
            case _ if type_.endswith("tool_use"):
                return [
                    ServerToolCalled(
                        **stamp(),
                        block=block,
                        id=content["id"],
                        name=content["name"],
                        input=_input(move)[0],
                        server=content.get("server_name", ""),
                    )
                ]
            case _ if type_.endswith("_result"):
                return [
                    ServerToolReturned(
                        **stamp(),
                        block=block,
                        id=content["tool_use_id"],
                        type=type_,
                        content=msgspec.Raw(_encode(content["content"])),
                        is_error=_is_error(content),
                    )
                ]
            case _:
                return []

    def _closing(self, move: MessageCloses) -> list[StreamChunk]:
        self._meter.note(_encode({"usage": move.usage}))
        reported = self._reported(move.usage, is_last=True)
        stop_reason = str(move.delta["stop_reason"])
        ended = ResponseEnded(
            **self._pen.stamp(),
            stop_reason=stop_reason,
            delta=msgspec.Raw(_encode(message_delta(move))),
            why=ending_of(stop_reason),
        )
        return [reported, ended]

    def _reported(self, usage: JsonObject, *, is_last: bool = False) -> UsageReported:
        self._meter.count(msgspec.convert(usage, WireUsage))
        return self._meter.report(self._pen.stamp(), None, is_last=is_last)


def message_delta(move: MessageCloses) -> JsonObject:
    """Give the ``message_delta`` event of a move."""
    return {"type": "message_delta", "delta": move.delta, "usage": move.usage}


def _input(move: BlockCloses) -> tuple[msgspec.Raw, bool]:
    """Give a call's input on one line, and whether it is JSON."""
    if not move.typed:
        return msgspec.Raw(_encode(move.content.get("input", {}))), True
    try:
        typed = msgspec.json.format(move.typed.encode(), indent=-1)
    except msgspec.DecodeError:
        return msgspec.Raw(_encode(move.typed)), False
    return msgspec.Raw(typed), True


def _is_error(content: JsonObject) -> bool:
    inner: object = content["content"]
    if isinstance(inner, dict):
        type_ = cast("JsonObject", inner).get("type", "")
        return str(type_).endswith("_error")
    return bool(content.get("is_error", False))

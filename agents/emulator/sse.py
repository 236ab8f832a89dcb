"""Moves as the server-sent events, and as the whole message, that they amount to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

import msgspec

from agents.backends.scripted.chunk_writer import PING
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.backends.scripted.script import JsonObject, Wire

BATCH_BYTES = 16_384
"""About so much is written at once where the script says nothing."""

_encode = msgspec.json.Encoder().encode
_DELTAS = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "input": ("input_json_delta", "partial_json"),
}


def event(data: JsonObject) -> bytes:
    """Write one event; its name is the data's ``type``, ``error`` among them."""
    return b"event: %b\ndata: %b\n\n" % (str(data["type"]).encode(), _encode(data))


def events(move: Move) -> Iterator[bytes]:
    """Write a move; each item may be one write."""
    match move:
        case MessageOpens(message):
            yield event({"type": "message_start", "message": message})
        case BlockOpens(block, content):
            yield event(
                {
                    "type": "content_block_start",
                    "index": block,
                    "content_block": content,
                }
            )
        case Deltas():
            yield from _deltas(move)
        case Sealed(block, signature):
            yield _delta(block, {"type": "signature_delta", "signature": signature})
        case Cited(block, citation):
            yield _delta(block, {"type": "citations_delta", "citation": citation})
        case BlockCloses():
            yield event({"type": "content_block_stop", "index": move.block})
        case MessageCloses(delta, usage):
            yield event({"type": "message_delta", "delta": delta, "usage": usage})
            yield event({"type": "message_stop"})
        case Pinged():
            yield b"event: ping\ndata: %b\n\n" % PING
        case RawSent(text):
            yield text.encode()
        case Pause() | Breaks():
            return
        case _:
            assert_never(move)


def _deltas(move: Deltas) -> Iterator[bytes]:
    type_, key = _DELTAS[move.kind]
    once = [_delta(move.block, {"type": type_, key: piece}) for piece in move.pieces]
    if move.times == 1 and not move.batch:
        yield from once
        return
    size = sum(map(len, once))
    at_once = move.batch or max(1, BATCH_BYTES * len(once) // size)
    whole = once * max(1, at_once // len(once))
    rounds, rest = divmod(len(once) * move.times, len(whole))
    joined = b"".join(whole)
    for _ in range(rounds):
        yield joined
    if rest:
        yield b"".join(whole[:rest])


def _delta(block: int, delta: JsonObject) -> bytes:
    return event({"type": "content_block_delta", "index": block, "delta": delta})


def laid_out(data: bytes, wire: Wire) -> list[bytes]:
    """Cut what is to be written as the script asks for it."""
    if wire.crlf:
        data = data.replace(b"\n", b"\r\n")
    if wire.cut_bytes is None:
        return [data] if data else []
    size = wire.cut_bytes
    return [data[at : at + size] for at in range(0, len(data), size)]


def message_of(moves: Iterator[Move]) -> JsonObject | None:
    """The message that is played to its end; ``None`` where it breaks."""
    whole = WholeMessage()
    for move in moves:
        if isinstance(move, Breaks):
            return None
        whole.take(move)
    return whole.message


class WholeMessage:
    """Gathers moves into the message that ``stream: false`` is answered with."""

    def __init__(self) -> None:
        self.message: JsonObject = {}
        self._blocks: list[JsonObject] = []

    def take(self, move: Move) -> None:
        """Add a move."""
        match move:
            case MessageOpens(message):
                self.message = {**message, "content": self._blocks}
            case BlockOpens(_, content):
                self._blocks.append(dict(content))
            case Deltas():
                self._say(move)
            case Sealed(block, signature):
                self._blocks[block]["signature"] = signature
            case Cited(block, citation):
                cited: list[Any] = [*self._blocks[block]["citations"], citation]
                self._blocks[block]["citations"] = cited
            case BlockCloses() if move.typed:
                self._blocks[move.block]["input"] = _input(move.typed)
            case MessageCloses(delta, usage):
                self.message = {**self.message, **delta}
                self.message["usage"] = {**self.message["usage"], **usage}
            case _:
                return

    def _say(self, move: Deltas) -> None:
        if move.kind != "input":
            block = self._blocks[move.block]
            block[move.kind] += "".join(move.pieces) * move.times


def _input(typed: str) -> Any:  # noqa: ANN401  (JSON, carried)
    try:
        return msgspec.json.decode(typed)
    except msgspec.DecodeError:
        # The API has no way to send broken JSON in a whole message.
        return {}

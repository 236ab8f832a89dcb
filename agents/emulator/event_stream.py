"""A response performed on the wire: its events in their time, and what goes wrong."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import anyio
import msgspec

from agents.backends.scripted.response_steps import (
    Breaks,
    Deltas,
    MessageOpens,
    Move,
    Pause,
)
from agents.backends.scripted.script import Disconnect, Fail, Stall, Truncate
from agents.emulator import sse
from agents.emulator.http import Gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from agents.backends.scripted.player import Part
    from agents.backends.scripted.script import HttpError, JsonObject
    from agents.emulator.dialect_events import EventWriter
    from agents.emulator.http import Connection


class Refused(Exception):
    """The response is an error status instead."""

    def __init__(self, error: HttpError) -> None:
        super().__init__(error.message)
        self.error = error


class Performance:
    """Plays one part over one connection.

    Args:
        connection: Belongs to this response while it is played.
        part: Played once.
        headers: Of the response.
        on_begin: Called when the response begins, for that is when it is bought.
        writer: In whose dialect events are written.
        opening: What the message's start says beside.
    """

    def __init__(
        self,
        connection: Connection,
        part: Part,
        headers: Mapping[str, str],
        on_begin: Callable[[], None],
        writer: EventWriter,
        *,
        opening: JsonObject | None = None,
    ) -> None:
        self._connection = connection
        self._moves = _opened(part.moves, opening or {})
        self._wire = part.entry.wire
        self._headers = headers
        self._on_begin = on_begin
        self._writer = writer
        self._whole = sse.WholeMessage()

    @property
    def message(self) -> JsonObject:
        """The message so far."""
        return self._whole.message

    async def stream(self) -> bool:
        """Send events; tell whether the response was played to its end.

        Raises:
            Refused: It goes wrong before anything was sent.
            Gone: The client left, or the script breaks the connection.
        """
        first = await self._first()
        self._on_begin()
        await self._connection.begin(
            {"content-type": "text/event-stream; charset=utf-8", **self._headers}
        )
        if first is None:
            await self._connection.finish()
            return False
        is_whole = await self._play(chain([first], self._moves))
        await self._connection.finish()
        return is_whole

    async def send_whole(self) -> bool:
        """Send one JSON message; see :meth:`stream`."""
        first = await self._first()
        for move in chain([first] if first else [], self._moves):
            match move:
                case Pause():
                    await anyio.sleep(move.seconds)
                case Breaks(line=Fail(error=error)):
                    raise Refused(error)
                case Breaks(line=Stall()):
                    await anyio.sleep_forever()
                case Breaks():
                    self._connection.break_off()
                    raise Gone
                case _:
                    self._whole.take(move)
        self._on_begin()
        await self._connection.respond(
            200,
            {"content-type": "application/json", **self._headers},
            msgspec.json.encode(self._whole.message),
        )
        return True

    async def _first(self) -> Move | None:
        """Wait for the move that opens the response; ``None``: it ends at once."""
        for move in self._moves:
            match move:
                case Pause():
                    await anyio.sleep(move.seconds)
                case Breaks(line=Fail(error=error)):
                    raise Refused(error)
                case Breaks(line=Truncate()):
                    return None
                case Breaks(line=Stall()):
                    await anyio.sleep_forever()
                case Breaks(line=Disconnect()):
                    self._connection.break_off()
                    raise Gone
                case _:
                    return move
        raise AssertionError("a response opens or breaks")

    async def _play(self, moves: Iterator[Move]) -> bool:
        pending = b""
        for move in moves:
            match move:
                case Pause():
                    await self._write(pending)
                    pending = b""
                    await anyio.sleep(move.seconds)
                case Breaks():
                    await self._write(pending)
                    await self._break(move)
                    return False
                case Deltas() if move.times > 1 or move.batch:
                    await self._write(pending)
                    pending = b""
                    for data in self._writer.events(move):
                        await self._write(data)
                    self._whole.take(move)
                case _:
                    self._whole.take(move)
                    pending += b"".join(self._writer.events(move))
            if len(pending) >= sse.BATCH_BYTES:
                await self._write(pending)
                pending = b""
        await self._write(pending)
        return True

    async def _break(self, move: Breaks) -> None:
        match move.line:
            case Fail(error=error):
                await self._write(self._writer.error(error))
            case Stall():
                await anyio.sleep_forever()
            case Truncate():
                return
            case Disconnect():
                self._connection.break_off()
                raise Gone

    async def _write(self, data: bytes) -> None:
        pieces = sse.laid_out(data, self._wire)
        if self._wire.cut_bytes is None:
            if pieces:
                await self._connection.send(*pieces)
            return
        for piece in pieces:
            await self._connection.send(piece)


def _opened(moves: Iterator[Move], opening: JsonObject) -> Iterator[Move]:
    """``moves``, of which the first one says what ``opening`` does."""
    for move in moves:
        if isinstance(move, MessageOpens) and opening:
            move = MessageOpens({**move.message, **opening})  # noqa: PLW2901
        yield move

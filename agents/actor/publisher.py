"""The voice of one turn: a pen for the stamp, and a way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeAlias

import anyio
import anyio.lowlevel

from agents.conversation.accumulator import Transcript
from agents.protocol.chunks import StreamChunk
from agents.protocol.redaction import Redactor
from agents.protocol.stamper import Pen, Stamp

if TYPE_CHECKING:
    from agents.tracing.spans import TurnTrace

Recorded: TypeAlias = Callable[[], Awaitable[None]]
"""Waits until what an agent has sent is where a kill cannot take it away; never returns
once the session has concluded."""
Publish: TypeAlias = Callable[[Sequence[StreamChunk]], Awaitable[None]]


NO_SECRETS = Redactor()


class Outbox(Protocol):
    """Where frames go: an end of a channel, closed by whoever holds it."""

    def send_nowait(self, item: bytes) -> None:
        """Send at once.

        Raises:
            anyio.WouldBlock: There is no room.
            anyio.BrokenResourceError: Nobody receives any more.
        """
        ...

    async def send(self, item: bytes) -> None:
        """Send as soon as there is room.

        Raises:
            anyio.BrokenResourceError: Nobody receives any more.
        """
        ...

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


class Voice:
    """Stamps chunks of a turn's own and sends them, and those of its responses."""

    __slots__ = (
        "most_output",
        "pen",
        "publish",
        "recorded",
        "redactor",
        "response",
        "trace",
    )

    def __init__(
        self,
        pen: Pen,
        publish: Publish,
        recorded: Recorded = anyio.lowlevel.checkpoint,
        redactor: Redactor = NO_SECRETS,
        trace: TurnTrace | None = None,
    ) -> None:
        self.trace = trace
        """The turn's span; ``None`` where nobody traces."""
        self.redactor = redactor
        """Takes secrets out of what quotes others."""
        self.pen = pen
        self.publish = publish
        """Sends chunks as one frame; waits while there is no room."""
        self.response: Transcript | None = None
        """The response under way: if it ends here, what it has cost is an estimate."""
        self.most_output: int | None = None
        """The most tokens it may write, where its request says so."""
        self.recorded = recorded
        """Returns when all that was sent is recorded, and an effect may follow."""

    def stamp(self) -> Stamp:
        """The common fields of a chunk that is made now."""
        self.pen.at = anyio.current_time()
        return self.pen.stamp()

    async def say(self, chunk: StreamChunk) -> None:
        """Send one chunk."""
        await self.publish((self.redactor.cleaned(chunk),))

"""The fan-in's channel: many agents send, one coordinator takes all there is.

It is anyio's memory stream with a bell. The stream's own ``receive`` passes a
checkpoint, looks, and keeps books on who waits for which item; a single reader that
takes everything at once needs none of that, and half of a wake-up is saved.
"""

from __future__ import annotations

from types import TracebackType
from typing import Generic, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

T = TypeVar("T")


class _Bell:
    """Wakes the reader, if it waits."""

    __slots__ = ("waited_for",)

    def __init__(self) -> None:
        self.waited_for: anyio.Event | None = None


class Outbox(Generic[T]):
    """A sending end that rings the reader's bell; the last clone to close ends it."""

    __slots__ = ("_bell", "_stream")

    def __init__(self, stream: MemoryObjectSendStream[T], bell: _Bell) -> None:
        self._stream = stream
        self._bell = bell

    def __enter__(self) -> Outbox[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def send_nowait(self, item: T) -> None:
        """Send at once, as any stream does, and ring.

        Raises:
            anyio.WouldBlock: There is no room.
            anyio.BrokenResourceError: The reader has closed its end.
            anyio.ClosedResourceError: This one is closed.
        """
        self._stream.send_nowait(item)
        event = self._bell.waited_for
        if event is not None:
            event.set()

    async def send(self, item: T) -> None:
        """Send as soon as there is room, and ring.

        Where there was none the reader does not wait: it takes what is here, and this
        with it.

        Raises:
            anyio.BrokenResourceError: The reader has closed its end.
            anyio.ClosedResourceError: This one is closed.
        """
        await self._stream.send(item)
        event = self._bell.waited_for
        if event is not None:
            event.set()

    def close(self) -> None:
        """Send no more from this end."""
        self._stream.close()

    def clone(self) -> Outbox[T]:
        """Another end with the same bell, to be closed by itself.

        Raises:
            anyio.ClosedResourceError: This one is closed.
        """
        return Outbox(self._stream.clone(), self._bell)


class Inbox(Generic[T]):
    """The receiving end; one task waits at it."""

    def __init__(self, stream: MemoryObjectReceiveStream[T]) -> None:
        self._stream = stream
        self.bell = _Bell()

    def __enter__(self) -> Inbox[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def ring(self) -> None:
        """Wake the reader, whether there is an item for it or something else."""
        if self.bell.waited_for is not None:
            self.bell.waited_for.set()

    async def wait(self) -> None:
        """Wait until it is rung, unless something is here; passes one checkpoint."""
        if self._stream.statistics().current_buffer_used:
            await anyio.lowlevel.checkpoint()
            return
        await self.bell_rings()

    async def bell_rings(self) -> None:
        """Wait until it is rung, whatever is here."""
        self.bell.waited_for = event = anyio.Event()
        try:
            await event.wait()
        finally:
            self.bell.waited_for = None

    def taken(self, most: float) -> list[T]:
        """Take what is here, up to ``most`` items, in the order they came."""
        items: list[T] = []
        take = self._stream.receive_nowait
        try:
            while len(items) < most:
                items.append(take())
        except (anyio.WouldBlock, anyio.EndOfStream):
            pass
        return items


def channel(size: int) -> tuple[Outbox[T], Inbox[T]]:
    """Both ends of a channel that holds ``size`` items."""
    sending, receiving = anyio.create_memory_object_stream[T](size)
    inbox = Inbox(receiving)
    return Outbox(sending, inbox.bell), inbox

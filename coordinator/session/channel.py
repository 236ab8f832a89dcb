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


class Outbox(MemoryObjectSendStream[T]):
    """A sending end that rings the reader's bell."""

    bell: _Bell

    def send_nowait(self, item: T) -> None:
        """Send at once, as any stream does, and ring."""
        super().send_nowait(item)
        event = self.bell.waited_for
        if event is not None:
            event.set()

    def clone(self) -> Outbox[T]:
        """Another end with the same bell, to be closed by itself.

        Raises:
            anyio.ClosedResourceError: This one is closed.
        """
        if self._closed:
            raise anyio.ClosedResourceError
        outbox = Outbox[T](_state=self._state)
        outbox.bell = self.bell
        return outbox


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
    with sending:
        # Its own kind of clone, which anyio has no word for.
        outbox = Outbox[T](_state=vars(sending)["_state"])
    outbox.bell = inbox.bell
    return outbox, inbox

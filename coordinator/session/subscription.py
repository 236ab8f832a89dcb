"""A bounded stream of events from the shell to one reader that may lag.

A reader that falls behind either holds the session back (``lossless``: a program that
iterates over a session) or misses pieces of text (a display). Decisions, results of
tools, answers and votes are never dropped; there are few of them, because the rules cap
turns and calls.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import anyio

from agents.protocol.chunks import (
    BlockDelta,
    CitationAdded,
    Ping,
    SignatureDelta,
    StatusChanged,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
)
from coordinator.protocol.events import Event

EVENTS_WAITING = 4096
"""How far a reader may lag, in events: about a second of ten agents streaming."""

_DROPPABLE = frozenset(
    {
        TextDelta,
        ThinkingDelta,
        SignatureDelta,
        ToolInputDelta,
        CitationAdded,
        BlockDelta,
        Ping,
        StatusChanged,
    }
)


class Feed:
    """Many events in, by the shell; batches of events out, to one reader.

    Args:
        lossless: Whether the session waits for a reader that lags.
        limit: How far it may lag, in events.
        before: What happened before, to be read first: whole from a lossless feed,
            without pieces of text from another where there are too many.
        on_read: Called when a reader that was full has taken something, or has gone.
    """

    def __init__(
        self,
        *,
        lossless: bool,
        limit: int = EVENTS_WAITING,
        before: Sequence[Event] = (),
        on_read: Callable[[], None] | None = None,
    ) -> None:
        self._lossless = lossless
        self._on_read = on_read
        self._limit = limit
        self._batches: deque[Sequence[Event]] = deque()
        self._waiting = 0
        self._closed = False
        self._thread = threading.get_ident()
        self._changed = anyio.Event()
        self.dropped = 0
        """Pieces of text this reader has missed so far."""
        if before:
            has_room = lossless or len(before) <= limit
            self._add(before if has_room else self._without_text(before))

    @property
    def is_closed(self) -> bool:
        """Whether the reader has gone or the session is over."""
        return self._closed

    @property
    def is_full(self) -> bool:
        """Whether a reader that must miss nothing lags by more than it may."""
        return self._lossless and not self._closed and self._waiting >= self._limit

    @property
    def waiting(self) -> int:
        """Events that are not read yet."""
        return self._waiting

    def add(self, events: Sequence[Event]) -> None:
        """Hand over events; whoever does so asks first whether it :attr:`is_full`."""
        if self._closed or not events:
            return
        if not self._lossless and self._waiting + len(events) > self._limit:
            events = self._without_text(events)
        if events:
            self._add(events)

    async def push(self, events: Sequence[Event]) -> None:
        """Hand over events; waits for a lossless reader that lags, never for others."""
        while self._waiting and self._waiting + len(events) > self._limit:
            if self._closed or not self._lossless:
                break
            await self._change()
        self.add(events)

    def _without_text(self, events: Sequence[Event]) -> Sequence[Event]:
        decisions = [event for event in events if type(event) not in _DROPPABLE]
        self.dropped += len(events) - len(decisions)
        return decisions

    def _add(self, events: Sequence[Event]) -> None:
        self._batches.append(events)
        self._waiting += len(events)
        self._changed.set()

    def close(self) -> None:
        """No more will come; what waits can still be read."""
        self._closed = True
        self._changed.set()
        if self._on_read is not None:
            self._on_read()

    async def _has_batch(self) -> None:
        """Wait for a batch.

        Raises:
            StopAsyncIteration: No more will come.
        """
        while not self._batches:
            if self._closed:
                raise StopAsyncIteration
            await self._change()

    async def _change(self) -> None:
        """Wait for something to happen; others may wait as well."""
        if self._changed.is_set():
            self._changed = anyio.Event()
        await self._changed.wait()

    def __aiter__(self) -> Feed:
        return self

    async def __anext__(self) -> Sequence[Event]:
        """Wait for a batch.

        Raises:
            StopAsyncIteration: No more will come.
            RuntimeError: The feed is another thread's, whose event loop fills it.
        """
        if self._thread != threading.get_ident():
            raise RuntimeError("this feed is another thread's; read it there")
        await self._has_batch()
        await anyio.lowlevel.checkpoint()
        while not self._batches:  # another task that reads this feed has taken it
            await self._has_batch()
        was_full = self.is_full
        batch = self._batches.popleft()
        self._waiting -= len(batch)
        self._changed.set()
        if was_full and self._on_read is not None:
            self._on_read()
        return batch

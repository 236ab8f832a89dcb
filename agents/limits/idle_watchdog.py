"""Streams that fall silent: one task watches all of a session's.

A timeout of its own around every read costs 7 µs on asyncio and 9 on trio, as much as
all else that an event of a stream takes (measured 2026-11-23, anyio 4.16). So whoever
reads only notes since when it waits, and the watch breaks the connection of what has
waited for too long. A cancel scope for each stream would do as well, but makes a
thousand of them twice as slow to cancel on asyncio. Where nobody watches (a backend
used by itself), a reader limits its own reads.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar

import anyio
import anyio.lowlevel

DROP_S = 1.0
"""How long breaking one connection may take; the rest wait for it."""


class Reading:
    """One stream, as its reader and the watch see it."""

    __slots__ = ("drop", "is_silent", "is_watched", "limit_s", "now", "since")

    def __init__(self, limit_s: float, *, is_watched: bool) -> None:
        self.limit_s = limit_s
        self.is_watched = is_watched
        """Otherwise the reader limits each read itself."""
        self.since = math.inf
        """When the read under way began, on the event loop's clock; infinite: none is.
        The reader keeps it; time that its consumer takes is nobody's silence."""
        self.drop: Callable[[], Awaitable[None]] | None = None
        """Breaks the connection, and with it the read; set by the reader."""
        self.is_silent = False
        """Whether the connection was broken for it."""
        # asyncio's loop has a clock of its own, which is asked twice for each read;
        # by way of anyio that takes five times as long, a seventh of all.
        loop: object = anyio.lowlevel.current_token().native_token
        self.now: Callable[[], float] = getattr(loop, "time", anyio.current_time)
        """The event loop's clock."""


class SilenceWatch:
    """Breaks off streams whose reads take longer than they may."""

    def __init__(self) -> None:
        self._readings: set[Reading] = set()
        self._sooner = anyio.Event()
        self._wakes_at = -math.inf
        self._scope = anyio.CancelScope()

    @contextmanager
    def installed(self) -> Generator[None]:
        """Be the watch of every task that is started in the block."""
        token = _watch.set(self)
        try:
            yield
        finally:
            _watch.reset(token)

    async def run(self) -> None:
        """Watch, until it is stopped or cancelled."""
        with self._scope:
            while True:
                now = anyio.current_time()
                # Who does not read now may begin to at once.
                ends = (
                    min(each.since, now) + each.limit_s
                    for each in self._readings
                    if not each.is_silent
                )
                self._wakes_at = min(ends, default=math.inf)
                self._sooner = anyio.Event()
                with anyio.move_on_after(self._wakes_at - now):
                    await self._sooner.wait()
                await self._strike(anyio.current_time())

    def stop(self, reason: str) -> None:
        """Watch no longer."""
        self._scope.cancel(reason)

    async def _strike(self, now: float) -> None:
        for reading in tuple(self._readings):
            is_late = reading.since + reading.limit_s <= now
            if is_late and reading.drop is not None and not reading.is_silent:
                reading.is_silent = True
                with anyio.move_on_after(DROP_S):
                    await reading.drop()

    def add(self, reading: Reading) -> None:
        """Begin to watch."""
        self._readings.add(reading)
        if anyio.current_time() + reading.limit_s < self._wakes_at:
            self._sooner.set()

    def remove(self, reading: Reading) -> None:
        """Watch no longer."""
        self._readings.discard(reading)


@contextmanager
def reading(limit_s: float) -> Generator[Reading]:
    """A block that reads one stream.

    Args:
        limit_s: How long one read may take.
    """
    watch = _watch.get()
    one = Reading(limit_s, is_watched=watch is not None)
    if watch is None:
        yield one
        return
    watch.add(one)
    try:
        yield one
    finally:
        watch.remove(one)


_watch: ContextVar[SilenceWatch | None] = ContextVar("silence watch", default=None)

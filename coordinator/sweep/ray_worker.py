"""A sweep's worker inside a Ray actor: the same code, told and heard by method calls.

Ray runs an actor's coroutines on an asyncio loop of its own, in which AnyIO works as
everywhere. This module does not import Ray, so that it can be tried without.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress

import anyio.lowlevel

from agents.remote.order_numbers import InOrder
from coordinator.sweep.open_files import raise_limit
from coordinator.sweep.worker import work

NEWS_WAITING = 1_024
"""News that nobody has fetched; then the worker's sessions wait with theirs."""
BATCH = 256
"""News in one answer."""
_LENGTH = struct.Struct(">I")


class Host:
    """A worker, as an actor holds it.

    Args:
        number: Which of the sweep's workers it is; for logs.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._orders: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._in_order = InOrder[bytes]()
        self._news: asyncio.Queue[bytes] = asyncio.Queue(NEWS_WAITING)
        self._task: asyncio.Task[None] | None = None

    async def tell(self, number: int, message: bytes) -> None:
        """Take a message of the sweep's; the first one begins the work.

        Args:
            number: Counted from 0: Ray may begin later calls before earlier ones.
            message: What is said.
        """
        for ready in self._in_order.put(number, message):
            self._orders.put_nowait(ready)
        if self._task is None:
            raise_limit()  # this process is the actor's alone
            self._task = asyncio.create_task(self._work(), name="sweep worker")

    async def listen(self, wait_s: float) -> bytes | None:
        """News since the last call, waited for; ``None``: there will be no more.

        Args:
            wait_s: After so many seconds without any, there are none for now.
        """
        over = self._task is not None and self._task.done()
        messages: list[bytes] = []
        if self._news.empty() and not over:
            with suppress(TimeoutError):
                messages.append(await self._next(wait_s))
        while len(messages) < BATCH and not self._news.empty():
            messages.append(self._news.get_nowait())
        if not messages and over:
            assert self._task is not None
            self._task.result()  # a mistake of ours is told with its traceback
            return None
        return packed(messages)

    async def _next(self, wait_s: float) -> bytes:
        """One piece of news; returns early where the work has ended.

        Raises:
            TimeoutError: There was none.
        """
        getting = asyncio.create_task(self._news.get())
        waiting = {getting} if self._task is None else {getting, self._task}
        try:
            await asyncio.wait(
                waiting, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if not getting.done():
                getting.cancel()
        if getting.done() and not getting.cancelled():
            return getting.result()
        raise TimeoutError

    async def leave(self) -> None:
        """Leave all sessions; their journals keep what they have."""
        self._orders.put_nowait(None)
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        await work(self._all_orders(), self._say)

    async def _all_orders(self) -> AsyncGenerator[bytes]:
        while (order := await self._orders.get()) is not None:
            yield order

    async def _say(self, message: bytes) -> None:
        await self._news.put(message)
        await anyio.lowlevel.checkpoint()


def packed(messages: list[bytes]) -> bytes:
    """Several messages as one."""
    return b"".join(_LENGTH.pack(len(one)) + one for one in messages)


def unpacked(batch: bytes) -> Iterator[bytes]:
    """The messages of a batch."""
    at = 0
    while at < len(batch):
        (length,) = _LENGTH.unpack_from(batch, at)
        at += _LENGTH.size
        yield batch[at : at + length]
        at += length

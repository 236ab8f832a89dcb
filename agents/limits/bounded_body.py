"""Reads the body of a response that may be longer than it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import anyio.lowlevel

CLOSE_GRACE_S = 1.0
UNREAD_MOST = 100
"""Pieces that may be in memory when a body is left; the next read is cancelled."""


class TooLong(ValueError):
    """The body is longer than it may be; what was read of it is dropped."""


async def read_body(
    body: AsyncIterator[bytes], limit_bytes: int, foreign: type[Exception]
) -> bytes:
    """All of ``body``, which is left with nothing suspended, however it ends.

    Args:
        body: What the network brings, read by read.
        limit_bytes: The most there may be.
        foreign: What iterating raises where the network fails.

    Raises:
        TooLong: There is more.
    """
    data = bytearray()
    is_whole = False
    try:
        async for piece in body:
            data += piece
            await anyio.lowlevel.checkpoint()
            if len(data) > limit_bytes:
                raise TooLong(limit_bytes)
        is_whole = True
    finally:
        if not is_whole:
            # httpx2 (2.x) nests generators, and closing the outermost leaves the others
            # to the garbage collector, which trio reports; a cancelled read unwinds
            # them all.
            with anyio.move_on_after(CLOSE_GRACE_S, shield=True) as unwinding:
                unwinding.cancel("the body is left")
                with suppress(foreign):
                    for _ in range(UNREAD_MOST):
                        if await anext(body, None) is None:
                            break
    return bytes(data)

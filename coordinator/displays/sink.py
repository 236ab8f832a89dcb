"""Writes to a stream without holding up the event loop.

A terminal that is scrolled back, or a pipe whose reader is busy, blocks whoever writes.
Such a write goes to a thread, one at a time and in order; one to a file or to memory
does not need it.
"""

from __future__ import annotations

import io
import os
import stat
from typing import IO, AnyStr, Generic

import anyio

from agents.boundary.threads import ThreadLimit


class Sink(Generic[AnyStr]):
    """One stream, written by one task.

    Raises:
        BrokenPipeError: From writing: whoever read the stream has gone.
    """

    def __init__(self, stream: IO[AnyStr]) -> None:
        self._stream = stream
        self._may_block = _may_block(stream)
        self._thread = ThreadLimit(1)

    async def write(self, data: AnyStr) -> None:
        """Write and flush ``data``."""
        if not self._may_block:
            self.write_now(data)
            await anyio.lowlevel.checkpoint()
            return
        await self._thread.run(lambda: self.write_now(data), name="output")

    def write_now(self, data: AnyStr) -> None:
        """Write and flush ``data`` in this thread, however long it takes."""
        self._stream.write(data)
        self._stream.flush()


def _may_block(stream: IO[AnyStr]) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, io.UnsupportedOperation):
        return False
    return not stat.S_ISREG(mode)

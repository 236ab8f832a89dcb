"""The last words of a server's standard error: why it did not start, mostly."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TextIO

import anyio

from agents.boundary.root import Loop

DRAIN_S = 0.2
"""How long the last words of a dead server may take, where a thread reads them."""
KEPT_BYTES = 2_000
"""Of the end of it; a traceback's last lines."""


class StderrTail:
    """Reads a pipe to its end and keeps the last of it."""

    def __init__(self) -> None:
        self._kept = b""

    def said(self) -> str:
        """The last line, as an addition to an error; empty where there is none."""
        lines = self._kept.decode("utf-8", "replace").strip().splitlines()
        return f" (it said: {lines[-1].strip()[:300]})" if lines else ""

    @asynccontextmanager
    async def heard(self) -> AsyncGenerator[TextIO]:
        """A file to write to, which is read until the block ends."""
        if sys.platform == "win32":  # no event loop waits for a pipe there
            async with self.heard_in_thread() as written:
                yield written
            return
        heard, write_end = os.pipe()
        os.set_blocking(heard, False)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._listen, heard, name="stderr")
                with open(write_end, "w") as written:  # noqa: ASYNC230, PTH123  (a descriptor: nothing blocks)
                    yield written
                group.cancel_scope.cancel("the server has ended")
        finally:
            self._drain(heard)
            os.close(heard)

    @asynccontextmanager
    async def heard_in_thread(self) -> AsyncGenerator[TextIO]:
        """The same, read by a thread that ends with the last who can write."""
        heard, write_end = os.pipe()
        loop, is_read = Loop(), anyio.Event()

        def listen() -> None:
            with os.fdopen(heard, "rb", buffering=0):
                while self._read(heard):
                    pass
            loop.call_soon(is_read.set)

        threading.Thread(target=listen, name="stderr", daemon=True).start()
        try:
            with open(write_end, "w") as written:  # noqa: ASYNC230, PTH123  (a descriptor: nothing blocks)
                yield written
        finally:
            with anyio.move_on_after(DRAIN_S, shield=True):
                await is_read.wait()

    async def _listen(self, descriptor: int) -> None:
        is_open = True
        while is_open:
            await anyio.wait_readable(descriptor)
            is_open = self._read(descriptor)

    def _drain(self, descriptor: int) -> None:
        """Take what a dead server wrote last, as much as a pipe holds."""
        for _ in range(4):
            if not self._read(descriptor):
                break

    def _read(self, descriptor: int) -> bool:
        """Take what there is; whether there may be more."""
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return False
        self._kept = (self._kept + data)[-KEPT_BYTES:]
        return bool(data)

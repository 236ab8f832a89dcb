"""Places of workers: in this event loop, or in processes of their own.

A place starts workers and gives a link to each. What differs between places is here and
in :mod:`coordinator.sweep.ray_place`; what a worker does is the same everywhere.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import struct
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol

import anyio
import anyio.abc
from anyio.abc import SocketStream
from anyio.streams.memory import MemoryObjectReceiveStream

from agents.boundary.log_context import bound_logger
from agents.tools.workspace.child_process import kill_session
from coordinator.errors import CoordinatorError
from coordinator.sweep.open_files import raise_limit
from coordinator.sweep.worker import work

ORDERS_WAITING = 4_096
"""Orders that a worker has not taken yet: its sessions at once, and some refusals."""
LEAVE_S = 4.0
"""How long a worker may take to leave its sessions; then its process is killed. Its
journals keep what they have in either case."""
MESSAGE_BYTES = 256 * 1024 * 1024
"""A longer message is none: an outcome holds an answer or two."""
_LENGTH = struct.Struct(">I")

_log = bound_logger("coordinator.sweep")


class WorkerLost(CoordinatorError):
    """A worker has died, or cannot be heard any more."""


class PlaceGone(WorkerLost):
    """There will be no more workers."""


class Link(Protocol):
    """One worker, as the sweep sees it."""

    def tell(self, message: bytes) -> None:
        """Send a message, in order; returns at once."""
        ...

    def news(self) -> AsyncGenerator[bytes]:
        """The worker's messages, to its end, however it ends."""
        ...

    @property
    def loss(self) -> str:
        """How it ended, once it has said its last."""
        ...


class Place(Protocol):
    """Starts workers."""

    name: str

    def worker(self, number: int) -> AbstractAsyncContextManager[Link]:
        """A running worker; leaving the block ends it within seconds.

        Raises:
            WorkerLost: It cannot be started.
            PlaceGone: None can be any more.
        """
        ...


class Here:
    """One worker in this event loop: no process, and nothing that could be lost."""

    name = "here"

    @asynccontextmanager
    async def worker(self, number: int) -> AsyncGenerator[Link]:
        """The worker, as a task of a group of its own."""
        del number
        orders, taken = anyio.create_memory_object_stream[bytes](ORDERS_WAITING)
        outbox, news = anyio.create_memory_object_stream[bytes](ORDERS_WAITING)

        async def run() -> None:
            with outbox:
                await work(taken, outbox.send)

        with orders, taken, outbox, news:
            async with anyio.create_task_group() as group:
                group.start_soon(run, name="sweep worker")
                yield _Streams(orders.send_nowait, news)
                group.cancel_scope.cancel("the sweep is over")


class _Streams:
    loss = "the worker has ended"

    def __init__(
        self,
        tell: Callable[[bytes], None],
        news: MemoryObjectReceiveStream[bytes],
    ) -> None:
        self._tell = tell
        self._news = news

    def tell(self, message: bytes) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._tell(message)

    async def news(self) -> AsyncGenerator[bytes]:
        async for message in self._news:
            yield message


class Processes:
    """Each worker in a process of its own, on this machine."""

    name = "local"

    @asynccontextmanager
    async def worker(self, number: int) -> AsyncGenerator[Link]:
        """The process; told to leave at the end, and killed where it does not."""
        del number
        ours, theirs = socket.socketpair()
        with theirs:
            process = await anyio.open_process(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                stdin=None,
                stdout=None,
                stderr=None,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is the sweep's; it tells its workers
            )
        try:
            async with await SocketStream.from_socket(ours) as stream:
                link = _ProcessLink(process, stream)
                async with anyio.create_task_group() as group:
                    group.start_soon(link.send_all, name="orders")
                    try:
                        yield link
                    finally:
                        await link.leave()  # noqa: ASYNC102  (shielded and bounded)
                        group.cancel_scope.cancel("the worker has left")
        finally:
            # Its children, too: what a tool has started dies with its session.
            kill_session(process.pid)
            with anyio.CancelScope(shield=True):
                await process.aclose()


class _ProcessLink:
    def __init__(self, process: anyio.abc.Process, stream: SocketStream) -> None:
        self.process = process
        self._stream = stream
        self._orders, self._taken = anyio.create_memory_object_stream[bytes](
            ORDERS_WAITING
        )

    def tell(self, message: bytes) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._orders.send_nowait(message)

    async def send_all(self) -> None:
        with self._taken, suppress(anyio.BrokenResourceError):
            async for message in self._taken:
                await send_message(self._stream, message)

    async def news(self) -> AsyncGenerator[bytes]:
        try:
            async for message in messages(self._stream):
                yield message
        except anyio.BrokenResourceError:
            pass
        with anyio.move_on_after(LEAVE_S):
            await self.process.wait()

    @property
    def loss(self) -> str:
        code = self.process.returncode
        if code is None:
            return "a worker's process has closed its socket"
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"a worker's process ended ({how})"

    async def leave(self) -> None:
        """Have the worker leave its sessions, as long as it takes a few seconds."""
        # The end of orders says so: the task that would send one may be cancelled.
        self._orders.close()
        with (
            anyio.move_on_after(LEAVE_S, shield=True),
            suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError),
        ):
            await self._stream.send_eof()
            async for _ in messages(self._stream):
                pass
            await self.process.wait()


async def send_message(stream: anyio.abc.ByteSendStream, message: bytes) -> None:
    """Send one message with its length before it."""
    await stream.send(_LENGTH.pack(len(message)) + message)


async def messages(stream: anyio.abc.ByteReceiveStream) -> AsyncGenerator[bytes]:
    """Messages as they come, until the other side has closed."""
    buffer = bytearray()
    while True:
        while len(buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer)
            if length > MESSAGE_BYTES:
                raise anyio.BrokenResourceError
            end = _LENGTH.size + length
            if len(buffer) < end:
                break
            message = bytes(buffer[_LENGTH.size : end])
            del buffer[:end]
            yield message
        try:
            buffer += await stream.receive()
        except anyio.EndOfStream:
            return


async def _serve(fd: int) -> None:
    """A worker's process: one socket, by which all is said."""
    ours = socket.socket(fileno=fd)
    async with await SocketStream.from_socket(ours) as stream:
        lock = anyio.Lock()

        async def say(message: bytes) -> None:
            async with lock:
                await send_message(stream, message)

        with suppress(anyio.BrokenResourceError):  # the sweep has gone: leave, quietly
            await work(messages(stream), say)


def main(fd: int) -> None:
    """Be a worker until the sweep says otherwise, or has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    os.dup2(2, 1)  # what tools print is nobody's result
    raise_limit()
    anyio.run(_serve, fd)


if __name__ == "__main__":
    main(int(sys.argv[1]))

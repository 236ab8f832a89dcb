"""Sockets read with less ado: nothing is lost, doubled, reordered, or hoarded."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

import anyio
import anyio.lowlevel
import httpx2
import pytest
import trio
from anyio.abc import ByteStream, SocketAttribute, SocketStream

from agents.backends.transport.body_reader import tap
from agents.backends.transport.socket_stream import (
    MOST_HELD,
    Flow,
    Receive,
    flowing,
    receiver,
)

pytestmark = pytest.mark.real_time

SMALL = 16_384
"""Bytes of the kernel's own buffers, where it matters how many wait where."""


class Line:
    """Both ends of a connection: what is tested, and who speaks to it."""

    def __init__(self, near: object, far: SocketStream) -> None:
        self.near = near
        receive = receiver(near)
        assert receive is not None
        self.receive: Receive = receive
        self.far = far

    async def read(self) -> bytes:
        """Read once; empty at the end, as trio has it."""
        try:
            return await self.receive(65_536)
        except anyio.EndOfStream:
            return b""

    async def aclose(self) -> None:
        assert isinstance(self.near, ByteStream | trio.abc.AsyncResource)
        await self.near.aclose()


@asynccontextmanager
async def lines() -> AsyncGenerator[Line]:
    """A connection that nothing has been said on."""
    accepted: list[SocketStream] = []
    came = anyio.Event()

    async def serve(stream: SocketStream) -> None:
        accepted.append(stream)
        came.set()
        await anyio.sleep_forever()

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
    ):
        for each in listener.listeners:
            raw = each.extra(SocketAttribute.raw_socket)  # noqa: S610  (not Django's)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (not Django's)
        group.start_soon(listener.serve, serve)
        near = await dialled(port)
        with anyio.fail_after(30):
            await came.wait()
            line = Line(near, accepted[0])
            yield line
        await line.aclose()
        await accepted[0].aclose()
        group.cancel_scope.cancel("the test is over")


async def dialled(port: int) -> object:
    """A connection to ``port`` as the transport makes one on this runtime."""
    if "trio" in type(anyio.lowlevel.current_token().native_token).__module__:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        assert flowing(stream) is None
        return stream
    flow = flowing(await anyio.connect_tcp("127.0.0.1", port))
    assert isinstance(flow, Flow)
    return flow


async def test_all_that_is_sent_is_read_in_order() -> None:
    chance = Random(7)  # noqa: S311 (bytes to send, not a secret)
    parts = [chance.randbytes(chance.choice((1, 9, 300, 70_000))) for _ in range(120)]
    got = bytearray()

    async with lines() as line, anyio.create_task_group() as group:

        async def speak() -> None:
            for number, part in enumerate(parts):
                await line.far.send(part)
                if number % 3 == 0:
                    await anyio.sleep(0.001)  # so that some come alone
            await line.far.send_eof()

        group.start_soon(speak)
        while part := await line.read():
            got += part
    assert got == b"".join(parts)


async def test_no_read_brings_more_than_was_asked_for() -> None:
    async with lines() as line:
        await line.far.send(b"abcdefgh")
        await line.far.send_eof()
        got: list[bytes] = []
        while len(b"".join(got)) < len(b"abcdefgh"):
            got.append(await line.receive(3))
    assert b"".join(got) == b"abcdefgh"
    assert max(map(len, got)) <= 3


async def test_who_sends_to_a_slow_reader_has_to_wait() -> None:
    sent = held_up_at = 0
    words = Random(3).randbytes(40 * MOST_HELD)  # noqa: S311 (bytes to send)
    got = bytearray()

    async with lines() as line, anyio.create_task_group() as group:

        async def speak() -> None:
            nonlocal sent
            while sent < len(words):
                await line.far.send(words[sent : sent + SMALL])
                sent += SMALL

        group.start_soon(speak)
        got += await line.receive(9)
        before = -1
        while sent != before:  # until nothing more goes out
            before = sent
            await anyio.sleep(0.2)
        held_up_at = sent
        while len(got) < len(words):  # and it goes on with the reading
            got += await line.receive(65_536)
    assert held_up_at < len(words) / 2
    assert got == words


async def test_a_read_that_is_cancelled_loses_nothing() -> None:
    async with lines() as line:
        for word in (b"one", b"two", b"three"):
            with anyio.move_on_after(0.02) as waited:
                await line.read()
            assert waited.cancelled_caught
            await line.far.send(word)
            assert await line.read() == word


async def test_the_end_comes_after_the_last_word_and_stays() -> None:
    async with lines() as line:
        await line.far.send(b"farewell")
        await line.far.aclose()
        assert await line.read() == b"farewell"
        assert await line.read() == b""
        assert await line.read() == b""


async def test_a_connection_that_is_reset_is_an_error() -> None:
    async with lines() as line:
        raw = line.far.extra(SocketAttribute.raw_socket)  # noqa: S610  (not Django's)
        linger = struct.pack("ii", 1, 0)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        await line.far.aclose()
        with pytest.raises((anyio.BrokenResourceError, OSError)):
            await line.receive(65_536)


async def test_closing_ends_the_read_under_way() -> None:
    async with lines() as line, anyio.create_task_group() as group:

        async def read() -> None:
            with pytest.raises(anyio.ClosedResourceError):
                await line.receive(65_536)

        group.start_soon(read)
        await anyio.sleep(0.02)
        await line.aclose()
    with pytest.raises(anyio.ClosedResourceError):
        await line.receive(65_536)


async def test_two_who_read_at_once_are_told() -> None:
    async with lines() as line, anyio.create_task_group() as group:
        group.start_soon(line.read)
        await anyio.sleep(0.02)
        with pytest.raises(anyio.BusyResourceError):
            await line.receive(65_536)
        group.cancel_scope.cancel("the test is over")


async def test_a_stream_that_has_been_read_from_is_left_alone() -> None:
    async with lines() as line:
        if isinstance(line.near, Flow):
            assert flowing(line.near) is None
        assert flowing(object()) is None
        assert receiver(object()) is None


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_a_stream_tells_of_itself_is_what_anyios_tells() -> None:
    async with lines() as line:
        assert isinstance(line.near, Flow)
        far = line.far.extra_attributes
        near = line.near.extra_attributes
        assert set(near) == set(far)
        assert len(near) == len(far)
        assert (
            near[SocketAttribute.remote_address]()
            == far[SocketAttribute.local_address]()
        )
        raw = near[SocketAttribute.raw_socket]()
        assert raw is near[SocketAttribute.raw_socket]()
        assert raw.getsockname()[1] == near[SocketAttribute.local_port]()
        assert "nothing of the kind" not in near
        await line.near.aclose()
        assert line.near.extra_attributes[SocketAttribute.raw_socket]().fileno() < 0


async def test_a_connection_on_which_something_came_uncalled_is_not_used_again() -> (
    None
):
    """A server says that it is tired of waiting; that answers no request."""
    connections = 0
    uncalled = anyio.Event()

    async def serve(stream: SocketStream) -> None:
        nonlocal connections
        connections += 1
        number = connections
        async with stream:
            while await heard(stream):
                await stream.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                if number == 1:
                    await uncalled.wait()
                    await stream.send(b"HTTP/1.1 408 Slow\r\ncontent-length: 0\r\n\r\n")

    async def heard(stream: SocketStream) -> bytes:
        try:
            return await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return b""

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        tap(httpx2.AsyncClient()) as client,
        anyio.create_task_group() as group,
    ):
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (not Django's)
        group.start_soon(listener.serve, serve)
        assert (await client.post(f"http://127.0.0.1:{port}")).text == "ok"
        uncalled.set()
        await anyio.sleep(0.1)  # on its way through the loopback
        assert (await client.post(f"http://127.0.0.1:{port}")).text == "ok"
        assert connections == 2
        group.cancel_scope.cancel("the test is over")

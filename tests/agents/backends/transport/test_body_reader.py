"""Bodies read past the transport: all that a server may do with them, over sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

import anyio
import httpx2
import pytest
from anyio.abc import SocketAttribute, SocketStream

from agents.backends.transport.body_reader import Tap, tap, tapped
from agents.backends.transport.library_internals import is_plain
from agents.limits.idle_watchdog import SilenceWatch, reading

pytestmark = pytest.mark.real_time
of_our_reader = pytest.mark.skipif(
    is_plain(), reason="COORDINATOR_PLAIN_TRANSPORT: the libraries read the body"
)

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


@asynccontextmanager
async def answering(answer: Sequence[bytes]) -> AsyncGenerator[tuple[str, list[int]]]:
    """A server that sends this to each request; its address, and its connections."""
    seen: list[int] = []

    async def serve(stream: SocketStream) -> None:
        seen.append(len(seen))
        async with stream:
            waiting = b""
            while True:
                try:
                    waiting += await stream.receive()
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return
                if waiting.endswith(b"\r\n\r\n"):
                    waiting = b""
                    for part in answer:
                        await stream.send(part)
                        await anyio.sleep(0.01)  # so that each is a read of its own

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (not Django's)
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, serve)
            with anyio.fail_after(20):
                yield f"http://127.0.0.1:{port}", seen
            group.cancel_scope.cancel("the test is over")


Said: TypeAlias = tuple[list[bytes], bool]
Read: TypeAlias = Callable[[httpx2.AsyncClient, str], Awaitable[Said]]


async def read_alone(client: httpx2.AsyncClient, url: str) -> Said:
    """The reads of one body, and whether they came past the transport."""
    async with client.stream("POST", url) as response:
        rest = aiter(response.stream)  # pyright: ignore[reportArgumentType]  (async)
        with reading(1.0) as limited:
            body = tapped(response, rest, limited)
            if body is None:
                return [part async for part in rest], False
            assert isinstance(response.extensions["network_stream"], Tap)
            async with aclosing(body):
                return [part async for part in body], True


async def read_watched(client: httpx2.AsyncClient, url: str) -> Any:
    """The same in a session, whose watch limits what a read may take."""
    watch = SilenceWatch()
    trouble: Exception | None = None
    got: Any = None
    async with anyio.create_task_group() as group:
        group.start_soon(watch.run)
        try:
            with watch.installed():
                got = await read_alone(client, url)
        except Exception as error:  # noqa: BLE001  (raised again, not in a group)
            trouble = error
        group.cancel_scope.cancel("it has been read")
    if trouble is not None:
        raise trouble
    return got


@pytest.fixture(params=[read_alone, read_watched])
def read(request: pytest.FixtureRequest) -> Read:
    """A way to read a body."""
    return request.param


@of_our_reader
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([HEAD + b"1\r\na\r\n" + LAST], [b"a"]),
        ([HEAD, b"1\r\na\r\n", b"2\r\nbc\r\n", LAST], [b"a", b"bc"]),
        ([HEAD[:-1], HEAD[-1:] + b"1\r", b"\na\r", b"\n0\r\n", b"\r\n"], [b"a"]),
        ([HEAD, b"1\r\na\r\n1;x=y\r\nb\r\n1\r\nc\r\n" + LAST], [b"a", b"b", b"c"]),
        ([HEAD, b"1\r\na\r\n0\r\ntrailer: yes\r\n\r\n"], [b"a"]),
    ],
)
async def test_the_body_is_whole_and_its_connection_used_again(
    read: Read, answer: list[bytes], said: list[bytes]
) -> None:
    async with (
        answering(answer) as (url, connections),
        tap(httpx2.AsyncClient()) as client,
    ):
        for _ in range(3):
            assert await read(client, url) == (said, True)
        assert connections == [0]


@pytest.mark.parametrize(
    "answer",
    [
        [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", b"ab"],
        [b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"2\r\nab\r\n" + LAST],
        [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nab"],
    ],
)
async def test_other_bodies_are_left_to_the_transport(
    read: Read, answer: list[bytes]
) -> None:
    async with answering(answer) as (url, _), tap(httpx2.AsyncClient()) as client:
        said, _was_tapped = await read(client, url)
    assert b"".join(said) == b"ab"


@of_our_reader
async def test_a_chunk_of_another_length_breaks_the_body_off(read: Read) -> None:
    async with (
        answering([HEAD, b"1\r\nabc\r\n"]) as (url, _),
        tap(httpx2.AsyncClient()) as client,
    ):
        with pytest.raises(httpx2.RemoteProtocolError, match="its size"):
            await read(client, url)


async def test_silence_within_the_body_is_a_timeout(read: Read) -> None:
    async with (
        answering([HEAD, b"1\r\na\r\n"]) as (url, _),
        tap(httpx2.AsyncClient()) as client,
    ):
        with pytest.raises(httpx2.ReadTimeout):
            await read(client, url)


@of_our_reader
async def test_a_body_left_in_the_middle_takes_its_connection_along() -> None:
    async with (
        answering([HEAD, b"1\r\na\r\n" + LAST]) as (url, connections),
        tap(httpx2.AsyncClient()) as client,
    ):
        for _ in range(2):
            async with client.stream("POST", url) as response:
                rest = aiter(response.stream)  # pyright: ignore[reportArgumentType]  (async)
                with reading(1.0) as limited:
                    body = tapped(response, rest, limited)
                    assert body is not None
                    async with aclosing(body):
                        assert await anext(body) == b"a"
        assert connections == [0, 1]


async def test_a_connection_that_breaks_breaks_the_body_off(read: Read) -> None:
    async def serve(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(HEAD + b"1\r\na\r\n")
            # Closing with something unread resets the connection.
            linger = struct.pack("ii", 1, 0)
            raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610  (not Django's)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        tap(httpx2.AsyncClient()) as client,
        anyio.create_task_group() as group,
    ):
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (not Django's)
        group.start_soon(listener.serve, serve)
        with pytest.raises(httpx2.TransportError):
            await read(client, f"http://127.0.0.1:{port}")
        group.cancel_scope.cancel("the test is over")

"""Bodies read past the transport: all that a server may do with them, over sockets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager

import anyio
import httpx2
import pytest
from anyio.abc import SocketAttribute, SocketStream

from agents.claude.tap import Tap, tap, tapped

pytestmark = pytest.mark.real_time

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


async def read(client: httpx2.AsyncClient, url: str) -> tuple[list[bytes], bool]:
    """The reads of one body, and whether they came past the transport."""
    async with client.stream("POST", url) as response:
        rest = aiter(response.stream)  # pyright: ignore[reportArgumentType]  (async)
        body = tapped(response, rest, 1.0)
        if body is None:
            return [part async for part in rest], False
        assert isinstance(response.extensions["network_stream"], Tap)
        async with aclosing(body):
            return [part async for part in body], True


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
    answer: list[bytes], said: list[bytes]
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
async def test_other_bodies_are_left_to_the_transport(answer: list[bytes]) -> None:
    async with answering(answer) as (url, _), tap(httpx2.AsyncClient()) as client:
        said, _was_tapped = await read(client, url)
    assert b"".join(said) == b"ab"


async def test_a_chunk_of_another_length_breaks_the_body_off() -> None:
    async with (
        answering([HEAD, b"1\r\nabc\r\n"]) as (url, _),
        tap(httpx2.AsyncClient()) as client,
    ):
        with pytest.raises(httpx2.RemoteProtocolError, match="its size"):
            await read(client, url)


async def test_silence_within_the_body_is_a_timeout() -> None:
    async with (
        answering([HEAD, b"1\r\na\r\n"]) as (url, _),
        tap(httpx2.AsyncClient()) as client,
    ):
        with pytest.raises(httpx2.ReadTimeout):
            await read(client, url)


async def test_a_body_left_in_the_middle_takes_its_connection_along() -> None:
    async with (
        answering([HEAD, b"1\r\na\r\n" + LAST]) as (url, connections),
        tap(httpx2.AsyncClient()) as client,
    ):
        for _ in range(2):
            async with client.stream("POST", url) as response:
                rest = aiter(response.stream)  # pyright: ignore[reportArgumentType]  (async)
                body = tapped(response, rest, 1.0)
                assert body is not None
                async with aclosing(body):
                    assert await anext(body) == b"a"
        assert connections == [0, 1]

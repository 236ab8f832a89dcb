"""Errors are read up to a cap, however long, however packed, before the SDK does."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import AsyncIterator, Callable

import anyio.lowlevel
import httpx2
import pytest

from agents.backends.transport.error_bodies import ERROR_BYTES, cap_error_body


class Pieces(httpx2.AsyncByteStream):
    """A body that comes piece by piece, for ever if it is asked to."""

    def __init__(self, *pieces: bytes, is_endless: bool = False) -> None:
        self._pieces = pieces
        self._is_endless = is_endless
        self.sent_bytes = 0
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            for piece in self._pieces:
                await anyio.lowlevel.checkpoint()
                self.sent_bytes += len(piece)
                yield piece
            if not self._is_endless:
                return

    async def aclose(self) -> None:
        self.is_closed = True


async def capped(body: Pieces, status: int = 400, packed: str = "") -> httpx2.Response:
    headers = {"content-encoding": packed} if packed else {}
    response = httpx2.Response(status, headers=headers, stream=body)
    await cap_error_body(response)
    return response


async def test_a_short_error_is_read_whole_and_its_stream_is_closed() -> None:
    body = Pieces(b'{"error":', b' "no"}')
    response = await capped(body)
    assert await response.aread() == b'{"error": "no"}'
    assert body.is_closed


@pytest.mark.parametrize(
    ("packed", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_what_is_packed_is_unpacked_up_to_the_cap(
    packed: str, pack: Callable[[bytes], bytes]
) -> None:
    told = await (await capped(Pieces(pack(b"no")), packed=packed)).aread()
    assert told == b"no"
    bomb = await capped(Pieces(pack(b"\n" * (64 << 20))), packed=packed)
    assert len(await bomb.aread()) == ERROR_BYTES


async def test_an_endless_error_is_left_and_said_to_be() -> None:
    body = Pieces(b"x" * 65_536, is_endless=True)
    response = await capped(body, 500)
    assert b"was not read" in await response.aread()
    assert body.is_closed
    assert body.sent_bytes < 4 * ERROR_BYTES


async def test_what_cannot_be_unpacked_is_words() -> None:
    for packed in ("br", "gzip", "gzip, gzip"):
        response = await capped(Pieces(b"nonsense"), packed=packed)
        assert b"packed" in (await response.aread())


async def test_what_is_no_error_is_left_alone() -> None:
    body = Pieces(b"data")
    response = await capped(body, 200)
    assert not body.sent_bytes
    assert await response.aread() == b"data"

"""A response's body from its first read to its end, whatever becomes of its reader."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import anyio.lowlevel
import httpx2

from agents.backends.transport.body_reader import tapped
from agents.limits.idle_watchdog import Reading

PIECE_BYTES = 1 << 14
"""Of what one read unpacks to (520 KB of gzip to 512 MB) this much is handed on at a
time, and others get their turn in between: of events that say nothing it is some 1,600,
which take 30 ms to read (CPython 3.11, 2026-12-01)."""
READ_OUT_S = 0.5
"""How long the body's end is waited for after the response's."""


def response_body(response: httpx2.Response, reading: Reading) -> AsyncIterator[bytes]:
    """The bytes of a body as the network brings them, one item per read.

    Not an SDK's iter_bytes(): closing that leaves httpx2's generator behind. Nor
    httpx2's own, where nothing is to be unpacked: that is two more generators for each
    event, a fifth of what reading one costs. The response is closed by its opener.
    """
    stream = response.stream
    if "content-encoding" in response.headers or not isinstance(
        stream, httpx2.AsyncByteStream
    ):
        return _in_pieces(response.aiter_bytes())
    return tapped(response, aiter(stream), reading) or aiter(stream)


async def _in_pieces(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The unpacked body in small pieces; httpx2 unpacks to pieces of 1 MiB."""
    async for data in body:
        for at in range(0, len(data), PIECE_BYTES):
            yield data[at : at + PIECE_BYTES]
            await anyio.lowlevel.checkpoint()


async def whole_body(first: bytes, body: AsyncIterator[bytes], most: int) -> bytes:
    """All of a body that is no stream; of one longer than ``most``, its beginning."""
    read = bytearray(first)
    while len(read) <= most and (data := await anext(body, None)) is not None:
        read += data
        await anyio.lowlevel.checkpoint()
    return bytes(read)


async def read_out(body: AsyncIterator[bytes]) -> None:
    """Read what follows a whole response, so that its connection can be used again.

    A body that breaks off there takes nothing back: the answer is whole.
    """
    with anyio.move_on_after(READ_OUT_S), suppress(httpx2.HTTPError):
        while await anext(body, None) is not None:  # noqa: ASYNC110  (turns for others, nothing to wait for)
            await anyio.lowlevel.checkpoint()


async def unwind(body: AsyncIterator[bytes], scope: anyio.CancelScope) -> None:
    """End an iteration that is suspended amid a body.

    httpx2 (2.x) nests four generators, and closing the outermost leaves the others to
    the garbage collector, which trio reports. A read that is cancelled at once unwinds
    them all, each with its own clean-up. ``scope`` is the caller's, shielded.
    """
    scope.cancel("the stream is left")
    # What was read already still comes, up to one socket read; then the cancelled read
    # ends the iteration.
    with suppress(httpx2.HTTPError):
        while await anext(body, None) is not None:
            pass

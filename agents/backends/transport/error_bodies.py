"""Bodies of error responses: read here, up to a cap, before the SDK reads them whole.

An error says a sentence. The SDK reads all that comes after a status of 400 or more,
and what is packed unpacks to a thousand times its size (520 KB of gzip to 512 MB).
"""

from __future__ import annotations

import zlib
from typing import cast

import httpx2

from agents.limits.bounded_body import TooLong, read_body

ERROR_BYTES = 1 << 18
"""Longest body of an error that is read, packed or not."""


async def cap_error_body(response: httpx2.Response) -> None:
    """Replace the body of an error by what may be read of it; a hook of the client's.

    Raises:
        httpx2.HTTPError: The connection broke.
    """
    if response.status_code < 400:
        return
    stream = cast("httpx2.AsyncByteStream", response.stream)
    try:
        data = await read_body(aiter(stream), ERROR_BYTES, httpx2.HTTPError)
    except TooLong:
        data = b"the error's body is longer than 256 KiB and was not read"
        response.headers.pop("content-encoding", None)
    finally:
        await stream.aclose()
    packed = response.headers.pop("content-encoding", "identity").strip().lower()
    response.headers.pop("content-length", None)
    response.headers.pop("transfer-encoding", None)
    response.stream = httpx2.ByteStream(_unpacked(data, packed))


def _unpacked(data: bytes, packed: str) -> bytes:
    """As much of ``data`` as is read; words instead of it where it is packed oddly."""
    if packed in {"identity", ""}:
        return data
    if packed in {"gzip", "x-gzip", "deflate"}:
        try:
            # 47: the widest window, and gzip's or zlib's head, whichever is there.
            return zlib.decompressobj(47).decompress(data, ERROR_BYTES)
        except zlib.error:
            return b"the error's body cannot be unpacked"
    return b"the error's body is packed in a way that is not read here"

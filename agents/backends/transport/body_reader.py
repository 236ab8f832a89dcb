"""The body of a response, read from the socket without HTTP's machinery on the way.

The transport's path through h11 and four generators costs 9 µs for each read of a
stream that brings one event at a time, and an event costs 2 µs to understand (measured
2026-11-23, httpx2 2.16, h11 0.16). So connections are made of :class:`Tap`, which
holds back what follows a response's head: what is not handed to h11 can be read here.
The head, the end of the body and everything unusual still go through h11, so the
connection's state stays right and it is used again.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Iterable,
)
from contextlib import suppress
from typing import Any

import anyio
import httpcore2
import httpx2

from agents.backends.transport.chunked_encoding import ChunkedBody, NotChunked
from agents.backends.transport.library_internals import (
    is_plain,
    put_beneath,
    stream_beneath,
    wrap_networks,
)
from agents.backends.transport.socket_stream import Flow, flowing, receiver
from agents.limits.idle_watchdog import Reading

READ_BYTES = 65536
"""At most at once; what the transport itself asks for."""
_HEAD_END = b"\r\n\r\n"


class Tap(httpcore2.AsyncNetworkStream):
    """A connection that can tell where a response's body begins."""

    def __init__(
        self, stream: httpcore2.AsyncNetworkStream, flow: Flow | None = None
    ) -> None:
        self._stream = stream
        self._flow = flow
        """The socket's stream at the bottom of ``stream``, if it is read directly."""
        self._held = b""
        self._tail: bytes | None = None
        """The last bytes of a head that is being read; ``None``: none is."""
        self.is_at_body = False
        """Whether a head ended with the last read, and nothing behind it was taken."""

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore2's)
    ) -> bytes:
        """Read for h11: never across the end of a head."""
        self.is_at_body = False
        if self._held:
            data, self._held = self._held[:max_bytes], self._held[max_bytes:]
        else:
            data = await self._stream.read(max_bytes, timeout)
        if self._tail is None:
            return data
        seen = self._tail + data
        end = seen.find(_HEAD_END)
        if end < 0:
            self._tail = seen[-3:]
            return data
        end += len(_HEAD_END) - len(self._tail)
        self._tail = None
        self.is_at_body = True
        self._held = data[end:] + self._held
        return data[:end]

    async def body(
        self, rest: AsyncIterator[bytes], reading: Reading
    ) -> AsyncGenerator[bytes]:
        """The contents of the body's chunks, one item per read.

        Args:
            rest: The transport's own reading of the same body. It is begun at the chunk
                that ends it, or that is out of the ordinary, and read to its end.
            reading: How long one read may take, and who sees to that.

        Raises:
            httpx2.HTTPError: The connection broke, or was silent for so long.
        """
        receive = None
        if reading.is_watched:
            # The transport's own ``read`` puts a timeout and a table of errors around.
            receive = receiver(stream_beneath(self._stream))
        reading.drop = self._drop
        chunked, data = ChunkedBody(), self._held
        self._held, self.is_at_body = b"", False
        try:
            while True:
                if data and (part := chunked.feed(data)):
                    yield part
                if chunked.is_over:
                    self._held = chunked.rest
                    break
                if receive is None:
                    data = await self._stream.read(READ_BYTES, reading.limit_s)
                else:
                    data, reading.since = b"", reading.now()
                    try:
                        data = await receive(READ_BYTES)
                    except Exception as exc:
                        if reading.is_silent:
                            raise httpx2.ReadTimeout("nothing came") from exc
                        receive = None
                        continue
                    finally:
                        reading.since = math.inf
                if not data and reading.is_silent:
                    raise httpx2.ReadTimeout("nothing came")
                if not data:
                    raise httpx2.RemoteProtocolError(
                        "the connection was closed within the body"
                    )
        except NotChunked as exc:
            raise httpx2.RemoteProtocolError(str(exc)) from exc
        except httpcore2.TimeoutException as exc:
            raise httpx2.ReadTimeout(str(exc)) from exc
        except httpcore2.NetworkError as exc:
            raise httpx2.ReadError(str(exc)) from exc
        async for part in rest:
            yield part

    async def _drop(self) -> None:
        """Close what somebody is reading: that read ends with an error."""
        with suppress(httpcore2.NetworkError, anyio.BusyResourceError):
            await self._stream.aclose()

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore2's)
    ) -> None:
        """Write; behind a request comes a head."""
        if buffer.startswith(b"POST "):
            self._tail = b""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore2's)
    ) -> httpcore2.AsyncNetworkStream:
        """Encrypt; what is within can be tapped as well."""
        encrypted = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return Tap(encrypted, self._flow)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  (theirs)
        """The connection's attribute ``info``."""
        if info == "is_readable" and self._flow is not None and self._flow.has_arrived:
            return True  # which its socket does not know any more
        return self._stream.get_extra_info(info)


class _Tapping(httpcore2.AsyncNetworkBackend):
    """Makes every connection a :class:`Tap`."""

    def __init__(self, network: httpcore2.AsyncNetworkBackend) -> None:
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore2's)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        stream = await self._network.connect_tcp(
            host, port, timeout, local_address, socket_options
        )
        flow = flowing(stream_beneath(stream))
        if flow is not None:
            put_beneath(stream, flow)
        return Tap(stream, flow)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore2's)
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return Tap(
            await self._network.connect_unix_socket(path, timeout, socket_options)
        )

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


def tap(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Have ``client`` make its connections of :class:`Tap`, unless it shall be plain.

    Where another version of a library keeps its network elsewhere, nothing happens, and
    bodies are read the usual way.
    """
    if not is_plain():
        wrap_networks(client, _Tapping)
    return client


def tapped(
    response: httpx2.Response, rest: AsyncIterator[bytes], reading: Reading
) -> AsyncGenerator[bytes] | None:
    """The body of ``response`` from its tap; ``None`` where that cannot be.

    Args:
        response: Its head has been read and nothing else.
        rest: See :meth:`Tap.body`.
        reading: The same.
    """
    connection: object = response.extensions.get("network_stream")
    if (
        not isinstance(connection, Tap)
        or not connection.is_at_body
        or response.http_version != "HTTP/1.1"
        or response.headers.get("transfer-encoding") != "chunked"
    ):
        return None
    return connection.body(rest, reading)

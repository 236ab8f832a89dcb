"""HTTP/1.1 as far as the emulator needs it: h11 over one byte stream.

Owns framing, and the watch for a client that leaves; knows nothing of messages.
"""

from __future__ import annotations

import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import h11
import msgspec
from anyio.abc import SocketAttribute

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from anyio.abc import ByteStream

MAX_BODY_BYTES = 32 * 1024 * 1024
"""The API's limit for a request to ``/v1/messages`` [docs.claude.com, 2026-11-22]."""

MAX_FILE_BYTES = 500 * 1024 * 1024
"""The same for ``/v1/files`` [the same]."""

_READ_BYTES = 65_536

KEY_HEADERS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key"})
"""Headers that bear keys, in any maker's dialect."""


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came; a header's name is in lower case."""

    method: str
    path: str
    """Without the query."""
    headers: dict[str, str]
    body: bytes
    is_too_large: bool = False
    """The body was longer than allowed; it was read and dropped."""
    is_foreign: bool = False
    """It names a host that is not this machine, or comes from a page of one: so a name
    that points here, or a page in a browser, gets nothing."""


class Gone(Exception):
    """The client closed the connection or broke the protocol."""


class Connection:
    """One client's connection; requests follow one another on it.

    Args:
        stream: Is closed by whoever opened it.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.SERVER)
        self._wants_head = False
        """Of the request that is answered now."""

    async def next_request(self) -> HttpRequest | None:
        """Wait for a request; ``None`` when the client is done.

        Raises:
            Gone: It left in the middle of one.
        """
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        if self._http.our_state is not h11.IDLE:
            return None
        head = await self._next_event()
        if not isinstance(head, h11.Request):
            return None
        self._wants_head = head.method == b"HEAD"
        parts: list[bytes] = []
        size = 0
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in head.headers}
        is_file = head.target.startswith(b"/v1/files")
        most = MAX_FILE_BYTES if is_file else MAX_BODY_BYTES
        if not headers.keys() & KEY_HEADERS:
            most = 0  # it will be refused, so nothing of it is kept
        while isinstance(event := await self._next_event(), h11.Data):
            size += len(event.data)
            if size <= most:
                parts.append(bytes(event.data))
        return HttpRequest(
            method=head.method.decode(),
            path=head.target.decode("latin-1").partition("?")[0],
            headers=headers,
            body=b"".join(parts),
            is_too_large=size > most > 0,
            is_foreign=self._is_foreign(headers),
        )

    def _is_foreign(self, headers: Mapping[str, str]) -> bool:
        here = _host(str(self._stream.extra(SocketAttribute.local_address, ("",))[0]))  # noqa: S610  (no Django here)
        named = [_host(headers.get("host", ""))]
        if "origin" in headers:
            named.append(_host(headers["origin"].rpartition("://")[2]))
        return any(host not in {*_LOOPBACK, here} for host in named)

    async def respond(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Send a whole response; of one to ``HEAD``, all but the body."""
        lines = [*headers.items(), ("content-length", str(len(body)))]
        await self._send(
            h11.Response(status_code=status, headers=_encoded(lines)),
            h11.Data(data=b"" if self._wants_head else body),
            h11.EndOfMessage(),
        )

    async def begin(self, headers: Mapping[str, str]) -> None:
        """Send the head of a 200 whose body streams."""
        lines = [*headers.items(), ("transfer-encoding", "chunked")]
        await self._send(h11.Response(status_code=200, headers=_encoded(lines)))

    async def send(self, *pieces: bytes) -> None:
        """Send more of the body; each piece is an HTTP chunk of its own."""
        await self._send(*(h11.Data(data=piece) for piece in pieces))

    async def finish(self) -> None:
        """End the body cleanly."""
        await self._send(h11.EndOfMessage())

    def break_off(self) -> None:
        """See to it that closing the stream resets the connection."""
        raw = self._stream.extra(SocketAttribute.raw_socket)  # noqa: S610  (no Django here)
        linger = struct.pack("ii", 1, 0)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    @asynccontextmanager
    async def watched(self) -> AsyncGenerator[None]:
        """Cancel what is inside as soon as the client leaves.

        Without the watch a client that is gone would be noticed at the next write,
        which a stalled stream never makes.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, group.cancel_scope, name="client watch")
            yield
            group.cancel_scope.cancel("answered")

    async def _watch(self, scope: anyio.CancelScope) -> None:
        with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
            while True:
                # A request sent ahead waits in h11 until this one is answered.
                self._http.receive_data(await self._stream.receive(_READ_BYTES))
        scope.cancel("the client left")

    async def _next_event(self) -> h11.Event | type[object]:
        while True:
            try:
                event = self._http.next_event()
                if not isinstance(event, type) or event is h11.PAUSED:
                    return event
                if self._http.they_are_waiting_for_100_continue:
                    await self._send(
                        h11.InformationalResponse(status_code=100, headers=[])
                    )
                self._http.receive_data(await self._stream.receive(_READ_BYTES))
            except anyio.EndOfStream:
                self._http.receive_data(b"")
            except (h11.RemoteProtocolError, anyio.BrokenResourceError) as error:
                raise Gone from error

    async def _send(self, *events: h11.Event) -> None:
        data = b"".join(self._http.send(event) or b"" for event in events)
        try:
            await self._stream.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise Gone from error


_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", ""})


def _host(named: str) -> str:
    """A host without its port and brackets, in lower case."""
    if named.startswith("["):
        return named[1:].partition("]")[0].lower()
    if named.count(":") > 1:
        return named.lower()
    return named.partition(":")[0].lower()


def _encoded(lines: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in lines]

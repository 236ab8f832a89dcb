"""Clients for HTTP of one backend: how they are made, and how many there are.

The transport's pool looks through all of its connections whenever a request begins or
ends (httpcore2 2.16), so that a thousand streams on one pool cost a million looks; a
pool has few here. Making another costs half a millisecond, because all share one TLS
context; that takes 60 ms and 1.4 MB to make (measured 2026-11-23).
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import anyio
import anyio.lowlevel
import httpx2

from agents.backends.transport.body_reader import tap
from agents.backends.transport.connection_errors import CONNECT_S
from agents.backends.transport.error_bodies import cap_error_body

CLOSE_GRACE_S = 2.0
"""How long closing may take; past it the connections are dropped."""
STREAMS_A_CLIENT = 64
"""At once. Cancelling a thousand takes as long with 8 as with 128, and a third more
where all are on one."""
_TRUSTED = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""Variables that Python's ssl and the transport read from the environment."""


Client = TypeVar("Client")


class _Held(Generic[Client]):
    """A client, and the streams that are open on it."""

    __slots__ = ("client", "streams")

    def __init__(self, client: Client) -> None:
        self.client = client
        self.streams = 0


class Clients(Generic[Client]):
    """Clients that are made alike, some for each event loop that asks.

    Connections do not outlive their event loop, nor may one loop close another's: a
    backend may be used by many threads at once, each with a loop of its own.

    Args:
        make: Makes one.
        given: A client of the caller's, which is all there is and is not closed here.
        close: Closes one.
    """

    def __init__(
        self,
        make: Callable[[], Client],
        client: Client | None = None,
        *,
        close: Callable[[Client], Awaitable[None]],
    ) -> None:
        self._make = make
        self._close = close
        self._given = _Held(client) if client is not None else None
        first = self._given or _Held(make())
        self._example = first.client
        self._unused: _Held[Client] | None = first
        self._lock = threading.Lock()
        self._by_loop = WeakKeyDictionary[Any, list[_Held[Client]]]()

    @property
    def first(self) -> Client:
        """One of them, to see what all have in common."""
        return self._example

    def here(self) -> Client:
        """One for this event loop."""
        return self._held_here()[0].client

    @contextmanager
    def lease(self) -> Generator[Client]:
        """The client that one stream is opened on."""
        held = self._free(self._held_here())
        held.streams += 1
        try:
            yield held.client
        finally:
            held.streams -= 1

    def _held_here(self) -> list[_Held[Client]]:
        """The clients of this event loop; at least one."""
        if self._given is not None:
            return [self._given]
        loop = anyio.lowlevel.current_token().native_token
        with self._lock:
            held = self._by_loop.get(loop)
            if held is None:
                unused, self._unused = self._unused, None
                held = self._by_loop[loop] = [unused or _Held(self._make())]
            return held

    def _free(self, held_here: list[_Held[Client]]) -> _Held[Client]:
        if self._given is not None:
            return self._given
        # The fullest come first, so that idle connections are used again.
        for held in held_here:
            if held.streams < STREAMS_A_CLIENT:
                return held
        held_here.append(_Held(self._make()))
        return held_here[-1]

    async def aclose(self) -> None:
        """Close this event loop's connections, unless the client is the caller's.

        A stream opened later, in this event loop or another, makes new ones.
        """
        if self._given is not None:
            return
        loop = anyio.lowlevel.current_token().native_token
        with self._lock:
            closing = self._by_loop.pop(loop, [])
            if self._unused is not None:
                closing.append(self._unused)
                self._unused = None
        with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
            for held in closing:
                await self._close(held.client)


def http_client(
    idle_limit_s: float, *, proxy: str | None = None, ca_file: str | None = None
) -> httpx2.AsyncClient:
    """Make a client for HTTP whose responses can be read from the socket.

    Args:
        idle_limit_s: How long the transport waits for more, in seconds.
        proxy: Its URL; ``None``: as the environment says.
        ca_file: Certificates to trust beside those that are trusted anyway.

    Raises:
        ValueError: ``proxy`` is no URL, or ``ca_file`` has no certificates.
    """
    return tap(make_client(httpx2.AsyncClient, idle_limit_s, proxy, ca_file))


def make_client(
    make: Callable[..., httpx2.AsyncClient],
    idle_limit_s: float,
    proxy: str | None,
    ca_file: str | None,
) -> httpx2.AsyncClient:
    """The same of a class of one's own; see :func:`http_client`."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    trusted = tls_context(ca_file)  # what it says is of the file, not of the proxy
    try:
        return make(
            timeout=timeout(idle_limit_s),
            limits=limits,
            verify=trusted,
            proxy=proxy,
            # No API redirects, and who does would get the question.
            follow_redirects=False,
            event_hooks={"response": [cap_error_body]},
        )
    except ImportError:
        raise ValueError("a SOCKS proxy needs socksio; pip install socksio") from None
    except (httpx2.InvalidURL, ValueError):
        if proxy is None:
            raise
        # It may bear a password, and so may what is said of it.
        raise ValueError("proxy is no URL; write http://host:port") from None


def timeout(idle_limit_s: float) -> httpx2.Timeout:
    """How long the transport may wait for what."""
    return httpx2.Timeout(idle_limit_s, connect=CONNECT_S, pool=None)


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """The trusted authorities, as the environment says now; one for all clients.

    Args:
        ca_file: PEM certificates to trust as well.

    Raises:
        ValueError: It cannot be read, or there are none in it.
    """
    try:
        return _context(tuple(os.environ.get(name) for name in _TRUSTED), ca_file)
    except (OSError, ssl.SSLError) as exc:
        if ca_file is None:
            raise
        raise ValueError(
            f"ca_file {ca_file!r} cannot be used: {exc.strerror or exc}; name a file "
            "of PEM certificates"
        ) from None


@lru_cache(maxsize=8)
def _context(_trusted: tuple[str | None, ...], ca_file: str | None) -> ssl.SSLContext:
    context = httpx2.create_ssl_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context

"""One server over HTTP: its address and key, its connections, one streamed request.

What is asked and what comes back is bytes here; the dialects know what they mean. A
foreign exception becomes ours in this file, and a key that a server or a library would
quote is left out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol, TypeAlias

import anyio
import httpx2
import msgspec

from agents.backends.transport.api_keys import clean_key
from agents.backends.transport.clients import CLOSE_GRACE_S, Clients, http_client
from agents.backends.transport.connection_errors import timed_out, unconnected
from agents.backends.transport.log_redaction import keep_keys_out_of_logs
from agents.backends.transport.response_body import (
    read_out,
    response_body,
    unwind,
)
from agents.errors import AgentError, BackendRefused, StreamMalformed
from agents.limits.bounded_body import TooLong, read_body
from agents.limits.idle_watchdog import Reading, reading
from agents.protocol.redaction import secrets_in_address

ERROR_BYTES = 1 << 20
"""Longest refusal that is read; a gateway may answer with a whole page."""

UNAUTHORIZED = 401

ErrorFor: TypeAlias = Callable[
    [int, Mapping[str, str], object, Collection[str]], AgentError
]
"""Status, headers in lower case, body, secrets → the error that they amount to."""


class Signs(Protocol):
    """Lets requests in by a token that changes."""

    @property
    def secrets(self) -> Collection[str]:
        """Texts to redact."""
        ...

    async def headers(self) -> Mapping[str, str]:
        """The headers of the next request; raises nothing but ``AgentError``."""
        ...

    def refused(self) -> None:
        """The server has not taken it (401)."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that has begun: its head, and its body to be read once."""

    headers: Mapping[str, str]
    """Lower case."""
    reads: AsyncGenerator[bytes]
    """The body, read by read; raises nothing but ``AgentError``."""
    now: Callable[[], float]
    """The event loop's clock, as cheap as it can be had."""


class Endpoint:
    """A server that is asked by streamed requests; opened once for all streams.

    Args:
        base_url: Where paths are added to; ``https://…``.
        headers: What every request says, the key among it.
        secrets: What of them must not be seen.
        error_for: See :data:`ErrorFor`.
        idle_limit_s: How long a stream may be silent.
        proxy: Its URL; ``None``: as the environment says.
        ca_file: Certificates to trust beside those that are trusted anyway.
        signs: Who lets requests in, where that is no key.

    Raises:
        ValueError: An address is none, or a file has no certificates.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        secrets: Collection[str] = (),
        error_for: ErrorFor,
        idle_limit_s: float = 120.0,
        proxy: str | None = None,
        ca_file: str | None = None,
        signs: Signs | None = None,
    ) -> None:
        self._url = address(base_url)
        self._signs = signs
        self._headers = dict(headers)
        self._secrets = tuple(secrets)
        self._proxy = proxy
        self._error_for = error_for
        self.idle_limit_s = idle_limit_s
        """How long a stream may be silent."""
        self._clients = Clients(
            lambda: http_client(idle_limit_s, proxy=proxy, ca_file=ca_file),
            close=httpx2.AsyncClient.aclose,
        )
        keep_keys_out_of_logs()

    def __repr__(self) -> str:
        return f"Endpoint({self.server!r})"

    @property
    def server(self) -> str:
        """Where requests go, fit to be shown: a URL may bear a password."""
        return str(self._url.copy_with(username=None, password=None, query=None))

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that no text may quote."""
        address = secrets_in_address(str(self._url))
        signed = () if self._signs is None else self._signs.secrets
        proxy = secrets_in_address(self._proxy or "")
        return (*self._secrets, *signed, *address, *proxy)

    @property
    def host(self) -> str:
        """The server's name."""
        return self._url.host

    @property
    def key(self) -> str:
        """The same for the same server and key; tells nothing of either."""
        named = "\0".join((str(self._url), *self._secrets))
        return sha256(named.encode(errors="replace")).hexdigest()[:16]

    @asynccontextmanager
    async def post(
        self,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Answer]:
        """Send a request whose response is streamed; the block reads it.

        Raises:
            BackendUnavailable: No connection, silence, or as the server says.
            BackendRefused: As the server says.
            StreamMalformed: The body breaks off (out of ``reads``).
        """
        with self._clients.lease() as client:
            response = await self._ask(client, path, body, headers or {})
            with reading(self.idle_limit_s) as timing:
                reads = self._reads(response, timing)
                try:
                    if not response.is_success:
                        raise await self._refusal(response, reads)
                    yield Answer(_lower(response), reads, timing.now)
                finally:
                    # One scope for both: a thousand may be cancelled at once.
                    with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                        async with AsyncExitStack() as closing:
                            closing.push_async_callback(response.aclose)
                            closing.push_async_callback(reads.aclose)

    async def _ask(
        self,
        client: httpx2.AsyncClient,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> httpx2.Response:
        base = str(self._url.copy_with(query=None)).rstrip("/")
        query = self._url.query.decode()
        path, _, own = path.partition("?")
        full_query = "&".join(filter(None, (own, query)))
        url = f"{base}/{path}" + (f"?{full_query}" if full_query else "")
        lines = {
            "content-type": "application/json",
            "accept": "text/event-stream, application/json",
            # Packed, a body could not be read from the socket.
            "accept-encoding": "identity",
            **self._headers,
            **(await self._signs.headers() if self._signs is not None else {}),
            **headers,
        }
        try:
            content = msgspec.json.encode(body)
            request = client.build_request("POST", url, content=content, headers=lines)
            return await client.send(request, stream=True)
        except httpx2.HTTPError as exc:
            raise self._ours(exc) from _quiet(exc)
        except (TypeError, ValueError, RuntimeError, httpx2.InvalidURL) as exc:
            raise BackendRefused(f"the request cannot be made: {exc}") from _quiet(exc)

    async def _reads(
        self, response: httpx2.Response, timing: Reading
    ) -> AsyncGenerator[bytes]:
        """The body; left amid it, its connection is dropped, else used again."""
        body: AsyncIterator[bytes] = response_body(response, timing)
        is_resting = False  # amid the body, with no read under way
        try:
            async for data in body:
                is_resting = True
                yield data
                is_resting = False
        except httpx2.HTTPError as exc:
            raise self._ours(exc) from _quiet(exc)
        finally:
            if is_resting:  # a read that is cancelled or fails unwinds all there is
                with anyio.move_on_after(CLOSE_GRACE_S, shield=True) as unwinding:
                    await unwind(body, unwinding)

    async def _refusal(
        self, response: httpx2.Response, reads: AsyncGenerator[bytes]
    ) -> AgentError:
        """The error that a response which is no success amounts to."""
        try:
            data = await read_body(reads, ERROR_BYTES, AgentError)
        except (TooLong, AgentError):
            data = b""
        try:
            body: object = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = data.decode("utf-8", "replace")
        headers = _lower(response)
        if response.is_redirect and not data:
            body = f"{self.server} sends elsewhere; give its other address as base_url"
        if self._signs is not None and response.status_code == UNAUTHORIZED:
            self._signs.refused()
        return self._error_for(response.status_code, headers, body, self.secrets)

    def _ours(self, exc: BaseException) -> AgentError:
        match exc:
            case httpx2.TimeoutException():
                return timed_out(self.server, exc, self.idle_limit_s)
            case httpx2.RemoteProtocolError() | httpx2.DecodingError():
                return StreamMalformed(f"the body broke off: {exc}")
            case _:
                return unconnected(self.server, exc)

    async def aclose(self) -> None:
        """Close the connections; a stream opened later makes new ones."""
        await self._clients.aclose()


async def read_to_end(reads: AsyncGenerator[bytes]) -> None:
    """Read what follows a whole response, so that its connection is used again."""
    try:
        await read_out(reads)
    except AgentError:
        return  # the answer is whole; what comes behind it takes nothing back


def address(base_url: str) -> httpx2.URL:
    """Read an address that people wrote.

    Raises:
        ValueError: It is none.
    """
    try:
        url = httpx2.URL(base_url.strip())
    except httpx2.InvalidURL as exc:
        raise ValueError(f"base_url is no URL: {exc}") from None
    if url.scheme not in {"http", "https"} or not url.host:
        shown = url.copy_with(username=None, password=None, query=None)
        raise ValueError(
            f"base_url {str(shown)!r} is no address; begin it with https:// or http://"
        )
    return url


def bearer(key: str | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """The header that bears ``key``, and what of it must not be seen."""
    if key is None:
        return {}, ()
    key = clean_key(key)
    return {"authorization": f"Bearer {key}"}, (key,)


def _lower(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _quiet(exc: BaseException) -> BaseException:
    """``exc`` without the request it holds, whose headers bear the key."""
    return RuntimeError(type(exc).__name__)

"""Claude over HTTP: the SDK for authentication and transport, our own stream on top.

The only file that imports ``anthropic`` (about one second). The SDK's retries are off:
one layer of ours retries, under the session's deadline. Foreign exceptions become ours
here, in one place.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Generator,
    Mapping,
    Sequence,
)
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from hashlib import sha256
from typing import Any, cast

import anthropic
import anyio
import httpx2
import msgspec
from msgspec.structs import replace

from agents.backends.claude.connection import connect, with_clean_keys
from agents.backends.claude.container_time import code_time
from agents.backends.claude.errors import (
    error_for,
    fewer_tokens,
    limits_of,
    refuses_beta,
)
from agents.backends.claude.files import ClaudeFiles
from agents.backends.claude.forecast import forecast_of
from agents.backends.claude.model_list import listed_models
from agents.backends.claude.models import ModelInfo
from agents.backends.claude.providers import Place, secrets_of
from agents.backends.claude.settings import (
    UNASKED,
    ClaudeSettings,
    check,
    runs_code,
    server_tool_names,
)
from agents.backends.dialects.event_stream import Splitter
from agents.backends.dialects.messages.reader import Translator
from agents.backends.dialects.messages.whole_body import (
    BODY_BYTES,
    events_of,
    is_whole,
)
from agents.backends.dialects.messages.writer import parameters, without_unasked
from agents.backends.plain_request import Stream, chunks_of, pen_of, plain_request
from agents.backends.transport.clients import CLOSE_GRACE_S, Clients, timeout
from agents.backends.transport.connection_errors import timed_out, unconnected
from agents.backends.transport.log_redaction import keep_keys_out_of_logs
from agents.backends.transport.response_body import (
    read_out,
    response_body,
    unwind,
    whole_body,
)
from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    StreamMalformed,
)
from agents.limits import pricing
from agents.limits.idle_watchdog import Reading, reading
from agents.limits.library_warnings import with_warnings_logged
from agents.limits.turn_budget import tokens_at_most
from agents.protocol.backend import Forecast, Request
from agents.protocol.chunks import ResponseOpened, StreamChunk, brings_on
from agents.protocol.redaction import secrets_in_address
from agents.protocol.stamper import Pen
from agents.protocol.unicode_text import whole_text

FOREIGN = (anthropic.AnthropicError, httpx2.HTTPError)
"""All that the SDK and its transport raise, but for its TypeErrors."""
PATIENCE = 10
"""How many times ``idle_limit_s`` a stream may bring nothing but pings: they are sent
while code runs or a model thinks unseen, which takes minutes, but not for ever."""


COUNT_LIMIT_S = 10.0
"""How long a count is waited for: an estimate will do as well."""
NOT_COUNTED = frozenset({400, 403, 404, 405, 501})
"""Answers of servers that will not count the next request either."""
COUNTED = (
    "model",
    "messages",
    "system",
    "tools",
    "thinking",
    "mcp_servers",
    "context_management",
    "betas",
    "extra_headers",
)
"""Parameters that a count takes, and that change what is read."""


async def _closed(client: anthropic.AsyncAnthropic) -> None:
    """Close a client by its own way: a provider's is of another class."""
    await client.close()


class ClaudeBackend:
    """A Claude model behind the Messages API.

    Args:
        model: E.g. ``claude-sonnet-5-5``.
        api_key: ``None``: the SDK finds it, in ``ANTHROPIC_API_KEY`` or
            ``ANTHROPIC_AUTH_TOKEN``.
        base_url: ``None``: ``ANTHROPIC_BASE_URL`` or the API itself.
        client: A client of the SDK's to use instead (Bedrock, Vertex, Foundry, a proxy,
            a CA of one's own); it is not closed here, and its retries must be off.
        place: Bedrock, Vertex or Foundry, through the SDK's own client.
        proxy: The URL of one for HTTP; ``None``: as ``HTTPS_PROXY`` and its kin say.
        ca_file: PEM certificates to trust beside those that are trusted anyway.
        idle_limit_s: How long a stream may be silent before it counts as stalled.
        settings: Everything else, as :class:`ClaudeSettings` has it.

    Raises:
        ValueError: A setting cannot be, e.g. an unknown server tool; the key cannot be
            sent; or ``base_url`` is no URL.
        TypeError: A setting is unknown.
    """

    def __init__(
        self,
        model: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        client: anthropic.AsyncAnthropic | None = None,
        place: Place | None = None,
        proxy: str | None = None,
        ca_file: str | None = None,
        idle_limit_s: float = 120.0,
        **settings: Any,  # noqa: ANN401  (ClaudeSettings' fields, checked by it)
    ) -> None:
        self._settings = ClaudeSettings(model=whole_text(model), **settings)
        check(self._settings)
        # A function and no partial: its repr must not show the key.
        self._clients = Clients(
            lambda: with_clean_keys(
                connect(
                    api_key,
                    base_url,
                    idle_limit_s,
                    place,
                    proxy=proxy,
                    ca_file=ca_file,
                )
            ),
            client,
            close=_closed,
        )
        self._cannot_count = False
        """Where requests go, nobody counts their tokens."""
        self._is_bare = False
        """Where requests go, betas that no setting asks for are refused."""
        self._most_tokens: int | None = None
        """The model's limit on output tokens, once a refusal has stated it."""
        keep_keys_out_of_logs()
        self._idle_limit_s = idle_limit_s
        self._proxy = proxy
        pricing.load()

    def __repr__(self) -> str:
        return f"ClaudeBackend(model={self.model!r}, base_url={self._server!r})"

    @property
    def model(self) -> str:
        """The model's name."""
        return self._settings.model

    @property
    def limit_key(self) -> str:
        """Same server, key and model: same rate limit."""
        named = "\0".join(
            (str(self._clients.first.base_url), *self._secrets, self.model)
        )
        return sha256(named.encode()).hexdigest()[:16]

    @property
    def server_tool_names(self) -> frozenset[str]:
        """Of the tools that the API runs: no tool of ours may share one."""
        return server_tool_names(self._settings)

    @property
    def files(self) -> ClaudeFiles | None:
        """The account's files; ``None`` where the client has no Files API."""
        if getattr(self._clients.first.beta, "files", None) is None:
            return None
        named = "\0".join((str(self._clients.first.base_url), *self._secrets))
        return ClaudeFiles(
            self._clients.here,
            sha256(named.encode()).hexdigest()[:16],
            self._mapped,
            httpx2.HTTPError,
            has_container=runs_code(self._settings),
        )

    @contextmanager
    def _mapped(self) -> Generator[None]:
        try:
            yield
        except FOREIGN as exc:
            raise self._ours(exc) from _quiet(exc)
        except (TypeError, ValueError) as exc:
            raise BackendRefused(f"the request cannot be made: {exc}") from _quiet(exc)

    @property
    def _server(self) -> str:
        """Where requests go, fit to be shown: a URL may bear a password."""
        url = httpx2.URL(str(self._clients.first.base_url))
        return str(url.copy_with(username=None, password=None))

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that no text may quote: keys, passwords, headers of one's own."""
        client = self._clients.first
        address = secrets_in_address(str(client.base_url))
        proxy = secrets_in_address(self._proxy or "")
        return (*self._secrets, *address, *proxy, *self._settings.secrets)

    @property
    def _secrets(self) -> tuple[str, ...]:
        return secrets_of(self._clients.first)

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        """Ask Claude; see :class:`agents.protocol.backend.Backend`.

        Raises:
            BackendUnavailable: 408, 409, 429, 5xx, 529, no connection, silence.
            BackendRefused: Any other status; the key is missing.
            StreamMalformed: The response is not whole.
        """
        with self._clients.lease() as client:
            response = await self._ask_fit(client, request)
            with reading(self._idle_limit_s) as body:
                batches = self._batches(request, response, pen, body)
                try:
                    yield batches
                finally:
                    # The SDK's own exit would wait unshielded, which a cancelled scope
                    # forbids. One scope for both: a thousand may be cancelled at once.
                    with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                        async with AsyncExitStack() as closing:
                            closing.push_async_callback(response.close)
                            closing.push_async_callback(batches.aclose)

    async def _ask_fit(
        self, client: anthropic.AsyncAnthropic, request: Request
    ) -> anthropic.AsyncAPIResponse[Any]:
        """Ask; where what nobody has asked for is refused, do without it.

        Raises:
            AgentError: Something else is refused, or goes wrong.
        """
        for is_last in (False, False, True):
            try:
                return await self._ask(client, request)
            except BackendRefused as error:
                fewer = fewer_tokens(error)
                if is_last:
                    raise
                if fewer is not None and fewer.most < self._max_tokens(request):
                    request = replace(request, max_tokens=fewer.most)
                    if fewer.is_for_all:
                        self._most_tokens = fewer.most
                elif not self._is_bare and refuses_beta(error, UNASKED):
                    self._is_bare = True
                else:
                    raise
        raise AssertionError("the last try returns or raises")

    def _max_tokens(self, request: Request) -> int:
        limits = (self._settings.max_tokens, request.max_tokens, self._most_tokens)
        return min(limit for limit in limits if limit is not None)

    def _parameters(self, request: Request) -> dict[str, Any]:
        if self._most_tokens is not None:
            request = replace(request, max_tokens=self._max_tokens(request))
        fields = parameters(self._settings, request, is_bare=self._is_bare)
        return without_unasked(fields, self._settings) if self._is_bare else fields

    async def _ask(
        self, client: anthropic.AsyncAnthropic, request: Request
    ) -> anthropic.AsyncAPIResponse[Any]:
        # One of eight overloads by its arguments' types, which a dict does not tell.
        create = cast("Any", client.beta.messages.with_streaming_response.create)
        # With each request, because a client that was handed in has its own.
        times = timeout(self._idle_limit_s)
        try:
            manager = create(**self._parameters(request), timeout=times)
            response = await with_warnings_logged(manager.__aenter__())
        except FOREIGN as exc:
            raise self._ours(exc) from _quiet(exc)
        except (TypeError, ValueError, RuntimeError) as exc:
            # The SDK raises TypeError where it finds no key; a provider's sign-in that
            # fails is a ValueError or a RuntimeError.
            raise BackendRefused(f"the request cannot be made: {exc}") from _quiet(exc)
        return cast("anthropic.AsyncAPIResponse[Any]", response)

    async def forecast(self, request: Request) -> Forecast:
        """The most that ``request`` can cost, without the model's output.

        Its input is counted by the API, which costs nothing; where that cannot be, it
        is estimated by its length.
        """
        fields = self._parameters(request)
        counted = None if self._cannot_count else await self._counted(fields)
        read = tokens_at_most(request) if counted is None else counted
        return forecast_of(self._settings, fields, read)

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that the account may ask, as the API lists them.

        Raises:
            AgentError: The list is not to be had.
        """
        with self._clients.lease() as client, self._mapped():
            return await listed_models(client.models)

    async def _counted(self, fields: dict[str, Any]) -> int | None:
        """Input tokens as the API counts them; ``None``: it does not count."""
        counted_fields = {name: fields[name] for name in COUNTED if name in fields}
        with self._clients.lease() as client:
            try:
                count = cast("Any", client.beta.messages.count_tokens)
                with anyio.move_on_after(COUNT_LIMIT_S):
                    return int((await count(**counted_fields)).input_tokens)
            except FOREIGN as exc:
                is_final = isinstance(exc, anthropic.APIStatusError)
                self._cannot_count = is_final and exc.status_code in NOT_COUNTED
            except (AttributeError, TypeError, ValueError, NotImplementedError):
                self._cannot_count = True  # a platform's client that has no such call
        return None

    async def _batches(
        self,
        request: Request,
        response: anthropic.AsyncAPIResponse[Any],
        pen: Pen,
        reading: Reading,
    ) -> AsyncGenerator[list[StreamChunk]]:
        splitter = Splitter()
        counting = code_time(self._settings, request.container, anyio.current_time())
        translator = Translator(
            pen, pricing.cost_usd, counting, model=self._settings.model
        )
        pen.at = anyio.current_time()
        yield [
            ResponseOpened(
                **pen.stamp(),
                request_id=response.headers.get("request-id", ""),
                limits=limits_of(response.headers),
            )
        ]
        body = response_body(response.http_response, reading)
        media_type = response.headers.get("content-type", "")
        is_resting = False  # amid the body, with no read under way
        has_begun = False
        patience_s = PATIENCE * self._idle_limit_s
        moved_at = reading.now()
        try:
            async for data in body:
                is_resting = True
                pen.at = reading.now()
                if not has_begun:
                    has_begun = bool(data.strip())
                    if has_begun and is_whole(media_type, data):
                        whole = await whole_body(data, body, BODY_BYTES)
                        is_resting = len(whole) > BODY_BYTES
                        events = events_of(whole, media_type, self._secrets)
                        yield translator.translate(events)
                        break
                chunks = translator.translate(splitter.feed(data))
                if chunks:
                    yield chunks
                if translator.failure is not None:
                    raise translator.failure
                if chunks and brings_on(chunks):
                    moved_at = pen.at
                elif pen.at - moved_at > patience_s:
                    raise self._unmoved()
                if translator.is_over:
                    break
                is_resting = False
            chunks = translator.finish()
            if chunks:
                yield chunks
            is_resting = False
            await read_out(body)
        except FOREIGN as exc:
            raise self._ours(exc) from _quiet(exc)
        finally:
            if is_resting:  # a read that is cancelled or fails unwinds all there is
                with anyio.move_on_after(CLOSE_GRACE_S, shield=True) as unwinding:
                    await unwind(body, unwinding)

    def _unmoved(self) -> BackendUnavailable:
        """The error for a stream that is kept alive and says nothing."""
        waited_s = PATIENCE * self._idle_limit_s
        return BackendUnavailable(
            f"nothing but pings came for {waited_s:g} s: the stream stalled"
        )

    def _ours(self, exc: BaseException) -> AgentError:
        """The error of ours for what the SDK or its transport raised."""
        match exc:
            case anthropic.APIStatusError():
                headers = {k.lower(): v for k, v in exc.response.headers.items()}
                return error_for(exc.status_code, headers, exc.body, self._secrets)
            case anthropic.APITimeoutError() | httpx2.TimeoutException():
                return timed_out(self._server, exc.__cause__ or exc, self._idle_limit_s)
            case httpx2.RemoteProtocolError() | httpx2.DecodingError():
                return StreamMalformed(f"the body broke off: {exc}")
            case anthropic.APIConnectionError() | httpx2.TransportError():
                return unconnected(self._server, exc.__cause__ or exc)
            case _:
                return BackendRefused(f"the request cannot be made: {exc}")

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        """Ask in MassGen's words, one chunk an item; close with ``aclosing``.

        Args:
            messages: ``{"role", "content"}``, with an optional first ``system``.
            tools: User tools, in the API's form or OpenAI's.
            options: ``enable_web_search``, ``enable_code_execution``, ``agent_id``,
                ``container`` (where code goes on) and every setting of
                :class:`ClaudeSettings`, all combined in one request.

        Raises:
            TypeError: An option is unknown.
            AgentError: See :meth:`open_stream`.
        """

        def begin() -> Stream:
            own = {
                "agent_id": options.pop("agent_id", "claude"),
                "container": options.pop("container", None),
            }
            request = plain_request(messages, tools, own)
            return self._with(options).open_stream(request, pen_of(request))

        return chunks_of(begin, CLOSE_GRACE_S)

    def _with(self, options: dict[str, Any]) -> ClaudeBackend:
        """This backend under other settings, on the same connections."""
        enabled = [
            name
            for name in ("web_search", "code_execution")
            if options.pop(f"enable_{name}", False)
        ]
        settings = msgspec.structs.asdict(self._settings) | options
        server_tools = settings["server_tools"]
        there = server_tool_names(
            ClaudeSettings(
                model=str(settings["model"]), server_tools=tuple(server_tools)
            )
        )
        more = [name for name in enabled if name not in there]
        settings["server_tools"] = (*server_tools, *more)
        return ClaudeBackend(
            client=self._clients.here(), idle_limit_s=self._idle_limit_s, **settings
        )

    async def aclose(self) -> None:
        """Close the connections, unless the client is the caller's.

        A stream opened later, in this event loop or another, makes new ones.
        """
        await self._clients.aclose()


def _quiet(exc: BaseException) -> BaseException:
    """``exc`` without the request it holds, whose headers bear the key."""
    return RuntimeError(type(exc).__name__)

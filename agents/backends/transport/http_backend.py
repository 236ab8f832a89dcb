"""A model behind an HTTP API: a dialect's pure parts, joined by one transport.

Whoever offers a maker's models says which parts: the body of a request, the reader of
its response, the table of errors. The rest is the same for all of them, and here.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote

import anyio
import msgspec

from agents.backends.dialects.event_stream import ServerEvent, Splitter
from agents.backends.dialects.tool_names import names_back
from agents.backends.plain_request import Stream, chunks_of, pen_of, plain_request
from agents.backends.transport.clients import CLOSE_GRACE_S
from agents.backends.transport.endpoint import Answer, Endpoint, read_to_end
from agents.errors import BackendRefused, BackendUnavailable
from agents.limits.stated_price import ModelPrice
from agents.protocol.backend import Request
from agents.protocol.chunks import (
    Allowance,
    ResponseOpened,
    StreamChunk,
    Usage,
    brings_on,
)
from agents.protocol.stamper import Pen
from agents.protocol.unicode_text import whole_text

AGENT_HEADER = "x-coordinator-agent"
"""Names the agent to proxies and to the emulator; APIs ignore it."""
_PLAIN = " !#$&'()*+,/:;<=>?@[]^`{|}\""
"""Characters that a header takes beside letters and digits; others are escaped."""
PATIENCE = 10
"""How many times ``idle_limit_s`` a stream may bring nothing but comments and pings:
they are sent while a model thinks unseen, which takes minutes, but not for ever."""
REQUEST_IDS = ("x-request-id", "request-id", "x-goog-request-id", "cf-ray")


class Reader(Protocol):
    """The interface of a dialect's reader."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be said."""
        ...

    def translate(self, events: list[ServerEvent], /) -> list[StreamChunk]:
        """The chunks of one read's events."""
        ...

    def finish(self) -> list[StreamChunk]:
        """The chunks that the body's end brings."""
        ...


Price: TypeAlias = Callable[..., float | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Speech:
    """A dialect's parts: where requests go, how they are written and answers read."""

    path: str
    """Behind the server's address."""
    body: Callable[[Request, str], Mapping[str, Any]]
    """The request, and who is asked → the body."""
    reader: Callable[[Pen, Price, str, Mapping[str, str]], Reader]
    """Pen, price, who is asked, names of tools → a reader of one response."""
    limits: Callable[[Mapping[str, str]], dict[str, str]]
    """The headers that tell of limits."""
    allowances: Callable[[Mapping[str, str]], tuple[Allowance, ...]]
    """The limits in those headers."""


def options_over(settings: msgspec.Struct, options: dict[str, Any]) -> dict[str, Any]:
    """A maker's settings as ``stream_with_tools`` changes them.

    Args:
        settings: What there is.
        options: ``enable_web_search``, ``enable_code_execution``, and settings by name.
    """
    enabled = [
        name
        for name in ("web_search", "code_execution")
        if options.pop(f"enable_{name}", False)
    ]
    merged = msgspec.structs.asdict(settings) | options
    merged["server_tools"] = (*merged["server_tools"], *enabled)
    return merged


class HttpBackend:
    """A model behind an HTTP API; see :class:`agents.protocol.backend.Backend`.

    Args:
        model: As the server names it.
        endpoint: Where it is asked.
        speech: In which words.
        price: What it costs.
        maker: Who made the model, as far as its name tells; empty: unknown.
        again: The same words under other settings, as ``stream_with_tools`` has them.
    """

    def __init__(
        self,
        model: str,
        endpoint: Endpoint,
        speech: Speech,
        *,
        price: ModelPrice,
        maker: str,
        again: Callable[[dict[str, Any]], Speech],
    ) -> None:
        self._model = whole_text(model)
        self._endpoint = endpoint
        self._speech = speech
        self._price = price
        self._maker = maker
        self._again = again
        price.load()

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}(model={self.model!r}, base_url={self._endpoint.server!r})"

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    @property
    def maker(self) -> str:
        """The maker of the model; empty where its name does not tell."""
        return self._maker

    def cost_usd(self, usage: Usage) -> float | None:
        """The cost of ``usage`` in USD; ``None`` where no price is known."""
        return self._price.cost_usd(self.model, usage)

    @property
    def limit_key(self) -> str:
        """Same server, key and model: same rate limit."""
        return f"{self._endpoint.key}:{self.model}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that no text may quote: keys, and passwords in addresses."""
        return self._endpoint.secrets

    @property
    def _by(self) -> str:
        """The maker of items here, which alone can read them."""
        return f"{self._speech.path.partition('?')[0]} {self._endpoint.host}"

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        """Ask the model; see :class:`agents.protocol.backend.Backend`.

        Raises:
            BackendUnavailable: It is busy, cannot be reached, or falls silent.
            BackendRefused: The request is at fault, or the account has nothing left.
            ContextExceeded: It is more than the model can read.
            StreamMalformed: The response is not whole.
        """
        async with self._open(self._speech, request, pen) as batches:
            yield batches

    @asynccontextmanager
    async def _open(
        self, speech: Speech, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        body = speech.body(request, self._by)
        headers = {AGENT_HEADER: quote(request.turn.agent, safe=_PLAIN)}
        async with self._endpoint.post(speech.path, body, headers) as answer:
            batches = self._batches(speech, request, answer, pen)
            try:
                yield batches
            finally:
                with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                    await batches.aclose()

    async def _batches(
        self, speech: Speech, request: Request, answer: Answer, pen: Pen
    ) -> AsyncGenerator[list[StreamChunk]]:
        splitter = Splitter()
        names = names_back(spec.name for spec in request.tools)
        reader = speech.reader(pen, self._price.cost_usd, self._by, names)
        pen.at = answer.now()
        yield [self._opened(answer.headers, pen)]
        patience_s = PATIENCE * self._endpoint.idle_limit_s
        stalls_at = answer.now() + patience_s
        feed, translate = splitter.feed, reader.translate
        async for data in answer.reads:
            pen.at = answer.now()
            chunks = translate(feed(data))
            if chunks:
                yield chunks
            if chunks and brings_on(chunks):
                stalls_at = pen.at + patience_s
            elif pen.at > stalls_at:
                raise BackendUnavailable(
                    f"nothing but pings came for {patience_s:g} s: the stream stalled"
                )
            if reader.is_over:
                break
        if not reader.is_over:
            chunks = translate(splitter.finish())
            if chunks:
                yield chunks
        chunks = reader.finish()
        if chunks:
            yield chunks
        await read_to_end(answer.reads)

    def _opened(self, headers: Mapping[str, str], pen: Pen) -> ResponseOpened:
        ids = (headers[name] for name in REQUEST_IDS if name in headers)
        return ResponseOpened(
            **pen.stamp(),
            request_id=next(ids, ""),
            limits=self._speech.limits(headers),
            allowances=self._speech.allowances(headers),
        )

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        """Ask in MassGen's words, one chunk an item; close with ``aclosing``.

        Args:
            messages: ``{"role", "content"}``, with an optional first ``system``.
            tools: User tools, in the Messages API's form or OpenAI's.
            options: ``enable_web_search``, ``enable_code_execution``, ``agent_id`` and
                every setting of the backend's.

        Raises:
            TypeError: An option is unknown.
            AgentError: See :meth:`open_stream`.
        """

        def begin() -> Stream:
            agent = {"agent_id": options.pop("agent_id", self.model)}
            request = plain_request(messages, tools, agent)
            try:
                speech = self._again(options) if options else self._speech
            except ValueError as error:
                raise BackendRefused(str(error)) from error
            return self._open(speech, request, pen_of(request))

        return chunks_of(begin, CLOSE_GRACE_S)

    async def aclose(self) -> None:
        """Close the connections; a stream opened later makes new ones."""
        await self._endpoint.aclose()

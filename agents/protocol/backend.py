"""The protocol of backends: a request goes in, a stream of chunks comes out.

A :class:`Request` is what one model call needs; the actor renders it from a
:class:`~agents.protocol.turns.Turn`. Two backends live here:
:class:`agents.backends.claude.backend.ClaudeBackend` and
:class:`agents.backends.scripted.backend.ScriptedBackend`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from agents.protocol.attachments import Attachment
from agents.protocol.chunks import StreamChunk, Usage
from agents.protocol.stamper import Pen
from agents.protocol.turns import Turn


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A tool that we run, as the model is told of it; fields as the API names them."""

    name: str
    description: str
    input_schema: msgspec.Raw
    strict: bool = False
    defer_loading: bool = False
    eager_input_streaming: bool = False
    input_examples: tuple[msgspec.Raw, ...] = ()
    allowed_callers: tuple[str, ...] = ()
    """Its callers, as the API names them; none: the model alone, directly."""
    cache_control: msgspec.Raw | None = None
    """A caller's own cache mark, where it sets one."""


class KnownTool(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tool that we run and whose form the model knows by its type."""

    type: str
    """With its version: ``bash_20250124``."""
    name: str
    """The name that the API gives tools of this type."""
    description: str = ""
    """For models that do not know the type; so is the schema."""
    input_schema: msgspec.Raw = msgspec.Raw(b"{}")


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message of a conversation."""

    role: Literal["user", "assistant"]
    content: msgspec.Raw
    """A JSON string or an array of content blocks: ``text``, ``tool_use`` and
    ``tool_result``, which every backend's writer knows; from the Messages API all its
    blocks, as they came."""
    items: tuple[msgspec.Raw, ...] = ()
    """The assistant's, in the form of whoever said it; then ``content`` says the same
    for everybody else."""
    by: str = ""
    """The maker of ``items``, see :class:`~agents.protocol.chunks.ItemCompleted`."""
    tools: tuple[ToolSpec | KnownTool, ...] = ()
    """The user's: all that may be called from here on, where that was noted; none: what
    could be called before."""


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The input of one model call, beside the settings of the backend."""

    turn: Turn
    call: int = 1
    """1, 2, 3, … within the turn: the first request, then one per tool result."""
    system: str = ""
    messages: tuple[Message, ...] = ()
    tools: tuple[ToolSpec | KnownTool, ...] = ()
    container: str | None = None
    """The code-execution container that the conversation has used so far."""
    attached: tuple[msgspec.Raw, ...] = ()
    """Content blocks of files, before the question in the first message."""
    max_tokens: int | None = None
    """A tighter limit than the backend's own, where a budget asks for it."""


class Downloaded(msgspec.Struct, frozen=True, kw_only=True):
    """A file that code has written."""

    name: str
    """As the API gives it; anybody may have chosen it."""
    data: bytes


class FileStore(Protocol):
    """Where a backend keeps files beside requests.

    A backend that has one offers it as ``files``; others have no such attribute, or
    ``None``. Every method raises ``AgentError`` and nothing else.
    """

    @property
    def account(self) -> str:
        """Stores of one account share their files; tells nothing of a key."""
        ...

    @property
    def has_container(self) -> bool:
        """Whether the backend's model runs code where files can be put."""
        ...

    async def upload(self, item: Attachment) -> str:
        """Keep a file; its id."""
        ...

    async def has(self, file_id: str) -> bool:
        """Whether a file that was kept still is."""
        ...

    async def delete(self, file_id: str) -> None:
        """Keep it no longer."""
        ...

    async def download(self, file_id: str, limit_bytes: int) -> Downloaded:
        """Fetch a file; a larger one than ``limit_bytes`` is refused."""
        ...


class Backend(Protocol):
    """A model, or what stands in for one.

    Whoever opens a stream closes it: the ``async with`` owns socket, tasks and
    generators, and leaving it, also by cancellation or an exception of the consumer's,
    leaves nothing behind.
    """

    @property
    def model(self) -> str:
        """The model's name, for displays and prices."""
        ...

    @property
    def limit_key(self) -> str | None:
        """Backends of one key share a rate limit; ``None``: nothing limits it.

        Not reversible to an API key.
        """
        ...

    def open_stream(
        self, request: Request, pen: Pen
    ) -> AbstractAsyncContextManager[AsyncIterator[list[StreamChunk]]]:
        """Ask the model; each item is what one read brought, stamped by ``pen``.

        The iterator ends after ``ResponseEnded``.

        Raises:
            AgentError: On entering or iterating; nothing else but cancellation.
        """
        ...

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        """Ask the model in MassGen's words, one chunk an item; close with ``aclosing``.

        Args:
            messages: ``{"role", "content"}``, as the Messages API takes them, with an
                optional first ``system``.
            tools: User tools, in the API's form or OpenAI's ``{"type": "function"}``.
            options: ``enable_web_search``, ``enable_code_execution`` and what the
                backend's constructor takes; an unknown name is a ``TypeError``.
        """
        ...

    async def aclose(self) -> None:
        """Close what outlives streams, e.g. a pool of connections."""
        ...


class Forecast(NamedTuple):
    """Upper bound of one request's cost, without the model's output."""

    input_tokens: int
    """Input tokens, each time that the request is read."""
    readings: int = 1
    """How often it is read: once more for each call of a server tool."""
    extras_usd: float = 0.0
    """Server tools' own charges."""
    factor: float = 1.0
    """Of the tokens' price, see :func:`agents.limits.pricing.factor_of`."""
    is_for_an_hour: bool = False
    """Whether it is written to the cache for an hour, which costs most."""


@runtime_checkable
class Forecasts(Protocol):
    """A backend that can tell what a request will cost before it is made.

    What another one's requests cost is estimated from above by their length.
    """

    async def forecast(self, request: Request) -> Forecast | None:
        """The most that ``request`` can cost, without the model's output.

        ``None``: nothing, whatever is reported of it; no budget can be kept by it.
        """
        ...


@runtime_checkable
class Priced(Protocol):
    """A backend that knows what its model costs, whatever the model's name."""

    def cost_usd(self, usage: Usage) -> float | None:
        """The cost of ``usage`` in USD; ``None`` where no price is known."""
        ...


@runtime_checkable
class Recalls(Protocol):
    """A backend whose next response depends on those before it, as a script's does."""

    def recall(self, request: Request) -> None:
        """Be told, in order, what was asked in a process before this one."""
        ...

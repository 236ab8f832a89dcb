"""The backend of a function: asked in plain messages, it says what that replies.

What goes in is what most servers and libraries take, the messages and tools of a chat
completion; what comes out is :mod:`agents.backends.function.reply`'s.
"""

from __future__ import annotations

import inspect
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, TypeAlias, cast

import anyio
import anyio.lowlevel

from agents.backends.dialects.chat.settings import ChatSettings
from agents.backends.dialects.chat.writer import body
from agents.backends.dialects.chunk_writer import ChunkWriter
from agents.backends.function.reply import Piece, Reply, Thought, call_of, pieces_of
from agents.backends.plain_request import Stream, chunks_of, pen_of, plain_request
from agents.boundary.guard import first_of, log_error, text_of, words_of
from agents.boundary.threads import in_thread
from agents.errors import AgentError, BackendBroken, BackendUnavailable
from agents.limits.pricing import cost_usd
from agents.protocol.backend import Request
from agents.protocol.chunks import ResponseOpened, StreamChunk, Usage
from agents.protocol.stamper import Pen
from agents.protocol.turns import Turn
from agents.protocol.unicode_text import whole_text

Ask: TypeAlias = Callable[..., Reply | Awaitable[Reply] | AsyncIterator[Piece]]
"""``ask(messages, tools)`` or ``ask(messages, tools, turn)``."""

_DOWN = (ConnectionError, TimeoutError)
"""Errors that may pass and are retried: a server unreachable or silent."""
_TURN = 3
CLOSE_GRACE_S = 2.0
"""How long a generator may take to end once it is left."""


class FunctionBackend:
    """A model, or what stands in for one, as a function.

    Args:
        ask: Called for each response with ``messages`` and ``tools``, lists as a chat
            completion has them, and with the :class:`~agents.protocol.turns.Turn` where
            it takes a third argument. It may be a coroutine function, an asynchronous
            generator, which yields piece by piece what it would reply, or a plain
            function, which is called in a thread. What it raises is the agent's
            failure; ``ConnectionError``, ``TimeoutError`` and
            :class:`~agents.errors.BackendUnavailable` are asked again.
        model: Its name, for displays and prices.
        limit_key: Backends of one key share a rate limit; ``None``: nothing limits it.

    Raises:
        TypeError: ``ask`` cannot be called so.

    Example::

        async def ask(messages, tools, turn):
            if isinstance(turn.task, Review):
                return Vote(turn.task.ballot.labels[0], reason="I agree.")
            return "Paris"

        agent = Agent(id="ada", backend=FunctionBackend(ask))
    """

    def __init__(
        self, ask: Ask, *, model: str = "function", limit_key: str | None = None
    ) -> None:
        self._ask = ask
        self._takes_turn = _takes_turn(ask)
        self._model = whole_text(model)
        self._limit_key = limit_key

    def __repr__(self) -> str:
        return f"FunctionBackend(model={self._model!r})"

    @property
    def model(self) -> str:
        """The model's name, for displays and prices."""
        return self._model

    @property
    def limit_key(self) -> str | None:
        """The key of the rate limit that it shares with others."""
        return self._limit_key

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        """Ask the function; see :class:`agents.protocol.backend.Backend`.

        Raises:
            BackendUnavailable: The function raised it, or says that nothing answers.
            BackendBroken: It raised anything else.
            BackendRefused: It replied what cannot be said.
        """
        await anyio.lowlevel.checkpoint()
        async with aclosing(self._batches(request, pen)) as batches:
            yield batches

    def stream_with_tools(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        **options: Any,  # noqa: ANN401  (MassGen's surface: whatever its callers pass)
    ) -> AsyncGenerator[StreamChunk, None]:
        """Ask in MassGen's words, one chunk an item; close with ``aclosing``.

        Raises:
            TypeError: An option is unknown.
            AgentError: See :meth:`open_stream`.
        """

        def begin() -> Stream:
            request = plain_request(messages, tools, options)
            return self.open_stream(request, pen_of(request))

        return chunks_of(begin, CLOSE_GRACE_S)

    async def aclose(self) -> None:
        """Do nothing: what the function holds is its own."""
        await anyio.lowlevel.checkpoint()

    async def _batches(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[list[StreamChunk]]:
        pen.at = anyio.current_time()
        yield [ResponseOpened(**pen.stamp())]
        speaker = _Speaker(request.turn, ChunkWriter(pen, cost_usd), self._model)
        pieces = self._pieces(request)
        try:
            async for piece in pieces:
                pen.at = anyio.current_time()
                speaker.say(piece)
                yield speaker.take()
        finally:
            with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                await pieces.aclose()
        pen.at = anyio.current_time()
        speaker.end()
        yield speaker.take()

    async def _pieces(self, request: Request) -> AsyncGenerator[Piece]:
        """The pieces of the function's reply, as they come.

        ``except Exception``: the function is the caller's and may raise anything.
        """
        try:
            replied = self._called(request)
            if hasattr(replied, "__aiter__"):
                stream = cast("AsyncGenerator[object]", replied)
                try:
                    async for one in stream:
                        for piece in pieces_of(one):
                            yield piece
                finally:
                    with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                        await _closed(stream)
                return
            for piece in pieces_of(await cast("Awaitable[object]", replied)):
                yield piece
        except AgentError:
            raise
        except _DOWN as error:
            raise BackendUnavailable(words_of(error)) from error
        except Exception as error:
            log_error(f"the function of backend {self._model}", error)
            kind = type(first_of(error)).__name__
            raise BackendBroken(text_of(error) or kind, kind=kind) from error

    def _called(self, request: Request) -> object:
        """Call the function; what it gives is awaited or iterated."""
        chat_fields = body(ChatSettings(model=self._model), request, "")
        arguments = [chat_fields["messages"], chat_fields.get("tools", [])]
        if self._takes_turn:
            arguments.append(request.turn)
        if inspect.iscoroutinefunction(self._ask) or inspect.isasyncgenfunction(
            self._ask
        ):
            return self._ask(*arguments)
        return _in_thread(partial(self._ask, *arguments))


async def _closed(stream: object) -> None:
    """Close a generator; any other iterator has nothing to close."""
    close: Callable[[], Awaitable[object]] | None = getattr(stream, "aclose", None)
    if close is not None:
        await close()


async def _in_thread(work: Callable[[], object]) -> object:
    """Call a plain function, and await what it gives if that is to be awaited."""
    reply = await in_thread(work, name="a backend's function")
    return await reply if inspect.isawaitable(reply) else reply


class _Speaker:
    """Says pieces as blocks of one response."""

    def __init__(self, turn: Turn, writer: ChunkWriter, model: str) -> None:
        self._turn = turn
        self._writer = writer
        self._text: int | None = None
        """The block that text goes on in."""
        self._usage = Usage()
        writer.start(model, {"model": model, "role": "assistant", "content": []})

    def take(self) -> list[StreamChunk]:
        """The chunks since the last call."""
        return self._writer.take()

    def say(self, piece: Piece) -> None:
        """Say one piece.

        Raises:
            BackendRefused: The turn asks for no such thing.
        """
        writer = self._writer
        if isinstance(piece, Usage):
            self._usage = piece
            writer.report(piece)
            return
        if isinstance(piece, Thought):
            self._end_text()
            block = writer.open("thinking")
            writer.think(block, whole_text(piece.text))
            writer.close(block)
            return
        if isinstance(piece, str):
            if self._text is None:
                self._text = writer.open("text")
            writer.text(self._text, whole_text(piece))
            return
        name, typed = call_of(piece, self._turn)
        self._end_text()
        call_id = whole_text(getattr(piece, "id", "")) or writer.new_id()
        block = writer.open_call(call_id, name)
        writer.type_input(block, typed)
        writer.close(block)
        writer.call(block, call_id, name, typed)

    def _end_text(self) -> None:
        """End the text block, so that the next text begins a block of its own."""
        self._writer.close_all()
        self._text = None

    def end(self) -> None:
        """Say that the response is whole."""
        called = self._writer.has_called
        self._end_text()
        self._writer.report(self._usage)
        self._writer.end(
            "tool_use" if called else "end_turn",
            "calls" if called else "finished",
            {},
        )


def _takes_turn(ask: Ask) -> bool:
    """Whether ``ask`` takes the turn as well.

    Raises:
        TypeError: It takes neither two nor three arguments.
    """
    try:
        signature = inspect.signature(ask)
    except (TypeError, ValueError):
        return False  # a builtin's; it is called as most are written
    for count in (_TURN, _TURN - 1):
        try:
            signature.bind(*[None] * count)
        except TypeError:
            continue
        return count == _TURN
    raise TypeError(
        f"{getattr(ask, '__name__', ask)!r} takes {signature}; a backend's function is "
        "called with (messages, tools) or (messages, tools, turn)"
    )

"""A backend around a backend that holds it to the protocol, rule by rule.

What breaks a rule would otherwise come out somewhere else, as a ``KeyError`` of the
accumulator's or a chunk that a display cannot place. Wrapped in :class:`Checked` it is
said at once, with the agent and the rule::

    agent = Agent(id="ada", backend=Checked(MyBackend()))
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast, get_args

import msgspec

from agents.errors import AgentError, BackendRefused
from agents.protocol.chunks import (
    DELTAS,
    SAID_BY_BACKENDS,
    BlockEnded,
    BlockStarted,
    Chunk,
    Ping,
    ResponseEnded,
    ResponseOpened,
    ResponseStarted,
    StreamChunk,
    ToolCalled,
    Unrecognized,
)
from agents.protocol.frames import decode_frame, encode_frame

if TYPE_CHECKING:
    from agents.protocol.backend import Backend, Request
    from agents.protocol.stamper import Pen


class ProtocolBroken(BackendRefused):
    """A backend broke a rule of its protocol.

    Attributes:
        agent: Whose stream it was.
        rule: The rule, in a sentence.
    """

    def __init__(self, backend: object, agent: str, rule: str, detail: str) -> None:
        super().__init__(
            f"{type(backend).__name__} broke the protocol for agent {agent!r}: {rule}"
            + (f" ({detail})" if detail else "")
        )
        self.agent = agent
        self.rule = rule


class Checked:
    """Holds ``backend`` to the protocol; all else of it is its own.

    Raises:
        ProtocolBroken: On entering or reading a stream; an ``AgentError``, so that in a
            session it is that agent's failure and the others go on.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __repr__(self) -> str:
        return f"Checked({self._backend!r})"

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the backend has)
        return getattr(self._backend, name)

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        """Open the backend's stream and look at all that comes of it."""
        rules = _Rules(self._backend, request, pen)
        is_open = False
        try:
            async with self._backend.open_stream(request, pen) as stream:
                is_open = True
                if not hasattr(stream, "__anext__"):
                    rules.broken("a stream is an async iterator", type(stream).__name__)
                async with aclosing(rules.watched(stream)) as watched:
                    yield watched
        except (AgentError, GeneratorExit):
            raise
        except Exception as error:
            if is_open and not rules.is_theirs(error):
                raise  # the consumer's own
            problem = f"{type(error).__name__}: {error}"
            rule = "a backend raises AgentError and nothing else"
            raise rules.error(rule, problem) from error


class _Rules:
    """One stream's way through the protocol."""

    def __init__(self, backend: Backend, request: Request, pen: Pen) -> None:
        self._backend = backend
        self._turn = request.turn
        self._seq: int | None = None
        self._at = pen.at
        self._open: set[int] = set()
        self._known: set[int] = set()
        self._calls: set[str] = set()
        self._has_started = False
        self._has_ended = False
        self._theirs: BaseException | None = None

    def error(self, rule: str, detail: str = "") -> ProtocolBroken:
        return ProtocolBroken(self._backend, self._turn.agent, rule, detail)

    def broken(self, rule: str, detail: str = "") -> None:
        raise self.error(rule, detail)

    def is_theirs(self, error: BaseException) -> bool:
        """Whether the backend's stream raised it, and not whoever reads it."""
        return error is self._theirs

    async def watched(
        self, stream: AsyncIterator[list[StreamChunk]]
    ) -> AsyncGenerator[list[StreamChunk]]:
        while True:
            try:
                batch: object = await anext(stream)
            except StopAsyncIteration:
                break
            except Exception as error:
                self._theirs = error
                raise
            yield self._batch(batch)
        if not self._has_ended:
            self.broken("a stream that ends says ResponseEnded before", "it just ended")

    def _batch(self, batch: object) -> list[StreamChunk]:
        if not isinstance(batch, list):
            self.broken("each item is a list of chunks", type(batch).__name__)
        chunks = cast("list[StreamChunk]", batch)
        if not chunks:
            self.broken("each item holds what one read brought", "an empty list")
        for chunk in chunks:
            self._chunk(chunk)
        try:
            decode_frame(encode_frame(chunks))
        except (TypeError, ValueError, msgspec.MsgspecError) as error:
            rule = "what is said can be written and read as JSON on one line"
            self.broken(rule, f"{type(error).__name__}: {error}")
        return chunks

    def _chunk(self, chunk: StreamChunk) -> None:
        name = type(chunk).__name__
        if not isinstance(chunk, get_args(StreamChunk)):
            self.broken("each item is a list of chunks", f"{name} is none")
        if not isinstance(chunk, SAID_BY_BACKENDS):
            self.broken("a backend says what the model says", f"{name} is the agent's")
        self._stamp(chunk, name)
        if self._has_ended:
            self.broken("nothing follows ResponseEnded", name)
        self._raw(chunk, name)
        self._order(chunk, name)

    def _stamp(self, chunk: Chunk, name: str) -> None:
        rule = "chunks bear the pen's stamp: agent, turn, seq and time"
        if (chunk.agent, chunk.turn) != (self._turn.agent, self._turn.number):
            self.broken(rule, f"{name} of {chunk.agent!r}, turn {chunk.turn}")
        if self._seq is not None and chunk.seq != self._seq + 1:
            self.broken(rule, f"{name} has seq {chunk.seq} after {self._seq}")
        if chunk.at < self._at:
            self.broken(rule, f"{name} is said before what was said before it")
        self._seq, self._at = chunk.seq, chunk.at

    def _raw(self, chunk: Chunk, name: str) -> None:
        for field in chunk.__struct_fields__:
            value: object = getattr(chunk, field)
            if not isinstance(value, msgspec.Raw):
                continue
            try:
                msgspec.json.decode(value)
            except msgspec.DecodeError as error:
                self.broken("what is carried is JSON", f"{name}.{field}: {error}")
            if b"\n" in bytes(value):
                rule = "what is carried has no line feed; see one_line()"
                self.broken(rule, f"{name}.{field}")

    def _order(self, chunk: StreamChunk, name: str) -> None:
        if isinstance(chunk, ResponseStarted):
            if self._has_started:
                self.broken("a stream is one response", "ResponseStarted twice")
            self._has_started = True
        elif not isinstance(chunk, ResponseOpened | Ping | Unrecognized):
            if not self._has_started:
                rule = "ResponseStarted comes before what the model says"
                self.broken(rule, f"{name} came first")
            self._content(chunk, name)

    def _content(self, chunk: StreamChunk, name: str) -> None:
        match chunk:
            case BlockStarted(block=block):
                if block in self._known:
                    self.broken("blocks have numbers of their own", f"{block} again")
                self._known.add(block)
                self._open.add(block)
            case BlockEnded(block=block):
                if block not in self._open:
                    self.broken(
                        "a block ends once, when it has begun", f"block {block}"
                    )
                self._open.discard(block)
            case _ if isinstance(chunk, DELTAS):
                if chunk.block not in self._open:
                    rule = "a delta belongs to a block that has begun and not ended"
                    self.broken(rule, f"{name} of block {chunk.block}")
            case ToolCalled(block=block, id=call):
                if block in self._open or block not in self._known:
                    self.broken("ToolCalled follows its block's end", f"block {block}")
                if call in self._calls or not call:
                    self.broken("calls have ids of their own", repr(call))
                self._calls.add(call)
            case ResponseEnded():
                if self._open:
                    rule = "all blocks have ended before ResponseEnded"
                    self.broken(rule, f"open: {sorted(self._open)}")
                self._has_ended = True
            case _:
                pass

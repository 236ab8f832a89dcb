"""One call of a backend that may be anybody's: its trouble becomes ``AgentError``.

What a backend raises that none may is told by its class and words, and its traceback
goes to the log; a cancellation is ours only if somebody has cancelled this task. What a
backend that is not ours streams is checked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

import anyio
import anyio.lowlevel

from agents.actor.stream_check import WRITTEN_MOST, StreamCheck, is_checked
from agents.boundary.guard import (
    class_name,
    first_of,
    is_a,
    log_error,
    text_of,
    words_of,
)
from agents.boundary.root import is_cancelled_here
from agents.errors import (
    AgentError,
    BackendBroken,
    BackendUnavailable,
    FrameTooLarge,
    ProtocolBroken,
    StreamMalformed,
)
from agents.protocol.chunks import Allowance, ResponseOpened, StreamChunk

if TYPE_CHECKING:
    from agents.actor.publisher import Voice
    from agents.conversation.accumulator import Transcript
    from agents.limits.limiter import Slot
    from agents.protocol.backend import Backend, Request
    from agents.protocol.chunks import AgentId


class BackendCall:
    """A block in which ``backend`` is called; it raises ``AgentError``, or what we do.

    It may be entered again within itself.

    Args:
        backend: Whom.
        agent: For whom.
        idle_limit_s: How long one read may take; ``None``: as the backend says.
    """

    def __init__(
        self, backend: Backend, agent: AgentId, idle_limit_s: float | None
    ) -> None:
        self.backend = backend
        self._agent = agent
        self._idle_limit_s = idle_limit_s
        self._own_error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Make of the backend's error what its agent is told.

        Raises:
            AgentError: Instead of what no backend may raise.
        """
        if error is None or error is self._own_error:
            return
        if is_a(error, AgentError, KeyboardInterrupt):
            return
        who = f"backend {class_name(self.backend)} of {self._agent}"
        cancelled = _cancellation_in(error)
        if cancelled is not None and is_cancelled_here():
            if cancelled is error:
                return
            log_error(who, error)
            raise cancelled from None
        first = first_of(error)
        if is_a(first, AgentError):
            raise first from error  # a task group of the backend's had wrapped it
        log_error(who, error)
        message = text_of(error) or words_of(error)
        raise BackendBroken(message, kind=class_name(first)) from error

    async def stream(
        self,
        request: Request,
        voice: Voice,
        slot: Slot,
        response: Transcript,
        on_first: Callable[[], None] | None = None,
    ) -> None:
        """Publish what comes of ``request``, and fold it into ``response``.

        Args:
            request: What is asked.
            voice: Publishes.
            slot: Is told when the response begins.
            response: What comes.
            on_first: Called with the first chunk.

        Raises:
            AgentError: As the backend does, and where the stream just ends.
        """
        with self:
            async with self.backend.open_stream(request, voice.pen) as stream:
                batches: AsyncIterator[Sequence[StreamChunk]] = stream
                if self._idle_limit_s is not None:
                    batches = _Limited(batches, self._idle_limit_s)
                if is_checked(self.backend):
                    batches = _Checked(batches, StreamCheck(voice.pen))
                await self._fold(batches, voice, slot, response, on_first)
            if not response.is_complete:
                kind = ProtocolBroken if is_checked(self.backend) else StreamMalformed
                raise kind("the stream ended without a stop reason")
            if response.written_characters > WRITTEN_MOST:
                raise BackendBroken(
                    f"a response of {response.written_characters:,} characters is no "
                    f"answer: no model writes more than {WRITTEN_MOST:,} at once"
                )

    async def _fold(
        self,
        batches: AsyncIterator[Sequence[StreamChunk]],
        voice: Voice,
        slot: Slot,
        response: Transcript,
        on_first: Callable[[], None] | None,
    ) -> None:
        pen, is_opened = voice.pen, False
        publish, absorb = voice.publish, response.absorb
        behind = pen.next_free_seq
        try:
            async for batch in batches:
                if not is_opened and batch:
                    is_opened = True
                    slot.opened(*_limits(batch[0]))
                    if on_first is not None:
                        on_first()
                absorb(batch)
                try:
                    await publish(batch)
                except FrameTooLarge:
                    raise  # the backend's doing: none of it was said
                except BaseException as error:
                    self._own_error = error
                    raise
                if batch:
                    behind = batch[-1].seq + 1
        finally:
            # What was stamped and never came this far is stamped anew.
            if pen.next_free_seq != behind and self._own_error is None:
                pen.take_back(behind)


def _cancellation_in(error: BaseException) -> BaseException | None:
    """``error`` as far as it is a cancellation; ``None``: it is none."""
    cancelled = anyio.get_cancelled_exc_class()  # noqa: ASYNC118  (compared, never caught)
    if is_a(error, cancelled):
        return error
    if is_a(error, BaseExceptionGroup):
        return cast("BaseExceptionGroup[BaseException]", error).split(cancelled)[0]
    return None


class _Limited:
    """A stream whose reads may take so long."""

    def __init__(
        self, stream: AsyncIterator[Sequence[StreamChunk]], limit_s: float
    ) -> None:
        self._stream = stream
        self._limit_s = limit_s

    def __aiter__(self) -> AsyncIterator[Sequence[StreamChunk]]:
        return self

    async def __anext__(self) -> Sequence[StreamChunk]:
        with anyio.move_on_after(self._limit_s):
            return await anext(self._stream)
        raise BackendUnavailable(
            f"nothing came for {self._limit_s:g} s: the stream stalled"
        )


class _Checked:
    """A stream of which only what passes a check is handed on."""

    def __init__(
        self, stream: AsyncIterator[Sequence[StreamChunk]], check: StreamCheck
    ) -> None:
        self._stream = stream
        self._check = check

    def __aiter__(self) -> AsyncIterator[Sequence[StreamChunk]]:
        return self

    async def __anext__(self) -> Sequence[StreamChunk]:
        while True:
            batch = self._check.batch(await anext(self._stream))
            if batch:
                return batch
            await anyio.lowlevel.checkpoint()


def _limits(first: StreamChunk) -> tuple[dict[str, str], tuple[Allowance, ...]]:
    """The rate limits of the server: its headers, and the allowances in them."""
    if isinstance(first, ResponseOpened):
        return first.limits, first.allowances or ()
    return {}, ()

"""The actor: one task that takes an agent's turns, one after the other.

It owns the agent's end of the outbox, its mailbox and its conversation. How a turn goes
is :mod:`agents.actor.turn_runner`'s; here it is begun, cancelled and ended, and here,
only here, an agent's trouble becomes a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import anyio
import anyio.lowlevel
import msgspec

from agents.actor.model_call import unfinished
from agents.actor.publisher import NO_SECRETS, Outbox, Recorded, Voice
from agents.actor.toolboxes import Toolboxes, opening
from agents.actor.turn_runner import Last, RunningTurn
from agents.boundary import log_context
from agents.boundary.guard import (
    class_name,
    first_of,
    is_a,
    log_error,
    model_of,
    text_of,
)
from agents.boundary.plain_tools import plain_tools
from agents.boundary.root import is_cancelled_here
from agents.boundary.threads import ThreadLimit, use_thread_limit
from agents.conversation.conversation import KEPT_OUTCOMES, Conversation
from agents.errors import AgentError, BackendBroken, FrameTooLarge
from agents.limits.retry import RetryPolicy
from agents.protocol.chunks import AgentFailed, StreamChunk, TurnEnded, TurnNumber
from agents.protocol.frames import FRAME_BYTES_MOST, encode_frame
from agents.protocol.redaction import Redactor
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft
from agents.recovery.conversation_replay import recalled
from agents.recovery.turn_replay import Memory

if TYPE_CHECKING:
    from agents.agent import Agent
    from agents.conversation.uploads import SessionFiles
    from agents.limits.limiter import Limiter
    from agents.protocol.turns import News, Turn
    from agents.recovery.turn_record import AskedTurn
    from agents.tracing.spans import SessionTrace, TurnTrace

FRAMES_A_BREATH = 32
"""Frames sent without a pause for other tasks, while there is room for them."""

UNFINISHED_CHARACTERS = 20_000
"""Of a draft that is cancelled: it is told whole, for who keeps no chunks."""

ROOM_S = 5.0
"""How long what a cancelled turn has stamped waits for room; a fan-in that takes none
of it for so long takes nothing any more."""

CONTAINED = "a turn of"
"""The beginning of what the log says of a turn that was ended by an exception which
nobody foresaw; behind it stands the agent's name."""
_DEFAULT_RETRY = RetryPolicy()


class Actor:
    """An agent at work. All methods but :meth:`run` return at once.

    Args:
        agent: Who it is.
        outbox: Where its frames go; :meth:`run` closes it.
        limiter: Shared with all agents under the same rate limit.
        fallback_limiters: The same for each of its fallbacks.
        retry: When a model call is tried again.
        files: What goes with every question; shared with all agents.
        redactor: Takes secrets out of errors and tools' results.
        recorded: Awaited before what may be done only once; see :class:`Voice`.
        trace: What its turns' spans are below; ``None``: nobody traces.
    """

    __slots__ = (
        "_agent",
        "_asked",
        "_called",
        "_cancel_reason",
        "_conversation",
        "_fallback_limiters",
        "_files",
        "_frames_sent",
        "_has_toolboxes",
        "_is_closed",
        "_lifetime",
        "_limiter",
        "_mailbox",
        "_news",
        "_outbox",
        "_recorded",
        "_redactor",
        "_retry",
        "_running",
        "_scope",
        "_sends_waiting",
        "_toolboxes",
        "_trace",
        "_withdrawn",
    )

    def __init__(
        self,
        agent: Agent,
        outbox: Outbox,
        *,
        limiter: Limiter,
        fallback_limiters: Sequence[Limiter] = (),
        retry: RetryPolicy = _DEFAULT_RETRY,
        files: SessionFiles | None = None,
        recorded: Recorded = anyio.lowlevel.checkpoint,
        redactor: Redactor = NO_SECRETS,
        trace: SessionTrace | None = None,
    ) -> None:
        self._redactor = redactor
        self._trace = trace
        if agent.tools:
            agent = agent.with_tools(plain_tools(agent.tools), agent.toolboxes)
        self._agent = agent
        self._recorded = recorded
        self._fallback_limiters = fallback_limiters
        self._outbox = outbox
        self._limiter = limiter
        self._retry = retry
        self._files = files
        self._conversation = Conversation()
        # Lists, not deques: ten thousand idle actors pay for what is empty.
        self._toolboxes: Toolboxes | None = None
        self._has_toolboxes = bool(agent.toolboxes)
        self._mailbox: list[Turn] = []
        self._news: list[News] = []
        self._withdrawn: dict[TurnNumber, str] = {}
        self._asked: dict[TurnNumber, AskedTurn] = {}
        self._called: anyio.Event | None = None
        self._is_closed = False
        self._lifetime: anyio.CancelScope | None = None
        self._running: RunningTurn | None = None
        self._scope: anyio.CancelScope | None = None
        self._cancel_reason: str | None = None
        self._sends_waiting = 0
        self._frames_sent = 0

    def take(self, turn: Turn) -> None:
        """Put ``turn`` into the mailbox."""
        self._mailbox.append(turn)
        self._call()

    def remember(self, past: Sequence[AskedTurn]) -> None:
        """Know the agent's turns that are over, in order; before :meth:`run`."""
        self._conversation = recalled(self._agent, past)

    def resume(self, asked: Sequence[AskedTurn]) -> None:
        """Put turns of a process before this one into the mailbox.

        What they have bought is not bought again.
        """
        for one in asked:
            if one.chunks:
                self._asked[one.turn.number] = one
            self.take(one.turn)
            for news in one.news:
                self.tell(news)

    def tell(self, news: News) -> None:
        """Have ``news`` said at its turn's next model call, if there is one."""
        if self._running is not None and self._running.turn.number == news.turn:
            self._running.tell(news)
        elif self._is_waiting(news.turn):
            self._news.append(news)

    def cancel(self, turn: TurnNumber, reason: str) -> None:
        """End ``turn`` if it runs or waits in the mailbox; otherwise nothing happens.

        It ends with ``TurnEnded(outcome="cancelled", detail=reason)``. What has been
        stamped goes out first, as soon as there is room: a sequence number must be
        neither lost nor used twice.
        """
        if self._running is not None and self._running.turn.number == turn:
            self._cancel_reason = reason
            self._cancel_now()
        elif self._is_waiting(turn):
            self._withdrawn[turn] = reason

    def close(self) -> None:
        """Let :meth:`run` return once the mailbox is empty."""
        self._is_closed = True
        self._call()

    @property
    def is_idle(self) -> bool:
        """Whether :meth:`close` ends it at once, with nothing left to clean up."""
        is_waiting = self._called is not None and not self._called.is_set()
        return is_waiting and self._toolboxes is None

    def _is_waiting(self, number: TurnNumber) -> bool:
        return any(turn.number == number for turn in self._mailbox)

    def _call(self) -> None:
        if self._called is not None:
            self._called.set()

    def _cancel_now(self) -> None:
        if (
            self._cancel_reason is not None
            and self._scope is not None
            and self._sends_waiting == 0
        ):
            self._scope.cancel(self._cancel_reason)

    async def run(self) -> None:
        """Take turns until :meth:`close`, or until nobody listens any more."""
        with self._outbox, anyio.CancelScope() as self._lifetime:
            await anyio.lowlevel.checkpoint()
            use_thread_limit(ThreadLimit())
            log_context.agent.set(self._agent.id)
            if not self._agent.toolboxes:
                await self._work()
                return
            async with opening(self._agent) as self._toolboxes:
                await self._work()

    async def _work(self) -> None:
        while self._mailbox or not self._is_closed:
            if self._mailbox:
                await self._take_up(self._mailbox.pop(0))
            else:
                self._called = anyio.Event()
                await self._called.wait()

    async def _take_up(self, turn: Turn) -> None:
        record = self._asked.pop(turn.number, None)
        first = record.next_seq if record else 0
        pen = Pen(turn.agent, turn.number, anyio.current_time(), first=first)
        trace = self._trace and self._trace.turn(turn, model_of(self._agent.backend))
        running = RunningTurn(
            turn=turn,
            agent=self._agent,
            conversation=self._conversation,
            voice=Voice(pen, self._publish, self._recorded, self._redactor, trace),
            limiter=self._limiter,
            fallback_limiters=self._fallback_limiters,
            retry=self._retry,
            memory=Memory(record) if record else None,
            toolboxes=self._toolboxes,
            has_toolboxes=self._has_toolboxes,
            files=self._files,
        )
        # What a withdrawn turn was to hear is dropped with it, a later one's is kept.
        waiting, self._news = self._news, []
        for news in waiting:
            if news.turn == turn.number:
                running.tell(news)
            else:
                self._news.append(news)
        self._cancel_reason = self._withdrawn.pop(turn.number, None)
        try:
            last = await self._play(running)
        except BaseException:
            self._conversation.end(keep=False)
            self._say_goodbye(running)
            if trace is not None:
                trace.end("cancelled", "", is_failed=False)
            raise
        if running.agent is not self._agent:
            self._agent, self._toolboxes = running.agent, None
        ended = last[-1]
        if trace is not None:
            _end_trace(trace, ended)
        keep = isinstance(ended, TurnEnded) and ended.outcome in KEPT_OUTCOMES
        self._conversation.end(keep=keep)
        # Outside the turn's scope: an outcome, once there, is not cancelled away.
        await self._publish([self._redactor.cleaned(chunk) for chunk in last])

    async def _play(self, running: RunningTurn) -> Last:
        """Carry the turn out; its last chunks, whatever has happened to it."""
        pen = running.voice.pen
        try:
            with anyio.CancelScope() as self._scope:
                self._running = running
                self._cancel_now()
                return await running.play()
        except AgentError as error:
            if self._cancel_reason is None:
                return (_failed(pen, error),)
        except BaseException as error:  # noqa: ASYNC103  (tells the user's from the rest)
            if _is_for_all(error):
                raise
            # Of something a caller has brought, or ours: the agent's alone, either way.
            log_error(f"{CONTAINED} {self._agent.id}", error)
            if self._cancel_reason is None:
                return (_failed(pen, error),)  # noqa: ASYNC104  (as above)
        finally:
            self._running = None
            self._scope = None
        voice, reason = running.voice, self._cancel_reason or ""
        estimate = voice.response and unfinished(
            voice.response, voice, "it was cancelled"
        )
        ended = _cancelled(pen, reason, running)
        return (estimate, ended) if estimate else (ended,)

    def _say_goodbye(self, running: RunningTurn) -> None:
        """The whole actor is cancelled: say so if there is room; nobody may listen."""
        ended = _cancelled(running.voice.pen, "stopped", running)
        try:
            self._outbox.send_nowait(encode_frame([self._redactor.cleaned(ended)]))
        except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
            return

    async def _publish(self, chunks: Sequence[StreamChunk]) -> None:
        """Send ``chunks`` as one frame; waits while the outbox is full.

        Raises:
            FrameTooLarge: They are more than a journal takes; nothing is sent.
        """
        frame = encode_frame(chunks)
        if len(frame) > FRAME_BYTES_MOST:
            raise FrameTooLarge(
                f"{len(frame):,} bytes at once are no answer: at most "
                f"{FRAME_BYTES_MOST:,} are taken"
            )
        try:
            try:
                self._outbox.send_nowait(frame)
            except anyio.WouldBlock:
                await self._send_when_there_is_room(frame)
                return
        except anyio.BrokenResourceError:
            # The receiving end has closed: nobody wants to know, so the work ends.
            assert self._lifetime is not None
            self._lifetime.cancel("nobody listens")
            await anyio.lowlevel.checkpoint()
        self._frames_sent += 1
        if self._frames_sent % FRAMES_A_BREATH == 0:
            await anyio.lowlevel.checkpoint()

    async def _send_when_there_is_room(self, frame: bytes) -> None:
        if self._scope is not None and self._scope.cancel_called:
            # The chunks are stamped, and so may not be lost: whoever reads makes room.
            with anyio.move_on_after(ROOM_S, shield=True):
                await self._outbox.send(frame)
            return
        self._sends_waiting += 1
        try:
            await self._outbox.send(frame)
        finally:
            self._sends_waiting -= 1
            self._cancel_now()


def _end_trace(trace: TurnTrace, ended: StreamChunk) -> None:
    match ended:
        case TurnEnded():
            trace.end(ended.outcome, ended.detail, is_failed=False)
        case AgentFailed():
            trace.end(ended.error, ended.message, is_failed=True)
        case _:
            trace.end("ended", "", is_failed=False)


def _is_for_all(error: BaseException) -> bool:
    """Whether ``error`` is the user's interrupt, or the cancellation of the actor."""
    first = first_of(error)
    if is_a(first, KeyboardInterrupt):
        return True
    return is_a(error, anyio.get_cancelled_exc_class()) and is_cancelled_here()


def _failed(pen: Pen, error: BaseException) -> AgentFailed:
    error = first_of(error)
    is_broken = is_a(error, BackendBroken)
    kind = cast("BackendBroken", error).kind if is_broken else class_name(error)
    pen.at = anyio.current_time()
    return AgentFailed(**pen.stamp(), error=kind, message=text_of(error))


def _cancelled(pen: Pen, reason: str, running: RunningTurn) -> TurnEnded:
    pen.at = anyio.current_time()
    ended = TurnEnded(**pen.stamp(), outcome="cancelled", detail=reason)
    response = running.voice.response
    if response is None or not isinstance(running.turn.task, Draft):
        return ended
    words = response.unfinished_answer()[:UNFINISHED_CHARACTERS]
    return msgspec.structs.replace(ended, unfinished=words) if words else ended

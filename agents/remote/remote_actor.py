"""The near end: stands in for an actor that runs elsewhere, and outlives it.

Its frames go into the team's inbox as they come, the same bytes. It keeps what came of
each turn, so that a far end that dies is followed by another which goes on: whole
responses and tools' results are not bought again, as where a session is resumed. After
:data:`LIVES_MOST` the agent has failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec

from agents.actor.publisher import Outbox, Recorded
from agents.boundary.log_context import bound_logger
from agents.protocol.chunks import AgentFailed, AgentId, TurnEnded, TurnNumber
from agents.protocol.frames import decode_frame, encode_frame
from agents.protocol.stamper import Pen
from agents.protocol.turns import News, Turn
from agents.recovery.turn_record import AskedTurn
from agents.remote.messages import (
    AnyOrder,
    Cancel,
    Close,
    Confirm,
    Remember,
    Take,
    Tell,
    decode_batch,
    encode_order,
)
from agents.remote.wire import Elsewhere, Wire, WireLost, WireRefused

LIVES_MOST = 3
"""Far ends in all; whatever ends so many is no accident."""
AGAIN_S = 0.5
"""A pause before another one is begun, doubled each time."""

_log = bound_logger("agents.remote")


class _Place(msgspec.Struct, frozen=True):
    """Where a frame belongs; the rest of it is passed by."""

    turn: TurnNumber


_places = msgspec.json.Decoder(_Place)


@dataclass(slots=True)
class _Kept:
    """A turn, and what came of it."""

    turn: Turn
    frames: list[bytes] = field(default_factory=list[bytes])
    news: list[News] = field(default_factory=list[News])
    earlier: AskedTurn | None = None
    cancelled: str | None = None
    is_over: bool = False

    def asked(self) -> AskedTurn:
        """All of it, as a resumed session has it."""
        chunks = self.earlier.chunks if self.earlier is not None else ()
        more = [chunk for frame in self.frames for chunk in decode_frame(frame)]
        news = self.earlier.news if self.earlier is not None else ()
        return AskedTurn(
            turn=self.turn, chunks=(*chunks, *more), news=(*news, *self.news)
        )


class RemoteActor:
    """An agent at work elsewhere. All methods but :meth:`run` return at once.

    Args:
        name: Who it is.
        outbox: Where its frames go; :meth:`run` closes it.
        elsewhere: Where its actor runs.
        session: The session's name.
        recorded: See :class:`agents.actor.publisher.Voice`.
    """

    def __init__(
        self,
        name: AgentId,
        outbox: Outbox,
        elsewhere: Elsewhere,
        *,
        session: str = "",
        recorded: Recorded = anyio.lowlevel.checkpoint,
    ) -> None:
        self._session = session
        self._name = name
        self._outbox = outbox
        self._elsewhere = elsewhere
        self._recorded = recorded
        self._turns: dict[TurnNumber, _Kept] = {}
        self._wire: Wire | None = None
        self._told = 0
        self._is_closed = False
        self._loss: str | None = None
        """Why there is no far end any more."""
        self._called = anyio.Event()

    def take(self, turn: Turn) -> None:
        """Have ``turn`` taken, after those before it."""
        self._turns.setdefault(turn.number, _Kept(turn))
        self._order(Take(turn=turn))

    def remember(self, past: Sequence[AskedTurn]) -> None:
        """Know the agent's turns that are over, in order; before :meth:`run`."""
        for record in past:
            kept_turn = _Kept(record.turn, earlier=record, is_over=True)
            self._turns[record.turn.number] = kept_turn

    def resume(self, asked: Sequence[AskedTurn]) -> None:
        """Go on with turns of a process before this one; before :meth:`run`."""
        for one in asked:
            self._turns[one.turn.number] = _Kept(one.turn, earlier=one)

    def tell(self, news: News) -> None:
        """Have ``news`` said at its turn's next model call, if there is one."""
        turn = self._turns.get(news.turn)
        if turn is not None and not turn.is_over:
            turn.news.append(news)
            self._order(Tell(news=news))

    def cancel(self, turn: TurnNumber, reason: str) -> None:
        """End ``turn``, wherever it is; otherwise nothing happens."""
        kept_turn = self._turns.get(turn)
        if kept_turn is not None and not kept_turn.is_over:
            kept_turn.cancelled = reason
            self._order(Cancel(turn=turn, reason=reason))

    def close(self) -> None:
        """Let :meth:`run` return once all turns are over."""
        self._is_closed = True
        self._order(Close())

    def _order(self, order: AnyOrder) -> None:
        """Send an order; without a far end, the next one is told all of it."""
        if self._wire is not None:
            self._wire.tell(self._told, encode_order(order))
            self._told += 1
        self._called.set()

    async def run(self) -> None:
        """Stand in for the actor until it has ended, or until nobody listens."""
        with self._outbox:
            await anyio.lowlevel.checkpoint()
            for epoch in range(1, LIVES_MOST + 1):
                is_last = epoch == LIVES_MOST
                try:
                    async with self._elsewhere.opened(epoch, self._session) as wire:
                        loss = await self._live(epoch, wire)
                except WireLost as lost:
                    loss, is_last = str(lost), is_last or isinstance(lost, WireRefused)
                if loss is None:
                    return
                _log.warning("agent %s, epoch %d: %s", self._name, epoch, loss)
                self._loss = loss
                if is_last:
                    break
                await anyio.sleep(AGAIN_S * 2 ** (epoch - 1))
            await self._fail_all()

    async def _live(self, epoch: int, wire: Wire) -> str | None:
        """One far end's life; how it was lost, or ``None``: it ended as it should."""
        self._begin(wire)
        loss: str | None = None
        try:
            async with anyio.create_task_group() as group:
                try:
                    loss = await self._fetch_all(epoch, wire, group)
                except WireLost as lost:
                    loss = str(lost)
                group.cancel_scope.cancel("the far end is gone")
        finally:
            self._wire = None
        return loss

    async def _fetch_all(
        self, epoch: int, wire: Wire, group: anyio.abc.TaskGroup
    ) -> str | None:
        """Take batches until there are no more; what was wrong, if anything."""
        have = 0
        while True:
            batch = decode_batch(await wire.fetch(have))
            if batch.epoch != epoch:
                continue
            for number, frame in enumerate(batch.frames, batch.first):
                if number > have:  # else it was sent twice
                    if not await self._deliver(frame):
                        return None
                    have = number
            if batch.asks is not None:
                group.start_soon(self._confirm, wire, batch.asks)
            if batch.is_over:
                return batch.problem or None

    def _begin(self, wire: Wire) -> None:
        """Tell a new far end what was, and what is to be done."""
        turns = [self._turns[number] for number in sorted(self._turns)]
        open_turns = [each for each in turns if not each.is_over]
        self._wire, self._told = wire, 0
        self._order(
            Remember(
                over=tuple(each.asked() for each in turns if each.is_over),
                asked=tuple(each.asked() for each in open_turns),
            )
        )
        for each in open_turns:
            if each.cancelled is not None:
                self._order(Cancel(turn=each.turn.number, reason=each.cancelled))
        if self._is_closed:
            self._order(Close())

    async def _deliver(self, frame: bytes) -> bool:
        """Put a frame into the team's inbox; false: nobody listens any more."""
        number = _places.decode(frame.partition(b"\n")[0]).turn
        turn = self._turns.get(number)
        if turn is not None:
            turn.frames.append(frame)
            if b'"turn_ended"' in frame or b'"agent_failed"' in frame:
                last = [*decode_frame(frame)][-1]
                turn.is_over = isinstance(last, TurnEnded | AgentFailed)
        try:
            self._outbox.send_nowait(frame)
        except anyio.WouldBlock:
            await self._outbox.send(frame)
        except anyio.BrokenResourceError:
            return False
        return True

    async def _confirm(self, wire: Wire, frame: int) -> None:
        """Say that frames are recorded, once they are."""
        await self._recorded()
        if self._wire is wire:
            self._order(Confirm(frame=frame))

    async def _fail_all(self) -> None:
        """No far end lives: each turn that is asked from now on has failed."""
        while True:
            self._called = anyio.Event()
            for turn in self._turns.values():
                if not turn.is_over:
                    turn.is_over = True
                    await self._outbox.send(self._failure(turn))
            if self._is_closed:
                return
            await self._called.wait()

    def _failure(self, turn: _Kept) -> bytes:
        first = turn.asked().next_seq
        pen = Pen(self._name, turn.turn.number, anyio.current_time(), first=first)
        if turn.cancelled is not None:
            ended = TurnEnded(**pen.stamp(), outcome="cancelled", detail=turn.cancelled)
            return encode_frame([ended])
        message = f"the worker that ran it was lost: {self._loss}"
        failed = AgentFailed(**pen.stamp(), error="WorkerLost", message=message)
        return encode_frame([failed])

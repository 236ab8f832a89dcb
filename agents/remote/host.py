"""The far end: the real actor, its frames numbered and kept until they are fetched.

Nothing here knows by what wire it is told and heard. Backpressure is the buffer's:
where nobody fetches, the actor waits as it would for a full inbox.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import anyio
import anyio.lowlevel

from agents.actor.actor import Actor
from agents.actor.publisher import Outbox, Recorded
from agents.boundary.guard import text_of
from agents.boundary.log_context import bound_logger
from agents.remote.messages import (
    Batch,
    Cancel,
    Close,
    Confirm,
    Remember,
    Take,
    Tell,
    decode_order,
    encode_batch,
)
from agents.remote.order_numbers import InOrder

FRAMES_KEPT = 256
"""Frames that nobody has fetched: as many as a small team's inbox holds."""

MakeActor = Callable[[Outbox, Recorded], Actor]

_log = bound_logger("agents.remote")


class Host:
    """Runs one agent's actor for one epoch.

    Args:
        epoch: Which life of the agent's this is, counted from 1.
        make: Makes the actor.
        batch: So many frames are fetched at once at most.
        linger_s: So long a fetch waits for more than one.
        kept: So many frames wait for a fetch at most.
    """

    def __init__(
        self,
        epoch: int,
        make: MakeActor,
        *,
        batch: int = 32,
        linger_s: float = 0.0,
        kept: int = FRAMES_KEPT,
    ) -> None:
        self._epoch = epoch
        self._batch = max(1, min(batch, kept))
        self._linger_s = linger_s
        self._kept = kept
        self._orders = InOrder[bytes]()
        self._frames: deque[bytes] = deque()
        self._first = 1
        """The number of the first frame in ``_frames``."""
        self._confirmed = 0
        self._asks = 0
        self._asked_for = 0
        """The last ask that was told of."""
        self._is_closed = False
        self._is_over = False
        self._problem = ""
        self._changed = anyio.Event()
        self._actor = make(self, self._recorded)

    async def run(self) -> None:
        """Run the actor to its end; what ends it otherwise is told with the frames.

        A boundary: the agent's own trouble is in its frames already, so anything that
        comes out here is a mistake, and the near end says so.
        """
        try:
            await self._actor.run()
        except Exception as error:  # noqa: BLE001  (see above)
            _log.exception("a remote agent")
            self._problem = f"{type(error).__name__}: {text_of(error)}"
        finally:
            self._is_over = True
            self._change()

    def obey(self, number: int, order: bytes) -> None:
        """Take an order; it is carried out once those before it have come."""
        for ready in self._orders.put(number, order):
            self._carry_out(ready)

    def _carry_out(self, data: bytes) -> None:
        match decode_order(data):
            case Take(turn=turn):
                self._actor.take(turn)
            case Tell(news=news):
                self._actor.tell(news)
            case Cancel(turn=turn, reason=reason):
                self._actor.cancel(turn, reason)
            case Remember(over=over, asked=unfinished):
                self._actor.remember(over)
                self._actor.resume(unfinished)
            case Confirm(frame=frame):
                self._confirmed = max(self._confirmed, frame)
                self._change()
            case Close():
                self._actor.close()

    async def fetch(self, have: int, wait_s: float) -> bytes:
        """Frames that the near end has not; waits for some.

        Args:
            have: It has those up to this one; they are kept no longer.
            wait_s: After so many seconds without any there are none for now.
        """
        while self._first <= have and self._frames:
            self._frames.popleft()
            self._first += 1
        self._change()
        with anyio.move_on_after(wait_s):
            while not self._frames and not self._is_urgent:
                await self._wait()
            if self._linger_s:
                await self._linger()
        frames = tuple(self._frames[n] for n in range(self._ready))
        last = self._first + len(frames) - 1
        asks = self._asks if self._asked_for < self._asks <= last else None
        if asks is not None:
            self._asked_for = asks
        is_over = self._is_over and len(frames) == len(self._frames)
        return encode_batch(
            Batch(
                epoch=self._epoch,
                first=self._first,
                frames=frames,
                asks=asks,
                is_over=is_over,
                problem=self._problem if is_over else "",
            )
        )

    @property
    def _ready(self) -> int:
        return min(len(self._frames), self._batch)

    @property
    def _is_urgent(self) -> bool:
        """Whether somebody waits for an answer, or there is nothing to wait for."""
        return self._is_over or self._asks > max(self._asked_for, self._confirmed)

    async def _linger(self) -> None:
        with anyio.move_on_after(self._linger_s):
            while len(self._frames) < self._batch and not self._is_urgent:
                await self._wait()

    async def _wait(self) -> None:
        await self._changed.wait()

    def _change(self) -> None:
        """Wake whoever waits for frames, for room, or for a confirmation."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def _recorded(self) -> None:
        """Return when all that was sent so far is recorded where the team is."""
        mark = self._first + len(self._frames) - 1
        if mark > self._asks:
            self._asks = mark
            self._change()
        await anyio.lowlevel.checkpoint()
        while self._confirmed < mark:
            await self._wait()

    # The actor's outbox.

    def send_nowait(self, item: bytes) -> None:
        """Number a frame and keep it.

        Raises:
            anyio.WouldBlock: There is no room.
            anyio.BrokenResourceError: Nobody fetches any more.
        """
        if self._is_closed:
            raise anyio.BrokenResourceError
        if len(self._frames) >= self._kept:
            raise anyio.WouldBlock
        self._frames.append(item)
        self._change()

    async def send(self, item: bytes) -> None:
        """Number a frame and keep it, as soon as there is room.

        Raises:
            anyio.BrokenResourceError: Nobody fetches any more.
        """
        await anyio.lowlevel.checkpoint()
        while len(self._frames) >= self._kept and not self._is_closed:
            await self._wait()
        self.send_nowait(item)

    def close(self) -> None:
        """Nobody fetches any more: the actor ends."""
        self._is_closed = True
        self._change()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Nothing to close: what was sent waits to be fetched."""

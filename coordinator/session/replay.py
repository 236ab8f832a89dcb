"""Plays a kept session again: the same events, at the same times, to the same displays.

What readers saw is derived anew: the machine is fed what the session had taken in, and
must decide what the journal says it decided, one decision after the other. So a replay
proves the journal and this library's rules as it goes; a difference ends it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import msgspec

from agents.protocol.chunks import Chunk
from coordinator.errors import ReplayDiffers
from coordinator.journal.entries import encode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.inputs import history, taken
from coordinator.journal.reader import understood
from coordinator.protocol.events import (
    AnswerRestored,
    Event,
    LiveBallots,
    MachineInput,
    MachineOutput,
    StartTurn,
    TellAgent,
    VetoIgnored,
)
from coordinator.protocol.result import Result
from coordinator.recovery.snapshot import machine_of
from coordinator.session.driver import Driver
from coordinator.session.subscription import Feed
from coordinator.team.team import read_described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.displays.base import Display
    from coordinator.journal.reader import Journal

_ADDED = (LiveBallots, AnswerRestored, VetoIgnored)
"""Outputs that this version added: journals of earlier ones lack them."""
_INPUTS = frozenset({Kind.FRAME, Kind.INPUT})


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one instant."""

    at: float
    """Seconds on the session's clock."""
    events: tuple[Event, ...]


class Replay:
    """One pass through a journal, decision by decision. Pure.

    Raises:
        ConfigInvalid: On making it: a later version kept the rules.
        JournalCorrupt: On making it: a later version has gone on with the session.

    Attributes:
        result: The outcome, once the pass is over; of a session that did not come to
            one, what an interruption at its last record would have come to.
        is_finished: Whether the session came to an outcome of its own.
    """

    def __init__(self, journal: Journal) -> None:
        opened = journal.opened
        self._path = journal.path
        self._opened = opened
        with understood(journal.path):
            self._records = history(journal.records)
        rules, _ = read_described(opened.team)
        agents = tuple(opened.models)
        self._driver = Driver(machine_of(opened, agents, rules), agents, opened.models)
        self._derived: deque[MachineOutput] = deque()
        self._doubtful = 0
        """So many of the first derived decisions may be missing: the process that made
        them died before it could write them."""
        self.result: Result | None = None
        self.is_finished = False
        self._is_stuck = False

    def batches(self) -> Iterator[Batch]:
        """The events, record by record, as displays got them.

        Raises:
            ReplayDiffers: The machine decides something else than it did.
            JournalCorrupt: A record holds something else than its kind says.
        """
        with understood(self._path):
            yield from self._batches()

    def _batches(self) -> Iterator[Batch]:
        steps = taken(self._records)
        for number, record in enumerate(self._records, 1):
            if record.kind in _INPUTS:
                step = next(steps)
                yield Batch(at=step.at, events=tuple(self._feed(step.inputs)))
            elif record.kind == Kind.OUTPUT:
                self._compare(number, record)
            elif record.kind == Kind.RESUMED:
                self._doubtful = len(self._derived)
            elif record.kind == Kind.RESULT:
                self._finish(number, record)
            if self._is_stuck:
                break  # the session died of it; see takeable
        if self.result is None:
            self.result = self._so_far()

    def _feed(self, inputs: Sequence[MachineInput]) -> Iterator[Event]:
        for what in inputs:
            if isinstance(what, Chunk):
                yield what
            try:
                outputs = self._driver.take(what)
            except Exception:  # noqa: BLE001  (whatever it was that ended the session)
                self._is_stuck = True
                return
            for output in outputs:
                if not isinstance(output, StartTurn | TellAgent):
                    self._derived.append(output)  # those two are not recorded
                yield output

    def _compare(self, number: int, record: Record) -> None:
        """Hold what was decided then against what is decided now."""
        while self._derived:
            now = self._derived.popleft()
            if _is_same(record.payload, now):
                self._doubtful = max(0, self._doubtful - 1)
                return
            if isinstance(now, _ADDED):
                continue
            if not self._doubtful:
                raise self._differs(number, _short(record.payload), _short(encode(now)))
            self._doubtful -= 1
        raise self._differs(number, _short(record.payload), "nothing")

    def _finish(self, number: int, record: Record) -> None:
        missing = list(self._derived)[self._doubtful :]
        if missing:
            raise self._differs(number, "the outcome", _short(encode(missing[0])))
        self.result = msgspec.json.decode(record.payload, type=Result)
        self.is_finished = True

    def _differs(self, number: int, then: str, now: str) -> ReplayDiffers:
        return ReplayDiffers(
            f"session {self._opened.session!r}, record {number}: kept was {then}, and "
            f"this version comes to {now}; it was kept by version "
            f"{self._opened.library}, and the rules or the file have changed since"
        )

    def _so_far(self) -> Result:
        """The result as it was when the records ended."""
        at = self._records[-1].at
        end = self._driver.end_if_interrupted(at, "the session has no end yet")
        elapsed_s = at - self._opened.at
        return self._driver.result(
            self._opened.session, self._opened.question, end, elapsed_s
        )


async def replay(
    journal: Journal, display: Display, *, speed: float | None = 1.0
) -> Replay:
    """Show ``journal``'s session again.

    Args:
        journal: What is kept of it.
        display: Shown every event; a slow one is waited for, so it misses nothing.
        speed: So many times as fast as it happened; ``None``: as fast as it goes.

    Returns:
        The finished pass, whose result the display was shown.

    Raises:
        ReplayDiffers: The machine decides something else than it did.
        JournalCorrupt: A record holds something else than its kind says.
        BrokenPipeError: From the display.
    """
    played = Replay(journal)
    feed = Feed(lossless=True)
    async with anyio.create_task_group() as group:
        group.start_soon(_show, display, feed, name="replay display")
        began, first = anyio.current_time(), journal.opened.at
        for batch in played.batches():
            if speed is None:
                await anyio.lowlevel.checkpoint()
            else:
                await anyio.sleep_until(began + (batch.at - first) / speed)
            await feed.push(batch.events)
        feed.close()
    assert played.result is not None
    display.conclude(played.result)
    return played


async def _show(display: Display, feed: Feed) -> None:
    events: AsyncIterator[Sequence[Event]] = feed
    try:
        await display.show(events)
    finally:
        feed.close()


def _is_same(recorded: bytes, now: MachineOutput) -> bool:
    """Whether a decision is what it was, whatever fields it has got since."""
    fresh = encode(now)
    if recorded == fresh:
        return True
    then = msgspec.json.decode(recorded, type=dict[str, Any])
    derived = msgspec.json.decode(fresh, type=dict[str, Any])
    return all(derived.get(name) == value for name, value in then.items())


def _short(payload: bytes) -> str:
    text = payload.decode("utf-8", "replace")
    return text if len(text) <= 160 else text[:159] + "…"

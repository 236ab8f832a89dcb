"""The snapshot of a session, for a shell that goes on with it.

Read from a journal's records: what was under way after the last of them. The machine
and the books as they stood then are its driver's. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agents.protocol.chunks import AgentId, Chunk
from coordinator.consensus import DEADLINE_TIMER, Consensus
from coordinator.consensus.rules import Rules
from coordinator.journal.entries import Opened, Resumed, decode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.inputs import inputs, taken
from coordinator.protocol.clock import on_session_clock
from coordinator.protocol.events import CancelTurn, Event, SessionOpened
from coordinator.protocol.result import FileRecord
from coordinator.recovery.rebuild import AskedTurn, Driver, Rebuilt, rebuild


@dataclass(frozen=True, kw_only=True)
class Past:
    """A session as it stood when its last record had been written."""

    rebuilt: Rebuilt
    has_begun: bool
    """Whether the team had been told to begin."""
    began: float
    """When, in seconds on the session's clock."""
    ended: float
    """When the last record was taken. The clock stands still from then on."""
    shift_s: float
    """Added to this process's monotonic clock gives the session's."""
    fetched: Mapping[str, FileRecord] = field(default_factory=dict[str, FileRecord])
    """Files that agents' code has written and that were fetched, by their ids."""
    events: tuple[Event, ...]
    """All that readers saw, its times on this process's clock."""

    def of(self, agent: AgentId) -> tuple[list[AskedTurn], list[AskedTurn]]:
        """One agent's turns: those that are over, and those that are not."""
        return (
            [past for past in self.rebuilt.past_turns if past.turn.agent == agent],
            [
                record
                for record in self.rebuilt.open_turns
                if record.turn.agent == agent
            ],
        )


def machine_of(opened: Opened, agents: Sequence[AgentId], rules: Rules) -> Consensus:
    """The machine as it was when the session opened."""
    return Consensus.new(
        agents, opened.as_asked, rules, seed=opened.seed, nonce=opened.nonce
    )


def past_of(
    opened: Opened, records: Sequence[Record], driver: Driver, now: float
) -> Past:
    """Read what the session was.

    Args:
        opened: Its first record.
        records: Those that count, the first included.
        driver: Its machine as it was when the session opened; it is fed all of them.
        now: This process's monotonic clock, in seconds.

    Raises:
        msgspec.DecodeError: A whole record holds something else than its kind says.
    """
    events: list[Event] = []
    rebuilt = rebuild(driver, inputs(records), watch=events.append)
    for each in rebuilt.open_turns if rebuilt.end is not None else ():
        # The conclusion cut them short, though nobody lived to say so.
        turn = each.turn
        cut = CancelTurn(agent=turn.agent, turn=turn.number, reason="concluded")
        driver.ledger.book(cut)
    for record in records:
        if record.kind == Kind.RESUMED:
            entry = decode(record)
            assert isinstance(entry, Resumed)
            if entry.deadline_at is not None:
                rebuilt.timers[DEADLINE_TIMER] = entry.deadline_at
    began = _began(records)
    ended = max(record.at for record in records)
    shift_s = ended - now
    return Past(
        rebuilt=rebuilt,
        has_begun=began is not None,
        began=opened.at if began is None else began,
        ended=ended,
        shift_s=shift_s,
        events=tuple(
            on_session_clock(event, -shift_s) if isinstance(event, Chunk) else event
            for event in events
        ),
    )


def _began(records: Sequence[Record]) -> float | None:
    for step in taken(records):
        for what in step.inputs:
            if isinstance(what, SessionOpened):
                return what.at
    return None


def takeable(records: Sequence[Record], driver: Driver) -> int:
    """How many of ``records`` the machine can take, counted from the first.

    An input that it cannot take was recorded before that showed, and the session died
    of it: it is a mistake of the program's. The session goes on from before it; what
    was recorded with it had no effect yet.

    Args:
        records: Those that count, the first included.
        driver: Its machine as it was when the session opened; of no use afterwards.

    Raises:
        msgspec.DecodeError: A whole record holds something else than its kind says.
    """
    steps = taken(records)
    for number, record in enumerate(records):
        if record.kind not in {Kind.FRAME, Kind.INPUT}:
            continue
        for what in next(steps).inputs:
            try:
                driver.take(what)
            except Exception:  # noqa: BLE001  (whatever it was that ended the session)
                return number
    return len(records)

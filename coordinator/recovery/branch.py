"""What of a session's records is still true under other rules, or for another team.

Two machines take the records side by side, one as it was and one as it shall be. A turn
that both ask in the same words keeps what was said in it; of any other turn the new
session knows nothing and asks it itself. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

import msgspec

from agents.protocol.chunks import AgentId, Chunk, TurnNumber
from agents.protocol.turns import Turn
from coordinator.journal.entries import Resumed, decode, encode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.inputs import taken
from coordinator.protocol.events import (
    AgentStopped,
    ArmTimer,
    MachineInput,
    MachineOutput,
    StartTurn,
    TellAgent,
    TimerRang,
)
from coordinator.recovery.rebuild import Driver

_Turns: TypeAlias = dict[tuple[AgentId, TurnNumber], Turn]


class _Side:
    """One machine, the turns it has asked and the timers it has armed."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.turns: _Turns = {}
        self.timers: dict[str, float] = {}

    def step(self, inputs: Iterable[MachineInput]) -> list[MachineOutput]:
        all_out: list[MachineOutput] = []
        for what in inputs:
            outputs = self._driver.take(what)
            for output in outputs:
                match output:
                    case StartTurn(turn=turn):
                        self.turns[turn.agent, turn.number] = turn
                    case ArmTimer():
                        self.timers[output.timer] = output.at
                    case _:
                        pass
            all_out.extend(outputs)
        return all_out


def branched(
    records: Sequence[Record],
    before: Driver,
    after: Driver,
    team: Collection[AgentId],
) -> tuple[Record, ...]:
    """The records that the new session begins with, behind its first.

    Args:
        records: The old session's that count, without its first.
        before: Of the old session's machine, as it was when it opened.
        after: Of the new session's.
        team: Who is in it.

    Raises:
        msgspec.DecodeError: A whole record holds something else than its kind says.
    """
    old, new = _Side(before), _Side(after)
    kept: list[Record] = []
    for record, inputs in _with_inputs(records):
        if record.kind == Kind.RESUMED:
            kept.append(_renumbered(record, len(kept) + 1))
        if not inputs:
            continue
        old.step(inputs)
        if not all(_is_true(what, old, new, team) for what in inputs):
            continue
        kept.append(record)
        for output in new.step(inputs):
            if not isinstance(output, StartTurn | TellAgent):
                payload = encode(output)
                kept.append(Record(kind=Kind.OUTPUT, at=record.at, payload=payload))
    return tuple(kept)


def _with_inputs(
    records: Sequence[Record],
) -> Iterable[tuple[Record, tuple[MachineInput, ...]]]:
    """Each record with what the session took in with it, on the session's clock."""
    steps = taken(records)
    for record in records:
        has_inputs = record.kind in {Kind.FRAME, Kind.INPUT}
        yield record, next(steps).inputs if has_inputs else ()


def _renumbered(record: Record, kept: int) -> Record:
    """A resumption whose voided records have been left out already."""
    entry = decode(record)
    assert isinstance(entry, Resumed)
    entry = msgspec.structs.replace(entry, kept=kept)
    return Record(kind=record.kind, at=record.at, payload=encode(entry))


def _is_true(
    what: MachineInput, old: _Side, new: _Side, team: Collection[AgentId]
) -> bool:
    match what:
        case Chunk():
            key = (what.agent, what.turn)
            # Not asked at all by either: then it says nothing to anybody.
            return key in new.turns and new.turns[key] == old.turns.get(key)
        case TimerRang():
            return new.timers.get(what.timer, what.at + 1) <= what.at
        case AgentStopped():
            return what.agent in team
        case _:
            return True

"""The records of a session that stay true under other rules, or for another team.

Two machines take the records side by side, one as it was and one as it shall be. A turn
that both ask in the same words keeps what was said in it; of any other turn the new
session knows nothing and asks it itself. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

import msgspec

from agents.protocol.chunks import AgentId, Chunk, Label, TurnEnded, TurnNumber
from agents.protocol.turns import Turn
from coordinator.consensus import Consensus
from coordinator.journal.entries import Resumed, decode, encode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.inputs import taken
from coordinator.protocol.events import (
    AgentStopped,
    AnswerVetoed,
    ArmTimer,
    CancelTurn,
    MachineInput,
    MachineOutput,
    StartTurn,
    TellAgent,
    TimerRang,
)
from coordinator.recovery.rebuild import Driver

_Key: TypeAlias = tuple[AgentId, TurnNumber]
_Turns: TypeAlias = dict[_Key, Turn]


class _Side:
    """One machine, the turns it has asked and the timers it has armed."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.turns: _Turns = {}
        self.cancelled: set[_Key] = set()
        """Turns that this side has withdrawn."""
        self.untrue: set[_Key] = set()
        """Turns of which something was left out, and so all that follows."""
        self.timers: dict[str, float] = {}

    @property
    def machine(self) -> Consensus:
        """As it is now."""
        return self._driver.machine

    def step(self, inputs: Iterable[MachineInput]) -> list[MachineOutput]:
        all_out: list[MachineOutput] = []
        for what in inputs:
            outputs = self._driver.take(what)
            for output in outputs:
                match output:
                    case StartTurn(turn=turn):
                        self.turns[turn.agent, turn.number] = turn
                    case CancelTurn():
                        self.cancelled.add((output.agent, output.turn))
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
    copied: list[Record] = []
    for record, inputs in _with_inputs(records):
        if record.kind == Kind.RESUMED:
            copied.append(_renumbered(record, len(copied) + 1))
        if not inputs:
            continue
        veto = inputs[0] if isinstance(inputs[0], AnswerVetoed) else None
        label = None if veto is None else _label_now(veto.label, old, new)
        old.step(inputs)
        named = None if veto is None or label is None else _named(veto, label)
        # Whoever wrote what was vetoed may not have written it here.
        if veto is not None and named is None:
            continue
        if veto is None and not _are_true(inputs, old, new, team):
            continue
        copied.append(record if named is None else _with_input(record, named))
        for output in new.step(inputs if named is None else (named,)):
            if not isinstance(output, StartTurn | TellAgent):
                payload = encode(output)
                copied.append(Record(kind=Kind.OUTPUT, at=record.at, payload=payload))
    return tuple(copied)


def _with_inputs(
    records: Sequence[Record],
) -> Iterable[tuple[Record, tuple[MachineInput, ...]]]:
    """Each record with what the session took in with it, on the session's clock."""
    steps = taken(records)
    for record in records:
        has_inputs = record.kind in {Kind.FRAME, Kind.INPUT}
        yield record, next(steps).inputs if has_inputs else ()


def _label_now(label: Label, old: _Side, new: _Side) -> Label | None:
    """The new session's label for the answer that the old one labels ``label``.

    Labels are drawn anew for another team: an answer is its author's and a revision.
    """
    vetoed = next((x for x in old.machine.answers() if x.label == label), None)
    if vetoed is None:
        return None
    for answer in new.machine.answers():
        is_same = answer.agent == vetoed.agent and answer.reading == vetoed.reading
        if is_same and _revision(answer.label) == _revision(label):
            return answer.label
    return None


def _revision(label: Label) -> str:
    return label.rpartition(".")[2]


def _named(veto: AnswerVetoed, label: Label) -> AnswerVetoed:
    return msgspec.structs.replace(veto, label=label)


def _with_input(record: Record, veto: AnswerVetoed) -> Record:
    """A veto's record under the label that the new session knows."""
    entry = decode(record)
    assert isinstance(entry, AnswerVetoed)
    payload = encode(_named(entry, veto.label))
    return Record(kind=record.kind, at=record.at, payload=payload)


def _renumbered(record: Record, count: int) -> Record:
    """A resumption whose voided records have been left out already."""
    entry = decode(record)
    assert isinstance(entry, Resumed)
    entry = msgspec.structs.replace(entry, kept=count)
    return Record(kind=record.kind, at=record.at, payload=encode(entry))


def _are_true(
    inputs: Sequence[MachineInput], old: _Side, new: _Side, team: Collection[AgentId]
) -> bool:
    """Whether all of a record is true; each is looked at, whatever the first is."""
    are_true = tuple(_is_true(what, old, new, team) for what in inputs)
    return all(are_true)


def _is_true(
    what: MachineInput, old: _Side, new: _Side, team: Collection[AgentId]
) -> bool:
    match what:
        case Chunk():
            key = (what.agent, what.turn)
            # Not asked at all by either: then it says nothing to anybody.
            is_asked = key in new.turns and new.turns[key] == old.turns.get(key)
            # What the old side withdrew is not over where the new one has not.
            is_over = isinstance(what, TurnEnded) and what.outcome == "cancelled"
            is_withdrawn = key in new.cancelled or not is_over
            if not (is_asked and is_withdrawn) or key in new.untrue:
                # Half a turn would be worse than none.
                new.untrue.add(key)
                return False
            return True
        case TimerRang():
            return new.timers.get(what.timer, what.at + 1) <= what.at
        case AgentStopped():
            return what.agent in team
        case _:
            return True

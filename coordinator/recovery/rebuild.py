"""Rebuilds what a session was doing when it stopped, from the inputs it had taken.

The machine is fed again and its effects are not carried out but remembered: turns asked
for and not ended, timers armed and not rung. What of an open turn has been bought is
:mod:`agents.recovery.turn_record`'s. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeAlias

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    Chunk,
    StreamChunk,
    TurnEnded,
    TurnNumber,
)
from agents.protocol.turns import News, Turn
from agents.recovery.turn_record import AskedTurn
from coordinator.consensus import Consensus
from coordinator.protocol.accounting import Ledger
from coordinator.protocol.events import (
    ArmTimer,
    CancelTurn,
    Conclude,
    Event,
    MachineInput,
    MachineOutput,
    StartTurn,
    TellAgent,
    TimerRang,
)

_Key: TypeAlias = tuple[AgentId, TurnNumber]


class Driver(Protocol):
    """The interface of :class:`coordinator.session.driver.Driver` that is used here."""

    @property
    def ledger(self) -> Ledger:
        """The session's books."""
        ...

    @property
    def machine(self) -> Consensus:
        """As it is now."""
        ...

    def take(self, what: MachineInput) -> tuple[MachineOutput, ...]:
        """Feed one input to the machine, and keep the books."""
        ...


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it stood when its last input had been taken."""

    outputs: tuple[MachineOutput, ...]
    """All that the machine put out, in order."""
    open_turns: tuple[AskedTurn, ...]
    """Asked, not withdrawn and not ended, in the order they were asked."""
    past_turns: tuple[AskedTurn, ...]
    """Ended or withdrawn, in that order; an agent's conversation is made of its own."""
    timers: dict[str, float]
    """Armed and not rung: name → when, on the session's clock."""
    end: Conclude | None
    """Set if there is nothing to resume."""


def rebuild(
    driver: Driver,
    inputs: Iterable[MachineInput],
    *,
    watch: Callable[[Event], None] | None = None,
) -> Rebuilt:
    """Feed ``inputs`` to a machine, and say what was under way at their end.

    Args:
        driver: Its machine as it was when the session opened; afterwards as it was when
            the last input had been taken.
        inputs: What the session took in; see :mod:`coordinator.journal.inputs`.
        watch: Told every chunk and every output, in the order the session saw them.
    """
    desk = _Desk()
    for what in inputs:
        desk.note_input(what)
        if watch is not None and isinstance(what, Chunk):
            watch(what)
        for output in driver.take(what):
            desk.note_output(output)
            if watch is not None:
                watch(output)
    return desk.state()


class _Desk:
    """Turns and timers under way, while the machine is fed."""

    def __init__(self) -> None:
        self._outputs: list[MachineOutput] = []
        self._turns: dict[_Key, tuple[Turn, list[StreamChunk]]] = {}
        self._open: dict[_Key, None] = {}  # a dict, because it keeps the order
        self._past: dict[_Key, None] = {}
        self._news: dict[_Key, list[News]] = {}
        self._timers: dict[str, float] = {}
        self._end: Conclude | None = None

    def note_input(self, what: MachineInput) -> None:
        if isinstance(what, TimerRang):
            self._timers.pop(what.timer, None)
        elif isinstance(what, Chunk) and (what.agent, what.turn) in self._turns:
            # A turn that was withdrawn may go on talking for a moment.
            self._turns[what.agent, what.turn][1].append(what)
            if isinstance(what, TurnEnded | AgentFailed):
                self._close((what.agent, what.turn))

    def note_output(self, output: MachineOutput) -> None:
        self._outputs.append(output)
        match output:
            case StartTurn(turn=turn):
                self._turns[turn.agent, turn.number] = (turn, [])
                self._open[turn.agent, turn.number] = None
            case CancelTurn():
                self._close((output.agent, output.turn))
            case TellAgent(news=news):
                self._news.setdefault((news.agent, news.turn), []).append(news)
            case ArmTimer():
                self._timers[output.timer] = output.at
            case Conclude():
                self._end = output
            case _:
                pass  # decisions are history, not work under way

    def _close(self, key: _Key) -> None:
        if key in self._open:
            del self._open[key]
            self._past[key] = None

    def _turn_record(self, key: _Key) -> AskedTurn:
        turn, chunks = self._turns[key]
        news = tuple(self._news.get(key, ()))
        return AskedTurn(turn=turn, chunks=tuple(chunks), news=news)

    def state(self) -> Rebuilt:
        return Rebuilt(
            outputs=tuple(self._outputs),
            open_turns=tuple(self._turn_record(key) for key in self._open),
            past_turns=tuple(self._turn_record(key) for key in self._past),
            timers=self._timers,
            end=self._end,
        )

"""Rebuilds what a session was doing when it stopped, from the inputs it had taken.

The machine is fed again and its effects are not carried out but remembered: turns asked
for and not ended, timers armed and not rung. What an open turn has already bought
(whole responses, results of tools) is kept; a response that broke off is void. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, Self, TypeAlias, TypeVar

import msgspec

from agents.backend import Turn
from agents.chunks import (
    AgentFailed,
    AgentId,
    AnswerPresented,
    AnswerProposed,
    Chunk,
    PartCompleted,
    ResponseAbandoned,
    ResponseEnded,
    ResponseStarted,
    RestartRequested,
    Seq,
    StreamChunk,
    TaskDivided,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnNumber,
    VoteCast,
)
from coordinator.effects import (
    ArmTimer,
    CancelTurn,
    Conclude,
    Event,
    MachineInput,
    MachineOutput,
    StartTurn,
    TimerRang,
)

_M = TypeVar("_M", bound="Machine")

_Key: TypeAlias = tuple[AgentId, TurnNumber]

_RESULTS = (
    AnswerProposed,
    VoteCast,
    AnswerPresented,
    RestartRequested,
    TaskDivided,
    PartCompleted,
)


class Machine(Protocol):
    """What :class:`coordinator.consensus.Consensus` is to this file."""

    def step(self, what: MachineInput) -> tuple[Self, tuple[MachineOutput, ...]]:
        """Take one input; a value, so the machine before it stays as it was."""
        ...


class AskedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that was asked, and what came of it."""

    turn: Turn
    chunks: tuple[StreamChunk, ...] = ()
    """What the agent said in it, all of it, in order."""

    @property
    def bought(self) -> tuple[StreamChunk, ...]:
        """What need not be bought again: all but a response that broke off."""
        return self.chunks[: self._cut()]

    @property
    def has_broken_response(self) -> bool:
        """Whether a response was under way; whoever resumes says it is abandoned."""
        return any(isinstance(c, ResponseStarted) for c in self.chunks[self._cut() :])

    @property
    def has_result(self) -> bool:
        """Whether its answer, vote or final words came.

        Then only its end is missing, and no model need be asked.
        """
        return any(isinstance(chunk, _RESULTS) for chunk in self.chunks)

    @property
    def next_seq(self) -> Seq:
        """Where the turn's numbering goes on."""
        return Seq(self.chunks[-1].seq + 1 if self.chunks else 0)

    @property
    def tools_in_flight(self) -> tuple[ToolCalled, ...]:
        """Calls of whole responses that no result came back for.

        They may have had their effect. Whether one is run again is for its tool to
        say; the workflow tools (an answer, a vote) are among them and always may.
        """
        calls: dict[str, ToolCalled] = {}
        before: dict[str, ToolCalled] = {}
        for chunk in self.bought:
            match chunk:
                case ResponseStarted():
                    before = dict(calls)
                case ResponseAbandoned():
                    calls = before  # its calls are as void as its text
                case ToolCalled():
                    calls[chunk.id] = chunk
                case ToolReturned():
                    calls.pop(chunk.id, None)
                case _:
                    pass
        return tuple(calls.values())

    def _cut(self) -> int:
        """Where the response under way begins; the end if none is."""
        cut: int | None = None
        for place, chunk in enumerate(self.chunks):
            if isinstance(chunk, ResponseStarted):
                cut = place
            elif isinstance(chunk, ResponseEnded | ResponseAbandoned):
                cut = None
        return len(self.chunks) if cut is None else cut


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
    machine: _M,
    inputs: Iterable[MachineInput],
    *,
    watch: Callable[[Event], None] | None = None,
) -> tuple[_M, Rebuilt]:
    """Feed ``inputs`` to ``machine``, and say what was under way at their end.

    Args:
        machine: As it was when the session opened.
        inputs: What the session took in; see :mod:`coordinator.journal.replaying`.
        watch: Told every chunk and every output, in the order the session saw them; a
            ledger's ``book``, for one.
    """
    desk = _Desk()
    for what in inputs:
        desk.note_input(what)
        if watch is not None and isinstance(what, Chunk):
            watch(what)
        machine, outputs = machine.step(what)
        for output in outputs:
            desk.note_output(output)
            if watch is not None:
                watch(output)
    return machine, desk.state()


class _Desk:
    """Turns and timers under way, while the machine is fed."""

    def __init__(self) -> None:
        self._outputs: list[MachineOutput] = []
        self._turns: dict[_Key, tuple[Turn, list[StreamChunk]]] = {}
        self._open: dict[_Key, None] = {}  # a dict, because it keeps the order
        self._past: dict[_Key, None] = {}
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

    def _asked(self, key: _Key) -> AskedTurn:
        turn, chunks = self._turns[key]
        return AskedTurn(turn=turn, chunks=tuple(chunks))

    def state(self) -> Rebuilt:
        return Rebuilt(
            outputs=tuple(self._outputs),
            open_turns=tuple(self._asked(key) for key in self._open),
            past_turns=tuple(self._asked(key) for key in self._past),
            timers=self._timers,
            end=self._end,
        )

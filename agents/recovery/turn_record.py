"""A turn that an earlier process asked, read from what was kept of it. Pure.

A session that goes on in another process has its turns as chunks. What a turn has
bought (whole responses, results of tools) stays bought; a response that broke off is
void. :mod:`agents.recovery.turn_replay` goes through an unfinished one again.
"""

from __future__ import annotations

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    AnswerPresented,
    AnswerProposed,
    PartCompleted,
    ResponseAbandoned,
    ResponseEnded,
    ResponseStarted,
    RestartRequested,
    Seq,
    StatusChanged,
    StreamChunk,
    TaskDivided,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    VoteCast,
)
from agents.protocol.turns import News, Turn

LOST = "the process that asked ended before the response did"
"""Why a response that a dead process was reading is abandoned."""

_RESULTS = (
    AnswerProposed,
    VoteCast,
    AnswerPresented,
    RestartRequested,
    TaskDivided,
    PartCompleted,
)


class AskedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that was asked, and what came of it."""

    turn: Turn
    chunks: tuple[StreamChunk, ...] = ()
    """All of the agent's chunks in it, in order."""
    news: tuple[News, ...] = ()
    """News that came while it ran, whether they had been told or not."""

    @property
    def bought(self) -> tuple[StreamChunk, ...]:
        """Chunks that need not be bought again: all but a response that broke off."""
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


def tries(record: AskedTurn, *, is_over: bool) -> frozenset[int]:
    """The places in ``asked.chunks`` of model calls that the model's side has answered.

    All of them, but those that a process died in: such a call is asked once more, as if
    it had not been asked. A call of a turn that ``is_over`` was cut short by the turn's
    end, and counts.
    """
    counted: set[int] = set()
    asking: int | None = None
    for place, chunk in enumerate(record.chunks):
        match chunk:
            case StatusChanged(status="requesting"):
                asking = place
            case ResponseAbandoned(reason=reason) if reason == LOST:
                asking = None
            case ResponseAbandoned() | ResponseEnded() | TurnEnded() | AgentFailed():
                counted |= {asking} if asking is not None else set()
                asking = None
            case _:
                pass
    if is_over and asking is not None:
        counted.add(asking)
    return frozenset(counted)

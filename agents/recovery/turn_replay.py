"""An unfinished turn's purchases, gone through again in another process. Pure.

The turn is carried out from its beginning by the code that carries out any turn; while
it remembers, responses and tools' results come from here instead of from a model or a
tool, and nothing is said twice. Where the memory ends, the turn goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from agents.conversation.accumulator import Transcript
from agents.protocol.chunks import (
    ResponseAbandoned,
    ResponseEnded,
    ResponseStarted,
    StatusChanged,
    StreamChunk,
    ToolReturned,
    ToolsOffered,
    TurnRestarted,
)
from agents.recovery.turn_record import AskedTurn, tries


@dataclass(slots=True)
class _Call:
    """One whole response, and what followed before the next model call."""

    response: Transcript
    tries: int
    """Model calls it took."""
    results: dict[str, ToolReturned] = field(default_factory=dict[str, ToolReturned])
    told: list[str] = field(default_factory=list[str])
    waiting: set[str] = field(default_factory=set[str])
    """Calls that somebody was asked about and had not approved, by their ids; records
    of earlier versions name tools, see :func:`_about`."""
    offer: ToolsOffered | None = None
    """The last offer of tools before the model was asked for it."""


class Memory:
    """The bought part of one turn; used up as the turn is gone through."""

    def __init__(self, record: AskedTurn) -> None:
        self.has_broken_response = record.has_broken_response
        """Whether a response broke off behind all that is remembered."""
        self.tries = 0
        """Model calls for the response remembered last, or, once there is no more, for
        the one that never came."""
        self._tries_behind = 0
        self.lost: tuple[StreamChunk, ...] = ()
        """Where the turn began afresh, the last time: what was said until then, that it
        does included. None of it is remembered."""
        self.told_first: list[str] = []
        """Texts that the model was told between that and the next call."""
        self.offer: ToolsOffered | None = None
        """The last offer of tools before the model was asked for the response that is
        remembered last, or for the one that never came."""
        self._offer_behind: ToolsOffered | None = None
        self.said = record.chunks
        """All that was said, void or not: it was paid for."""
        self.counted = tries(record, is_over=False)
        """The places of the model calls that were answered, among the turn's chunks."""
        self._calls = self._read(record)
        self._now: _Call | None = None

    def _read(self, record: AskedTurn) -> Iterator[_Call]:
        calls: list[_Call] = []
        response, tried = Transcript(), 0
        offer: ToolsOffered | None = None
        for place, chunk in enumerate(record.bought):
            match chunk:
                case ToolsOffered():
                    offer = chunk
                case StatusChanged(status="requesting"):
                    tried += place in self.counted
                case ResponseStarted() | ResponseAbandoned():
                    response = Transcript()
                    response.absorb((chunk,))
                case ResponseEnded():
                    response.absorb((chunk,))
                    calls.append(_Call(response, tried, offer=offer))
                    tried, offer = 0, None
                case TurnRestarted():
                    self.lost = record.bought[: place + 1]
                    calls, response, tried, offer = [], Transcript(), 0, None
                    self.told_first.clear()
                case ToolReturned() if calls:
                    calls[-1].results[chunk.id] = chunk
                case StatusChanged(status="asking_approval") if calls:
                    calls[-1].waiting |= _about(chunk, calls[-1])
                case StatusChanged(status="running_tools") if calls:
                    calls[-1].waiting -= _about(chunk, calls[-1])
                case StatusChanged(status="asked_again"):
                    (calls[-1].told if calls else self.told_first).append(chunk.detail)
                case _:
                    response.absorb((chunk,))
        self._tries_behind, self._offer_behind = tried, offer
        self._ahead = len(calls)
        return iter(calls)

    @property
    def is_ahead(self) -> bool:
        """Whether more responses are remembered than were taken."""
        return self._ahead > 0

    def response(self) -> Transcript | None:
        """Take the next whole response; ``None``: from here on the model is asked."""
        self._now = next(self._calls, None)
        if self._now is None:
            self.tries, self.offer = self._tries_behind, self._offer_behind
            return None
        self._ahead -= 1
        self.tries, self.offer = self._now.tries, self._now.offer
        return self._now.response

    def returned(self, call: str) -> ToolReturned | None:
        """The result of the last response's tool call ``call``."""
        return self._now.results.get(call) if self._now else None

    def was_waiting(self, call: str) -> bool:
        """Whether the last response's ``call`` had yet to be approved."""
        return self._now is not None and call in self._now.waiting

    def is_time_for(self, text: str) -> bool:
        """Whether ``text`` was told after the last response, or now is its time."""
        return not self.is_ahead or (self._now is not None and text in self._now.told)

    def was_told(self, text: str) -> bool:
        """Whether the model was told ``text`` after the last response; asked once."""
        if self._now is None or text not in self._now.told:
            return False
        self._now.told.remove(text)
        return True


def _about(status: StatusChanged, call: _Call) -> set[str]:
    """The ids of the calls that ``status`` is about.

    Records of earlier versions name tools. Which of several calls of one tool was meant
    is not known then; none counts as waiting, because it may have run.
    """
    if not isinstance(status.calls, msgspec.UnsetType):
        return set(status.calls)
    names = status.detail.split(", ")
    calls = call.response.tool_calls
    is_alone = {name: sum(c.name == name for c in calls) == 1 for name in names}
    return {c.id for c in calls if is_alone.get(c.name)}

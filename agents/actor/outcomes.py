"""A turn's outcome: its last chunks, made of what the model handed in or wrote.

Owns the way from a submission, or from text that is the work itself, to
``AnswerProposed``, ``VoteCast``, ``AnswerPresented`` and their kin, each followed by
``TurnEnded``. When a turn is over is :mod:`agents.actor.turn_runner`'s, and publishing
the chunks is :mod:`agents.actor.actor`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, assert_never

import msgspec

from agents.actor.stop_reasons import FINISHED, Outcome, revised
from agents.errors import ToolFailed
from agents.protocol.chunks import (
    AnswerPresented,
    AnswerProposed,
    Label,
    PartCompleted,
    RestartRequested,
    StreamChunk,
    TaskDivided,
    TurnEnded,
    VoteCast,
)
from agents.protocol.citations import Citation, Sources, carried
from agents.protocol.turns import Draft, Present, Review, Task, Work
from agents.tools.result_equality import ResultKey, result_of
from agents.tools.submissions import (
    Divided,
    HandedIn,
    Proposed,
    RestartAsked,
    Stopped,
    Submitted,
    Voted,
)

if TYPE_CHECKING:
    from agents.actor.publisher import Voice
    from agents.protocol.endings import Ending

Last: TypeAlias = tuple[StreamChunk, ...]
"""A turn's last chunks, made but not published yet."""


@dataclass(slots=True, kw_only=True)
class Outcomes:
    """Makes a turn's last chunks; knows what was shown, said and cited until then."""

    task: Task
    voice: Voice
    has_form: bool
    """Whether an answer is structured, so that text alone is none."""
    result_key: ResultKey | None = None
    """The part of an answer that is compared, where a team counts equal results."""
    seen: tuple[Label, ...] = ()
    """Labels shown in this turn or, where it continues, before."""
    sources: Sources = field(default_factory=Sources)
    """Text and citations since the last tool result (pauses do not end it)."""
    stop_reason: str | None = None
    """The last response's."""

    def __post_init__(self) -> None:
        if isinstance(self.task, Review):
            self.seen = tuple(answer.label for answer in self.task.answers)

    def show(self, labels: tuple[Label, ...]) -> None:
        """News have shown these answers; each replaces its author's older ones."""
        self.seen = revised(self.seen, labels)

    def of_text(self, why: Ending | None) -> Last | None:
        """The outcome where text alone is the work; ``None`` where a call is due."""
        if why not in FINISHED or not self.sources.said.strip():
            return None
        match self.task:
            case Draft() if not self.has_form:
                text, citations = self.sources.of_said()
                proposed = AnswerProposed(
                    **self.voice.stamp(),
                    content=text,
                    citations=citations,
                    result=result_of(self.result_key, text),
                )
                return (proposed, *self.end("answered"))
            case Present():
                return (self._presented(), *self.end("presented"))
            case Work():
                text, citations = self.sources.of_said()
                return self._part(text, citations, is_complete=True)
            case _:
                return None

    def of_submission(self, work: HandedIn) -> Last:
        """The outcome that ``work`` makes.

        Raises:
            ToolFailed: A presentation is submitted before it is written.
        """
        match work:
            case Proposed():
                text, citations = self.sources.of_handed_in(
                    work.content, self._shown_citations()
                )
                proposed = AnswerProposed(
                    **self.voice.stamp(),
                    content=text,
                    value=work.value,
                    citations=citations,
                    result=result_of(self.result_key, work.content, work.value),
                )
                return (proposed, *self.end("answered"))
            case Voted():
                cast = VoteCast(
                    **self.voice.stamp(),
                    ballot=work.ballot,
                    seen=self.seen,
                    reason=work.reason,
                    grades=work.grades or msgspec.UNSET,
                )
                return (cast, *self.end("voted"))
            case Submitted():
                if not self.sources.said.strip():
                    raise ToolFailed("nothing is written yet; write the answer first")
                return (self._presented(), *self.end("presented"))
            case RestartAsked():
                request = RestartRequested(
                    **self.voice.stamp(),
                    reason=work.reason,
                    instructions=work.instructions,
                )
                return (request, *self.end("restarted"))
            case Divided():
                divided = TaskDivided(**self.voice.stamp(), parts=work.parts)
                return (divided, *self.end("divided"))
            case Stopped():
                text, citations = self.sources.of_handed_in(work.summary)
                return self._part(text, citations, is_complete=work.is_complete)
            case _:
                assert_never(work)

    def end(self, outcome: Outcome, detail: str = "") -> tuple[TurnEnded]:
        """The chunk that ends the turn."""
        ended = TurnEnded(
            **self.voice.stamp(),
            outcome=outcome,
            stop_reason=self.stop_reason,
            detail=detail,
        )
        return (ended,)

    def _presented(self) -> AnswerPresented:
        """The final words, with the sources of what they are made of."""
        if self.sources.has_cited or not isinstance(self.task, Present):
            text, citations = self.sources.of_said()
        else:
            shown = [answer.citations for answer in self.task.answers]
            text, citations = carried(self.sources.said.strip(), shown)
        return AnswerPresented(**self.voice.stamp(), content=text, citations=citations)

    def _shown_citations(self) -> list[Citation]:
        shown = self.task.answers if isinstance(self.task, Review | Present) else ()
        return [citation for answer in shown for citation in answer.citations]

    def _part(
        self, summary: str, citations: tuple[Citation, ...], *, is_complete: bool
    ) -> Last:
        completed = PartCompleted(
            **self.voice.stamp(),
            summary=summary,
            complete=is_complete,
            citations=citations,
        )
        return (completed, *self.end("stopped"))

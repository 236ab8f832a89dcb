"""A person in the team: asked like any agent, and heard through the session.

:class:`Person` is a member of a team beside its agents. :class:`Seat` stands where an
agent has its :class:`~agents.actor.actor.Actor`: it takes turns, and what the person
says goes out as the chunks that a model's work would have made. How a person is shown
what is asked, and lets it be known, is up to the program around the session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import msgspec

from agents.actor.publisher import Outbox
from agents.actor.stop_reasons import revised
from agents.protocol.chunks import (
    AgentId,
    AnswerPresented,
    AnswerProposed,
    Approval,
    Ballot,
    Choice,
    Label,
    PartCompleted,
    Ranking,
    Scores,
    StreamChunk,
    TurnEnded,
    TurnNumber,
    TurnStarted,
    VoteCast,
)
from agents.protocol.frames import encode_frame
from agents.protocol.stamper import Pen
from agents.protocol.turns import (
    BallotForm,
    News,
    Present,
    Review,
    Turn,
    Work,
    task_name,
)
from agents.tools.result_equality import ResultKey, result_of

if TYPE_CHECKING:
    from typing import Literal

    from agents.recovery.turn_record import AskedTurn


HUMAN = "human"
"""The model name of a person in displays and journals."""
BEFORE_ANY = TurnNumber(0)
"""Turns are numbered from one."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A member of a team who is no model.

    Asked as agents are, and heard through ``Session.answer`` and ``Session.vote``::

        Team(agents=[Agent(id="ada", backend=…), Person(id="pat")])
    """

    id: str
    result_key: ResultKey | None = None
    """The part of an answer that is compared where a team counts equal results; the
    team's members share it."""


class Seat:
    """A person's place in the team, with an actor's ways; :meth:`run` owns the outbox.

    Args:
        person: Who sits here.
        outbox: Where its frames go; :meth:`run` closes it.
    """

    def __init__(self, person: Person, outbox: Outbox) -> None:
        self._agent = AgentId(person.id)
        self._result_key = person.result_key
        self._outbox = outbox
        self._turn: Turn | None = None
        self._pen: Pen | None = None
        self._seen: tuple[Label, ...] = ()
        self._to_send: deque[bytes] = deque()
        self._called = anyio.Event()
        self._asked = anyio.Event()
        self._is_closed = False
        self._is_over = False

    def take(self, turn: Turn) -> None:
        """Ask the person."""
        self._ask(turn, first=0)

    def _ask(self, turn: Turn, *, first: int) -> None:
        self._turn = turn
        self._pen = Pen(self._agent, turn.number, anyio.current_time(), first=first)
        answers = turn.task.answers if isinstance(turn.task, Review) else ()
        self._seen = tuple(answer.label for answer in answers)
        if not first:
            started = TurnStarted(**self._pen.stamp(), task=task_name(turn.task))
            self._publish((started,))
        self._asked.set()

    def resume(self, asked: Sequence[AskedTurn]) -> None:
        """Ask again what a process before this one had asked."""
        for one in asked:
            self._ask(one.turn, first=one.next_seq)
            for news in one.news:
                self.tell(news)

    def tell(self, news: News) -> None:
        """Let new answers count as seen: whoever shows the turn shows the news."""
        if self._turn is not None and self._turn.number == news.turn:
            new = tuple(answer.label for answer in news.answers)
            self._seen = revised(self._seen, new)
            self._turn = _with_news(self._turn, news)
            self._asked.set()

    def cancel(self, turn: TurnNumber, reason: str) -> None:
        """Do not wait for the person any more."""
        if self._turn is not None and self._turn.number == turn:
            self._end((), "cancelled", reason)

    def close(self) -> None:
        """Let :meth:`run` return once all is sent."""
        self._is_closed = True
        self._called.set()

    async def run(self) -> None:
        """Send what the person says, until :meth:`close` or cancellation."""
        with self._outbox:
            try:
                await anyio.lowlevel.checkpoint()
                while self._to_send or not self._is_closed:
                    while self._to_send:
                        try:
                            await self._outbox.send(self._to_send[0])
                        except anyio.BrokenResourceError:
                            return  # nobody listens any more
                        self._to_send.popleft()
                    self._called = anyio.Event()
                    if not self._is_closed:
                        await self._called.wait()
            finally:
                self._say_goodbye()
                self._is_over = True
                self._asked.set()

    def _say_goodbye(self) -> None:
        """Leave no turn open, if there is room to say so; nobody may listen."""
        if self._turn is not None:
            self._end((), "cancelled", "stopped")
        with suppress(
            anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError
        ):
            while self._to_send:
                self._outbox.send_nowait(self._to_send.popleft())

    @property
    def turn(self) -> Turn | None:
        """The turn that waits for the person."""
        return self._turn

    async def asked(self, after: TurnNumber = BEFORE_ANY) -> Turn | None:
        """Wait for a turn later than ``after``; ``None``: nobody asks any more."""
        await anyio.lowlevel.checkpoint()
        while not self._is_over:
            if self._turn is not None and self._turn.number > after:
                return self._turn
            self._asked = anyio.Event()
            await self._asked.wait()
        return None

    def answer(self, turn: Turn, text: str) -> None:
        """Hand in an answer, a part or the final words: whatever is asked for.

        A person who is asked to divide the task and answers has not divided it.
        """
        assert self._pen is not None
        self._pen.at = anyio.current_time()
        stamp = self._pen.stamp()
        if isinstance(turn.task, Present):
            self._end((AnswerPresented(**stamp, content=text),), "presented")
        elif isinstance(turn.task, Work):
            done = PartCompleted(**stamp, summary=text, complete=True)
            self._end((done,), "stopped")
        else:
            result = result_of(self._result_key, text)
            proposed = AnswerProposed(**stamp, content=text, result=result)
            self._end((proposed,), "answered")

    def vote(self, form: BallotForm, labels: Sequence[Label], reason: str) -> None:
        """Cast a ballot for ``labels``, best first, in the form that is asked for."""
        assert self._pen is not None
        self._pen.at = anyio.current_time()
        cast = VoteCast(
            **self._pen.stamp(),
            ballot=ballot_of(form, labels),
            seen=self._seen,
            reason=reason,
        )
        self._end((cast,), "voted")

    def _end(
        self,
        last: tuple[StreamChunk, ...],
        outcome: Literal["answered", "voted", "presented", "stopped", "cancelled"],
        detail: str = "",
    ) -> None:
        assert self._pen is not None
        self._pen.at = anyio.current_time()
        ended = TurnEnded(**self._pen.stamp(), outcome=outcome, detail=detail)
        self._turn = None
        self._publish((*last, ended))

    def _publish(self, chunks: Sequence[StreamChunk]) -> None:
        self._to_send.append(encode_frame(chunks))
        self._called.set()


def _with_news(turn: Turn, news: News) -> Turn:
    """``turn`` as it is asked now: with the new answers, on the ballot too."""
    task = turn.task
    if not isinstance(task, Review):
        return turn
    new = tuple(answer.label for answer in news.answers)
    answers = {answer.label: answer for answer in (*task.answers, *news.answers)}
    standing = revised(tuple(answer.label for answer in task.answers), new)
    ballot = task.ballot
    if ballot is not None:
        labels = revised(ballot.labels, new)
        ballot = msgspec.structs.replace(ballot, labels=labels)
    task = msgspec.structs.replace(
        task, answers=tuple(answers[label] for label in standing), ballot=ballot
    )
    return msgspec.structs.replace(turn, task=task)


def ballot_of(form: BallotForm, labels: Sequence[Label]) -> Ballot:
    """A ballot of the form's kind that prefers ``labels`` to all others, best first."""
    match form.kind:
        case "choice":
            return Choice(label=labels[0])
        case "approval":
            return Approval(labels=tuple(labels))
        case "ranking":
            return Ranking(tiers=tuple((label,) for label in labels))
        case "scores":
            # All that is named is good; how much better one is nobody said.
            return Scores(points=dict.fromkeys(labels, form.max_score))

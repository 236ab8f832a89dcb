"""A session of this process's: its log, the people in it, and what is done to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, assert_never

import anyio
import msgspec

from agents.actor.person import BEFORE_ANY
from agents.protocol.chunks import AgentId, ToolCalled
from agents.protocol.turns import Draft, Present, Review, Turn, Work, task_name
from agents.tools.approval import Approved, Refused, Verdict
from coordinator.errors import NotAsked
from coordinator.protocol.events import ArmTimer, StartTurn, TellAgent
from coordinator.web import acts
from coordinator.web.event_log import EventLog

if TYPE_CHECKING:
    from coordinator.session.session import Session
    from coordinator.team.team import Team


_INNER = (StartTurn, TellAgent, ArmTimer)
"""Between the rules and the agents: what they ask holds every answer once more, and the
fence around it."""


def for_page(events: Iterable[Any]) -> list[Any]:
    """The events that a page has a use for."""
    return [event for event in events if not isinstance(event, _INNER)]


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of the page's messages beside the session's own events."""


class Begun(_Message, frozen=True, kw_only=True, tag="page.begun"):
    """The participants; always the first message of a log."""

    session: str
    question: str
    models: Mapping[str, str]
    people: tuple[str, ...] = ()
    is_ours: bool = True
    """Whether anything may be done here."""
    deadline_s: float | None = None


class PersonAsked(_Message, frozen=True, kw_only=True, tag="page.person_asked"):
    """A person of the team is asked something."""

    agent: str
    turn: int
    task: str
    text: str
    note: str = ""
    answers: tuple[tuple[str, str, bool], ...] = ()
    """Label, content, whether it is their own."""
    ballot: str = ""
    """``choice``, ``approval``, ``ranking``, ``scores``; empty: no vote is asked."""
    may_answer: bool = True


class ApprovalAsked(_Message, frozen=True, kw_only=True, tag="page.approval_asked"):
    """A tool waits for a yes."""

    call: int
    agent: str
    name: str
    input: str


class ApprovalSettled(_Message, frozen=True, kw_only=True, tag="page.approval_settled"):
    """It waits no longer: somebody has decided, or its turn is over."""

    call: int


class Approvals:
    """The approver of a team that is asked from the page."""

    def __init__(self) -> None:
        self.log: EventLog | None = None
        self._waiting: dict[int, tuple[anyio.Event, list[Verdict]]] = {}
        self._count = 0

    async def __call__(self, agent: AgentId, call: ToolCalled) -> Verdict:
        """Wait for a person's verdict."""
        assert self.log is not None
        self._count += 1
        number = self._count
        arguments = bytes(call.input).decode("utf-8", "replace")
        request = ApprovalAsked(
            call=number, agent=agent, name=call.name, input=arguments
        )
        settled, verdicts = self._waiting[number] = (anyio.Event(), [])
        self.log.add([request])
        try:
            await settled.wait()
        finally:
            del self._waiting[number]
            self.log.add([ApprovalSettled(call=number)])
        return verdicts[0]

    def settle(self, number: int, verdict: Verdict) -> None:
        """Decide on one call.

        Raises:
            NotAsked: It does not wait any more.
        """
        waiting = self._waiting.get(number)
        if waiting is None or waiting[1]:
            raise NotAsked("that tool does not wait for a yes any more")
        waiting[1].append(verdict)
        waiting[0].set()


class LiveSession:
    """One session under way here.

    Args:
        session: The session.
        team: Its team.
        approvals: Who is asked before tools run.
        question: What it was asked.
        log: Where its events go; holds the past already where it was resumed.
    """

    def __init__(
        self,
        session: Session[Any],
        team: Team[Any],
        approvals: Approvals,
        question: str,
        log: EventLog,
    ) -> None:
        self.session, self.log = session, log
        self._feed = session.events()  # before anything may happen that it would miss
        self._approvals = approvals
        approvals.log = log
        self._people = [person.id for person in team.people]
        begun = Begun(
            session=session.id,
            question=question,
            models={str(agent): model for agent, model in team.models.items()},
            people=tuple(self._people),
            deadline_s=team.rules.limits.deadline_s,
        )
        log.add([begun])

    async def follow(self) -> None:
        """Write everything that happens into the log, until it is over."""
        try:
            async with anyio.create_task_group() as group:
                for agent in self._people:
                    group.start_soon(self._attend, AgentId(agent), name=f"for {agent}")
                async for batch in self._feed:
                    self.log.add(for_page(batch))
                result = await self.session.wait()
                self.log.add([{"kind": "page.ended", "result": result}])
                group.cancel_scope.cancel("the session is over")
        finally:
            self._feed.close()
            self.log.end()

    async def _attend(self, agent: AgentId) -> None:
        after = BEFORE_ANY
        while True:
            try:
                turn = await self.session.asked(agent, after=after)
            except NotAsked:  # the session has ended
                return
            after = turn.number
            self.log.add([_request(turn)])

    def act(self, act: acts.Act) -> None:
        """Do what a person asks for.

        Raises:
            NotAsked: It is not to be done now.
            NotInTeam: There is no such agent.
        """
        session = self.session
        if session.result is not None:
            raise NotAsked("the session is over")
        match act:
            case acts.Say():
                session.say(act.text)
            case acts.Stop():
                session.stop_agent(act.agent, act.reason or "stopped from the page")
            case acts.Veto():
                session.veto(act.label, act.reason or "vetoed from the page")
            case acts.ForceVote():
                session.force_vote("asked for from the page")
            case acts.End():
                session.interrupt("ended from the page")
            case acts.Answer():
                session.answer(act.agent, act.text)
            case acts.Vote():
                session.vote(act.agent, *act.labels, reason=act.reason)
            case acts.Decide():
                no = Refused(act.reason or "a person said no")
                self._approvals.settle(act.call, Approved() if act.is_approved else no)
            case _:
                assert_never(act)


def _request(turn: Turn) -> PersonAsked:
    """The page's message for a person who is asked something."""
    task = turn.task
    answers = task.answers if isinstance(task, Review | Present) else ()
    ballot = task.ballot if isinstance(task, Review) else None
    return PersonAsked(
        agent=turn.agent,
        turn=turn.number,
        task=task_name(task),
        text=_WORDS[task_name(task)]
        + (
            f" {task.part.title}: {task.part.instructions}"
            if isinstance(task, Work)
            else ""
        ),
        note=turn.note,
        answers=tuple((x.label, x.content, x.is_own) for x in answers),
        ballot=ballot.kind if ballot is not None else "",
        may_answer=isinstance(task, Draft | Present | Work)
        or (isinstance(task, Review) and task.may_revise),
    )


_WORDS = {
    "draft": "You are asked for a first answer.",
    "review": "You are asked to vote.",
    "present": "You are asked for the final words.",
    "divide": "You are asked to divide the task; an empty part passes it on.",
    "work": "You are asked to do a part.",
}

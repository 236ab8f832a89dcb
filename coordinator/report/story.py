"""The story of a session, told from its journal: turns, tools, answers, votes.

A fold over the records as they were kept; nothing is decided anew, so a journal of an
earlier version tells its own story. How it looks is :mod:`coordinator.report.page`'s
and :mod:`coordinator.report.markdown`'s. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import cast

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    AnswerPresented,
    Chunk,
    Label,
    ResponseAbandoned,
    ResponseStarted,
    ServerToolCalled,
    ServerToolReturned,
    StatusChanged,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolInputDelta,
    ToolReturned,
    TurnEnded,
    TurnStarted,
    Usage,
    UsageReported,
    VoteCast,
)
from agents.tools.workflow import WORKFLOW_NAMES
from coordinator.consensus.explanation import Explainer
from coordinator.journal.entries import Opened, decode
from coordinator.journal.framing import Kind
from coordinator.journal.inputs import history, taken
from coordinator.journal.reader import Journal, understood
from coordinator.protocol.events import (
    AgentRetired,
    AnswerAccepted,
    CancelTurn,
    MachineOutput,
    VoteCounted,
    VotesVoided,
)
from coordinator.protocol.explanation import Explanation
from coordinator.protocol.result import Result
from coordinator.team.team import read_described

_ORDINALS = ("first", "second", "third")


class Span(msgspec.Struct, kw_only=True):
    """Something that took time: a turn, a tool call, a wait."""

    agent: AgentId
    what: str
    """``draft``, ``review``, …; a tool's name; ``wait``."""
    began: float
    """Seconds since the session began."""
    ended: float
    outcome: str = ""
    detail: str = ""


class Moment(msgspec.Struct, kw_only=True):
    """Something that happened at once: an answer, a ballot, votes that fell."""

    agent: AgentId | None
    what: str
    """``answer``, ``vote``, ``void``, ``failed``, ``retired``."""
    at: float
    text: str
    label: Label | None = None


class StoryAnswer(msgspec.Struct, kw_only=True):
    """One accepted answer."""

    label: Label
    agent: AgentId
    name: str
    """As people call it: ``cleo's second answer``."""
    content: str
    at: float
    value: str = ""
    """Its structured value as JSON, if it has one."""
    before: Label | None = None
    """Its author's answer before it."""


class Spent(msgspec.Struct, kw_only=True):
    """The cost of one agent's turns of one task."""

    turns: int = 0
    usage: Usage = Usage()
    cost_usd: float | None = 0.0


class Story(msgspec.Struct, kw_only=True):
    """All that a report tells."""

    session: str
    question: str
    started: datetime
    models: dict[AgentId, str]
    rule: str
    policy: str
    ties: str
    """The rule that breaks ties: ``lot``, ``earliest``, …"""
    result: Result | None
    """``None`` where the session has not come to one."""
    why: Explanation | None
    answers: dict[Label, StoryAnswer]
    turns: list[Span]
    tools: list[Span]
    waits: list[Span]
    moments: list[Moment]
    seen: dict[AgentId, tuple[Label, ...]]
    """Voter → the answers its last ballot had seen."""
    presented: str = ""
    """The final words as the winner streamed them; empty where none were."""
    spent: dict[tuple[AgentId, str], Spent]
    """By agent and task."""
    chunks: list[tuple[float, AgentId, str, str]]
    """Every chunk: seconds, agent, kind, what it says."""
    elapsed_s: float
    is_running: bool = False
    """Whether somebody goes on with it: what is open has not been cut off."""

    def name_of(self, label: Label | None) -> str:
        """The name of an answer for people."""
        if label is None:
            return "nobody"
        known = self.answers.get(label)
        return known.name if known else label


def tell(journal: Journal, *, is_running: bool = False) -> Story:
    """Read the story of a session.

    Args:
        journal: Its records.
        is_running: Whether it is being written, so that nothing was cut off.

    Raises:
        JournalCorrupt: A record holds something else than its kind says.
        ConfigInvalid: A later version wrote it.
    """
    with understood(journal.path):
        return _Teller(journal, is_running=is_running).story


class _Teller:
    """Folds the records."""

    def __init__(self, journal: Journal, *, is_running: bool) -> None:
        opened: Opened = journal.opened
        rules, _ = read_described(opened.team)
        self._began = opened.at
        self._explainer = Explainer(rules, opened.models)
        self._open: dict[AgentId, Span] = {}
        self._calls: dict[tuple[AgentId, str], Span] = {}
        self._waiting: dict[AgentId, Span] = {}
        self._task: dict[AgentId, str] = {}
        self._response: dict[AgentId, UsageReported] = {}
        self._answers_of: dict[AgentId, int] = {}
        self.story = Story(
            session=opened.session,
            question=opened.question,
            started=opened.started,
            models=opened.models,
            rule=rules.voting.rule.name,
            policy=rules.policy,
            ties=rules.voting.ties,
            result=None,
            why=None,
            answers={},
            turns=[],
            tools=[],
            waits=[],
            moments=[],
            seen={},
            spent={},
            chunks=[],
            elapsed_s=0.0,
            is_running=is_running,
        )
        for at, what in in_order(journal):
            self._at = at - self._began
            self.story.elapsed_s = max(self.story.elapsed_s, self._at)
            self._take(what)
        self._close_all()
        if self.story.result is not None and self.story.result.why is not None:
            self.story.why = self.story.result.why
        else:
            self.story.why = self._explainer.explain()

    def _take(self, what: Chunk | MachineOutput | Result) -> None:
        match what:
            case Result():
                self.story.result = what
                return
            case Chunk():
                self._on_chunk(what)
            case _:
                self._on_output(what)
        if isinstance(what, VoteCast) or not isinstance(what, Chunk):
            self._explainer.take(what)

    def _on_chunk(self, chunk: Chunk) -> None:
        story, agent, at = self.story, chunk.agent, chunk.at - self._began
        kind = str(chunk.__struct_config__.tag)
        story.chunks.append((round(at, 3), agent, kind, said(chunk)))
        match chunk:
            case TurnStarted():
                self._task[agent] = chunk.task
                self._open[agent] = Span(
                    agent=agent, what=chunk.task, began=at, ended=at
                )
                spent = story.spent.setdefault((agent, chunk.task), Spent())
                spent.turns += 1
            case TurnEnded():
                self._close(agent, at, chunk.outcome, chunk.detail)
            case AgentFailed():
                self._close(agent, at, "failed", f"{chunk.error}: {chunk.message}")
                self._moment(agent, "failed", at, f"{chunk.error}: {chunk.message}")
            case ToolCalled() | ServerToolCalled() if chunk.name not in WORKFLOW_NAMES:
                self._calls[agent, chunk.id] = Span(
                    agent=agent,
                    what=chunk.name,
                    began=at,
                    ended=at,
                    detail=bytes(chunk.input).decode("utf-8", "replace"),
                )
            case ToolReturned() | ServerToolReturned():
                span = self._calls.pop((agent, chunk.id), None)
                if span is not None:
                    span.ended = at
                    span.outcome = "error" if chunk.is_error else "done"
                    story.tools.append(span)
            case StatusChanged(status="waiting"):
                self._waiting[agent] = Span(
                    agent=agent, what="wait", began=at, ended=at, detail=chunk.detail
                )
            case StatusChanged(status="requesting"):
                self._end_wait(agent, at)
            case ResponseAbandoned():
                self._book(agent)
                story.waits.append(
                    Span(
                        agent=agent,
                        what="asked again",
                        began=at,
                        ended=at + chunk.retry_in_s,
                        detail=chunk.reason,
                    )
                )
            case UsageReported():
                self._response[agent] = chunk
            case ResponseStarted():
                self._book(agent)
            case VoteCast():
                story.seen[agent] = chunk.seen
            case AnswerPresented():
                story.presented = chunk.content
            case _:
                pass

    def _book(self, agent: AgentId) -> None:
        """A response is over: what it was last reported to have spent counts."""
        report = self._response.pop(agent, None)
        if report is None:
            return
        key = agent, self._task.get(agent, "")
        spent = self.story.spent.setdefault(key, Spent())
        spent.usage += report.usage
        is_known = spent.cost_usd is not None and report.cost_usd is not None
        spent.cost_usd = (
            (spent.cost_usd or 0.0) + (report.cost_usd or 0.0) if is_known else None
        )

    def _on_output(self, output: MachineOutput) -> None:
        at = self._at
        match output:
            case AnswerAccepted():
                self._accept(output)
            case VoteCounted():
                for_whom = self.story.name_of(output.label)
                self._moment(output.voter, "vote", at, f"votes for {for_whom}")
                self.story.moments[-1].label = output.label
            case VotesVoided():
                voters = ", ".join(output.voters)
                name = self.story.name_of(output.label)
                self._moment(None, "void", at, f"{voters}: {name} was not seen")
            case CancelTurn():
                span = self._open.get(output.agent)
                if span is not None:
                    span.detail = output.reason
            case AgentRetired():
                self._moment(output.agent, "retired", at, output.reason)
            case _:
                pass

    def _accept(self, accepted: AnswerAccepted) -> None:
        agent, label = accepted.agent, accepted.label
        count = self._answers_of[agent] = self._answers_of.get(agent, 0) + 1
        before = [x.label for x in self.story.answers.values() if x.agent == agent]
        value = accepted.value
        self.story.answers[label] = StoryAnswer(
            label=label,
            agent=agent,
            name=answer_name(agent, count),
            content=accepted.content,
            at=self._at,
            value=""
            if isinstance(value, msgspec.UnsetType)
            else bytes(value).decode("utf-8", "replace"),
            before=before[-1] if before else None,
        )
        self._moment(agent, "answer", self._at, answer_name(agent, count))
        self.story.moments[-1].label = label

    def _moment(self, agent: AgentId | None, what: str, at: float, text: str) -> None:
        self.story.moments.append(Moment(agent=agent, what=what, at=at, text=text))

    def _close(self, agent: AgentId, at: float, outcome: str, detail: str) -> None:
        span = self._open.pop(agent, None)
        self._book(agent)
        for key in [key for key in self._calls if key[0] == agent]:
            call = self._calls.pop(key)
            call.ended, call.outcome = at, "no result"
            self.story.tools.append(call)
        self._end_wait(agent, at)
        if span is not None:
            span.ended, span.outcome = at, outcome
            span.detail = span.detail or detail
            self.story.turns.append(span)

    def _end_wait(self, agent: AgentId, at: float) -> None:
        wait = self._waiting.pop(agent, None)
        if wait is not None:
            wait.ended = at
            self.story.waits.append(wait)

    def _close_all(self) -> None:
        """Close the turns that were under way when the records ended."""
        for agent in list(self._open):
            outcome = "running" if self.story.is_running else "cut off"
            self._close(agent, self.story.elapsed_s, outcome, "")


def in_order(
    journal: Journal,
) -> Iterator[tuple[float, Chunk | MachineOutput | Result]]:
    """All that was said and decided, in order, each with the clock's time of it."""
    records = history(journal.records)
    steps = taken(records)
    for record in records:
        if record.kind in {Kind.FRAME, Kind.INPUT}:
            step = next(steps)
            for what in step.inputs:
                if isinstance(what, Chunk):
                    yield step.at, what
        elif record.kind in {Kind.OUTPUT, Kind.RESULT}:
            yield record.at, cast("MachineOutput | Result", decode(record))


def answer_name(agent: str, number: int) -> str:
    """The name of an agent's ``number``-th answer: ``cleo's second answer``."""
    if number == 1:
        return f"{agent}'s answer"
    ordinal = _ORDINALS[number - 1] if number <= len(_ORDINALS) else f"{number}th"
    return f"{agent}'s {ordinal} answer"


def said(chunk: Chunk) -> str:
    """The text of a chunk, in a line for a list."""
    match chunk:
        case TextDelta() | ThinkingDelta():
            return chunk.text
        case ToolInputDelta():
            return chunk.partial_json
        case ToolCalled() | ServerToolCalled():
            return f"{chunk.name} {bytes(chunk.input).decode('utf-8', 'replace')}"
        case ToolReturned() | ServerToolReturned():
            return bytes(chunk.content).decode("utf-8", "replace")
        case StatusChanged():
            return f"{chunk.status} {chunk.detail}".strip()
        case _:
            plain = msgspec.json.decode(
                msgspec.json.encode(chunk), type=dict[str, msgspec.Raw]
            )
            left = {"kind", "agent", "turn", "seq", "at"}
            fields = {name: x for name, x in plain.items() if name not in left}
            return msgspec.json.encode(fields).decode() if fields else ""

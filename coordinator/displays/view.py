"""Folds a session's events into what a person would want to see of it now.

Pure: no terminal, no clock, no words about colour. :class:`View` is the model that the
rich display paints and that a page can show; every text in it is cleaned. Its size is
bounded by the team's, however long the session: of text the end is kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    AnswerPresented,
    BlockEnded,
    BlockStarted,
    Label,
    ResponseAbandoned,
    ResponseStarted,
    RestartRequested,
    ServerToolReturned,
    StatusChanged,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    TurnEnded,
    TurnNumber,
    TurnRestarted,
    TurnStarted,
    Usage,
    UsageReported,
)
from agents.protocol.turns import Review, Turn
from coordinator.displays.narration import WORKFLOW_TOOLS, Moment, moment_of
from coordinator.displays.partial_json import StringField, Verbatim
from coordinator.displays.sanitizer import Cleaner, clean
from coordinator.displays.tool_summaries import lines_of, typed_code
from coordinator.protocol.events import (
    AgentRetired,
    AnswerAccepted,
    AnswerRestored,
    CancelTurn,
    Conclude,
    Event,
    LiveBallots,
    SlateFrozen,
    StartTurn,
    VoteCounted,
    VotesVoided,
    WinnerDecided,
)

TAIL_CHARS = 8_000
"""Text kept per agent: more than a full-screen pane of 50 lines shows."""

TAIL_CHARS_ALL = 1_000_000
"""Text kept of a whole team, where that is more for each: to scroll back in."""

PENDING_MAX = 256
"""Pieces of text that wait to be cleaned together; one by one costs thrice as much."""

PACE_KEPT = 16
"""Seconds of an agent's pace: as many as a sparkline has columns."""

MOMENTS_KEPT = 200
"""Moments kept for all agents: several screens."""

Phase: TypeAlias = Literal["drafting", "voting", "presenting", "concluded"]
Activity: TypeAlias = Literal[
    "waiting",
    "drafting",
    "reviewing",
    "presenting",
    "answered",
    "voted",
    "stopped",
    "failed",
    "retired",
]
RUNNING: frozenset[Activity] = frozenset({"drafting", "reviewing", "presenting"})
Tone: TypeAlias = Literal["text", "thinking", "typed", "moment"]

_ACTIVITIES: dict[str, Activity] = {
    "draft": "drafting",
    "review": "reviewing",
    "present": "presenting",
    "divide": "drafting",
    "work": "drafting",
}
_ENDINGS: dict[str, Activity] = {
    "answered": "answered",
    "presented": "answered",
    "voted": "voted",
    "cancelled": "stopped",
    "refused": "failed",
}
_TYPED_FIELDS = {
    "new_answer": ("content",),
    "submit": ("content",),
}


class _Named(msgspec.Struct):
    name: str = ""


class Tail:
    """The end of a text in several tones, at most some ``chars`` long."""

    __slots__ = ("_chars", "_size", "_spans")

    def __init__(self, chars: int = TAIL_CHARS) -> None:
        self._chars = chars
        self._spans: deque[tuple[Tone, list[str]]] = deque()
        self._size = 0

    def add(self, tone: Tone, text: str) -> None:
        """Append ``text``; what is too old falls off the front."""
        if not text:
            return
        text = text[-self._chars :]
        if self._spans and self._spans[-1][0] == tone:
            self._spans[-1][1].append(text)
        else:
            self._spans.append((tone, [text]))
        self._size += len(text)
        while self._size > 2 * self._chars:  # seldom, and then half of it
            self._trim()

    def _trim(self) -> None:
        tone, pieces = self._spans[0]
        length = sum(map(len, pieces))
        if len(self._spans) == 1 or self._size - length < self._chars:
            rest = "".join(pieces)[self._size - self._chars :]
            self._spans[0] = (tone, [rest])
            self._size -= length - len(rest)
        else:
            self._spans.popleft()
            self._size -= length

    def end_line(self) -> None:
        """Let what follows begin on a line of its own."""
        if self._spans and not self._spans[-1][1][-1].endswith("\n"):
            self._spans[-1][1].append("\n")
            self._size += 1

    def last(self, chars: int) -> list[tuple[Tone, str]]:
        """Return the last ``chars`` characters or a little more, oldest span first."""
        spans: deque[tuple[Tone, str]] = deque()
        for tone, pieces in reversed(self._spans):
            text = "".join(pieces)
            spans.appendleft((tone, text[-chars:]))
            chars -= len(text)
            if chars <= 0:
                break
        return list(spans)

    def written(self) -> str:
        """The text typed as an answer; where none was typed, the text said aloud."""
        for tone in ("typed", "text"):
            spans = (pieces for each, pieces in self._spans if each == tone)
            if text := "".join(piece for pieces in spans for piece in pieces).strip():
                return text
        return ""

    def __str__(self) -> str:
        return "".join(text for _, text in self.last(2 * self._chars))


@dataclass(slots=True)
class AgentView:
    """The visible state of one agent."""

    id: AgentId
    model: str
    activity: Activity = "waiting"
    note: str = ""
    """Why it waits, was stopped or failed; empty while all is well."""
    _tail: Tail = field(default_factory=Tail)
    turns: int = 0
    label: Label | None = None
    """Of its standing answer."""
    vote: VoteCounted | None = None
    answers: int = 0
    """How many of its answers were accepted."""
    again_at: float | None = None
    """When it asks again, on the clock of the chunks, while it waits for that."""
    version: int = 0
    """Counts what has changed of it: what was drawn of an earlier one is old."""
    heard: int = 0
    """Characters it has streamed."""
    pace: deque[int] = field(default_factory=lambda: deque[int](maxlen=PACE_KEPT))
    """Characters in each of the last seconds, as whoever draws has sampled them."""
    last_at: float = 0.0
    """When it last said anything, on the event loop's clock."""
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0
    """``None``: at least one response has no known price."""
    _closed: tuple[Usage, float | None] = (Usage(), 0.0)
    _cleaner: Cleaner = field(default_factory=Cleaner)
    _typed: StringField | Verbatim | None = None
    _is_text: bool = False
    _tone: Tone = "text"
    _pending: list[str] = field(default_factory=list[str])
    """Streamed and not looked at yet: it is cleaned when somebody looks, or at once
    where there is much of it."""
    _sampled: int = 0

    @property
    def tail(self) -> Tail:
        """The end of its text, as far as it has come."""
        self.settle()
        return self._tail

    def hear(self, tone: Tone, text: str) -> None:
        """More streamed text."""
        if tone != self._tone:
            self.settle()
            self._tone = tone
        self._pending.append(text)
        self.heard += len(text)
        self.version += 1
        if len(self._pending) > PENDING_MAX:
            self.settle()

    def settle(self) -> None:
        """Clean what was streamed since somebody looked last."""
        if self._pending:
            text = "".join(self._pending)
            self._pending.clear()
            self._tail.add(self._tone, self._cleaner.clean(text))

    def add(self, tone: Tone, text: str) -> None:
        """Add text that is clean already."""
        self.tail.add(tone, text)
        self.version += 1

    def sample_pace(self) -> None:
        """A second has passed: note how much was streamed in it."""
        self.pace.append(self.heard - self._sampled)
        self._sampled = self.heard

    def begin_block(self, event: BlockStarted) -> None:
        """A block of text, thinking or tool input begins, on a line of its own.

        Text that follows text goes on where that stopped: a sentence with sources is
        several blocks.
        """
        if event.type != "text" or not self._is_text:
            self.end_block()
        self._is_text = event.type == "text"
        name = ""
        if event.type == "tool_use":
            name = msgspec.json.decode(event.content, type=_Named).name
        fields = _TYPED_FIELDS.get(name)
        self._typed = StringField(*fields) if fields else typed_code(event)
        if self._typed is None and name and name not in WORKFLOW_TOOLS:
            self._typed = Verbatim()

    def close_block(self) -> None:
        """The block is complete; what may follow text is not known yet."""
        if not self._is_text:
            self.end_block()

    def end_block(self) -> None:
        """End a line, and show the rest of an unfinished escape sequence."""
        self.tail.add("text", self._cleaner.flush())
        self._tail.end_line()
        self.version += 1
        self._typed, self._is_text = None, False

    def type(self, partial_json: str) -> None:
        """More of a tool call's input; shown where a person would want to read it."""
        if self._typed is not None:
            self.hear("typed", self._typed.feed(partial_json))

    def begin_response(self) -> None:
        """Usage counts anew for each response: keep what the last one came to."""
        self._closed = (self.usage, self.cost_usd)

    def spend(self, event: UsageReported) -> None:
        """The response under way has come to so much in all."""
        usage, cost = self._closed
        self.usage = usage + event.usage
        if cost is None or event.cost_usd is None:
            self.cost_usd = None
        else:
            self.cost_usd = cost + event.cost_usd


class View:
    """A session as it stands; grows by :meth:`absorb`."""

    def __init__(self, models: Mapping[str, str]) -> None:
        named = {AgentId(name): model for name, model in models.items()}
        chars = max(TAIL_CHARS, TAIL_CHARS_ALL // max(1, len(named)))
        self.agents = {
            a: AgentView(id=a, model=clean(m), _tail=Tail(chars))
            for a, m in named.items()
        }
        self.phase: Phase = "drafting"
        self.moments: deque[Moment] = deque(maxlen=MOMENTS_KEPT)
        self.authors: dict[Label, AgentId] = {}
        self.stopped: dict[AgentId, str] = {}
        """Why the last of its turns was stopped."""
        self.voters: set[AgentId] = set()
        """Agents that have been asked to vote on what stands."""
        self.drafted: set[AgentId] = set()
        """Agents that have answered, or never will."""
        self.decided: WinnerDecided | None = None
        self.presenter: AgentId | None = None
        self.began: float | None = None
        """When the first chunk was said, on the clock of the chunks."""
        self.labels: list[Label] = []
        """Accepted answers, in their order."""
        self.asked: dict[AgentId, Turn] = {}
        """The running turn of each agent that has one."""
        self.version = 0
        """Counts what has changed beside text."""
        self.now = 0.0
        """When the last chunk was said, on the same clock."""
        self.time = 0.0
        """The session clock's time, as whoever draws believes."""

    @property
    def tokens(self) -> int:
        """Of all agents together."""
        return sum(agent.usage.total_tokens for agent in self.agents.values())

    @property
    def cached(self) -> float | None:
        """The share of all prompts that came from a cache; ``None``: it is unknown."""
        read = prompts = 0
        for agent in self.agents.values():
            usage = agent.usage
            if usage.cache_read_input_tokens is None:
                continue
            read += usage.cache_read_input_tokens
            prompts += usage.input_tokens + usage.cache_read_input_tokens
            prompts += usage.cache_creation_input_tokens or 0
        return read / prompts if prompts else None

    @property
    def usage(self) -> Usage:
        """Of all agents together."""
        return sum((agent.usage for agent in self.agents.values()), Usage())

    @property
    def cost_usd(self) -> float | None:
        """Of all agents together; ``None`` where one of them is unknown."""
        costs = [agent.cost_usd for agent in self.agents.values()]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None

    @property
    def votes(self) -> dict[AgentId, VoteCounted]:
        """Live ballots by voter."""
        return {a.id: a.vote for a in self.agents.values() if a.vote is not None}

    def longest_draft(self) -> tuple[AgentId, str] | None:
        """The longest text of who has not answered; ``None``: nobody wrote a word."""
        drafts = {
            agent.id: agent.tail.written()
            for agent in self.agents.values()
            if agent.label is None
        }
        longest = max(drafts.items(), key=lambda item: len(item[1]), default=None)
        return longest if longest is not None and longest[1] else None

    def support(self) -> dict[AgentId, int]:
        """How many live ballots prefer each standing answer, by its author."""
        counts = {agent.id: 0 for agent in self.agents.values() if agent.label}
        for vote in self.votes.values():
            if vote.choice is not None and vote.choice in counts:
                counts[vote.choice] += 1
        return counts

    def absorb(self, events: Iterable[Event]) -> None:
        """Take in events, in order."""
        for event in events:
            # Text is nearly everything that comes, so it goes the short way.
            kind = type(event)
            if kind is TextDelta or kind is ThinkingDelta or kind is ToolInputDelta:
                self._hear(event)  # type: ignore[arg-type]  (narrowed by identity)
            else:
                self._take(event)

    def _hear(self, event: TextDelta | ThinkingDelta | ToolInputDelta) -> None:
        agent = self._agent(event.agent, event.at)
        match event:
            case TextDelta():
                agent.hear("text", event.text)
            case ThinkingDelta():
                agent.hear("thinking", event.text)
            case ToolInputDelta():
                agent.type(event.partial_json)

    def _unask(self, agent: AgentId, turn: TurnNumber) -> None:
        """The turn is over; a later one may have been asked for before it said so."""
        current = self.asked.get(agent)
        if current is not None and current.number <= turn:
            del self.asked[agent]

    def _agent(self, agent: AgentId, at: float | None = None) -> AgentView:
        view = self.agents.get(agent)
        if view is None:  # a display may be given less than the whole team
            view = self.agents[agent] = AgentView(id=agent, model="")
        if at is not None:
            self.began = at if self.began is None else self.began
            self.now = max(self.now, at)
            self.time = max(self.time, at)
            view.last_at = at
            view.version += 1
        return view

    def _take(self, event: Event) -> None:
        if isinstance(event, AnswerAccepted):
            self.authors[event.label] = event.agent
            self.labels.append(event.label)
        self.version += 1
        moment = moment_of(event, self.authors, self.stopped)
        if moment is not None and moment.kind not in ("turn", "tool"):
            self.moments.append(moment)
        if moment is not None and moment.agent is not None:
            self._note(self._agent(moment.agent), moment, event)
        self._stream(event)
        self._decide(event)

    def _note(self, agent: AgentView, moment: Moment, event: Event) -> None:
        # What is seen anyway, as text or beside the agent's name, is not said twice.
        is_first = moment.kind == "turn" and agent.turns == 0
        if not is_first and moment.kind not in ("answer", "winner"):
            agent.end_block()
            agent.add("moment", f"— {moment.words}\n")
            if isinstance(event, ServerToolReturned):
                lines = "".join(f"  {line}\n" for line in lines_of(event))
                agent.add("moment", lines)

    def _stream(self, event: Event) -> None:
        """Take in an agent's event about its own turn."""
        match event:
            case TurnStarted():
                agent = self._agent(event.agent, event.at)
                agent.turns, agent.note = agent.turns + 1, ""
                agent.again_at = None
                agent.activity = _ACTIVITIES[event.task]
                if event.task == "present":
                    self.phase, self.presenter = "presenting", event.agent
            case StatusChanged():
                agent = self._agent(event.agent, event.at)
                quiet = event.status == "requesting"
                words = event.status.replace("_", " ")
                agent.note = "" if quiet else clean(event.detail) or words
            case ResponseStarted():
                agent = self._agent(event.agent, event.at)
                agent.begin_response()
                agent.model = agent.model or clean(event.model)
                agent.note, agent.again_at = "", None
            case TurnRestarted():
                agent = self._agent(event.agent, event.at)
                agent.model, agent.note = clean(event.model), "begins afresh"
            case ResponseAbandoned():
                agent = self._agent(event.agent, event.at)
                agent.note = "asks again"
                agent.again_at = event.at + event.retry_in_s
            case BlockStarted():
                self._agent(event.agent, event.at).begin_block(event)
            case BlockEnded():
                self._agent(event.agent, event.at).close_block()
            case UsageReported():
                self._agent(event.agent, event.at).spend(event)
            case TurnEnded():
                agent = self._agent(event.agent, event.at)
                agent.end_block()
                agent.activity = _ENDINGS.get(event.outcome, "waiting")
                agent.again_at = None
                self._unask(event.agent, event.turn)
            case AgentFailed():
                agent = self._agent(event.agent, event.at)
                agent.activity, agent.note = "failed", clean(event.message)
                agent.again_at = None
                self._unask(event.agent, event.turn)
            case AnswerPresented():
                self.phase, self.presenter = "presenting", event.agent
            case RestartRequested():
                self.phase, self.presenter, self.decided = "drafting", None, None
            case _:
                pass  # nothing of it is seen but the moment it may be

    def _decide(self, event: Event) -> None:
        """Take in a decision of the coordinator."""
        if isinstance(event, StartTurn):
            self.asked[event.turn.agent] = event.turn
        match event:
            case AnswerAccepted():
                agent = self._agent(event.agent)
                agent.label, agent.activity = event.label, "answered"
                agent.answers += 1
                self.drafted.add(event.agent)
            case AnswerRestored():
                self._agent(event.agent).label = event.label
            case StartTurn(turn=turn) if _is_for_a_ballot(turn):
                self.voters.add(turn.agent)
                if self.phase == "drafting":
                    self.phase = "voting"
            case SlateFrozen():
                self.phase = "voting"
            case VoteCounted():
                self._agent(event.voter).vote = event
                self._agent(event.voter).activity = "voted"
            case VotesVoided() | LiveBallots():
                self._on_ballots(event)
            case CancelTurn():
                self.stopped[event.agent] = event.reason
                agent = self._agent(event.agent)
                agent.activity, agent.note = "stopped", clean(event.reason)
                agent.again_at = None
                agent.version += 1
                self._unask(event.agent, event.turn)
            case AgentRetired():
                self.drafted.add(event.agent)
                agent = self._agent(event.agent)
                if agent.activity != "failed":
                    agent.activity, agent.note = "retired", clean(event.reason)
            case WinnerDecided():
                self.decided = event
            case Conclude():
                self.phase = "concluded"
                for agent in self.agents.values():
                    if agent.activity in RUNNING:
                        agent.activity = "stopped"
            case _:
                pass

    def _on_ballots(self, event: VotesVoided | LiveBallots) -> None:
        """Ballots are void; or others than these are history."""
        if isinstance(event, LiveBallots):
            self._count_on(event)
            return
        for voter in event.voters:
            self._agent(voter).vote = None
            self._agent(voter).activity = "waiting"

    def _count_on(self, live: LiveBallots) -> None:
        """Others than these ballots are history, and these may count for another."""
        counts = {ballot.voter: ballot for ballot in live.ballots}
        for agent in self.agents.values():
            ballot, vote = counts.get(agent.id), agent.vote
            if ballot is None or vote is None:
                agent.vote = None
            else:
                agent.vote = msgspec.structs.replace(
                    vote, choice=ballot.choice, label=ballot.label
                )


def _is_for_a_ballot(turn: Turn) -> bool:
    """Whether the turn asks for a vote, and not for another answer alone."""
    return isinstance(turn.task, Review) and turn.task.ballot is not None

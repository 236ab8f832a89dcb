"""A scenario made of a kept session: its agents say again what they said, in its time.

What a model's stream brought in one block is one line, at the time of its first word;
the next line's delay counts from there, so that calls and votes come when they came.
What tools returned is returned again, in the order of the calls. People do what they
did. The result becomes what is expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    AnswerPresented,
    AnswerProposed,
    Approval,
    Ballot,
    Choice,
    Chunk,
    Ranking,
    ResponseAbandoned,
    ResponseEnded,
    Scores,
    ServerToolCalled,
    ServerToolReturned,
    StatusChanged,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnNumber,
    UsageReported,
    VoteCast,
)
from agents.protocol.turns import task_name
from agents.tools.workflow import WORKFLOW_NAMES
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.journal.inputs import inputs
from coordinator.protocol.events import (
    AgentStopped,
    AnswerVetoed,
    Event,
    Interrupted,
    PersonSaid,
    StartTurn,
    VoteForced,
)
from coordinator.session.replay import Replay
from coordinator.team.team import read_described
from coordinator.team.team_file_schema import LIMITS, TOP
from coordinator.team.team_source import config_of

if TYPE_CHECKING:
    from coordinator.journal.reader import Journal
    from coordinator.protocol.result import Result

Plain = dict[str, Any]

IDLE_LIMIT_S = 7_200.0
"""A turn that was cancelled stalls until it is cancelled again."""
NOW_S = 0.0005
"""Sooner is the same instant."""
NEAR_S = 1.0
"""The tolerance for the time of the end: journals keep a real clock's."""
_USUAL_ENDS = frozenset({"end_turn", "tool_use", "stop_sequence"})


def scenario_of(journal: Journal) -> str:
    """Write a session as a scenario file.

    Raises:
        ConfigInvalid: It did not come to a result.
        ReplayDiffers: The rules decide something else today than they did.
    """
    played = Replay(journal)
    events = [event for batch in played.batches() for event in batch.events]
    result = played.result
    if result is None or not played.is_finished:
        raise ConfigInvalid(
            f"session {journal.opened.session} has no result yet; resume it first"
        )
    began = next((x.at for x in events if isinstance(x, Chunk)), journal.opened.at)
    began = min(began, journal.opened.at)
    scenario = _team(journal)
    scripts = _Scripts(events)
    people = [*_people(journal, began), *_seats(events, journal, began)]
    scenario["agents"] = [
        _agent(journal, agent, scripts) for agent in journal.opened.models
    ]
    scenario["defaults"] = {"idle_limit_s": IDLE_LIMIT_S}
    if scripts.tools:
        scenario["tools"] = scripts.tools
    if people:
        scenario["people"] = sorted(people, key=lambda deed: deed["at_s"])
    scenario["expect"] = _expected(result)
    question = " ".join(journal.opened.question.split())[:80]
    head = f"# Session {journal.opened.session} ends as it did: {question}\n\n"
    return head + _yaml(scenario)


def _team(journal: Journal) -> Plain:
    """Question, seed and rules."""
    opened = journal.opened
    rules, _ = read_described(opened.team)
    plain: Plain = {"question": opened.as_asked, "seed": opened.seed}
    policy: Any = rules.policy  # a name that a journal kept
    usual = Rules(policy).settings()
    changed = {
        name: msgspec.to_builtins(value)
        for name, value in rules.settings().items()
        if value != usual[name] and name not in _FILLED_IN
    }
    limits = {name: changed.pop(name) for name in LIMITS if name in changed}
    top = {name: changed.pop(name) for name in TOP if name in changed}
    plain |= top
    plain["voting"] = {"policy": rules.policy, **changed}
    if limits:
        plain["limits"] = limits
    return plain


_FILLED_IN = frozenset({"prices", "models", "makers", "budgets"})
"""Rules that a team fills in by itself."""


def _agent(journal: Journal, agent: AgentId, scripts: _Scripts) -> Plain:
    model = journal.opened.models[agent]
    if model == "human":
        return {"id": agent, "backend": "human"}
    entry: Plain = {"id": agent}
    if system := _systems(journal).get(agent):
        entry["system"] = system
    entry["script"] = {"model": model, "turns": scripts.turns(agent)}
    return entry


def _systems(journal: Journal) -> dict[str, str]:
    """Agent → its own instructions, where the journal knows the team's file."""
    _, source = read_described(journal.opened.team)
    try:
        config = config_of(source)
    except ConfigInvalid:
        return {}  # made in Python, or with a secret: what it said is kept all the same
    return {entry.id: entry.instructions for entry in config.agents}


class _Scripts:
    """Puts together what each agent said."""

    def __init__(self, events: list[Event]) -> None:
        self.tools: dict[str, Plain] = {}
        self._turns: dict[str, list[Plain]] = {}
        self._tasks: dict[tuple[str, TurnNumber], str] = {}
        self._at: dict[str, float] = {}
        self._calls: dict[str, tuple[str, int]] = {}
        self._server: dict[str, Plain] = {}
        self._block: dict[str, int | None] = {}
        for event in events:
            if isinstance(event, StartTurn):
                turn = event.turn
                self._tasks[turn.agent, turn.number] = task_name(turn.task)
            elif isinstance(event, Chunk):
                self._take(event)  # type: ignore[arg-type]  (chunks are a closed union)

    def turns(self, agent: str) -> list[Plain]:
        """The agent's responses, in order."""
        return self._turns.get(agent, [])

    def _take(self, chunk: StreamChunk) -> None:
        match chunk:
            case StatusChanged(status="requesting"):
                self._begin(chunk)
            case TextDelta(text=text):
                self._stream(chunk, "text", text, chunk.block)
            case ThinkingDelta(text=text):
                self._stream(chunk, "thinking", text, chunk.block)
            case ToolCalled():
                self._called(chunk)
            case ToolReturned():
                self._returned(chunk)
            case ServerToolCalled():
                line = self._line(chunk, {"server_tool": chunk.name})
                line["input"] = msgspec.json.decode(chunk.input)
                self._server[chunk.id] = line
            case ServerToolReturned(id=call) if call in self._server:
                self._server[call]["result"] = msgspec.json.decode(chunk.content)
            case UsageReported():
                self._usage(chunk)
            case ResponseEnded(stop_reason=reason):
                usual = reason in _USUAL_ENDS
                line: Plain = {"ping": True} if usual else {"stop_reason": reason}
                if not usual or chunk.at - self._at.get(chunk.agent, chunk.at) > NOW_S:
                    self._line(chunk, line)  # its last word came later than its first
            case ResponseAbandoned(retry_in_s=wait_s):
                error = {"status": 529, "retry_after_s": round(wait_s, 3)}
                self._line(chunk, {"error": error})
            case AgentFailed(message=message):
                self._line(chunk, {"error": {"status": 400, "message": message}})
            case TurnEnded(outcome="cancelled"):
                self._line(chunk, {"stall": True}, is_delayed=False)
                for entry in self._turns.get(chunk.agent, [])[-1:]:
                    entry["maybe"] = True
            case _:
                pass

    def _begin(self, chunk: StreamChunk) -> None:
        task = self._tasks.get((chunk.agent, chunk.turn), "draft")
        entry: Plain = {"when": {"task": task}, "lines": []}
        self._turns.setdefault(chunk.agent, []).append(entry)
        self._at[chunk.agent] = chunk.at
        self._block[chunk.agent] = None

    def _line(
        self, chunk: StreamChunk, line: Plain, *, is_delayed: bool = True
    ) -> Plain:
        entries = self._turns.get(chunk.agent)
        if not entries:
            return line  # it failed before its model was asked
        delay_s = round(chunk.at - self._at[chunk.agent], 6)
        if is_delayed and delay_s > 0:
            line["delay_s"] = delay_s
            self._at[chunk.agent] = chunk.at
        entries[-1]["lines"].append(line)
        self._block[chunk.agent] = None
        return line

    def _stream(self, chunk: StreamChunk, kind: str, text: str, block: int) -> None:
        if self._block.get(chunk.agent) == block:
            self._turns[chunk.agent][-1]["lines"][-1][kind] += text
            return
        self._line(chunk, {kind: text})
        self._block[chunk.agent] = block

    def _called(self, chunk: ToolCalled) -> None:
        input_: object = msgspec.json.decode(chunk.input)
        line: Plain = {"tool": chunk.name}
        line |= {"input": input_} if chunk.is_valid else {"input_text": input_}
        self._line(chunk, line)
        if chunk.name not in WORKFLOW_NAMES:
            tool = self.tools.setdefault(
                chunk.name, {"returns": [], "takes_s": [], "fails": []}
            )
            for kind in ("returns", "fails"):
                tool[kind].append("")
            tool["takes_s"].append(0.0)
            self._calls[chunk.id] = (chunk.name, len(tool["returns"]) - 1)

    def _returned(self, chunk: ToolReturned) -> None:
        if chunk.id not in self._calls:
            return
        name, number = self._calls[chunk.id]
        content: object = msgspec.json.decode(chunk.content)
        text = content if isinstance(content, str) else bytes(chunk.content).decode()
        self.tools[name]["fails" if chunk.is_error else "returns"][number] = text
        self.tools[name]["takes_s"][number] = round(chunk.elapsed_s, 6)

    def _usage(self, chunk: UsageReported) -> None:
        entries = self._turns.get(chunk.agent)
        if not entries:
            return
        used = {
            name: value
            for name, value in msgspec.to_builtins(chunk.usage).items()
            if name in _USAGE and value is not None
        }
        lines = entries[-1]["lines"]
        for line in lines:
            if "usage" in line:
                line["usage"] = used
                return
        lines.insert(0, {"usage": used})


_USAGE = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


def _people(journal: Journal, began: float) -> Iterator[Plain]:
    for one in inputs(journal.records):
        at_s = round(one.at - began, 6)
        match one:
            case PersonSaid(text=text):
                yield {"at_s": at_s, "say": text}
            case AgentStopped(agent=agent, reason=reason):
                yield {"at_s": at_s, "stop": agent, "reason": reason}
            case AnswerVetoed(label=label, reason=reason):
                yield {"at_s": at_s, "veto": label, "reason": reason}
            case VoteForced(reason=reason):
                yield {"at_s": at_s, "force_vote": reason}
            case Interrupted(reason=reason):
                yield {"at_s": at_s, "interrupt": reason}
            case _:
                pass


def _seats(events: list[Event], journal: Journal, began: float) -> Iterator[Plain]:
    """The answers and votes of the team's persons."""
    persons = {x for x, model in journal.opened.models.items() if model == "human"}
    for event in events:
        if not isinstance(event, Chunk) or event.agent not in persons:
            continue
        deed: Plain = {"at_s": round(event.at - began, 6), "by": event.agent}
        match event:
            case AnswerProposed(content=text) | AnswerPresented(content=text):
                yield {**deed, "answer": text}
            case VoteCast(ballot=ballot, reason=reason):
                yield {**deed, "vote": _labels(ballot), "reason": reason}
            case _:
                pass


def _labels(ballot: Ballot) -> list[str]:
    match ballot:
        case Choice(label=label):
            return [label]
        case Approval(labels=labels):
            return list(labels)
        case Ranking(tiers=tiers):
            return [label for tier in tiers for label in tier]
        case Scores(points=points):
            return [
                label for label, _ in sorted(points.items(), key=lambda one: -one[1])
            ]


def _expected(result: Result) -> Plain:
    answers: dict[str, list[Plain]] = {}
    for answer in result.answers:
        answers.setdefault(answer.agent, []).append({"is": answer.content})
    return {
        "status": result.status,
        "winner": result.winner,
        "answer": None if result.answer is None else {"is": result.answer},
        "answers": {
            agent: several if len(several) > 1 else several[0]
            for agent, several in answers.items()
        },
        "votes": {vote.voter: vote.choice for vote in result.votes},
        "elapsed_s": {"about": round(result.elapsed_s, 3), "within": NEAR_S},
    }


def _yaml(plain: Plain) -> str:
    import yaml  # noqa: PLC0415  (20 ms, for few)

    text: str = yaml.safe_dump(
        msgspec.to_builtins(plain),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )
    return text

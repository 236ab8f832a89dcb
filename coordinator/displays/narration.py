"""Puts what happened into words, one short line a fact; shared by every display.

Facts stay facts in chunks and decisions; a *moment* is one of them as a person reads
it: who, which kind of thing (a display picks sign and colour by it), and a sentence
that is cleaned and cut. Text as it streams is no moment; see
:mod:`coordinator.displays.view`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from agents.protocol.chunks import (
    AgentId,
    Approval,
    Ballot,
    BlockDelta,
    BlockStarted,
    Choice,
    CompactionDelta,
    ContextEdited,
    Label,
    Ranking,
    ResponseAbandoned,
    ResponseEnded,
    Scores,
    ServerToolCalled,
    ServerToolReturned,
    StatusChanged,
    TaskDivided,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnRestarted,
    TurnStarted,
    Unrecognized,
    UsageReported,
)
from coordinator.displays.labels import called, nth, revision_of
from coordinator.displays.response_notes import json_text, kind_of_note, note_of
from coordinator.displays.sanitizer import one_line
from coordinator.displays.tool_summaries import asked, brought
from coordinator.protocol.events import (
    AgentRetired,
    AnswerAccepted,
    AnswerChecked,
    AnswerRefused,
    AnswerRestored,
    CancelTurn,
    ChallengeOpened,
    CommitteeDecided,
    Event,
    JournalLost,
    ResultsCounted,
    RunChecks,
    SlateFrozen,
    TeamGrown,
    TellAgent,
    VetoIgnored,
    VoteCounted,
    VoteRejected,
    VotesCarried,
    VotesVoided,
    WinnerDecided,
)

Kind: TypeAlias = Literal[
    "phase", "turn", "answer", "vote", "void", "cancel", "trouble", "tool", "winner"
]

WORDS_MAX = 240
"""Characters a moment may have: three lines of a terminal."""

ANSWER_MAX = 120
"""Characters of an answer that are told; the winner's is shown whole at the end."""

COUNTED_MOST = 6
"""Results of a count that are told."""

WORKFLOW_TOOLS = frozenset(
    {"new_answer", "vote", "submit", "restart_orchestration", "divide", "stop"}
)
"""Tools whose calls are told as what they mean: an answer, a vote."""

_TASKS = {
    "draft": "is writing a first answer, alone",
    "review": "is reading the answers",
    "present": "is presenting the result",
    "divide": "is dividing the task",
    "work": "is doing its part",
}
_OUTCOMES = {
    "silent": "gave no usable result",
    "refused": "declined to go on",
    "cut": "ran out of room in mid-answer",
    "restarted": "asks for another round",
}


_ERROR_NAME = re.compile(r"(?:Backend[A-Z]\w+|StreamMalformed|ToolFailed): (?=\S)")


def as_people_say(error: str) -> str:
    """An agent's error without the name of its class."""
    return _ERROR_NAME.sub("", error)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One fact in words."""

    agent: AgentId | None
    """``None``: the team as a whole."""
    kind: Kind
    words: str


def moment_of(
    event: Event,
    authors: Mapping[Label, AgentId],
    stopped: Mapping[AgentId, str] = MappingProxyType({}),
) -> Moment | None:
    """Word one event; ``None`` where it is not worth a person's line.

    Args:
        event: A chunk or a decision.
        authors: Label → author, of every answer accepted so far.
        stopped: Agent → why its turn was stopped last, which is not said twice.
    """
    agent, kind, words = _narrated(event, authors)
    if isinstance(event, AgentRetired) and event.reason == stopped.get(event.agent):
        words = "is out"
    if not words:
        return None
    return Moment(agent=agent, kind=kind, words=one_line(words, WORDS_MAX))


def _narrated(  # noqa: C901, PLR0911, PLR0912, PLR0915  (a table of words, one case an event)
    event: Event, authors: Mapping[Label, AgentId]
) -> tuple[AgentId | None, Kind, str]:
    match event:
        case TurnStarted():
            return event.agent, "turn", _TASKS[event.task]
        case TurnEnded():
            words = _OUTCOMES.get(event.outcome, "")
            return event.agent, "trouble", _with(words, event.detail if words else "")
        case TurnRestarted():
            return event.agent, "trouble", f"{event.reason}; {event.model} takes over"
        case ResponseAbandoned():
            words = f"{event.reason}; asking again in {event.retry_in_s:.1f} s"
            return event.agent, "trouble", words
        case ToolCalled() if event.name not in WORKFLOW_TOOLS:
            return event.agent, "tool", f"{event.name} {json_text(event.input)}"
        case ToolReturned() if event.name in WORKFLOW_TOOLS and event.is_error:
            words = f"{event.name} is sent back: {json_text(event.content)}"
            return event.agent, "trouble", words
        case ToolReturned() if event.name not in WORKFLOW_TOOLS:
            arrow = "failed" if event.is_error else "returned"
            words = f"{event.name} {arrow} after {event.elapsed_s:.1f} s: "
            return event.agent, "tool", words + json_text(event.content)
        case (
            BlockStarted()
            | BlockDelta()
            | CompactionDelta()
            | ContextEdited()
            | UsageReported()
            | ResponseEnded()
            | Unrecognized()
        ):
            return event.agent, kind_of_note(event), note_of(event)
        case StatusChanged(status="tools_missing"):
            return event.agent, "trouble", f"goes on without tools: {event.detail}"
        case StatusChanged(status="tools_changed"):
            return event.agent, "trouble", f"has other tools now: {event.detail}"
        case ServerToolCalled():
            return event.agent, "tool", asked(event)
        case ServerToolReturned():
            return event.agent, "tool", brought(event)
        case AnswerAccepted():
            words = f"answers{_again(event.label)}: "
            words += one_line(event.content, ANSWER_MAX)
            return event.agent, "answer", words
        case RunChecks():
            return event.agent, "turn", f"is checked: {', '.join(event.checks)}"
        case AnswerChecked():
            is_whole = all(each.outcome == "passed" for each in event.results)
            return event.agent, "answer" if is_whole else "trouble", _checked(event)
        case ResultsCounted():
            return None, "phase", _counted(event, authors)
        case AnswerRefused():
            return event.agent, "trouble", _with("answer refused", event.reason)
        case AnswerRestored():
            number = nth(revision_of(event.label)) or "first "
            return event.agent, "answer", f"the {number}answer stands again"
        case VetoIgnored():
            words = f"the veto of {called(event.label, authors)} changed nothing: "
            words += event.reason
            return None, "trouble", words
        case VoteCounted():
            words = ballot_in_words(event.ballot, authors)
            return event.voter, "vote", _with(words, event.reason)
        case VoteRejected():
            return event.voter, "trouble", _with("vote rejected", event.reason)
        case VotesVoided():
            unseen = called(event.label, authors)
            words = f"{', '.join(event.voters)} had not seen {unseen}: vote again"
            return None, "void", words
        case VotesCarried():
            changed = called(event.label, authors)
            return None, "turn", f"{changed} differs little; its votes stay"
        case ChallengeOpened():
            rival = called(event.label, authors)
            words = f"the vote was close: may answer once more against {rival}"
            return event.challenger, "phase", words
        case TeamGrown():
            words = f"{', '.join(event.agents)} join: {event.reason}"
            return None, "phase", words
        case TaskDivided():
            titles = ", ".join(part.title for part in event.parts)
            return event.agent, "answer", f"divides the task: {titles}"
        case CancelTurn():
            return event.agent, "cancel", _with("is stopped", event.reason)
        case TellAgent():
            return event.news.agent, "turn", "is told of new answers"
        case AgentRetired():
            return event.agent, "trouble", _with("is out", as_people_say(event.reason))
        case SlateFrozen():
            names = ", ".join(author(label, authors) for label in event.labels)
            return None, "phase", f"the vote is on {names}"
        case CommitteeDecided():
            words = f"committee {event.committee + 1} prefers"
            chosen = (author(x, authors) for x in (event.label, *event.others))
            return None, "phase", f"{words} {', '.join(chosen)}"
        case JournalLost():
            return None, "trouble", f"from here on nothing is kept: {event.reason}"
        case WinnerDecided():
            return event.winner, "winner", _victory(event)
        case _:
            return None, "turn", ""


def _checked(event: AnswerChecked) -> str:
    short = [x for x in event.results if x.outcome != "passed"]
    if not short:
        return "passes every check"
    results = "; ".join(
        f"{x.check} {x.outcome}" + (f" ({last_line(x.detail)})" if x.detail else "")
        for x in short
    )
    return f"passes {event.passed:g} of {event.of:g}: {results}"


def last_line(text: str) -> str:
    """Where programs put what they have come to; an exit code alone says little."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[-1].startswith("[exit code"):
        lines.pop()
    return lines[-1].strip() if lines else ""


def _counted(event: ResultsCounted, authors: Mapping[Label, AgentId]) -> str:
    """Equal results as ``ada 3, bo 1``, and why a vote follows, or none."""
    sizes = [len(members) for members in event.members]
    if len(sizes) == 1 and sizes[0] > 1:
        return f"all {sizes[0]} answers come to one result, so no vote is held"
    if len(sizes) > 1 and max(sizes) == 1 and not event.is_clear:
        return "no two answers come to one result, so a vote decides"
    shown = event.standings[:COUNTED_MOST]
    counts = ", ".join(
        f"{author(label, authors)} {weight:g}" for label, weight in shown
    )
    more = len(event.standings) - len(shown)
    counts = f"equal results: {counts}" + (f" and {more} more" if more else "")
    if len(sizes) == 1:
        return counts
    why = "no vote is held, for the count is sure enough"
    return f"{counts}; {why if event.is_clear else 'a vote decides'}"


def _again(label: Label) -> str:
    """`` anew (second answer)`` of an answer that is not its author's first."""
    number = revision_of(label)
    return f" anew ({nth(number)}answer)" if number > 1 else ""


def author(label: Label, authors: Mapping[Label, AgentId]) -> str:
    """The author of the answer of this label; the label itself where unknown."""
    return authors.get(label, label)


def ballot_in_words(ballot: Ballot, authors: Mapping[Label, AgentId]) -> str:
    """Say a ballot with the authors' names, e.g. ``ranks ada > bo``."""
    match ballot:
        case Choice():
            return f"votes for {author(ballot.label, authors)}"
        case Approval():
            names = ", ".join(author(label, authors) for label in ballot.labels)
            return f"approves of {names or 'nobody'}"
        case Ranking():
            tiers = (" = ".join(author(x, authors) for x in t) for t in ballot.tiers)
            return f"ranks {' > '.join(tiers)}"
        case Scores():
            points = sorted(ballot.points.items(), key=lambda item: -item[1])
            return "gives " + ", ".join(f"{author(x, authors)} {n}" for x, n in points)


def _victory(event: WinnerDecided) -> str:
    words = f"wins by {event.rule}" if event.rule else "wins without a vote"
    if event.was_tie:
        words += ", after a tie"
    if event.is_early:
        words += "; no outstanding vote could change that"
    return _with(words, event.detail)


def _with(words: str, detail: str) -> str:
    return f"{words}: {detail}" if detail else words

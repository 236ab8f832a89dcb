"""What a person types into a session, and what a person is shown when asked. Pure.

A line that begins with a slash is a command; any other is part of an answer, which an
empty line ends.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, assert_never

from agents.protocol.chunks import AgentId, Label, ToolCalled
from agents.protocol.turns import (
    BallotForm,
    Divide,
    Draft,
    Present,
    Review,
    Task,
    VisibleAnswer,
    Work,
)

COMMANDS = """\
  /vote LABEL [LABEL …] [because WHY]   the best answer first
  /say WORDS                            all agents read it with their next turn
  /veto LABEL [WHY]                     rules an answer out
  /stop AGENT [WHY]                     takes an agent out; its answer stands
  /yes   /no [WHY]                      lets the tool run that was asked about, or not
  /end                                  ends now, with the best answer so far
  /help                                 shows this
  anything else                         is your answer; an empty line hands it in"""


class Voted(NamedTuple):
    """``/vote``."""

    labels: tuple[Label, ...]
    reason: str


class Told(NamedTuple):
    """``/say``."""

    words: str


class Vetoed(NamedTuple):
    """``/veto``."""

    label: Label
    reason: str


class Stopped(NamedTuple):
    """``/stop``."""

    agent: AgentId
    reason: str


class Allowed(NamedTuple):
    """``/yes``."""


class Denied(NamedTuple):
    """``/no``."""

    reason: str


class Ended(NamedTuple):
    """``/end``."""


class Helped(NamedTuple):
    """``/help``."""


class Misspoken(NamedTuple):
    """A command that is none, or lacks something."""

    why: str


Command: TypeAlias = (
    Voted | Told | Vetoed | Stopped | Allowed | Denied | Ended | Helped | Misspoken
)


def command_of(line: str) -> Command:
    """Read a line that begins with a slash."""
    name, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    first, _, more = rest.partition(" ")
    match name:
        case "/end":
            return Ended()
        case "/help":
            return Helped()
        case "/yes":
            return Allowed()
        case "/no":
            return Denied(rest or "a person said no")
        case "/vote" if rest:
            return _vote(rest)
        case "/say" if rest:
            return Told(rest)
        case "/veto" if rest:
            return Vetoed(Label(first), more.strip() or "vetoed by a person")
        case "/stop" if rest:
            return Stopped(AgentId(first), more.strip() or "stopped by a person")
        case "/vote" | "/say" | "/veto" | "/stop":
            return Misspoken(f"{name} needs something after it; /help shows what")
        case _:
            return Misspoken(f"{name} is not known; /help shows what is")


def _vote(rest: str) -> Voted:
    named, _, reason = rest.partition(" because ")
    labels = named.replace(",", " ").replace(">", " ").split()
    return Voted(tuple(Label(label) for label in labels), reason.strip())


def approval_of(agent: AgentId, call: ToolCalled) -> str:
    """What a person is shown who must approve a call."""
    given = bytes(call.input).decode("utf-8", "replace")
    return f"{agent} wants to run {call.name}:\n{given}\n/yes or /no, and why not."


def request_of(agent: AgentId, task: Task) -> str:
    """What is asked of a person, with all there is to read for it."""
    match task:
        case Draft():
            return f"{agent}, you are asked for a first answer.{_written()}"
        case Review():
            return f"{agent}, you are asked to vote.\n\n{_shown(task.answers)}\n" + (
                " ".join(_ways(task))
            )
        case Present():
            reasons = "".join(f"\n  for it: {reason}" for reason in task.reasons)
            return (
                f"{agent}, you are asked for the final words.\n\n"
                f"{_shown(task.answers)}{reasons}\n{_written()}"
            )
        case Work():
            return (
                f"{agent}, you are asked to do a part: {task.part.title}\n"
                f"{task.part.instructions}{_written()}"
            )
        case Divide():
            return (
                f"{agent}, you are asked to divide the task, which cannot be done "
                "here; an empty answer passes it on."
            )
    assert_never(task)


def _ways(task: Review) -> list[str]:
    ways: list[str] = []
    if task.ballot is not None:
        ways.append(_ballot(task.ballot))
    if task.may_revise:
        ways.append("A better answer of your own may be written instead.")
    return ways


def _written() -> str:
    return "\nWrite; an empty line hands it in. /help shows what else can be done."


def _shown(answers: tuple[VisibleAnswer, ...]) -> str:
    return "\n".join(
        f"[{answer.label}]{' (yours)' if answer.is_own else ''}\n{answer.content}\n"
        for answer in answers
    )


def _ballot(form: BallotForm) -> str:
    what = {
        "choice": "one label",
        "approval": "every label that is good enough",
        "ranking": "labels, best first",
        "scores": "every label that is good",
    }[form.kind]
    return f"/vote takes {what}, and 'because' with a reason."

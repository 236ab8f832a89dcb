"""Commands that a person types into a session, and what one is shown. Pure.

A line that begins with a slash is a command; any other is part of an answer, which an
empty line ends.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, assert_never

from agents.protocol.chunks import AgentId, ToolCalled
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
from coordinator.protocol.wishes import (
    Allow,
    Deny,
    End,
    ForceVote,
    StopAgent,
    Tell,
    Veto,
    Vote,
    Wish,
)

COMMANDS = """\
  /vote ANSWER [ANSWER …] [because WHY] the best one first
  /say WORDS                            all agents read it with their next turn
  /veto ANSWER [WHY]                    rules it out
  /stop AGENT [WHY]                     takes an agent out; its answer stands
  /force                                holds the vote now, on what there is
  /yes   /no [WHY]                      lets the tool run that was asked about, or not
  /end                                  ends now, with the best answer so far
  /help                                 shows this
  anything else                         is your answer; an empty line hands it in
An ANSWER is its number in the list, its label, or its author's name."""


class Helped(NamedTuple):
    """``/help``."""


class Misspoken(NamedTuple):
    """A command that is none, or lacks something."""

    why: str


Command: TypeAlias = Wish | Helped | Misspoken


def command_of(line: str) -> Command:
    """Read a line that begins with a slash."""
    name, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    first, _, more = rest.partition(" ")
    match name:
        case "/end" | "/help" | "/yes" | "/force":
            return {"/end": End(), "/help": Helped(), "/yes": Allow()}.get(
                name, ForceVote()
            )
        case "/no":
            return Deny(reason=rest) if rest else Deny()
        case "/vote" if rest:
            return vote_of(rest)
        case "/say" if rest:
            return Tell(text=rest)
        case "/veto" if rest:
            why = more.strip()
            return Veto(choice=first, reason=why) if why else Veto(choice=first)
        case "/stop" if rest:
            why = more.strip()
            return StopAgent(agent=first, reason=why) if why else StopAgent(agent=first)
        case "/vote" | "/say" | "/veto" | "/stop":
            return Misspoken(f"{name} needs something after it; /help shows what")
        case _:
            return Misspoken(f"{name} is not known; /help shows what is")


def vote_of(text: str) -> Vote:
    """Read ``2 1 because it is right``."""
    named, _, reason = f"{text} ".partition(" because ")
    choices = named.replace(",", " ").replace(">", " ").split()
    return Vote(choices=tuple(choices), reason=reason.strip())


def approval_of(agent: AgentId, call: ToolCalled) -> str:
    """The text shown to a person who must approve a call."""
    arguments = bytes(call.input).decode("utf-8", "replace")
    return f"{agent} wants to run {call.name}:\n{arguments}\n/yes or /no, and why not."


def request_of(agent: AgentId, task: Task, *, has_keys: bool = False) -> str:
    """The request shown to a person, with all there is to read for it.

    Args:
        agent: The person.
        task: What is asked.
        has_keys: Answers are given by a display's keys, not by lines.
    """
    written = (
        "\nKey a writes it; Alt-Enter begins a new line, Enter hands it in."
        if has_keys
        else "\nWrite; an empty line hands it in. /help shows what else can be done."
    )
    match task:
        case Draft():
            return f"{agent}, you are asked for a first answer.{written}"
        case Review():
            return f"{agent}, you are asked to vote.\n\n{_shown(task.answers)}\n" + (
                " ".join(_ways(task, has_keys=has_keys))
            )
        case Present():
            reasons = "".join(f"\n  for it: {reason}" for reason in task.reasons)
            return (
                f"{agent}, you are asked for the final words.\n\n"
                f"{_shown(task.answers)}{reasons}\n{written}"
            )
        case Work():
            return (
                f"{agent}, you are asked to do a part: {task.part.title}\n"
                f"{task.part.instructions}{written}"
            )
        case Divide():
            return (
                f"{agent}, you are asked to divide the task, which cannot be done "
                "here; an empty answer passes it on."
            )
    assert_never(task)


def _ways(task: Review, *, has_keys: bool) -> list[str]:
    ways: list[str] = []
    if task.ballot is not None:
        ways.append(_ballot(task.ballot, "Key b" if has_keys else "/vote"))
    if task.may_revise:
        own = "Key a writes" if has_keys else "You may write"
        ways.append(f"{own} a better answer of your own instead.")
    return ways


def _shown(answers: tuple[VisibleAnswer, ...]) -> str:
    return "\n".join(
        f"{number} [{answer.label}]{' (yours)' if answer.is_own else ''}\n"
        f"{answer.content}\n"
        for number, answer in enumerate(answers, start=1)
    )


def _ballot(form: BallotForm, way: str) -> str:
    what = {
        "choice": "one number",
        "approval": "the number of every answer that is good enough",
        "ranking": "numbers, best first",
        "scores": "the number of every answer that is good",
    }[form.kind]
    return f"{way} takes {what}, and 'because' with a reason."

"""The layout of a prompt: its size, and the prefixes the cache may know of it.

As :mod:`agents.conversation.prompts` and
:mod:`agents.backends.dialects.messages.writer` lay it out: tools and system first, then
the question and the answers, the same for all viewers, then what concerns the viewer
alone. A conversation that goes on is marked at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, assert_never

from agents.protocol.chunks import Label
from agents.protocol.turns import Divide, Draft, Present, Review, Turn, Work
from coordinator.comparison.assumptions import Assumptions
from coordinator.comparison.billing import Prefix

Tools = tuple[object, ...]
"""The values that the tools' text depends on; other tools begin another prompt."""


@dataclass(slots=True)
class Talk:
    """An agent's conversation, so far as it is kept; 0 tokens: there is none."""

    tokens: int = 0
    key: object = None


class Prompt(NamedTuple):
    """A request's input."""

    tokens: int
    prefixes: tuple[Prefix, ...]
    """Shortest first."""
    tools: Tools


def laid_out(turn: Turn, talk: Talk | None, assumed: Assumptions) -> Prompt:
    """The prompt of ``turn``.

    Args:
        turn: What is asked.
        talk: The agent's conversation; ``None`` where every turn begins afresh.
        assumed: Sizes.
    """
    task = turn.task
    tools, shown, reasons = _content(turn)
    if talk is not None and turn.continues and talk.tokens:
        unseen = len(task.unseen) if isinstance(task, Review) else 0
        more = unseen * assumed.answer_tokens + assumed.ask_tokens
        known = Prefix((talk.key, tools), talk.tokens)
        return Prompt(talk.tokens + more, (known,), tools)
    fixed = assumed.preamble_tokens + assumed.question_tokens
    body = fixed + len(shown) * assumed.answer_tokens
    prefixes = (Prefix(tools, assumed.preamble_tokens), Prefix((tools, shown), body))
    tail = reasons * assumed.ballot_tokens + assumed.ask_tokens
    return Prompt(body + tail, prefixes, tools)


def _content(turn: Turn) -> tuple[Tools, tuple[Label, ...], int]:
    """The tools' key, the answers shown, and the number of quoted reasons."""
    match turn.task:
        case Draft():
            return ("draft",), (), 0
        case Review() as task:
            # The vote tool lists the labels, so its text changes with them.
            labels = tuple(sorted(task.ballot.labels)) if task.ballot else ()
            shown = tuple(answer.label for answer in task.answers)
            return ("review", task.may_revise, labels), shown, 0
        case Present() as task:
            shown = tuple(answer.label for answer in task.answers)
            return ("present",), shown, len(task.reasons)
        case Divide() | Work():
            raise NotImplementedError("divided tasks are not compared")
        case _:
            assert_never(turn.task)

"""Replies of a function that stands for a model, and their meaning. Pure.

A reply is text, a :class:`ToolCall`, an :class:`Answer`, a :class:`Vote` or a list of
them. Where an answer is asked for, text alone is one. A vote in the form that the
ballot has is a call of ``vote``:

========  ====================================================
ballot    input of ``vote``, each with a ``reason`` if you like
========  ====================================================
choice    ``{"label": "agent1.1"}``
approval  ``{"labels": ["agent1.1", "agent3.1"]}``
ranking   ``{"tiers": [["agent1.1"], ["agent2.1", "agent3.1"]]}``
scores    ``{"scores": {"agent1.1": 9, "agent2.1": 4}}``
========  ====================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from agents.errors import BackendRefused
from agents.protocol.chunks import Usage
from agents.protocol.turns import BallotForm, Review, Turn, task_name
from agents.protocol.unicode_text import whole_json, whole_text
from agents.tools import foreign_types
from agents.tools.workflow import ABSTAIN

T = TypeVar("T")

PIECES_MOST = 100_000
"""Pieces of one reply, or labels of one vote; no model says more at once."""


class ToolCall(msgspec.Struct, frozen=True):
    """A call of a tool: one of the agent's own, or of the team's, as ``vote``."""

    name: str
    input: Mapping[str, Any] = {}
    """JSON, as the tool's schema has it."""
    id: str = ""
    """The id that the tool's result refers to; made here where it is empty."""


class Answer(msgspec.Struct, frozen=True):
    """An answer, also where a vote might have been cast instead."""

    content: str
    value: Any = None
    """The structured answer, where the team asks for one."""


class Thought(msgspec.Struct, frozen=True):
    """A model's thinking, for people; never shown to another agent."""

    text: str


class Vote(msgspec.Struct, frozen=True):
    """A vote for one label or several, best first, in whichever form is asked for."""

    labels: str | Sequence[str]
    reason: str = ""


Piece: TypeAlias = str | ToolCall | Answer | Vote | Thought | Usage
"""One thing that is said; :class:`Usage` is what the response has cost so far."""
Reply: TypeAlias = Piece | Sequence[Piece]

_FORMS = "text, a ToolCall, an Answer, a Vote, a Thought, a Usage, or a list of these"


def pieces_of(reply: object) -> tuple[Piece, ...]:
    """The pieces of a reply, one by one.

    Raises:
        BackendRefused: It is of a type that no reply has.
    """
    if isinstance(reply, Piece):
        return (reply,)
    if isinstance(reply, list | tuple):
        listed = _few(cast("Sequence[object]", reply))
        return tuple(_piece(one, f"a list with {one!r:.80} in it") for one in listed)
    return (_piece(reply, f"{reply!r:.80}"),)


def _few(many: Iterable[T]) -> list[T]:
    """A list of the caller's, read once; its class may be one without end.

    Raises:
        BackendRefused: It is too long.
    """
    few = list(islice(many, PIECES_MOST + 1))
    if len(few) > PIECES_MOST:
        raise BackendRefused(f"the function replied a list of over {PIECES_MOST:,}")
    return few


def _piece(one: object, shown: str) -> Piece:
    if isinstance(one, Piece):
        return one
    raise BackendRefused(f"the function replied {shown}; reply {_FORMS}")


def call_of(piece: ToolCall | Answer | Vote, turn: Turn) -> tuple[str, str]:
    """The tool that a piece calls, and its input as JSON.

    Raises:
        BackendRefused: The turn asks for no such thing, or the input is no JSON.
    """
    match piece:
        case ToolCall():
            return whole_text(piece.name), _json(
                piece.input, f"the input of {piece.name!r}"
            )
        case Answer():
            arguments: dict[str, Any] = {"content": piece.content}
            if piece.value is not None:
                arguments["value"] = piece.value
            return "new_answer", _json(arguments, "the answer's value")
        case Vote():
            return "vote", _json(_vote(piece, turn), "the vote")


def _json(value: object, what: str) -> str:
    try:
        try:
            encoded = msgspec.json.encode(value, enc_hook=foreign_types.encode)
        except UnicodeEncodeError:
            plain = msgspec.to_builtins(
                value, enc_hook=foreign_types.encode, str_keys=True
            )
            encoded = msgspec.json.encode(whole_json(plain))
        return encoded.decode()
    except (RecursionError, TypeError, ValueError, NotImplementedError) as error:
        raise BackendRefused(f"{what} is no JSON: {error}") from error


def _vote(vote: Vote, turn: Turn) -> dict[str, Any]:
    form = _form(turn)
    labels = [vote.labels] if isinstance(vote.labels, str) else _few(vote.labels)
    for label in labels:
        if label not in form.labels:
            raise BackendRefused(
                f"the function voted for {label!r}, which is not on the ballot; choose "
                f"from {', '.join(form.labels)}"
            )
    if not labels and not form.may_abstain:
        raise BackendRefused("the function voted for nothing; name a label")
    match form.kind:
        case "choice":
            fields: dict[str, Any] = {"label": labels[0] if labels else ABSTAIN}
        case "approval":
            fields = {"labels": labels}
        case "ranking":
            fields = {"tiers": [[label] for label in labels]}
        case "scores":
            # Evenly spaced from the best score down: an order is all that was said.
            step = form.max_score / max(1, len(labels))
            scores = [round(form.max_score - step * n) for n in range(len(labels))]
            fields = {"scores": dict(zip(labels, scores, strict=True))}
    return {**fields, "reason": vote.reason}


def _form(turn: Turn) -> BallotForm:
    task = turn.task
    if isinstance(task, Review) and task.ballot is not None:
        return task.ballot
    raise BackendRefused(
        f"the function voted in a turn that asks for no vote ({task_name(task)}); a "
        "Vote is for a turn whose task.ballot is set"
    )

"""The view of a call that a model has, from a request of ours or an API body.

The engine tells an agent its task in words and shows answers inside fences. In the
process the task is known; over HTTP both are read back, so that a script's ``when`` and
its votes mean the same in either place. Other clients tell theirs by the tools alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from agents.backends.scripted.request_match import (
    OF_TEAM,
    BallotKind,
    Seen,
    TaskName,
    last_message,
    tokens,
    weigh,
)
from agents.conversation.prompts import Asked, read_ask, unfence
from agents.protocol.backend import Request
from agents.protocol.turns import (
    Divide,
    Draft,
    Present,
    Review,
    Task,
    VisibleAnswer,
    Work,
)
from agents.tools.workflow import WORKFLOW_NAMES, counting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from agents.backends.scripted.script import JsonObject

_BALLOT_FIELDS: dict[str, BallotKind] = {
    "label": "choice",
    "labels": "approval",
    "tiers": "ranking",
    "scores": "scores",
}
_CONSIDER = re.compile(r"Consider the answers in this order: ([\w., -]+?)\.(?=\s|$)")
_TASK_NAMES: dict[type[Task], TaskName] = {
    Draft: "draft",
    Review: "review",
    Present: "present",
    Divide: "divide",
    Work: "work",
}


def seen_in(request: Request) -> Seen:
    """Read a request of ours as its model would."""
    turn = request.turn
    messages: list[JsonObject] = [
        {"role": message.role, "content": msgspec.json.decode(message.content)}
        for message in request.messages
    ]
    body: JsonObject = {"system": request.system, "messages": messages}
    form = turn.task.ballot if isinstance(turn.task, Review) else None
    shown = turn.task.answers if isinstance(turn.task, Review | Present) else ()
    ask = Asked(_TASK_NAMES[type(turn.task)], counting(turn.task))
    tools = _encoded_tools(msgspec.json.encode(request.tools))
    read = _seen(body, tools, list(_texts(messages)), ask)
    labels = {answer.label for answer in shown}
    # News in the middle of a turn shows answers that its task does not hold.
    news = tuple(
        answer
        for answer in read.visible
        if shown and messages and answer.label not in labels
    )
    return msgspec.structs.replace(
        read,
        visible=(*shown, *news),
        ballot=form.kind if form else read.ballot,
        max_score=form.max_score if form else read.max_score,
        call=request.call,
    )


def seen_in_body(body: JsonObject) -> Seen:
    """Read a checked body of ``/v1/messages`` as its model would.

    Args:
        body: As JSON; it is not changed.
    """
    tools = _tools(cast("list[JsonObject]", body.get("tools") or []))
    texts = list(_texts(body["messages"]))
    return _seen(body, tools, texts, read_ask(texts))


class _Tools(NamedTuple):
    """The facts about a request's tools; many requests bring the same ones."""

    names: tuple[str, ...]
    characters: int
    ballot: BallotKind
    max_score: int
    labels: frozenset[str]
    """The answers that the ballot names; none where any may be voted for."""


@lru_cache(maxsize=64)
def _encoded_tools(encoded: bytes) -> _Tools:
    return _tools(msgspec.json.decode(encoded))


def _tools(tools: list[JsonObject]) -> _Tools:
    by_name = {str(tool.get("name", "")): tool for tool in tools}
    # Claude Code has the team's tools of an MCP server; scripts name them as they are.
    bare = {
        name.removeprefix(OF_TEAM): tool
        for name, tool in by_name.items()
        if name.startswith(OF_TEAM)
    }
    vote = _within((by_name | bare).get("vote", {}), "input_schema")
    return _Tools(
        names=(*by_name, *bare),
        characters=sum(
            weigh(
                [tool.get(key, "") for key in ("name", "description", "input_schema")]
            )
            for tool in by_name.values()
        ),
        ballot=_ballot(vote),
        max_score=_max_score(vote),
        labels=_labels(vote),
    )


def _seen(body: JsonObject, tools: _Tools, texts: list[str], ask: Asked | None) -> Seen:
    messages = body["messages"]
    last_text, has_tool_error = last_message(messages)
    size = sum(weigh(body.get(key, "")) for key in ("system", "messages"))
    visible = _visible(messages, texts, tools.labels)
    return Seen(
        task=ask.task if ask else _task(tools.names, has_answers=bool(visible)),
        visible=visible,
        ballot=tools.ballot,
        max_score=tools.max_score,
        offered=_offered(tools.names, ask),
        call=_call(messages),
        told=last_text,
        has_tool_error=has_tool_error,
        input_tokens=tokens(size + tools.characters),
    )


def is_of_ours(body: JsonObject) -> bool:
    """Whether a body of ``/v1/messages`` asks in the words of this program."""
    return read_ask(list(_texts(body["messages"]))) is not None


def objects_in(value: object) -> Iterator[JsonObject]:
    """Give every JSON object in a value, itself included, outermost first."""
    if isinstance(value, dict):
        yield cast("JsonObject", value)
        for part in cast("JsonObject", value).values():
            yield from objects_in(part)
    elif isinstance(value, list):
        for part in cast("list[object]", value):
            yield from objects_in(part)


def _task(tools: tuple[str, ...], *, has_answers: bool) -> TaskName:
    if "vote" in tools:
        return "review"
    if "divide" in tools:
        return "divide"
    if "stop" in tools:
        return "work"
    if "new_answer" in tools:
        return "review" if has_answers else "draft"
    return "present"


def _ballot(schema: JsonObject) -> BallotKind:
    for field in _within(schema, "properties"):
        if field in _BALLOT_FIELDS:
            return _BALLOT_FIELDS[field]
    return "choice"


def _max_score(schema: JsonObject) -> int:
    maxima: list[object] = [value.get("maximum") for value in objects_in(schema)]
    scores = [most for most in maxima if isinstance(most, int | float)]
    return int(scores[0]) if scores else 10


def _offered(tools: tuple[str, ...], ask: Asked | None) -> tuple[str, ...]:
    """Which of the tools may be called: of ours that hand in work, those asked for."""
    if ask is None:
        return tools
    return tuple(x for x in tools if x not in WORKFLOW_NAMES or x in ask.counting)


def _labels(schema: JsonObject) -> frozenset[str]:
    scores = _within(_within(schema, "properties"), "scores")
    named = {
        str(name)
        for one in objects_in(schema)
        if isinstance(names := one.get("enum"), list)
        for name in cast("list[object]", names)
    }
    return frozenset(named | _within(scores, "properties").keys())


def _visible(
    messages: list[Any], texts: list[str], named: AbstractSet[str]
) -> tuple[VisibleAnswer, ...]:
    answers = unfence(texts)
    if not answers:
        return answers
    # A conversation that goes on still holds answers that no longer stand; what it was
    # told to consider last, and what has come since, does. Where nobody may vote for
    # itself that lacks the viewer's own, which the turn's words speak of if it stands.
    named = named or _considered(texts)
    own = {
        answer.label for answer in unfence([_turn_prompt(messages)]) if answer.is_own
    }
    return tuple(x for x in answers if not named or x.label in named | own)


def _within(fields: JsonObject, key: str) -> JsonObject:
    """An object within another; empty where there is none."""
    inner: object = fields.get(key)
    return cast("JsonObject", inner) if isinstance(inner, dict) else {}


def _considered(texts: list[str]) -> set[str]:
    """The labels that may be voted for, by the words of the last review."""
    for place in range(len(texts) - 1, -1, -1):
        if labels := _CONSIDER.findall(texts[place]):
            named = dict(_apart(label) for label in labels[-1].split(", "))
            since = unfence(texts[place + 1 :])
            named.update(_apart(answer.label) for answer in since)
            return {f"{author}.{number}" for author, number in named.items()}
    return set()


def _apart(label: str) -> tuple[str, str]:
    author, _, number = label.rpartition(".")
    return author, number


def _texts(messages: list[Any]) -> Iterator[str]:
    for message in messages:
        if message["role"] == "user":
            yield last_message([message])[0]


def _call(messages: list[Any]) -> int:
    """Count the model's calls since it was last asked something new.

    A message of nothing but tool results goes on with the same turn; one with words of
    its own begins another.
    """
    calls = 1
    for message in reversed(messages):
        if message["role"] == "assistant":
            calls += 1
        elif _has_words(message):
            break
    return calls


def _turn_prompt(messages: list[Any]) -> str:
    """The words with which the turn under way began."""
    for message in reversed(messages):
        if message["role"] == "user" and _has_words(message):
            return last_message([message])[0]
    return ""


def _has_words(message: Any) -> bool:  # noqa: ANN401  (JSON, carried)
    """Whether a user's message is more than tool results."""
    return isinstance(message["content"], str) or any(
        block.get("type") != "tool_result" for block in message["content"]
    )

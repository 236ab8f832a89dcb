"""Facts of a session, plain ones that a scenario can name.

``votes_voided: {voters: [ben], label: ada.2}`` says of an event what its Struct says,
in the same words, so that what ``--trace`` prints can be copied into a file. Labels
depend on the seed; an answer may be meant by its author, ``ada``, or by author and
revision, ``ada.2``.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast, get_args

import msgspec
import msgspec.inspect as shapes

from agents import errors
from agents.backends.scripted.request_match import last_message
from agents.protocol.chunks import (
    AgentFailed,
    Chunk,
    Label,
    ResponseAbandoned,
    RestartRequested,
    ServerToolCalled,
    StatusChanged,
    TextDelta,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    TurnRestarted,
    TurnStarted,
)
from agents.protocol.turns import Review, TaskName, task_name
from coordinator.protocol.events import (
    AnswerAccepted,
    CancelChecks,
    CancelTurn,
    Conclude,
    Decision,
    Event,
    RunChecks,
    StartTurn,
    TellAgent,
)
from coordinator.scenarios.matchers import (
    Bound,
    TextMatch,
    json_fits,
    number_fits,
    text_fits,
)

if TYPE_CHECKING:
    from agents.protocol.backend import Request

Fact: TypeAlias = "str | bool | float | list[Any] | dict[str, Any] | None"

TEXTS = frozenset(
    {
        "answer",
        "content",
        "detail",
        "instructions",
        "message",
        "note",
        "prompt",
        "reason",
        "system",
        "text",
    }
)
"""Fields of prose, of which plain text in a file is a part; of names it is the whole;
see :mod:`coordinator.scenarios.matchers`."""

LABELS = frozenset(
    {"label", "labels", "others", "replaced", "shows", "standings", "unseen"}
)
"""Fields that hold labels."""

_TOLD_AS_THEY_ARE: tuple[type[msgspec.Struct], ...] = (
    *get_args(Decision),
    RunChecks,
    CancelChecks,
    CancelTurn,
    Conclude,
    TurnStarted,
    TurnEnded,
    TurnRestarted,
    ResponseAbandoned,
    ToolCalled,
    ToolReturned,
    ServerToolCalled,
    StatusChanged,
    RestartRequested,
    AgentFailed,
)
_LEFT_OUT = frozenset({"seq", "at", "elapsed_s", "ballot", "value", "id", "block"})
"""Of no use in a file, or told by another field."""

_TEXT, _FLAG, _LIST = str | TextMatch | None, bool, tuple[str, ...]
_NUMBER, _JSON = float | Bound, dict[str, Any]
_NOISE = "requesting"
"""A status that is said before every model call: ``model_asked`` tells more."""
MODEL_ASKED = "model_asked"
"""The kind of a model's request; no event has it, so whoever plays the scenario notes
it, see :meth:`Chronicle.ask`."""
_WORDED: dict[str, dict[str, Any]] = {
    "start_turn": {
        "agent": _TEXT,
        "task": _TEXT,
        "continues": _FLAG,
        "note": _TEXT,
        "shows": _LIST,
        "unseen": _LIST,
        "may_revise": _FLAG,
        "may_restart": _FLAG,
    },
    "tell_agent": {"agent": _TEXT, "text": _TEXT, "shows": _LIST},
    MODEL_ASKED: {
        "agent": _TEXT,
        "task": _TEXT,
        "turn": _NUMBER,
        "call": _NUMBER,
        "system": _TEXT,
        "prompt": _TEXT,
        "tools": _LIST,
    },
}
"""Kinds of events that hold a whole turn, and the fields that a file may name."""


def _plain(kind: shapes.Type) -> Any:  # noqa: ANN401  (a type expression)
    """The type by which a file writes such a field; ``None``: it does not."""
    match kind:
        case shapes.StrType() | shapes.LiteralType() | shapes.UnionType():
            return _TEXT
        case shapes.RawType():
            return _TEXT  # of a call's input see _fields
        case shapes.BoolType():
            return _FLAG
        case shapes.IntType() | shapes.FloatType():
            return _NUMBER
        case shapes.VarTupleType(item_type=shapes.StrType()):
            return _LIST
        case shapes.VarTupleType(item_type=shapes.TupleType()):
            return dict[str, _NUMBER]  # pairs of a label and its points
        case _:
            return None


def _fields(event: type[msgspec.Struct]) -> dict[str, Any]:
    info = shapes.type_info(event)
    assert isinstance(info, shapes.StructType)
    kinds = {
        field.name: _JSON if field.name == "input" else _plain(field.type)
        for field in info.fields
    }
    return {n: kind for n, kind in kinds.items() if kind and n not in _LEFT_OUT}


def _tag(event: type[msgspec.Struct]) -> str:
    return str(event.__struct_config__.tag)


_KINDS: dict[str, dict[str, Any]] = {
    **{_tag(event): _fields(event) for event in _TOLD_AS_THEY_ARE},
    **_WORDED,
}

_NAMED: dict[str, tuple[str, ...]] = {
    kind: tuple(n for n in fields if n in LABELS or n in TEXTS or n == "input")
    for kind, fields in _KINDS.items()
}
"""Kind → the fields in which answers are spoken of."""


@cache
def _kind(event: type[msgspec.Struct]) -> str:
    """The name of such an event in a file; empty: files cannot name it."""
    tag = _tag(event)
    return tag if tag in _KINDS else ""


KINDS = tuple(_KINDS)
"""Kinds of happenings that a file may name."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    kind: tuple(fields) for kind, fields in _KINDS.items()
}
"""Kind → what may be said of it."""


def _words(event: type[msgspec.Struct]) -> Iterator[tuple[str, tuple[str, ...]]]:
    info = shapes.type_info(event)
    assert isinstance(info, shapes.StructType)
    for field in info.fields:
        if isinstance(field.type, shapes.LiteralType):
            words = tuple(map(str, field.type.values))
            yield field.name, tuple(word for word in words if word != _NOISE)


CLOSED: Mapping[tuple[str, str], tuple[str, ...]] = {
    **{
        (_tag(event), field): words
        for event in _TOLD_AS_THEY_ARE
        for field, words in _words(event)
    },
    ("start_turn", "task"): get_args(TaskName),
    (MODEL_ASKED, "task"): get_args(TaskName),
    ("agent_failed", "error"): tuple(
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.AgentError)
    ),
}
"""Kind and field → every word that it may be."""


def _form(
    name: str,
    fields: Mapping[str, Any],
    doc: str,
    more: Mapping[str, Any] | None = None,
) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        name,
        [
            *(
                (f, kind | msgspec.UnsetType, msgspec.UNSET)
                for f, kind in fields.items()
            ),
            *(
                (f, kind | msgspec.UnsetType, msgspec.UNSET)
                for f, kind in (more or {}).items()
            ),
        ],
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        module=__name__,
        namespace={"__doc__": doc},
    )


if TYPE_CHECKING:
    Step: TypeAlias = msgspec.Struct
else:
    _FORMS = {
        kind: _form(f"Step_{kind}", fields, f"A ``{kind}`` that is meant.")
        for kind, fields in _KINDS.items()
    }
    _Alternative = _form("Alternative", _FORMS, "One kind of thing, and what matters.")
    Step = _form(
        "Step",
        {
            "at_s": _NUMBER,
            "times": _NUMBER,
            "any_of": tuple[_Alternative, ...],
            **_FORMS,
        },
        "One thing that happens: one kind, and what of it matters.",
    )


class Happening(NamedTuple):
    """One event of a session that a scenario may speak of."""

    at_s: float
    """Seconds since the session began."""
    kind: str
    facts: dict[str, Fact]

    def __str__(self) -> str:
        facts = ", ".join(
            f"{name}: {_written(fact)}"
            for name, fact in self.facts.items()
            if fact not in (None, "", [], False)
        )
        return f"{self.at_s:9.3f}  {self.kind}: {{{facts}}}"


class Chronicle:
    """Takes events in and keeps those that a scenario may speak of.

    Args:
        began: When the session did, on the event loop's clock.
        has_prompts: Whether what models were given to read is kept, too.
    """

    def __init__(self, began: float, *, has_prompts: bool = False) -> None:
        self.happenings: list[Happening] = []
        self.texts: dict[str, list[str]] = {}
        """Agent → the text that it streamed, delta by delta."""
        self.chunks: Counter[str] = Counter()
        """Agent → how many chunks it said."""
        self.calls: Counter[str] = Counter()
        """Agent → how often its model was asked."""
        self._began = began
        self._has_prompts = has_prompts
        self._names: dict[str, str] = {}
        self._asked: dict[tuple[str, int], deque[Request]] = {}
        self._open: dict[tuple[str, int], deque[Happening]] = {}

    def ask(self, request: Request) -> None:
        """Keep what a model is given to read, in the place where it was asked."""
        turn = request.turn
        waiting = self._open.get((turn.agent, turn.number))
        if waiting:
            waiting.popleft().facts.update(_prompt(request))
        else:
            key = (turn.agent, turn.number)
            self._asked.setdefault(key, deque()).append(request)

    def take(self, events: Iterable[Event], now: float) -> None:
        """Keep what matters of ``events``, which came at ``now``."""
        for event in events:
            if isinstance(event, Chunk):
                self.chunks[event.agent] += 1
                if isinstance(event, TextDelta):
                    self.texts.setdefault(event.agent, []).append(event.text)
                    continue
            kind = _kind(type(event))
            if not kind:
                continue
            if isinstance(event, StatusChanged) and event.status == _NOISE:
                self.calls[event.agent] += 1
                if self._has_prompts:
                    self._take_request(event, now)
                continue
            if isinstance(event, AnswerAccepted):
                revision = event.label.rpartition(".")[2]
                self._names[event.label] = f"{event.agent}.{revision}"
            facts = _facts(event, kind)
            self._name_answers(kind, facts)
            self.happenings.append(Happening(now - self._began, kind, facts))

    def _take_request(self, event: StatusChanged, now: float) -> None:
        facts: dict[str, Fact] = {"agent": event.agent, "turn": event.turn}
        happening = Happening(now - self._began, MODEL_ASKED, facts)
        self.happenings.append(happening)
        key = (event.agent, event.turn)
        if waiting := self._asked.get(key):
            facts.update(_prompt(waiting.popleft()))
        else:
            self._open.setdefault(key, deque()).append(happening)

    def close(self) -> None:
        """Name the answers in prompts: now all of them are known."""
        for happening in self.happenings:
            if happening.kind == MODEL_ASKED and "prompt" in happening.facts:
                prompt = str(happening.facts["prompt"])
                happening.facts["prompt"] = self.named(prompt)

    def named(self, text: str) -> str:
        """``text`` with its answers called as a file calls them: ``ben.2``."""
        if "agent" not in text:
            return text  # most of it
        return _LABEL.sub(lambda found: self._names.get(found[0], found[0]), text)

    def label_of(self, name: str) -> Label | None:
        """The label of the answer meant; of several of one author the newest."""
        for label, known in reversed(self._names.items()):
            if name in (label, known, _author(known)):
                return Label(label)
        return None

    def _name_answers(self, kind: str, facts: dict[str, Fact]) -> None:
        for field in _NAMED[kind]:
            fact = facts[field]
            if not fact:
                continue
            if field in LABELS:
                facts[field] = self._name(fact)
            elif field == "input":
                facts[field] = cast("Fact", self._named_in(fact))
            elif isinstance(fact, str):
                facts[field] = self.named(fact)

    def _named_in(self, value: object) -> object:
        """A tool's input, with answers named as a file names them."""
        match value:
            case str():
                return self.named(value)
            case list():
                return [self._named_in(part) for part in cast("list[object]", value)]
            case dict():
                fields = cast("dict[str, object]", value)
                return {self.named(k): self._named_in(v) for k, v in fields.items()}
            case _:
                return value

    def _name(self, fact: Fact) -> Fact:
        match fact:
            case str():
                return self._names.get(fact, fact)
            case list():
                return [self._name(part) for part in fact]
            case dict():
                return {self._names.get(x, x): points for x, points in fact.items()}
            case _:
                return fact


_PLAIN = frozenset({str, int, float, bool, type(None)})
_LABEL = re.compile(r"\bagent\d+\.\d+\b")


def _prompt(request: Request) -> dict[str, Fact]:
    """A model's request, as facts."""
    messages: list[Any] = [
        {"content": msgspec.json.decode(message.content)}
        for message in request.messages
    ]
    return {
        "agent": request.turn.agent,
        "task": task_name(request.turn.task),
        "turn": request.turn.number,
        "call": request.call,
        "system": request.system,
        "prompt": "\n".join(last_message([one])[0] for one in messages),
        "tools": [tool.name for tool in request.tools],
    }


def _facts(event: Event, kind: str) -> dict[str, Fact]:
    match event:
        case StartTurn(turn=turn):
            task = turn.task
            answers = getattr(task, "answers", ())
            return {
                "agent": turn.agent,
                "task": str(task.__struct_config__.tag),
                "continues": turn.continues,
                "note": turn.note,
                "shows": [answer.label for answer in answers],
                "unseen": list(task.unseen) if isinstance(task, Review) else [],
                "may_revise": bool(getattr(task, "may_revise", False)),
                "may_restart": bool(getattr(task, "may_restart", False)),
            }
        case TellAgent(news=news):
            shows: list[Fact] = [answer.label for answer in news.answers]
            return {"agent": news.agent, "text": news.text, "shows": shows}
        case _:
            return {field: _fact(getattr(event, field)) for field in _KINDS[kind]}


def _fact(value: object) -> Fact:
    if type(value) in _PLAIN:
        return cast("Fact", value)
    match value:
        case msgspec.UnsetType():
            return ""
        case msgspec.Raw():
            decoded: Any = msgspec.json.decode(value)
            is_plain = isinstance(decoded, str | dict)
            return cast("Fact", decoded) if is_plain else bytes(value).decode()
        case tuple() if value and isinstance(value[0], tuple):
            return dict(cast("tuple[tuple[str, float], ...]", value))
        case tuple():
            return list(cast("tuple[str, ...]", value))
        case _:
            return cast("Fact", value)


def kind_of(step: msgspec.Struct) -> str:
    """The kind of happening that ``step`` names; empty: none, or more than one."""
    kinds = [kind for kind in KINDS if getattr(step, kind) is not msgspec.UNSET]
    return kinds[0] if len(kinds) == 1 else ""


def alternatives(step: msgspec.Struct) -> Iterator[tuple[str, msgspec.Struct]]:
    """The kinds of thing that ``step`` takes, each with what is said of it."""
    several: Any = getattr(step, "any_of", msgspec.UNSET)
    for one in (step,) if several is msgspec.UNSET else several:
        if kind := kind_of(one):
            yield kind, getattr(one, kind)


def matcher(
    step: msgspec.Struct, *, is_timed: bool = True
) -> Callable[[Happening], bool]:
    """Tells whether a happening is the one that ``step`` means.

    Args:
        step: Says one kind of thing, or several of which one is enough.
        is_timed: Whether times are exact, so that ``at_s`` can be held against them.
    """
    at_s: Any = getattr(step, "at_s", msgspec.UNSET) if is_timed else msgspec.UNSET
    # A step is held against everything that happened, so it is taken apart once.
    meant = [
        (
            kind,
            [
                (field, wanted)
                for field in FIELDS[kind]
                if (wanted := getattr(alternative, field)) is not msgspec.UNSET
            ],
        )
        for kind, alternative in alternatives(step)
    ]

    def is_meant(happening: Happening) -> bool:
        if at_s is not msgspec.UNSET and not number_fits(at_s, happening.at_s):
            return False
        return any(
            kind == happening.kind
            and all(
                _means(field, wanted, happening.facts.get(field))
                for field, wanted in fields
            )
            for kind, fields in meant
        )

    return is_meant


def _means(field: str, meant: object, fact: Fact) -> bool:
    match meant, fact:
        case ((str() | TextMatch() | None), (str() | None)) if field in LABELS:
            return _is_meant(meant, fact)
        case ((str() | TextMatch() | None), (str() | None)):
            return text_fits(meant, fact, is_name=field not in TEXTS)
        case tuple(), list():
            return _are_answers(cast("tuple[str, ...]", meant), fact)
        case dict(), dict() if field == "input":
            return json_fits(cast("object", meant), fact)
        case dict(), dict():
            points = cast("dict[str, Any]", meant)
            return all(
                any(
                    _is_answer(name, label) and number_fits(wanted, had or 0.0)
                    for label, had in fact.items()
                )
                for name, wanted in points.items()
            )
        case bool(), _:
            return meant is fact
        case ((float() | int() | Bound()), (float() | int())):
            return number_fits(meant, fact)
        case _:
            return meant == fact


def _is_meant(meant: str | TextMatch | None, known: str | None) -> bool:
    """Whether an answer is meant by its author, or author and revision."""
    if meant is None or known is None:
        return meant is known
    names = (known, _author(known))
    return any(text_fits(meant, name, is_name=True) for name in names)


def _are_answers(names: tuple[str, ...], known: Sequence[Fact]) -> bool:
    # In any order: that of agents or labels is the team's or the seed's, and no news.
    left = [str(label) for label in known]
    for name in names:
        answer = next((label for label in left if _is_answer(name, label)), None)
        if answer is None:
            return False
        left.remove(answer)
    return not left


def _is_answer(name: str, known: str) -> bool:
    return name in (known, _author(known))


def _author(known: str) -> str:
    return known.rpartition(".")[0]


def _written(fact: Fact) -> str:
    match fact:
        case str():
            text = " ".join(fact.split())
            return text if len(text) <= 60 else f"{text[:59]}…"
        case list():
            return f"[{', '.join(_written(part) for part in fact)}]"
        case dict():
            pairs = (f"{name}: {_written(points)}" for name, points in fact.items())
            return f"{{{', '.join(pairs)}}}"
        case bool():
            return "true" if fact else "false"
        case float():
            return f"{fact:g}"
        case _:
            return str(fact)

"""What happens in a session, as plain facts that a scenario can name.

``votes_voided: {voters: [ben], label: ada.2}`` says of an event what its Struct says,
in the same words, so that what ``--trace`` prints can be copied into a file. Labels
depend on the seed; an answer may be meant by its author, ``ada``, or by author and
revision, ``ada.2``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast, get_args

import msgspec
import msgspec.inspect as shapes

from agents.protocol.chunks import (
    AgentFailed,
    Label,
    ResponseAbandoned,
    RestartRequested,
    StatusChanged,
    ToolReturned,
    TurnEnded,
    TurnRestarted,
    TurnStarted,
)
from agents.protocol.turns import Review
from coordinator.protocol.events import (
    AnswerAccepted,
    CancelTurn,
    Conclude,
    Decision,
    Event,
    StartTurn,
    TellAgent,
)

Fact: TypeAlias = (
    "str | bool | float | list[str] | dict[str, float | None] | list[Fact] | None"
)

TEXTS = frozenset(
    {"answer", "content", "detail", "instructions", "message", "note", "reason", "text"}
)
"""Fields of prose: a file gives a part of them, of the others the whole."""

LABELS = frozenset(
    {"label", "labels", "others", "replaced", "shows", "standings", "unseen"}
)
"""Fields that hold labels."""

_TOLD_AS_THEY_ARE: tuple[type[msgspec.Struct], ...] = (
    *get_args(Decision),
    CancelTurn,
    Conclude,
    TurnStarted,
    TurnEnded,
    TurnRestarted,
    ResponseAbandoned,
    ToolReturned,
    StatusChanged,
    RestartRequested,
    AgentFailed,
)
_LEFT_OUT = frozenset({"seq", "at", "elapsed_s", "ballot", "value", "id"})
"""Of no use in a file, or told by another field."""

_TEXT, _FLAG, _NUMBER, _LIST = str | None, bool, float, tuple[str, ...]
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
}
"""Effects that carry a whole turn, said in the words that matter."""


def _plain(kind: shapes.Type) -> Any:  # noqa: ANN401  (a type expression)
    """The type by which a file writes such a field; ``None``: it does not."""
    match kind:
        case shapes.StrType() | shapes.LiteralType() | shapes.UnionType():
            return _TEXT
        case shapes.RawType():
            return _TEXT
        case shapes.BoolType():
            return _FLAG
        case shapes.IntType() | shapes.FloatType():
            return _NUMBER
        case shapes.VarTupleType(item_type=shapes.StrType()):
            return _LIST
        case shapes.VarTupleType(item_type=shapes.TupleType()):
            return dict[str, float]  # pairs of a label and its points
        case _:
            return None


def _fields(event: type[msgspec.Struct]) -> dict[str, Any]:
    info = shapes.type_info(event)
    assert isinstance(info, shapes.StructType)
    told = {field.name: _plain(field.type) for field in info.fields}
    return {n: kind for n, kind in told.items() if kind and n not in _LEFT_OUT}


def _tag(event: type[msgspec.Struct]) -> str:
    return str(event.__struct_config__.tag)


_KINDS: dict[str, dict[str, Any]] = {
    **{_tag(event): _fields(event) for event in _TOLD_AS_THEY_ARE},
    **_WORDED,
}

KINDS = tuple(_KINDS)
"""What a file may say has happened."""


def _form(name: str, fields: Mapping[str, Any], doc: str) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        name,
        [(f, kind | msgspec.UnsetType, msgspec.UNSET) for f, kind in fields.items()],
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        module=__name__,
        namespace={"__doc__": doc},
    )


if TYPE_CHECKING:
    Step: TypeAlias = msgspec.Struct
else:
    Step = _form(
        "Step",
        {
            "at_s": float,
            **{
                kind: _form(f"Step_{kind}", fields, f"A ``{kind}`` that is meant.")
                for kind, fields in _KINDS.items()
            },
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
        told = ", ".join(
            f"{name}: {_written(fact)}"
            for name, fact in self.facts.items()
            if fact not in (None, "", [], False)
        )
        return f"{self.at_s:9.3f}  {self.kind}: {{{told}}}"


class Chronicle:
    """Takes events in and keeps those that a scenario may speak of."""

    def __init__(self, began: float) -> None:
        self.happenings: list[Happening] = []
        self._began = began
        self._names: dict[str, str] = {}

    def take(self, events: Iterable[Event], now: float) -> None:
        """Keep what matters of ``events``, which came at ``now``."""
        for event in events:
            kind = _tag(type(event))
            if kind not in _KINDS or _is_noise(event):
                continue
            if isinstance(event, AnswerAccepted):
                revision = event.label.rpartition(".")[2]
                self._names[event.label] = f"{event.agent}.{revision}"
            facts = self._named(_facts(event, kind))
            self.happenings.append(Happening(now - self._began, kind, facts))

    def label_of(self, name: str) -> Label | None:
        """The label of the answer meant; of several of one author the newest."""
        for label, known in reversed(self._names.items()):
            if name in (label, known, _author(known)):
                return Label(label)
        return None

    def _named(self, facts: dict[str, Fact]) -> dict[str, Fact]:
        return {
            field: self._name(fact) if field in LABELS else fact
            for field, fact in facts.items()
        }

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


def _is_noise(event: Event) -> bool:
    # Said before every model call: the turns tell as much.
    return isinstance(event, StatusChanged) and event.status == "requesting"


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
    match value:
        case msgspec.UnsetType():
            return ""
        case msgspec.Raw():
            return bytes(value).decode()
        case tuple() if value and isinstance(value[0], tuple):
            return dict(cast("tuple[tuple[str, float], ...]", value))
        case tuple():
            return list(cast("tuple[str, ...]", value))
        case _:
            return cast("Fact", value)


def kind_of(step: Step) -> str:
    """What kind of thing ``step`` says; empty where it says none, or more than one."""
    said = [kind for kind in KINDS if getattr(step, kind) is not msgspec.UNSET]
    return said[0] if len(said) == 1 else ""


def matches(step: Step, happening: Happening, *, is_timed: bool = True) -> bool:
    """Whether it is ``happening`` that ``step`` means.

    Args:
        step: Says exactly one kind of thing.
        happening: What happened.
        is_timed: Whether times are exact, so that ``at_s`` can be held against them.
    """
    if kind_of(step) != happening.kind:
        return False
    at_s: Any = getattr(step, "at_s", msgspec.UNSET)
    if is_timed and at_s is not msgspec.UNSET and not is_near(at_s, happening.at_s):
        return False
    meant = getattr(step, happening.kind)
    return all(
        _means(field, getattr(meant, field), happening.facts[field])
        for field in meant.__struct_fields__
        if getattr(meant, field) is not msgspec.UNSET
    )


def is_near(one: float, other: float) -> bool:
    """Whether two times are the same millisecond, whatever floats made of them."""
    return abs(one - other) < 0.001


def _means(field: str, meant: object, fact: Fact) -> bool:
    match meant, fact:
        case str(), str() if field in TEXTS:
            return meant in fact
        case str(), str() if field in LABELS:
            return _is_answer(meant, fact)
        case tuple(), list():
            return _are_answers(cast("tuple[str, ...]", meant), fact)
        case dict(), dict():
            return all(
                any(_is_answer(name, x) and is_near(points, y or 0.0) for x, y in had)
                for had in (fact.items(),)
                for name, points in cast("dict[str, float]", meant).items()
            )
        case bool(), _:
            return meant is fact
        case float() | int(), float() | int():
            return is_near(float(meant), float(fact))
        case _:
            return meant == fact


def _are_answers(names: tuple[str, ...], known: Sequence[Fact]) -> bool:
    # In any order: that of agents or labels is the team's or the seed's, and no news.
    left = [str(label) for label in known]
    for name in names:
        found = next((label for label in left if _is_answer(name, label)), None)
        if found is None:
            return False
        left.remove(found)
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

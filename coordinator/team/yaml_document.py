"""Reads the YAML that people write, and says what is wrong with it by line.

YAML is more than a team needs and some of it is dangerous: aliases (a 350-byte file can
unfold into gigabytes), tags that build objects, keys given twice, ``no`` meaning false.
What is read here is the plain part: mappings with text keys, lists, and the scalars of
YAML 1.2's core schema. Every value keeps the line it came from, so that
``team.yaml:12: agents[1].modle: unknown key 'modle'; did you mean 'model'?`` can be
said long after parsing. What the values mean is up to the caller's Structs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import msgspec
import msgspec.inspect

from coordinator.errors import ConfigInvalid

if TYPE_CHECKING:
    import yaml

T = TypeVar("T")
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""What plain YAML holds."""
Where: TypeAlias = tuple[str | int, ...]
"""A way down into a document: keys and positions."""

FILE_BYTES_MAX = 1 << 20
"""A team file is some kilobytes; a mebibyte leaves room for scripts and prompts."""

DEPTH_MAX = 32
"""A team file is at most eight levels deep; JSON carried in it perhaps twice that."""

# No number has more digits; longer ones are words, and cost nothing to look at.
_INT = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(
    r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
)
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(frozen=True)
class Document:
    """What a file says, and where it says it."""

    path: Path
    """As named in messages; need not exist."""
    data: Plain
    lines: dict[Where, int]
    """Where each value stands, from 1; a mapping's entry stands where its key does."""

    def error(self, where: Where, problem: str) -> ConfigInvalid:
        """Make the error that says ``problem`` about ``where``."""
        line = self.lines.get(where)
        known = where
        while line is None and known:
            known = known[:-1]
            line = self.lines.get(known)
        place = f"{self.path}:{line or 1}"
        spelled = spell(where)
        return ConfigInvalid(
            f"{place}: {spelled}: {problem}" if spelled else f"{place}: {problem}"
        )


def spell(where: Where) -> str:
    """Spell a way down as people do: ``agents[1].model``."""
    text = ""
    for step in where:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def read(path: Path) -> Document:
    """Read a file.

    Raises:
        ConfigInvalid: It cannot be read, is too large, or is not plain YAML.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        problem = error.strerror or str(error)
        message = f"{path}: cannot be read: {problem}; name a file that exists"
        raise ConfigInvalid(message) from error
    except UnicodeDecodeError as error:
        raise ConfigInvalid(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    return parse(text, path)


def parse(text: str, path: Path) -> Document:
    """Parse what a file holds.

    Raises:
        ConfigInvalid: It is too large, or not plain YAML.
    """
    if len(text) > FILE_BYTES_MAX:
        message = f"{path}: is larger than {FILE_BYTES_MAX:,} bytes; make it smaller"
        raise ConfigInvalid(message)
    import yaml  # noqa: PLC0415  (20 ms, and only where a file is read)

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # types-PyYAML leaves the stream's type open, which strict checking refuses.
        events = cast("Any", yaml).parse(text, Loader=loader)
        builder = _Builder(path, events)
        return builder.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        problem = error.problem or error.context or "not YAML"
        raise ConfigInvalid(f"{path}:{line}: not YAML: {problem}") from error
    except yaml.YAMLError as error:  # e.g. a character that YAML does not allow
        raise ConfigInvalid(f"{path}: not YAML: {error}") from error


class _Builder:
    """Builds plain values from the parser's events, refusing what is not plain."""

    def __init__(self, path: Path, events: Iterator[yaml.Event]) -> None:
        self._path = path
        self._events = events
        self._lines: dict[Where, int] = {(): 1}

    def document(self) -> Document:
        import yaml  # noqa: PLC0415  (as above)

        self._yaml = yaml
        data: Plain = None
        seen = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                seen += 1
                if seen > 1:
                    raise self._error(event, "holds a second document; keep one")
            elif isinstance(event, yaml.NodeEvent):
                data = self._value(event, ())
        return Document(self._path, data, self._lines)

    def _error(self, event: yaml.Event, problem: str) -> ConfigInvalid:
        return ConfigInvalid(f"{self._path}:{_line(event)}: {problem}")

    def _value(self, event: yaml.Event, where: Where) -> Plain:
        yaml = self._yaml
        self._lines.setdefault(where, _line(event))
        if isinstance(event, yaml.AliasEvent):
            raise self._error(event, f"*{event.anchor} is an alias; write it out")
        assert isinstance(event, yaml.NodeEvent)
        if event.anchor is not None:
            raise self._error(event, f"&{event.anchor} is an anchor; write it out")
        if getattr(event, "tag", None) not in (None, "!"):
            problem = f"the tag {event.tag!r} is not allowed; leave it out"  # type: ignore[attr-defined]  (scalars and collections have one)
            raise self._error(event, problem)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event) if event.implicit[0] else event.value
        if len(where) >= DEPTH_MAX:
            raise self._error(event, f"is more than {DEPTH_MAX} levels deep")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(where)
        return self._mapping(where)

    def _sequence(self, where: Where) -> list[Plain]:
        items: list[Plain] = []
        for event in self._events:
            if isinstance(event, self._yaml.SequenceEndEvent):
                break
            items.append(self._value(event, (*where, len(items))))
        return items

    def _mapping(self, where: Where) -> dict[str, Plain]:
        entries: dict[str, Plain] = {}
        for event in self._events:
            if isinstance(event, self._yaml.MappingEndEvent):
                break
            if not isinstance(event, self._yaml.ScalarEvent):
                raise self._error(event, "a key must be a plain word")
            key = event.value
            if key in entries:
                first = self._lines[(*where, key)]
                problem = f"key {key!r} was given in line {first} already; keep one"
                raise self._error(event, problem)
            self._lines[(*where, key)] = _line(event)
            entries[key] = self._value(next(self._events), (*where, key))
        return entries


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1


def _scalar(event: yaml.ScalarEvent) -> Plain:
    """Resolve a plain scalar as YAML 1.2's core schema does: ``no`` is a word."""
    text: str = event.value
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        # A decimal with leading zeros is not octal; int(…, 0) would refuse it.
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def convert(document: Document, into: type[T], *, at: Where = ()) -> T:
    """Convert what stands at ``at`` into a Struct.

    Raises:
        ConfigInvalid: An unknown key, a missing one, or a value of the wrong kind, by
            file and line, and with the way out.
    """
    data = value_at(document, at)
    try:
        return msgspec.convert(data, into)
    except msgspec.ValidationError as error:
        where, problem = _worded(str(error), data, into)
        raise document.error((*at, *where), problem) from None


def value_at(document: Document, where: Where) -> Plain:
    """Return the value at ``where``; ``None`` where there is none."""
    value: Any = document.data
    for step in where:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


_AT = re.compile(r" - at `(?:key in )?\$(?P<way>.*)`$")
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_MISTYPED = re.compile(r"Expected `(.*)`, got `(.*)`")
_NOT_ONE_OF = re.compile(r"Invalid (?:enum )?value '(.*)'")


def _worded(message: str, data: Plain, into: object) -> tuple[Where, str]:
    """Take msgspec's message apart and say it with the value and the way out."""
    found = _AT.search(message)
    whole = message
    where: Where = ()
    if found is not None:
        message = message[: found.start()]
        for step in _STEP.finditer(found["way"]):
            if step["key"] is not None:
                where += (step["key"],)
            elif step["index"] is not None:
                where += (int(step["index"]),)
            else:
                where += _key_at_fault(whole, data, into, where)
    value = _below(data, where)
    expected = _type_at(msgspec.inspect.type_info(into), where, data)
    if match := _UNKNOWN.fullmatch(message):
        known = _keys(expected)
        return (
            *where,
            match[1],
        ), f"unknown key {match[1]!r}{_way_out(match[1], known)}"
    if match := _MISSING.fullmatch(message):
        return where, f"key {match[1]!r} is missing; add it"
    if match := _NOT_ONE_OF.fullmatch(message):
        return (
            where,
            f"unknown value {match[1]!r}{_way_out(match[1], _words(expected))}",
        )
    if match := _MISTYPED.fullmatch(message):
        wanted = match[1].replace("object", "mapping").replace("array", "list")
        return where, f"{_shown(value)} will not do; expected {wanted}"
    return where, f"{_shown(value)} will not do: {message}"


def _key_at_fault(message: str, data: Plain, into: object, where: Where) -> Where:
    """The key of the mapping at ``where`` that is meant: msgspec does not say which."""
    for key in cast("dict[str, Plain]", _below(data, where)):
        try:
            msgspec.convert(_with_only(data, where, key), cast("type[Any]", into))
        except msgspec.ValidationError as error:
            if str(error) == message:
                return (key,)
    return ()


def _below(data: Plain, where: Where) -> Plain:
    value: Any = data
    for step in where:
        value = value[step]
    return value


def _with_only(data: Plain, where: Where, key: str) -> Plain:
    """``data``, but of the mapping at ``where`` only one entry."""
    held: Any = data
    if not where:
        return {key: held[key]}
    copy = held.copy()
    copy[where[0]] = _with_only(held[where[0]], where[1:], key)
    return copy


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return "nothing" if value is None else repr(value)[:80]


def _way_out(written: str, known: list[str]) -> str:
    near = get_close_matches(written, known, 1)
    near = near or [word for word in known if word.startswith(written)]
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; choose from {', '.join(known)}" if known else ""


def _type_at(
    info: msgspec.inspect.Type, where: Where, data: Plain
) -> msgspec.inspect.Type:
    """The type that a Struct wants at ``where``."""
    i = msgspec.inspect
    if isinstance(info, i.UnionType):
        info = _member(info, data, is_inside=bool(where))
    if not where:
        return info
    step, rest = where[0], where[1:]
    below = cast("Any", data)[step]
    if isinstance(info, i.StructType):
        for field in info.fields:
            if field.encode_name == step:
                return _type_at(field.type, rest, below)
    if isinstance(info, i.VarTupleType | i.ListType):
        return _type_at(info.item_type, rest, below)
    if isinstance(info, i.DictType):
        return _type_at(info.value_type, rest, below)
    return i.AnyType()


def _member(
    union: msgspec.inspect.UnionType, data: Plain, *, is_inside: bool
) -> msgspec.inspect.Type:
    """The member of a union that the data was meant to be."""
    i = msgspec.inspect
    structs = [kind for kind in union.types if isinstance(kind, i.StructType)]
    if isinstance(data, dict):
        for kind in structs:
            if kind.tag_field is not None and data.get(kind.tag_field) == kind.tag:
                return kind
        if structs:
            return structs[0]
    if is_inside:
        for kind in union.types:
            if isinstance(kind, i.VarTupleType | i.ListType | i.DictType):
                return kind
    for kind in union.types:
        if isinstance(kind, i.LiteralType):
            return kind
    return union.types[0]


def _keys(info: msgspec.inspect.Type) -> list[str]:
    if not isinstance(info, msgspec.inspect.StructType):
        return []
    tag = [info.tag_field] if info.tag_field else []
    return [*tag, *(field.encode_name for field in info.fields)]


def _words(info: msgspec.inspect.Type) -> list[str]:
    if isinstance(info, msgspec.inspect.LiteralType):
        return [str(value) for value in info.values]
    return []

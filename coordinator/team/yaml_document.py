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
from typing import TYPE_CHECKING, Any, TypeVar, cast

from coordinator.errors import ConfigInvalid
from coordinator.protocol.conversion import Plain, PlainInvalid, Where, converted, spell

if TYPE_CHECKING:
    import yaml

T = TypeVar("T")

FILE_BYTES_MAX = 1 << 20
"""A team file is some kilobytes; a mebibyte leaves room for scripts and prompts."""

DEPTH_MAX = 32
"""A team file is at most eight levels deep; JSON carried in it perhaps twice that."""

_TOO_DEEP = f"is more than {DEPTH_MAX} levels deep"
_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|(?<!\S)#[^\n]*""", re.DOTALL)

# No number has more digits; longer ones are words, and cost nothing to look at.
_INT = re.compile(r"[-+]?[0-9]{1,19}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(
    r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
)
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip


class Misplaced(ConfigInvalid):
    """Something in a file cannot be used as written.

    Attributes:
        where: The way down to it.
    """

    def __init__(self, path: Path, line: int, where: Where, problem: str) -> None:
        error = invalid(path, line, spell(where), problem)
        super().__init__(
            str(error), path=path, line=line, key=error.key, problem=problem
        )
        self.where = where


@dataclass(frozen=True)
class Document:
    """The data of a file, and the line of each value."""

    path: Path
    """As named in messages; need not exist."""
    data: Plain
    lines: dict[Where, int]
    """Where each value stands, from 1; a mapping's entry stands where its key does."""

    def error(self, where: Where, problem: str) -> Misplaced:
        """Make the error that says ``problem`` about ``where``."""
        line = self.lines.get(where)
        known = where
        while line is None and known:
            known = known[:-1]
            line = self.lines.get(known)
        return Misplaced(self.path, line or 1, where, problem)


def invalid(path: Path, line: int, key: str, problem: str) -> ConfigInvalid:
    """Make the error that names file, line and key, in its words and as data."""
    place = f"{path}:{line}: {key}" if key else f"{path}:{line}"
    return ConfigInvalid(
        f"{place}: {problem}", path=path, line=line, key=key, problem=problem
    )


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
        way = _alike(path) or "name a file that exists"
        message = f"{path}: cannot be read: {problem}; {way}"
        raise ConfigInvalid(message) from error
    except UnicodeDecodeError as error:
        raise ConfigInvalid(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    return parse(text, path)


def _alike(path: Path) -> str:
    """The file of the same folder that may be meant; empty: there is none like it."""
    if path.exists() or not path.parent.is_dir():
        return ""
    names = [one.name for one in path.parent.iterdir() if one.is_file()]
    matches = get_close_matches(path.name, names, 1)
    return f"did you mean {str(path.parent / matches[0])!r}?" if matches else ""


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
        if mark is not None and _brackets_open(text[: mark.index]) > DEPTH_MAX:
            # The library reads ahead and has a limit of its own (PyYAML 6.0.4: 1,000
            # brackets), which it may meet before the builder meets ours.
            raise ConfigInvalid(f"{path}:{line}: {_TOO_DEEP}") from error
        problem = error.problem or error.context or "not YAML"
        if mark is not None and text[mark.index : mark.index + 1] == "\t":
            problem += "; indent with spaces, not tabs"
        raise invalid(path, line, "", f"not YAML: {problem}") from error
    except yaml.YAMLError as error:  # e.g. a character that YAML does not allow
        raise ConfigInvalid(f"{path}: not YAML: {error}") from error


def _brackets_open(text: str) -> int:
    """How many flow lists and mappings are open at the end of ``text``."""
    text = _QUOTED.sub("", text)
    opened = text.count("[") + text.count("{")
    return opened - text.count("]") - text.count("}")


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
        return invalid(self._path, _line(event), "", problem)

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
            raise self._error(event, _TOO_DEEP)
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


def value_at(document: Document, where: Where) -> Plain:
    """Return the value at ``where``; ``None`` where there is none."""
    value: Any = document.data
    for step in where:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def convert(document: Document, into: type[T], *, at: Where = ()) -> T:
    """Convert what stands at ``at`` into a Struct.

    Raises:
        ConfigInvalid: An unknown key, a missing one, or a value of the wrong kind, by
            file and line, and with the way out.
    """
    try:
        return converted(value_at(document, at), into)
    except PlainInvalid as error:
        raise document.error((*at, *error.where), error.problem) from None

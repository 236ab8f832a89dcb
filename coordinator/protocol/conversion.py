"""Conversion of plain data to Structs, with errors that say place, value and way out.

msgspec says that something is wrong; people need to know what, where, and what to write
instead. Files, scripts and constructors all convert through here, so that one mistake
has one sentence wherever it is made. Pure.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, TypeAlias, TypeVar, cast

import msgspec
import msgspec.inspect

T = TypeVar("T")
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""Plain YAML data."""
Where: TypeAlias = tuple[str | int, ...]
"""A way down into a document: keys and positions."""


class PlainInvalid(ValueError):
    """Data does not have the form that was asked for.

    Attributes:
        where: The way down to the value at fault.
        problem: What is wrong with it, and the way out.
    """

    def __init__(self, where: Where, problem: str) -> None:
        place = spell(where)
        super().__init__(f"{place}: {problem}" if place else problem)
        self.where = where
        self.problem = problem


def spell(where: Where) -> str:
    """Spell a way down as people do: ``agents[1].model``."""
    text = ""
    for step in where:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def converted(data: Plain, into: type[T]) -> T:
    """Convert plain data into a Struct.

    Raises:
        PlainInvalid: An unknown key, a missing one, or a value of the wrong kind.
    """
    try:
        return msgspec.convert(data, into)
    except msgspec.ValidationError as error:
        raise PlainInvalid(*_worded(str(error), data, into)) from None


_AT = re.compile(r" - at `(?:key in )?\$(?P<way>.*)`$")
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_MISTYPED = re.compile(r"Expected `(.*)`, got `(.*)`")
_NOT_ONE_OF = re.compile(r"Invalid (?:enum )?value '(.*)'")
_OUT_OF_BOUNDS = re.compile(r"Expected `(?:int|float)` (>=|<=|>|<) (\S+)")
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def _worded(message: str, data: Plain, into: object) -> tuple[Where, str]:
    """Take msgspec's message apart and say it with the value and the way out."""
    place = _AT.search(message)
    whole = message
    where: Where = ()
    if place is not None:
        message = message[: place.start()]
        for step in _STEP.finditer(place["way"]):
            if step["key"] is not None:
                where += (step["key"],)
            elif step["index"] is not None:
                where += (int(step["index"]),)
            else:
                where += _key_at_fault(whole, data, into, where)
    value = _below(data, where)
    expected = _type_at(msgspec.inspect.type_info(into), where, data)
    if match := _UNKNOWN.fullmatch(message):
        top = msgspec.inspect.type_info(into) if where else None
        way = _other_place(match[1], expected, top)
        way = way or way_out(match[1], _keys(expected))
        return (*where, match[1]), f"unknown key {match[1]!r}{way}"
    if match := _MISSING.fullmatch(message):
        return where, f"key {match[1]!r} is missing; add it"
    if match := _NOT_ONE_OF.fullmatch(message):
        return (
            where,
            f"unknown value {match[1]!r}{way_out(match[1], _words(expected))}",
        )
    if match := _MISTYPED.fullmatch(message):
        wanted = match[1].replace("object", "mapping").replace("array", "list")
        if isinstance(value, int | float) and "str" in wanted.split(" | "):
            wanted = f"text: put it in quotes, '{_shown(value)}'"
        return where, f"{_shown(value)} will not do; expected {wanted}"
    if match := _OUT_OF_BOUNDS.fullmatch(message):
        bound = f"{_BOUNDS[match[1]]} {float(match[2]):g}"
        return where, f"{_shown(value)} will not do; use {bound}"
    return where, f"{_shown(value)} will not do: {message}"


def _key_at_fault(message: str, data: Plain, into: object, where: Where) -> Where:
    """The key of the mapping at ``where`` that is meant: msgspec does not say which."""
    held = cast("dict[str, Plain]", _below(data, where))
    guilty = [
        key for key in held if _fault(_with_only(data, where, key), into) == message
    ]
    return tuple(guilty[:1])


def _fault(data: Plain, into: object) -> str:
    """The message of msgspec's validation error; empty: ``data`` is valid."""
    try:
        msgspec.convert(data, cast("type[Any]", into))
    except msgspec.ValidationError as error:
        return str(error)
    return ""


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
    if isinstance(value, bool):
        return str(value).lower()  # as files write it
    return "nothing" if value is None else repr(value)[:80]


def way_out(written: str, known: list[str]) -> str:
    """The end of a sentence on an unknown word: the nearest known one, or all."""
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
    holders = i.DictType if isinstance(data, dict) else i.VarTupleType | i.ListType
    wanted = holders if is_inside else i.LiteralType
    likely = [kind for kind in union.types if isinstance(kind, wanted)]
    return (likely or union.types)[0]


def _other_place(
    key: str, here: msgspec.inspect.Type, top: msgspec.inspect.Type | None
) -> str:
    """Where a key that is unknown ``here`` is known: one level below, or at the top."""
    fields = here.fields if isinstance(here, msgspec.inspect.StructType) else ()
    for field in fields:
        if any(key in _keys(struct) for struct in _structs(field.type)):
            return f"; it belongs under {field.encode_name!r}"
    if top is not None and any(key in _keys(struct) for struct in _structs(top)):
        return "; it belongs at the top"
    return ""


def _structs(info: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    if isinstance(info, msgspec.inspect.UnionType):
        return [struct for each in info.types for struct in _structs(each)]
    return [info] if isinstance(info, msgspec.inspect.StructType) else []


def _keys(info: msgspec.inspect.Type) -> list[str]:
    is_struct = isinstance(info, msgspec.inspect.StructType)
    tag = [info.tag_field] if is_struct and info.tag_field else []
    return [*tag, *(field.encode_name for field in (info.fields if is_struct else ()))]


def _words(info: msgspec.inspect.Type) -> list[str]:
    if isinstance(info, msgspec.inspect.LiteralType):
        return [str(value) for value in info.values]
    return []

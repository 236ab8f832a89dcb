"""Comparable results: the text by which two answers are the same answer, or not.

Two drafts whose results are equal are one entry in a count, so what makes them equal is
said here and nowhere else. Where an answer's result stands, this file says; which texts
are one result, :mod:`agents.tools.result_text`: numbers by their value (``1,000`` is
``1e3``, ``1/2`` is ``0.5``), measures by their value in the base unit, sets without
order, expressions by what school algebra knows. Pure; who counts is
:mod:`coordinator.consensus.result_count`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import isfinite
from typing import Any, TypeAlias, cast

import msgspec

from agents.boundary.guard import is_a, log_error

Equal: TypeAlias = str
"""The part of two answers by which they are one: their structured ``value``, the part
of it that a JSON Pointer (RFC 6901, ``/answer``) leads to, their ``text``, or
nothing (``none``)."""


SHORT_CHARS = 60
"""A text up to this long is a result as a whole: a name, a number, a letter."""

LAST_LINES = 6
"""Of a text, in which a line may begin with its answer: a few words may follow it."""

_SAID = re.compile(r"\banswer(?:\s+is|\s*[:=])\W{0,4}?\s*(.{1,200})$", re.IGNORECASE)
_LINE = re.compile(
    r"[\s*_>#]{0,12}(?:(?:the )?(?:final |correct )?answer(?: is\b|\W{0,4}[:=])"
    r"|(?<=####)\s)[\s*_]{0,12}(.{1,200})$",
    re.IGNORECASE,
)

ResultKey: TypeAlias = Callable[[str, "msgspec.Raw | msgspec.UnsetType"], str]
"""An answer's words and structured value → its result; empty: it has none."""


def result_key(equal: Equal | Callable[[Any], object]) -> ResultKey | None:
    """Make the function that reads an answer's result; ``None``: results never count.

    Args:
        equal: See :data:`Equal`; or a function of the decoded value (of the words,
            where answers have no structured value) that returns anything comparable.

    Raises:
        ValueError: ``equal`` is none of these.
    """
    if callable(equal):
        return _by_function(equal)
    if equal == "none":
        return None
    if equal == "text":
        return lambda content, _value: final_result(content)
    if equal == "value":
        return lambda _content, value: _of_value(value, ())
    if equal.startswith("/"):
        path = tuple(_unescaped(step) for step in equal[1:].split("/"))
        return lambda _content, value: _of_value(value, path)
    raise ValueError(
        f"'equal' is {equal!r}; use value, text, none, or a JSON Pointer as '/answer'"
    )


def result_of(
    key: ResultKey | None,
    content: str,
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET,
) -> str | msgspec.UnsetType:
    """An answer's result; unset where none are counted.

    The boundary to a caller's function: an answer that it cannot read has no result,
    which is logged, and counts by its words.
    """
    if key is None:
        return msgspec.UNSET
    try:
        return key(content, value)
    except BaseException as error:
        if is_a(error, KeyboardInterrupt):
            raise
        log_error("the function that reads results", error)
        return ""


def _by_function(function: Callable[[Any], object]) -> ResultKey:
    def key(content: str, value: msgspec.Raw | msgspec.UnsetType) -> str:
        if isinstance(value, msgspec.UnsetType):
            result = function(content)
        else:
            result = function(msgspec.json.decode(value))
        return "" if result is None else value_result(msgspec.to_builtins(result))

    return key


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


def _of_value(value: msgspec.Raw | msgspec.UnsetType, path: tuple[str, ...]) -> str:
    if isinstance(value, msgspec.UnsetType):
        return ""
    part: Any = msgspec.json.decode(value)
    for step in path:
        try:
            is_list = isinstance(part, list)
            part = part[int(step) if is_list else step]
        except (LookupError, TypeError, ValueError):
            return ""
    return "" if part is None else value_result(part)


def final_result(text: str) -> str:
    r"""The result that a text ends in; empty where it is prose without one.

    That is what its last ``\boxed{…}`` holds, what follows "answer:" or "answer is" in
    its last line, or at the beginning of one of the last, or ``####`` there; or the
    whole of it where it is short.
    """
    from agents.tools.result_text import boxes, text_result  # noqa: PLC0415  (algebra and units, which a session that counts nothing starts without)

    boxed = boxes(text)
    if boxed:
        return text_result(boxed, is_formula=True)
    lines = [line for line in text.strip().splitlines() if line.strip()]
    match = _SAID.search(lines[-1]) if lines else None
    for line in reversed(lines[-LAST_LINES:]):
        match = match or _LINE.match(line)
    if match is not None:
        return text_result(_without_half_a_mark(match[1].strip()))
    return text_result(text) if len(text.strip()) <= SHORT_CHARS else ""


def _without_half_a_mark(text: str) -> str:
    """``text`` without a mark that began before it: "**Answer:** 42"."""
    is_half = text[:1] in {"*", "_"} and text.rstrip(".!")[-1:] not in {"*", "_"}
    return text.lstrip("*_ ") if is_half else text


def value_result(value: object) -> str:
    """Say a JSON value so that equal results are the same text.

    Members of objects have no order; arrays have. Whole values that are texts are read
    as :func:`~agents.tools.result_text.text_result` reads words.
    """
    plain = _plain(value)
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def _plain(value: object) -> object:
    from agents.tools.result_text import said_number, text_result  # noqa: PLC0415  (as above)

    match value:
        case bool() | None:
            return value
        case int():
            return said_number(Fraction(value))
        case float():
            # As it is written: 0.1 is a tenth, not what a computer makes of it.
            return said_number(Fraction(repr(value))) if isfinite(value) else str(value)
        case str():
            return text_result(value)
        case list():
            return [_plain(part) for part in cast("list[object]", value)]
        case Mapping():
            items = cast("Mapping[str, object]", value).items()
            return {str(key): _plain(part) for key, part in sorted(items)}
        case set() | frozenset():
            members = [_plain(part) for part in cast("frozenset[object]", value)]
            return sorted(members, key=str)
        case _:
            return str(value)

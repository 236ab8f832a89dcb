"""Comparable results: the text by which two answers are the same answer, or not.

Two drafts whose results are equal are one entry in a count, so what makes them equal is
said here and nowhere else: numbers by their value (``1,000`` is ``1e3``, ``1/2`` is
``0.5``), measures by their value in the base unit (``5 km`` is ``5000 m``), sets
without order, texts without case, blanks, mark-up and final punctuation. Pure; who
counts is :mod:`coordinator.consensus.result_count`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, TypeAlias, cast

import msgspec

from agents.boundary.log_context import bound_logger

Equal: TypeAlias = str
"""What makes two answers one: their structured ``value``, the part of it that a JSON
Pointer (RFC 6901, ``/answer``) leads to, their ``text``, or nothing (``none``)."""

_LOG = bound_logger(__name__)

RESULT_CHARS = 2_000
"""A longer text is an essay and no result: it is compared by its words alone."""
SHORT_CHARS = 60
"""A text up to this long is a result as a whole: a name, a number, a letter."""
EXPONENT_MOST = 400
"""Beyond it a number is kept as it is written: ``1e999999999`` has a gigabyte of
digits."""

_NUMBER = re.compile(
    r"[+-]?(?:\d{1,3}(?:[,_\u00a0\u202f' ]\d{3})+|\d+)?(?:\.\d*)?(?:e[+-]?\d+)?"
)
_FRACTION = re.compile(r"([+-]?\d{1,40}) ?/ ?(\d{1,40})")
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\{([+-]?\d{1,40})\}\{(\d{1,40})\}")
_SAID = re.compile(r"\banswer(?:\s+is|\s*[:=])\W{0,4}?\s*(.{1,200})$", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\{(.*)\}", re.DOTALL)
_LATEX_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\{([^{}]*)\}")
_MARKS = "*_`$\"'"
_PAIRS = frozenset({"\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb", "()"})
_END = ".!;,:"

_UNITS: dict[str, tuple[str, Fraction]] = {}
"""Word → the dimension's base unit, and how many of it one is."""


def _unit(base: str, factor: str, *words: str) -> None:
    for word in words:
        _UNITS[word] = base, Fraction(factor)


_unit("m", "1", "m", "meter", "meters", "metre", "metres")
_unit("m", "1000", "km", "kilometer", "kilometers", "kilometre", "kilometres")
_unit("m", "1/100", "cm", "centimeter", "centimeters", "centimetre", "centimetres")
_unit("m", "1/1000", "mm", "millimeter", "millimeters", "millimetre", "millimetres")
_unit("m", "1609.344", "mi", "mile", "miles")
_unit("m", "0.3048", "ft", "foot", "feet")
_unit("m", "0.0254", "inch", "inches")
_unit("kg", "1", "kg", "kilogram", "kilograms", "kilo", "kilos")
_unit("kg", "1/1000", "g", "gram", "grams", "gramme", "grammes")
_unit("kg", "1/1000000", "mg", "milligram", "milligrams")
_unit("kg", "1000", "t", "tonne", "tonnes")
_unit("kg", "0.45359237", "lb", "lbs", "pound", "pounds")
_unit("s", "1", "s", "sec", "secs", "second", "seconds")
_unit("s", "1/1000", "ms", "millisecond", "milliseconds")
_unit("s", "60", "min", "mins", "minute", "minutes")
_unit("s", "3600", "h", "hr", "hrs", "hour", "hours")
_unit("s", "86400", "d", "day", "days")
_unit("l", "1", "l", "liter", "liters", "litre", "litres")
_unit("l", "1/1000", "ml", "milliliter", "milliliters", "millilitre", "millilitres")
_unit("byte", "1", "byte", "bytes")
_unit("byte", "1000", "kb", "kilobyte", "kilobytes")
_unit("byte", "1000000", "mb", "megabyte", "megabytes")
_unit("byte", "1000000000", "gb", "gigabyte", "gigabytes")
_unit("°", "1", "°", "degree", "degrees", "deg")
_unit("°c", "1", "°c", "celsius")
_unit("°f", "1", "°f", "fahrenheit")
_unit("usd", "1", "$", "usd", "dollar", "dollars")
_unit("usd", "1/100", "cent", "cents")
_unit("eur", "1", "€", "eur", "euro", "euros")
_unit("gbp", "1", "£", "gbp")
# A share and its percentage are one number.
_unit("", "1/100", "%", "percent", "per cent")

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
    except Exception:  # noqa: BLE001  (a caller's function may raise anything)
        _LOG.exception("the function that reads results failed; this answer has none")
        return ""


def _by_function(function: Callable[[Any], object]) -> ResultKey:
    def key(content: str, value: msgspec.Raw | msgspec.UnsetType) -> str:
        if isinstance(value, msgspec.UnsetType):
            made = function(content)
        else:
            made = function(msgspec.json.decode(value))
        return "" if made is None else value_result(msgspec.to_builtins(made))

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
    its last line, or the whole of it where it is short.
    """
    boxed = _boxes(text)
    if boxed:
        return text_result(boxed)
    lines = text.strip().splitlines()
    said = _SAID.search(lines[-1]) if lines else None
    if said is not None:
        return text_result(said[1])
    return text_result(text) if len(text.strip()) <= SHORT_CHARS else ""


def _boxes(text: str) -> str:
    """What the last box of ``text`` holds, braces within it matched."""
    begin = text.rfind("\\boxed{")
    if begin < 0:
        return ""
    depth, start = 0, begin + len("\\boxed")
    for at in range(start, min(len(text), start + RESULT_CHARS)):
        depth += (text[at] == "{") - (text[at] == "}")
        if not depth:
            return text[start + 1 : at]
    return ""


def value_result(value: object) -> str:
    """Say a JSON value so that equal results are the same text.

    Members of objects have no order; arrays have. Whole values that are texts are read
    as :func:`text_result` reads words.
    """
    plain = _plain(value)
    return plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()


def _plain(value: object) -> object:
    match value:
        case bool() | None:
            return value
        case int() | float():
            return _said_number(Fraction(value)) if _is_finite(value) else str(value)
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


def _is_finite(value: float) -> bool:
    return value == value and value not in {float("inf"), float("-inf")}  # noqa: PLR0124


def text_result(text: str) -> str:
    r"""Say a text so that equal results are the same text.

    ``"**42.**"``, ``"42"`` and ``"\boxed{42.0}"`` are one result; so are
    ``"{b, A}"`` and ``"{a, b}"``, ``"5 km"`` and ``"5,000 metres"``.
    """
    if len(text) > RESULT_CHARS:
        return " ".join(text.casefold().split())
    bare = _bare(text)
    if bare.startswith("{") and bare.endswith("}"):
        members = [text_result(part) for part in bare[1:-1].split(",")]
        return "{" + ",".join(sorted(set(members))) + "}"
    measure = _measure(bare)
    return bare if measure is None else measure


def _bare(text: str) -> str:
    """``text`` without what is only its dress."""
    bare = unicodedata.normalize("NFKC", text).replace("\u2212", "-")
    boxed = _BOXED.search(bare)
    if boxed is not None:
        bare = boxed[1]
    bare = _LATEX_FRACTION.sub(r"\1/\2", bare)
    bare = _LATEX_TEXT.sub(r"\1", bare)
    for written, meant in ((r"\%", "%"), (r"\$", "$"), (r"\{", "{"), (r"\}", "}")):
        bare = bare.replace(written, meant)
    bare = " ".join(bare.casefold().split())
    while True:
        kept = bare
        if len(bare) > 1:
            bare = bare.rstrip(_END).strip()
        # A dollar before a number is money, a pair of them is mark-up.
        if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in _MARKS:
            bare = bare[1:-1].strip()
        if len(bare) > 1 and bare[0] + bare[-1] in _PAIRS:
            bare = bare[1:-1].strip()
        if bare == kept:
            return bare


def _measure(bare: str) -> str | None:
    """A number, with its unit if it has one; ``None``: ``bare`` is neither."""
    number = _number(bare)
    if number is not None:
        return _said_number(number)
    if bare[:1] in _UNITS and not bare[:1].isalpha():
        bare = f"{bare[1:].strip()} {bare[0]}"
    matched = _FRACTION.match(bare) or _NUMBER.match(bare)
    if matched is None or not matched[0]:
        return None
    number = _number(matched[0].strip())
    unit = _UNITS.get(bare[matched.end() :].strip())
    if number is None or unit is None:
        return None
    base, factor = unit
    return f"{_said_number(number * factor)} {base}".strip()


def _number(text: str) -> Fraction | None:
    fraction = _FRACTION.fullmatch(text)
    if fraction is not None:
        return (
            Fraction(int(fraction[1]), int(fraction[2])) if int(fraction[2]) else None
        )
    if not text or not any(c.isdigit() for c in text):
        return None
    if _NUMBER.fullmatch(text) is None:
        return None
    plain = re.sub(r"[,_\u00a0\u202f' ]", "", text)
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return None
    _, _, exponent = number.as_tuple()
    if not isinstance(exponent, int) or abs(number.adjusted()) > EXPONENT_MOST:
        return None
    return Fraction(number)


def _said_number(number: Fraction) -> str:
    """The shortest exact way to write ``number``."""
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{number.numerator}/{number.denominator}"
    if number.denominator == 1:
        return str(number.numerator)
    digits = 0
    scaled = number
    while scaled.denominator != 1:
        scaled *= 10
        digits += 1
    text = str(abs(scaled.numerator)).rjust(digits + 1, "0")
    sign = "-" if number < 0 else ""
    return f"{sign}{text[:-digits]}.{text[-digits:]}"

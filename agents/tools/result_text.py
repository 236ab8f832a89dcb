r"""Texts of results: numbers, measures, sets, lists, tuples, intervals, expressions.

:func:`text_result` says a text so that equal results are the same text. By its nature
that is symmetric and transitive; what is not certainly equal stays apart. It reads what
models put into a ``\boxed{…}``: notation is :mod:`agents.tools.notation`'s, expressions
are :mod:`agents.tools.algebra`'s, units :mod:`agents.tools.units`'. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache

from agents.tools.algebra import (
    FUNCTIONS,
    NAMES,
    NotAlgebra,
    Sum,
    added,
    constant,
    evaluated,
    primitive,
    spelled,
)
from agents.tools.notation import plain_notation
from agents.tools.units import UNITS, unit_of

RESULT_CHARS = 2_000
"""A longer text is an essay and no result: it is compared by its words alone."""
EXPRESSION_CHARS = 300
"""Of an expression that is computed with; a longer one is compared as it is written."""
EXPONENT_MOST = 400
"""Beyond it a number is kept as it is written: ``1e999999999`` has a gigabyte of
digits."""
DEPTH_MOST = 12
"""Sets within sets."""
REMEMBERED_CHARS = 64
"""Longest text whose result is remembered: drafts mostly say the same few."""
ROUNDS_MOST = 8
"""Of reading what was read; two are nearly always enough."""

_NUMBER = re.compile(
    r"[+-]?(?:\d{1,3}(?:[,_\u00a0\u202f' ]\d{3})+|\d+)?(?:\.\d*)?(?:e[+-]?\d+)?"
)
_FRACTION = re.compile(r"([+-]?\d{1,40}) ?/ ?(\d{1,40})")
_MIXED = re.compile(r"([+-]?)(\d{1,40})(?: |-| and )(\d{1,40}) ?/ ?(\d{1,40})")
_UNIT_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyz°%$€£¢ ./*")
_UNIT_CHARS = 48
_NOUN = re.compile(r"[a-z]{3,}(?: [a-z]+)*")
_RAISED = re.compile(r"\^\(?[23]\)?$")
_CURRENCY = re.compile(r"([+-]?) ?([$€£]) ?(.+)")
_RANGE = re.compile(r"\d+(?: ?- ?\d+)+|\d+(?: ?/ ?\d+){2,}")
"""Dates, numbers of telephones, ranges: nothing to be computed."""
_KNOWN = re.compile(r"\d|\b(?:pi|sqrt|inf)\b")
_LETTERS = re.compile(r"[a-z]{2,}")
_MATHEMATICAL = FUNCTIONS | NAMES | {"sqrt"}
_SIGN = re.compile(r"[-+*/^_()=<>|!]")
_GAPS = re.compile(r" ?([^\w\s]) ?")
_NAMED = re.compile(r"[a-z](?:_\w+)?(?:\([a-z]\))?|[a-z][a-z ]{1,30}")
"""The left side of ``x = 5``, ``f(x) = 5``, ``the area = 5``."""
_NAMED_VALUE = re.compile(r"([a-z](?:_\w+)?|[a-z]{2,20}) ?= ?(?=[^=])")
_MEMBER = re.compile(r"[a-z] in (?=[\[(\u27e6])")
_RELATION = re.compile(r"<=|>=|!=|<|>|=")
_WORDS = re.compile(r"[^\W\d_]+|\d+")
WORDS_MOST = 40
_COMMA = re.compile(",")
_AND = re.compile(r",? +(?:and|or) +|[;,]")
_SPACED_COMMA = re.compile(r", +|;|,? +(?:and|or) +")
_MARKS = "*_`$\"'"
_PAIRS = frozenset({"\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb"})
_OPEN, _CLOSE = "([\u27e6", ")]\u27e7"
_END = ".!?;,:"


def text_result(text: str, *, is_formula: bool = False) -> str:
    r"""Say a text so that equal results are the same text.

    ``"**42.**"``, ``"42"`` and ``"\boxed{42.0}"`` are one result; so are ``"{b, A}"``
    and ``"{a, b}"``, ``"5 km"`` and ``"5,000 metres"``, ``"2k+2"`` and ``"2(k+1)"``.

    Args:
        text: Words or LaTeX.
        is_formula: It was marked as a formula: its last ``!`` is a factorial.
    """
    if len(text) > REMEMBERED_CHARS:
        return _settled(text, is_formula)
    return _remembered(text, is_formula)


@lru_cache(maxsize=4096)
def _remembered(text: str, is_formula: bool) -> str:
    return _settled(text, is_formula)


def _settled(text: str, is_formula: bool) -> str:
    for _ in range(ROUNDS_MOST):
        # What one round uncovers the next one reads, so that a result is its own.
        reading = _read(text, is_formula=is_formula)
        if reading == text:
            return text
        text = reading
    # Notation that means nothing, and more at each reading: its words are left.
    words = [x for x in _WORDS.findall(text[:RESULT_CHARS]) if x not in {"and", "or"}]
    return "\u00ac".join(words[:WORDS_MOST])


def _read(text: str, *, is_formula: bool) -> str:
    if len(text) > RESULT_CHARS:
        return " ".join(text.casefold().split())
    held = boxes(text)
    if held:
        text, is_formula = held, True
    stripped, is_marked = _without_marks(text, is_formula=is_formula)
    is_formula = is_formula or is_marked
    plain = unicodedata.normalize("NFKC", plain_notation(stripped))
    plain = " ".join(plain.casefold().split())
    plain, _ = _without_marks(plain, is_formula=is_formula)
    return _canonical(plain, is_formula=is_formula or "\\" in text)


def boxes(text: str) -> str:
    r"""The content of the last ``\boxed{…}``; of several side by side, all, as a list.

    Braces within are matched. Empty: there is none.
    """
    held: list[str] = []
    end = len(text)
    while True:
        begin = text.rfind("\\boxed{", 0, end)
        if begin < 0:
            break
        closes = _closing_brace(text, begin + len("\\boxed"))
        if closes < 0 or (held and not _BETWEEN.fullmatch(text[closes + 1 : end])):
            break
        held.insert(0, text[begin + len("\\boxed{") : closes].strip())
        end = begin
    return ", ".join(filter(None, held))


_BETWEEN = re.compile(r"[\s$,;]{0,20}(?:(?:\\text\{)? ?(?:and|or) ?\}?)?[\s$]{0,20}")


def _closing_brace(text: str, at: int) -> int:
    depth = 0
    for place in range(at, min(len(text), at + RESULT_CHARS)):
        sign = text[place]
        if sign in "{}" and text[place - 1] != "\\":
            depth += 1 if sign == "{" else -1
            if not depth:
                return place
    return -1


def _without_marks(text: str, *, is_formula: bool) -> tuple[str, bool]:
    """``text`` without what is only its dress, and whether it was marked a formula."""
    bare, is_marked = text.strip(), False
    while True:
        before = bare
        if len(bare) > 1:
            end = _END.replace("!", "") if is_formula or is_marked else _END
            bare = bare.rstrip(end).strip() or bare
            if bare.endswith("\\"):
                bare = before  # it was "\!" or "\,"
            bare = bare.lstrip("#").strip() if bare.startswith("##") else bare
            bare = bare.removeprefix("=").strip() or bare
        # A dollar before a number is money, a pair of them is mark-up.
        if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in _MARKS:
            is_marked = is_marked or bare[0] == "$"
            bare = bare[1:-1].strip()
        if len(bare) > 1 and bare[0] + bare[-1] in _PAIRS:
            bare = bare[1:-1].strip()
        if bare == before:
            return bare, is_marked


def _canonical(text: str, *, is_formula: bool, depth: int = 0) -> str:
    """The result of ``text``, which is in plain notation and lower case."""
    text = text.strip()
    if not text or depth > DEPTH_MOST:
        return text
    number = number_of(text)
    if number is not None:
        return said_number(number)
    is_one = len(text) > 1 and text[0] in _OPEN and _closes(text) == len(text) - 1
    if is_one:
        return _bracketed(text, is_formula=is_formula, depth=depth)
    member = _MEMBER.match(text)
    if member is not None:
        return _canonical(text[member.end() :], is_formula=is_formula, depth=depth + 1)
    return (
        _measure(text)
        or _list(text, is_formula=is_formula, depth=depth)
        or _union(text, is_formula=is_formula, depth=depth)
        or _matrix(text, is_formula=is_formula, depth=depth)
        or _relation(text, is_formula=is_formula, depth=depth)
        or _two_signs(text, is_formula=is_formula, depth=depth)
        or _expression(text, is_formula=is_formula)
        or _as_written(text)
    )


def _bracketed(text: str, *, is_formula: bool, depth: int) -> str:
    """A set, a tuple, an interval, or one thing in brackets."""
    inside = text[1:-1].strip()
    parts = _split(inside, ",")
    is_set = text[0] == "\u27e6"
    if is_set:
        parts = [inside] if "|" in inside else _split(inside, ",")
    if not is_set and len(parts) < 2:
        return _canonical(inside, is_formula=is_formula, depth=depth + 1)
    if is_set:
        return _set(parts, is_formula=is_formula, depth=depth)
    elements = [
        _canonical(part, is_formula=is_formula, depth=depth + 1) for part in parts
    ]
    return text[0] + ",".join(elements) + text[-1]


def _closes(text: str) -> int:
    """Where the bracket that ``text`` begins with is closed; -1: nowhere."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if not depth:
            return at
    return -1


def _split(text: str, by: str | re.Pattern[str]) -> list[str]:
    """``text`` split outside of brackets; a comma with a blank splits alone."""
    pattern = by if isinstance(by, re.Pattern) else re.compile(re.escape(by))
    if by == "," and ", " in text:
        pattern = _SPACED_COMMA
    parts: list[str] = []
    depth = begin = last = 0
    for match in pattern.finditer(text):
        between = text[last : match.start()]
        depth += sum(sign in _OPEN for sign in between)
        depth -= sum(sign in _CLOSE for sign in between)
        last = match.start()
        if not depth:
            parts.append(text[begin : match.start()])
            begin = last = match.end()
    return [part.strip() for part in (*parts, text[begin:])]


def _list(text: str, *, is_formula: bool, depth: int) -> str:
    """Several results side by side; of numbers the order does not count.

    Solutions of an equation come in any order, letters and words in theirs.
    """
    by = _SPACED_COMMA if ", " in text or " and " in text or " or " in text else _AND
    parts = [part for part in _split(text, by) if part]
    if len(parts) < 2:
        return ""
    is_mathematical = all(_is_mathematical(part) for part in parts)
    if not is_mathematical:
        if " and " in text or " or " in text or "," not in text:
            return ""
        return ",".join(" ".join(part.split()) for part in parts)
    return _set(parts, is_formula=is_formula, depth=depth)


def _set(parts: Sequence[str], *, is_formula: bool, depth: int) -> str:
    """Members without order; of several unknowns each keeps its name."""
    named = [_NAMED_VALUE.match(part) for part in parts]
    names = {match[1] for match in named if match is not None}
    members: set[str] = set()
    for part, name in zip(parts, named, strict=True):
        is_kept = name is not None and len(names) > 1
        value = part[name.end() :] if is_kept and name is not None else part
        one = _canonical(value, is_formula=is_formula, depth=depth + 1)
        if is_kept and name is not None:
            members.add(f"{name[1]}:{one}")  # x = 1, y = 2
        elif one[:1] == "{" and one[-1:] == "}":
            members |= set(_split(one[1:-1], _COMMA))
        else:
            members.add(one)
    return "{" + ",".join(sorted(members)) + "}"


def _is_mathematical(part: str) -> bool:
    if _KNOWN.search(part) is None:
        return False
    words = _LETTERS.findall(part)
    return all(len(word) < 4 or word in _MATHEMATICAL for word in words)


def _union(text: str, *, is_formula: bool, depth: int) -> str:
    parts = _split(text, " cup ") if " cup " in text else _split(text, "cup")
    if len(parts) < 2 or not all(part[:1] in {*_OPEN} and part for part in parts):
        return ""
    return " cup ".join(
        sorted(_canonical(x, is_formula=is_formula, depth=depth + 1) for x in parts)
    )


def _matrix(text: str, *, is_formula: bool, depth: int) -> str:
    if not text.startswith("matrix(") or _closes(text[6:]) != len(text) - 7:
        return ""
    rows = [
        ",".join(
            _canonical(cell, is_formula=is_formula, depth=depth + 1)
            for cell in _split(row, _COMMA)
        )
        for row in _split(text[7:-1], re.compile(";"))
    ]
    return f"matrix({';'.join(rows)})"


def _relation(text: str, *, is_formula: bool, depth: int) -> str:
    """``x = 5`` is 5, ``x > 5`` an interval, another equation its two sides."""
    signs = _RELATION.findall(text)
    if not signs:
        return ""
    sides = [side.strip() for side in _RELATION.split(text)]
    if not all(sides):
        return ""
    if set(signs) == {"="}:
        if _NAMED.fullmatch(sides[0]):
            return _canonical(sides[-1], is_formula=is_formula, depth=depth + 1)
        if len(sides) == 2:
            try:
                one, other = (_algebra(side, is_formula=is_formula) for side in sides)
            except NotAlgebra:
                return ""
            return f"{spelled(primitive(added(one, other, -1)))} = 0"
        return ""
    return _interval(sides, signs, is_formula=is_formula, depth=depth)


def _interval(
    sides: Sequence[str], signs: Sequence[str], *, is_formula: bool, depth: int
) -> str:
    """``a < x <= b`` as ``(a,b]``; empty: no one variable has bounds."""
    letters = [at for at, side in enumerate(sides) if re.fullmatch("[a-z]", side)]
    if len(letters) != 1 or not {"<", "<=", ">", ">="}.issuperset(signs):
        return ""
    ends = [
        _canonical(side, is_formula=is_formula, depth=depth + 1)
        for at, side in enumerate(sides)
        if at != letters[0]
    ]
    rises = {sign[0] == "<" for sign in signs}
    if len(rises) > 1:
        return ""
    if len(sides) == 3 and letters[0] == 1:
        low, high = (0, 1) if rises == {True} else (1, 0)
        opens = "[" if "=" in signs[low] else "("
        closes = "]" if "=" in signs[high] else ")"
        return f"{opens}{ends[low]},{ends[high]}{closes}"
    if len(sides) != 2:
        return ""
    is_below = (letters[0] == 0) == (rises == {True})
    if is_below:
        return f"(-inf,{ends[0]}{']' if '=' in signs[0] else ')'}"
    return f"{'[' if '=' in signs[0] else '('}{ends[0]},inf)"


def _two_signs(text: str, *, is_formula: bool, depth: int) -> str:
    """``1 ± 2`` as the two numbers that it is."""
    if text.count("+-") != 1 or "-+" in text:
        return ""
    both = {
        _canonical(text.replace("+-", sign), is_formula=is_formula, depth=depth + 1)
        for sign in "+-"
    }
    return "{" + ",".join(sorted(both)) + "}"


def _expression(text: str, *, is_formula: bool) -> str:
    try:
        value = _algebra(text, is_formula=is_formula)
    except NotAlgebra:
        return ""
    number = constant(value)
    return said_number(number) if number is not None else spelled(value)


def _algebra(text: str, *, is_formula: bool) -> Sum:
    if len(text) > EXPRESSION_CHARS or _RANGE.fullmatch(text):
        raise NotAlgebra("too long")
    is_plain = _SIGN.search(text) is None and not any(x.isdigit() for x in text)
    words = _LETTERS.findall(text)
    is_known = bool(words) and _MATHEMATICAL.issuperset(words)
    if is_plain and len(text) > 1 and not is_formula and not is_known:
        raise NotAlgebra("a word")
    return evaluated(text)


def _as_written(text: str) -> str:
    """The text of a result that cannot be computed; blanks around signs are dropped."""
    return _GAPS.sub(r"\1", text) if _SIGN.search(text) else text


def _measure(text: str) -> str:
    """A number with its unit, in the base unit; empty: ``text`` is none."""
    amount = _amount(text)
    if amount is None:
        return ""
    number, base = amount
    return f"{said_number(number)} {base}".strip()


def _amount(text: str) -> tuple[Fraction, str] | None:
    money = _CURRENCY.fullmatch(text)
    if money is not None:
        rest = number_of(money[3])
        more = (rest, "") if rest is not None else _amount(money[3])
        if more is None or more[1]:
            return None
        base, factor = UNITS[money[2]]
        return more[0] * factor * (-1 if money[1] == "-" else 1), base
    amount, unit = _unit_apart(text)
    known = unit_of(unit) if amount and unit else None
    if known is None:
        number = number_of(amount) if amount and _NOUN.fullmatch(unit) else None
        # "1,000 apples": of what is counted, the words are compared.
        is_apart = text[len(amount) : len(amount) + 1] == " "
        return (number, unit) if number is not None and is_apart else None
    number = number_of(amount)
    if number is None:
        try:
            number = constant(_algebra(amount, is_formula=False))
        except NotAlgebra:
            return None
    return None if number is None else (number * known[1], known[0])


def _unit_apart(text: str) -> tuple[str, str]:
    """``text`` up to its last digit or bracket, and the unit behind it."""
    raised = _RAISED.search(text)
    end = len(text) if raised is None else raised.start()
    begin = end
    while begin > max(0, end - _UNIT_CHARS) and text[begin - 1] in _UNIT_SIGNS:
        begin -= 1
    if text[begin : begin + 1] == "." and begin:
        begin += 1  # of the number: "5. km"
    return text[:begin].strip(), text[begin:].strip(" *")


def number_of(text: str) -> Fraction | None:
    """The number that ``text`` is: a decimal, a fraction, or a mixed one.

    ``None``: it is none, or longer than anybody means.
    """
    fraction = _FRACTION.fullmatch(text)
    if fraction is not None:
        below = int(fraction[2])
        return Fraction(int(fraction[1]), below) if below else None
    mixed = _MIXED.fullmatch(text)
    if mixed is not None:
        sign, whole, above, below = (mixed[1], *map(int, mixed.groups()[1:]))
        if not below or above >= below:
            return None
        return (whole + Fraction(above, below)) * (-1 if sign == "-" else 1)
    if not any(c.isdigit() for c in text) or _NUMBER.fullmatch(text) is None:
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


def said_number(number: Fraction) -> str:
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

r"""Mathematical notation of LaTeX and Unicode, rewritten to one plain spelling.

``\dfrac{1}{2}`` becomes ``((1)/(2))``, ``x²`` and ``x^{2}`` become ``x^2``, ``√2`` and
``\sqrt2`` become ``sqrt(2)``; commands that only space or size go. Nothing is computed:
that is :mod:`agents.tools.algebra`'s. Pure; in time that grows with the text's length.
"""

from __future__ import annotations

import re
from typing import NamedTuple

DEPTH_MOST = 24
"""Groups within groups; what is nested deeper is left as it is written."""

NUMBER_CHARS = 48
"""Of a number before a fraction, which makes the two a mixed number."""

_UNICODE = {
    "\u2212": "-",
    "\u2013": "-",
    "\u2010": "-",
    "\u2011": "-",
    "\u00d7": "*",
    "\u00b7": "*",
    "\u22c5": "*",
    "\u00f7": "/",
    "\u2044": "/",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "!=",
    "\u221e": r"\infty ",
    "\u222a": r"\cup ",
    "\u2229": r"\cap ",
    "\u2208": r"\in ",
    "\u00b1": r"\pm ",
    "\u03c0": r"\pi ",
    "\u221a": r"\sqrt ",
    "\u221b": r"\sqrt[3]",
    "\u00ba": "\u00b0",
    "\u2205": r"\emptyset ",
    "\u00a0": " ",
    "\u202f": " ",
    "\u2009": " ",
    "\u2018": "'",
    "\u2019": "'",
}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_RAISED_RUN = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+")
_LOWERED_RUN = re.compile(r"[₀₁₂₃₄₅₆₇₈₉]+")
_VULGAR = {
    "\u00bd": (1, 2),
    "\u2153": (1, 3),
    "\u2154": (2, 3),
    "\u00bc": (1, 4),
    "\u00be": (3, 4),
    "\u2155": (1, 5),
    "\u2156": (2, 5),
    "\u2157": (3, 5),
    "\u2158": (4, 5),
    "\u2159": (1, 6),
    "\u215a": (5, 6),
    "\u215b": (1, 8),
    "\u215c": (3, 8),
    "\u215d": (5, 8),
    "\u215e": (7, 8),
}
_PLAIN = {
    **{ord(sign): meant for sign, meant in _UNICODE.items()},
    **{ord(x): rf"\frac{{{a}}}{{{b}}}" for x, (a, b) in _VULGAR.items()},
}

_FRACTIONS = frozenset({"frac", "dfrac", "tfrac", "cfrac", "nicefrac", "sfrac"})
_WORDS = frozenset(
    {
        *("text", "textrm", "textbf", "textit", "textsf", "texttt", "textnormal"),
        *("mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathbb", "mathcal"),
        *("mbox", "hbox", "operatorname", "boxed", "fbox", "framebox", "boldsymbol"),
        *("emph", "bm", "mathnormal", "underline", "overline", "bar", "ensuremath"),
    }
)
"""Commands whose argument is what is meant; a bar over digits is left out with them."""
_SILENT = frozenset(
    {
        *("left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl"),
        *("Bigr", "middle", "displaystyle", "textstyle", "limits", "nolimits"),
        *("scriptstyle", "rm", "bf", "it", "mathstrut", "strut", "hfill", "phantom"),
    }
)
_SIGNS = {
    "cdot": "*",
    "times": "*",
    "ast": "*",
    "div": "/",
    "le": "<=",
    "leq": "<=",
    "leqslant": "<=",
    "ge": ">=",
    "geq": ">=",
    "geqslant": ">=",
    "lt": "<",
    "gt": ">",
    "ne": "!=",
    "neq": "!=",
    "pm": "+-",
    "mp": "-+",
    "infty": "inf",
    "degree": "\u00b0",
    "circ": "\u00b0",
    "percent": "%",
    "dots": "...",
    "ldots": "...",
    "cdots": "...",
    "lvert": "|",
    "rvert": "|",
    "vert": "|",
    "mid": "|",
    "backslash": "\\",
    "varnothing": "emptyset",
    "quad": " ",
    "qquad": " ",
    "euro": "\u20ac",
    "pounds": "\u00a3",
    "lbrace": "\u27e6",
    "rbrace": "\u27e7",
}
_ONE = {
    "%": "%",
    "$": "$",
    "{": "\u27e6",
    "}": "\u27e7",
    ",": " ",
    ";": " ",
    ":": " ",
    " ": " ",
    ">": " ",
    "!": "",
    "|": "|",
    "&": "&",
    "#": "#",
    "_": "_",
    "(": "",
    ")": "",
    "[": "",
    "]": "",
    "\\": " ",
    "-": "",
    "/": "",
}
r"""Meanings of one sign after a backslash; ``\(…\)``, ``\[…\]`` only mark formulas."""
_LETTERS = re.compile(r"[A-Za-z]+")
_MATRIX = re.compile(r"\{([a-z]*matrix|array|cases)\}(?:\{[^{}]{0,40}\})?")
_NUMBER_BEFORE = re.compile(r"(?:^|[^\w.^)])\d+ ?$")
_DIGITS = re.compile(r"\d+")
_SPACED = re.compile(r"\\!\s*")
_SIMPLE = re.compile(r"\w+")


class _Read(NamedTuple):
    plain: str
    end: int


def plain_notation(text: str) -> str:
    r"""Rewrite ``text``; what is no notation stays.

    A set's braces (``\{…\}``, or a pair around the whole) become ``⟦…⟧``, so that they
    are told from braces that only group.
    """
    text = _RAISED_RUN.sub(lambda found: f"^{{{found[0].translate(_RAISED)}}}", text)
    text = _LOWERED_RUN.sub(lambda found: f"_{{{found[0].translate(_LOWERED)}}}", text)
    text = text.translate(_PLAIN).replace("{,}", ",")
    text = _SPACED.sub("", text)
    bare = text.strip()
    if bare.startswith("{") and _closes(bare, 0) == len(bare) - 1:
        text = f"\\{{{bare[1:-1]}\\}}"
    return _converted(text, 0, "", 0).plain


def _closes(text: str, begin: int) -> int:
    """Where the group that opens at ``begin`` closes; -1: nowhere."""
    depth = 0
    at = begin
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        depth += (text[at] == "{") - (text[at] == "}")
        if not depth:
            return at
        at += 1
    return -1


def _converted(text: str, at: int, until: str, depth: int) -> _Read:
    """Rewrite from ``at`` up to ``until``, or to the end.

    Returns:
        What it comes to, and the place after ``until``.
    """
    if depth > DEPTH_MOST:
        end = len(text) if not until else text.find(until, at) + 1 or len(text)
        return _Read(text[at:end], end)
    out = ""
    while at < len(text):
        sign = text[at]
        if until and sign == until:
            return _Read(out, at + 1)
        if sign == "\\":
            out, at = _command(text, at + 1, out, depth)
        elif sign in "^_":
            out, at = _script(text, at, out, depth)
        elif sign == "{":
            inner, at = _converted(text, at + 1, "}", depth + 1)
            out += inner if _stands_alone(out, inner) else f"({inner})"
        elif sign == "}":
            at += 1
        elif sign == "~":
            out, at = out + " ", at + 1
        else:
            out, at = out + sign, at + 1
    return _Read(out, at)


def _stands_alone(out: str, inner: str) -> bool:
    """Whether a group needs no brackets where it stands."""
    if _SIMPLE.fullmatch(inner) is None:
        return False
    runs_on = out[-1:].isalnum() and not out[-1:].isdecimal()
    return not runs_on and ("_" not in out[-3:-1] or not out[-1:].isalnum())


def _script(text: str, at: int, out: str, depth: int) -> _Read:
    """A power or an index; a raised ring is a degree."""
    mark = text[at]
    inner, at = _argument(text, at + 1, depth, is_whole_number=True)
    inner = inner.strip()
    if mark == "^" and inner == "\u00b0":
        return _Read(out + "\u00b0", at)
    if not inner:
        return _Read(out + mark, at)
    if mark == "_":
        inner = inner.strip("()") if inner.strip("()").isalnum() else inner
    is_simple = _SIMPLE.fullmatch(inner) is not None or _is_bracketed(inner)
    return _Read(f"{out}{mark}{inner if is_simple else f'({inner})'}", at)


def _is_bracketed(text: str) -> bool:
    """Whether one pair of brackets is around all of ``text``."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if not depth:
            return at == len(text) - 1 and sign == ")"
    return False


def _argument(
    text: str, at: int, depth: int, *, is_whole_number: bool = False
) -> _Read:
    """The argument of a command or a script: a group, a command, or one sign.

    Args:
        text: All of it.
        at: Where it begins.
        depth: Of the groups around it.
        is_whole_number: A number of several digits is one; LaTeX has its first digit.
    """
    while at < len(text) and text[at] == " ":
        at += 1
    if at >= len(text):
        return _Read("", at)
    if text[at] == "{":
        return _converted(text, at + 1, "}", depth + 1)
    if text[at] == "\\" and depth < DEPTH_MOST:
        return _command(text, at + 1, "", depth + 1)
    if text[at] == "(" and is_whole_number:
        inner, end = _converted(text, at + 1, ")", depth + 1)
        return _Read(f"({inner})", end)
    number = _DIGITS.match(text, at) if is_whole_number else None
    if number is not None:
        return _Read(number[0], number.end())
    if text[at] in "+-" and is_whole_number and at + 1 < len(text):
        is_new = text[at + 1] not in "+-"
        inner, end = _argument(text, at + 1, depth, is_whole_number=is_new)
        return _Read(text[at] + inner, end)
    return _Read(text[at], at + 1)


def _command(text: str, at: int, out: str, depth: int) -> _Read:
    """The command after the backslash at ``at - 1``, converted."""
    name = _LETTERS.match(text, at)
    if name is None:
        sign = text[at : at + 1]
        return _Read(out + _ONE.get(sign, sign), at + 1)
    at = name.end()
    word = name[0]
    if word in _FRACTIONS:
        above, at = _argument(text, at, depth)
        below, at = _argument(text, at, depth)
        return _Read(_fraction(out, above.strip(), below.strip()), at)
    if word == "sqrt":
        return _root(text, at, out, depth)
    if word in _WORDS:
        inner, at = _argument(text, at, depth)
        gap = " " if out[-1:].isalnum() and inner[:1].isalnum() else ""
        return _Read(out + gap + inner, at)
    if word in _SILENT:
        # "\left." is a side without a sign.
        return _Read(out, at + (word in {"left", "right"} and text[at : at + 1] == "."))
    if word in {"begin", "end"}:
        return _environment(text, at, out, depth, is_begin=word == "begin")
    known = _SIGNS.get(word)
    if known is not None:
        return _Read(out + known, at)
    gap = " " if out[-1:].isalnum() else ""
    after = " " if text[at : at + 1].isalnum() or text[at : at + 1] == "{" else ""
    return _Read(f"{out}{gap}{word}{after}", at)


def _fraction(out: str, above: str, below: str) -> str:
    are_numbers = above.isdecimal() and below.isdecimal()
    if are_numbers and _NUMBER_BEFORE.search(out[-NUMBER_CHARS:]):
        return f"{out.rstrip()} {above}/{below}"  # a mixed number: 1 4/5
    return f"{out}(({above})/({below}))"


def _root(text: str, at: int, out: str, depth: int) -> _Read:
    degree = ""
    if text[at : at + 1] == "[":
        degree, at = _converted(text, at + 1, "]", depth + 1)
    inner, at = _argument(text, at, depth, is_whole_number=True)
    inner = inner.strip()
    if degree.strip() in {"", "2"}:
        return _Read(f"{out}sqrt({inner})", at)
    return _Read(f"{out}(({inner})^(1/({degree.strip()})))", at)


def _environment(text: str, at: int, out: str, depth: int, *, is_begin: bool) -> _Read:
    """A matrix as ``matrix(a,b;c,d)``; the marks of any other environment go."""
    named = _MATRIX.match(text, at)
    if named is None or not is_begin or depth >= DEPTH_MOST:
        closes = _closes(text, at) if text[at : at + 1] == "{" else -1
        return _Read(out, closes + 1 if closes >= 0 else at)
    begin = named.end()
    end = text.find(f"\\end{{{named[1]}}}", begin)
    inside = text[begin : end if end >= 0 else len(text)]
    rows = [
        [_converted(cell, 0, "", depth + 1).plain.strip() for cell in row.split("&")]
        for row in inside.split("\\\\")
        if row.strip()
    ]
    cells = ";".join(",".join(row) for row in rows)
    after = len(text) if end < 0 else end + len(f"\\end{{{named[1]}}}")
    return _Read(f"{out}matrix({cells})", after)

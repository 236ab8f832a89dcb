"""The difference between two texts, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple, TypeAlias

Change: TypeAlias = Literal["same", "gone", "new"]

WORDS_MOST = 20_000
"""Longer texts are told apart by lines: words would take seconds."""

_WORD = re.compile(r"\s*\S+|\s+$")
_LINE = re.compile(r"[^\n]*\n|[^\n]+$")


class Piece(NamedTuple):
    """A run of words."""

    change: Change
    text: str


def word_diff(old: str, new: str) -> list[Piece]:
    """Compare two texts; runs in order, with what is gone before what is new."""
    is_long = max(len(old), len(new)) > 8 * WORDS_MOST
    pattern = _LINE if is_long else _WORD
    a, b = pattern.findall(old), pattern.findall(new)
    matcher = SequenceMatcher(
        None, [w.strip() for w in a], [w.strip() for w in b], autojunk=False
    )
    pieces: list[Piece] = []
    for what, i, j, k, m in matcher.get_opcodes():
        if what == "equal":
            pieces.append(Piece("same", "".join(b[k:m])))
            continue
        if j > i:
            pieces.append(Piece("gone", "".join(a[i:j])))
        if m > k:
            pieces.append(Piece("new", "".join(b[k:m])))
    return pieces

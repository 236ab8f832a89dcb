"""How alike two answers are, as a number: the measure that finds near-duplicates."""

from __future__ import annotations

import re
from functools import lru_cache

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def similarity(one: str, other: str) -> float:
    """Compare two texts by their sets of words (Jaccard), 0 (nothing shared) … 1.

    Case does not count. Two empty texts are the same; two texts with different numbers
    share nothing, however alike their words are: "it is 41" and "it is 42" disagree.
    MassGen 0.1.97 refuses an answer above 0.70 ("balanced") or 0.50 ("strict") by the
    measure on words alone (read 2026-11-22).
    """
    if one == other:
        return 1.0
    a, b = _words(one), _words(other)
    if not a and not b:
        return 1.0
    if _numbers(one) != _numbers(other):
        return 0.0
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared)


@lru_cache(maxsize=1024)
def _words(text: str) -> frozenset[str]:
    return frozenset(text.lower().split())


@lru_cache(maxsize=1024)
def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(text))

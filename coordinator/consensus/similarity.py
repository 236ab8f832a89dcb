"""The similarity of two answers, as a number: it finds near-duplicates."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


COMPARED_CHARS = 200_000
"""Of a text that are looked at: what is alike for fifty thousand tokens is alike."""
CACHED_CHARS = 20_000
"""Longest text whose words are remembered: a thousand of them are 20 MB."""


def similarity(one: str, other: str) -> float:
    """Compare two texts by their sets of words (Jaccard), 0 (nothing shared) … 1.

    Case does not count. Two empty texts are the same; two texts with different numbers
    share nothing, however alike their words are: "it is 41" and "it is 42" disagree.
    Of each text the first ``COMPARED_CHARS`` characters are looked at.
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


def twins(texts: Sequence[str], over: float) -> list[int | None]:
    """For each text, the first text that is kept and more similar than ``over``.

    A text without such a twin is kept itself. The outcome is that of comparing each
    with all kept before it; but only those are compared that can be so similar, so that
    ten thousand different answers take a tenth of a second and not a minute.

    Two sets of which more than the share ``over`` is common have one word in common
    among the few first of each, in any one order of words; rare words first leaves
    hardly any others to compare ("prefix filtering", Chaudhuri et al., ICDE 2006).

    Returns:
        Positions in ``texts``; ``None`` for a text that is kept.
    """
    seen = Counter(word for text in dict.fromkeys(texts) for word in _words(text))
    positions: dict[tuple[frozenset[str], str], list[int]] = {}
    first: dict[str, int] = {}
    """Text → what its like are twins of; long texts are taken apart once."""
    places: list[int | None] = []
    for place, text in enumerate(texts):
        if text in first and over < 1:
            places.append(first[text])
            continue
        numbers = _numbers(text)
        marks = [(numbers, word) for word in _telling(_words(text), seen, over)]
        like = {other for mark in marks for other in positions.get(mark, ())}
        twin = next(
            (k for k in sorted(like) if similarity(text, texts[k]) > over), None
        )
        places.append(twin)
        first[text] = place if twin is None else twin
        if twin is None:
            for mark in marks:
                positions.setdefault(mark, []).append(place)
    return places


def _telling(words: frozenset[str], seen: Counter[str], over: float) -> list[str]:
    """The rarest of ``words``, as many as cannot all be missing in a twin."""
    # A little less than the share, because a rounded product may be too large.
    shared = math.ceil(over * len(words) * (1 - 1e-9))
    rare = sorted(words, key=lambda word: (seen[word], word))
    return rare[: len(words) - shared + 1] or [""]


def _words(text: str) -> frozenset[str]:
    if len(text) > CACHED_CHARS:
        return _words_of(text[:COMPARED_CHARS])
    return _remembered_words(text)


def _numbers(text: str) -> frozenset[str]:
    if len(text) > CACHED_CHARS:
        return _numbers_of(text[:COMPARED_CHARS])
    return _remembered_numbers(text)


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.lower().split())


def _numbers_of(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(text))


_remembered_words = lru_cache(maxsize=1024)(_words_of)
_remembered_numbers = lru_cache(maxsize=1024)(_numbers_of)

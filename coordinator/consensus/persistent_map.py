"""Maps that are values: to change one is to make another.

A step that changes one of ten thousand members must not copy the team, so many entries
are a persistent map (rpds), which copies a path. Of few a plain copy is several times
faster, and so is every look into it. Nobody may rely on the order of either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from rpds import HashTrieMap

K = TypeVar("K")
V = TypeVar("V")

FEW = 32
"""Entries up to which a copy takes less time than a path through a trie."""


def table(entries: dict[K, V]) -> Mapping[K, V]:
    """A map of ``entries``, which belong to it from now on."""
    return entries if len(entries) <= FEW else HashTrieMap(entries)


def with_entry(known: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    """``known`` with ``value`` at ``key``."""
    if isinstance(known, HashTrieMap):
        return known.insert(key, value)
    entries = {**known, key: value}
    return entries if len(entries) <= FEW else HashTrieMap(entries)


def without(known: Mapping[K, V], key: K) -> Mapping[K, V]:
    """``known`` without what it has at ``key``."""
    if isinstance(known, HashTrieMap):
        return known.remove(key)
    return {other: value for other, value in known.items() if other != key}

"""The bill of simulated requests: the prompt cache, and the sum of all tokens."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from coordinator.comparison.assumptions import Assumptions

SMALLEST_TOKENS = 1024
"""Shorter prefixes are not cached (docs.claude.com, read 2026-11-22)."""
LIVES_S = 300.0
"""From its last use (the same source)."""


class Bill(NamedTuple):
    """Tokens of one request, of a turn, or of a session."""

    plain: int = 0
    """Input that the cache neither gave nor took."""
    read: int = 0
    written: int = 0
    """Input that went into the cache."""
    output: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.plain + self.read + self.written + self.output

    def plus(self, other: Bill) -> Bill:
        """Both together."""
        return Bill(
            self.plain + other.plain,
            self.read + other.read,
            self.written + other.written,
            self.output + other.output,
        )

    def usd(self, assumed: Assumptions) -> float:
        """The cost in USD."""
        weighed = (
            self.plain
            + self.read * assumed.cache_read_share
            + self.written * assumed.cache_write_share
        )
        return (weighed * assumed.input_usd + self.output * assumed.output_usd) / 1e6


class Prefix(NamedTuple):
    """A prompt up to a breakpoint."""

    key: Hashable
    """The identity of its content."""
    tokens: int


class PromptCache:
    """The prefixes that requests of one session have left behind."""

    def __init__(self, assumed: Assumptions) -> None:
        self._is_on = assumed.cache
        self._ready: dict[Hashable, float] = {}
        self._expires: dict[Hashable, float] = {}

    def sent_at(self, at: float, prefixes: Sequence[Prefix], wait_s: float) -> float:
        """When to send a request that may wait for its longest prefix."""
        if not self._is_on or not prefixes:
            return at
        ready = self._ready.get(prefixes[-1].key, at)
        return ready if at < ready <= at + wait_s else at

    def look_up(self, at: float, prefixes: Sequence[Prefix], total: int) -> Bill:
        """Bill a request of ``total`` input tokens that begins ``at``.

        Args:
            at: Seconds.
            prefixes: Shortest first.
            total: Tokens of the whole prompt.
        """
        if not self._is_on:
            return Bill(plain=total)
        read = written = 0
        for prefix in prefixes:
            if prefix.tokens < SMALLEST_TOKENS:
                continue
            if self._ready.get(prefix.key, at + 1) <= at < self._expires[prefix.key]:
                read = prefix.tokens
                self._expires[prefix.key] = at + LIVES_S
            else:
                written = prefix.tokens - read
        return Bill(plain=total - read - written, read=read, written=written)

    def remember(self, begun: float, prefixes: Sequence[Prefix]) -> None:
        """The response to a request with ``prefixes`` begins at ``begun``."""
        if not self._is_on:
            return
        for prefix in prefixes:
            known = self._ready.get(prefix.key)
            if known is None or begun < known or self._expires[prefix.key] <= begun:
                self._ready[prefix.key] = begun
            self._expires[prefix.key] = begun + LIVES_S

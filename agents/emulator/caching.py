"""The prompt cache, emulated: prefixes marked with ``cache_control`` are remembered.

As the API documents it (docs.claude.com, prompt caching, read 2026-11-22): the order is
tools, system, messages; a mark asks for everything up to its block; a hit is looked for
at the mark and up to 20 blocks before it; short prefixes are not cached; an entry lives
five minutes or an hour from its last use, and serves requests that begin after the
response that wrote it has begun. Time is handed in; tokens are estimated.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from agents.backends.scripted.request_match import tokens, weigh
from agents.backends.scripted.response import CacheCount

if TYPE_CHECKING:
    from agents.backends.scripted.script import JsonObject

LOOK_BACK = 20
KEPT = 64
"""Entries that are kept without a look at their age."""
_LIVES_S = {"5m": 300.0, "1h": 3600.0}


class _Piece(msgspec.Struct, frozen=True, kw_only=True):
    prefix: bytes
    """Hash of all up to here."""
    tokens: int
    """Size of all up to here."""
    ttl: str | None
    """``5m`` or ``1h`` where the block is marked."""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """The cache's result for one request."""

    count: CacheCount
    entries: tuple[tuple[bytes, str], ...]
    """Prefixes to remember, and for how long, when the response begins."""


class PromptCache:
    """Prefixes seen so far.

    Args:
        min_tokens: Shorter prefixes are not cached.
    """

    def __init__(self, min_tokens: int = 1024) -> None:
        self._min_tokens = min_tokens
        self._expires: dict[bytes, float] = {}
        self._lives: dict[bytes, float] = {}
        self._alive = KEPT
        """Entries that were alive when it was last looked; doubled, it is looked again,
        so that forgetting costs each entry a look or two."""

    def look_up(self, body: JsonObject, now: float) -> Looked:
        """Tell what a request reads from the cache and what it would write."""
        pieces = _pieces(body)
        marks = [n for n, piece in enumerate(pieces) if piece.ttl is not None]
        read = 0
        for mark in marks:
            for piece in pieces[max(0, mark - LOOK_BACK) : mark + 1]:
                if self._expires.get(piece.prefix, -1.0) > now:
                    read = max(read, piece.tokens)
        written = {"5m": 0, "1h": 0}
        reached = read
        entries: list[tuple[bytes, str]] = []
        for mark in marks:
            piece = pieces[mark]
            ttl = piece.ttl or "5m"
            if piece.tokens < self._min_tokens:
                continue
            entries.append((piece.prefix, ttl))
            written[ttl] += max(0, piece.tokens - reached)
            reached = max(reached, piece.tokens)
        count = CacheCount(
            read=read, written_5m=written["5m"], written_1h=written["1h"]
        )
        return Looked(count=count, entries=tuple(entries))

    def remember(self, looked: Looked, now: float) -> None:
        """Keep what a response that begins now has written or used again."""
        if len(self._expires) > 2 * self._alive:
            self._forget(now)
        for prefix, ttl in looked.entries:
            life = max(_LIVES_S[ttl], self._lives.get(prefix, 0.0))
            self._lives[prefix] = life
            self._expires[prefix] = now + life

    def _forget(self, now: float) -> None:
        """Forget entries that have expired."""
        for prefix in [p for p, at in self._expires.items() if at <= now]:
            del self._expires[prefix], self._lives[prefix]
        self._alive = max(KEPT, len(self._expires))


def _pieces(body: JsonObject) -> list[_Piece]:
    blocks = _blocks(body)
    if isinstance(body.get("cache_control"), dict) and blocks:
        # At the top it marks the last block.
        blocks[-1] = {**blocks[-1], "cache_control": body["cache_control"]}
    digest = hashlib.blake2b(str(body.get("model")).encode(), digest_size=16)
    size = 0
    pieces: list[_Piece] = []
    for block in blocks:
        mark: Any = block.get("cache_control")
        bare = {key: value for key, value in block.items() if key != "cache_control"}
        digest.update(msgspec.json.encode(bare, order="deterministic"))
        size += weigh(bare)
        ttl = str(mark.get("ttl", "5m")) if isinstance(mark, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  (JSON, carried)
        pieces.append(_Piece(prefix=digest.digest(), tokens=tokens(size), ttl=ttl))
    return pieces


def _blocks(body: JsonObject) -> list[JsonObject]:
    system: Any = body.get("system") or []
    blocks: list[JsonObject] = [*(body.get("tools") or []), *_content(system)]
    for message in body.get("messages", []):
        # The role is part of the prefix: said by the user or by the model.
        blocks += [{**b, "role": message["role"]} for b in _content(message["content"])]
    return blocks


def _content(content: Any) -> list[JsonObject]:  # noqa: ANN401  (JSON, carried)
    return [{"type": "text", "text": content}] if isinstance(content, str) else content

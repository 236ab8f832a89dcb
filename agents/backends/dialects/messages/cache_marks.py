"""Cache breakpoints of ours beside those that a user sets. Pure.

The API takes four in all, and none of an hour behind one of five minutes (public
reports, read 2026-11-30). A user's own stay; ours make room.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

MARKS_MOST = 4


def make_room(body: dict[str, Any], ours: dict[str, Any]) -> None:
    """Take back breakpoints of ours that a user's own leave no room for, in place.

    Args:
        body: A request's parameters.
        ours: The very object that every breakpoint of ours is.
    """
    marked = [each for each in _owners(body) if each.get("cache_control") is not None]
    theirs = [n for n, each in enumerate(marked) if each["cache_control"] is not ours]
    if not theirs:
        return
    lasting = [n for n in theirs if _lives_long(marked[n]["cache_control"])]
    behind = max(lasting, default=-1)
    own = [n for n, each in enumerate(marked) if each["cache_control"] is ours]
    fit = [n for n in own if n > behind]
    if _lives_long(ours):
        brief = min((n for n in theirs if n not in lasting), default=len(marked))
        fit = [n for n in own if n < brief]
    room = max(0, MARKS_MOST - len(theirs))
    # The later ones are worth more: they cover what stands before them.
    spared = set(fit[len(fit) - room :] if room else ())
    for n in own:
        if n not in spared:
            del marked[n]["cache_control"]


def _owners(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Objects that may bear a breakpoint, in the order in which the API reads them."""
    for key in ("tools", "system"):
        yield from _objects(body.get(key))
    for message in _objects(body.get("messages")):
        for block in _objects(message.get("content")):
            yield block
            yield from _objects(block.get("content"))
    yield body


def _objects(value: object) -> Iterator[dict[str, Any]]:
    for part in cast("list[Any]", value) if isinstance(value, list) else ():
        if isinstance(part, dict):
            yield cast("dict[str, Any]", part)


def _lives_long(mark: object) -> bool:
    return isinstance(mark, dict) and cast("dict[str, Any]", mark).get("ttl") == "1h"

"""A call's input that comes in pieces, each with the path of its place. Pure.

As recorded from Vertex (2026-04): ``{"jsonPath": "$.recipe.steps[0]", "stringValue":
"Boil", "willContinue": true}``; text grows where one path comes again.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, cast

from agents.backends.dialects.json_values import Json, text_of
from agents.errors import StreamMalformed

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]")
SHOWN_CHARS = 200
"""Of a path, in an error."""
_PLACES_MAX = 100_000
"""An index beyond this would be a list of nothing but gaps."""


def put(args: Json, piece: Json) -> None:
    """Add one piece to ``args``, in place.

    Raises:
        StreamMalformed: Its path is none, or leads through something else.
    """
    path = text_of(piece.get("jsonPath"))
    steps = _steps(path)
    place: Any = args
    for step, following in pairwise(steps):
        place = _child(place, step, [] if isinstance(following, int) else {}, path)
    last = steps[-1]
    value, is_text = _value(piece)
    before = _get(place, last, path)
    if is_text and isinstance(before, str):
        value = before + value
    _set(place, last, value)


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    at = 1 if path.startswith("$") else 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise StreamMalformed(f"an argument's path {path[:SHOWN_CHARS]!r} is none")
        name, number, quoted = match.groups()
        steps.append(int(number) if number is not None else name or quoted or "")
        at = match.end()
    if not steps or any(isinstance(s, int) and s > _PLACES_MAX for s in steps):
        raise StreamMalformed(f"an argument's path {path[:SHOWN_CHARS]!r} is none")
    return steps


def _value(piece: Json) -> tuple[Any, bool]:
    for name in ("stringValue", "numberValue", "boolValue"):
        if name in piece:
            return piece[name], name == "stringValue"
    return None, False


def _get(place: Any, step: str | int, path: str) -> Any:  # noqa: ANN401  (JSON)
    if isinstance(step, int):
        if not isinstance(place, list):
            raise StreamMalformed(
                f"an argument's path {path[:SHOWN_CHARS]!r} leads nowhere"
            )
        items = cast("list[Any]", place)
        items.extend([None] * (step + 1 - len(items)))
        return items[step]
    if not isinstance(place, dict):
        raise StreamMalformed(
            f"an argument's path {path[:SHOWN_CHARS]!r} leads nowhere"
        )
    return cast("Json", place).get(step)


def _set(place: Any, step: str | int, value: Any) -> None:  # noqa: ANN401  (JSON)
    place[step] = value


def _child(place: Any, step: str | int, empty: Any, path: str) -> Any:  # noqa: ANN401  (JSON)
    child = _get(place, step, path)
    if child is None:
        _set(place, step, empty)
        return empty
    return child

"""Pieces of a request that the API left out, as its response says. Pure.

``context_management.applied_edits`` names the edits that were asked for;
``input_transformations`` the thoughts that did not fit what stands before them (SDK
2.14.0, read 2026-11-30). Kinds that are not known here are told by their own names.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple, cast

import msgspec

_ALLOWED = "thinking_mismatch_allowed"
"""Such a block was shown to the model all the same."""


class Edit(NamedTuple):
    """One way in which the input was made shorter."""

    name: str
    pieces: int
    tokens: int | None


def edits_in(managed: msgspec.Raw) -> list[Edit]:
    """The edits of a ``context_management`` that have left anything out."""
    management: Any = msgspec.json.decode(managed)
    applied = (
        cast("dict[str, Any]", management).get("applied_edits")
        if _is(management)
        else None
    )
    edits: list[Edit] = []
    for each in cast("list[Any]", applied) if isinstance(applied, list) else ():
        if not _is(each):
            continue
        counts = {
            name: count
            for name, count in cast("dict[str, Any]", each).items()
            if name.startswith("cleared_") and type(count) is int
        }
        tokens = counts.pop("cleared_input_tokens", None)
        pieces = sum(counts.values())
        if pieces or tokens:
            edits.append(Edit(str(each.get("type", "")), pieces, tokens))
    return edits


def changes_in(changed: msgspec.Raw) -> list[Edit]:
    """The blocks of ``input_transformations`` that were left out, by their kind."""
    transformations: Any = msgspec.json.decode(changed)
    entries = (
        cast("list[Any]", transformations) if isinstance(transformations, list) else []
    )
    kinds = Counter(str(each.get("type", "")) for each in entries if _is(each))
    return [
        Edit(kind, count, None) for kind, count in kinds.items() if kind != _ALLOWED
    ]


def _is(value: object) -> bool:
    return isinstance(value, dict)

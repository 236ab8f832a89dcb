"""One form of a JSON Schema, whichever version of msgspec and Python has made it. Pure.

What a model is shown of tools is the beginning of every prompt: it is what a provider
caches, what a journal's requests are compared with, and what preserved thinking is
bound to. It must not change because a library does. Seen to differ (2026-11-30):
msgspec 0.22 leaves docstrings indented and dataclasses' empty defaults out, 0.23 does
not; Python 3.13 takes the indentation away itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

Json: TypeAlias = dict[str, Any]

_NAMED = frozenset({"$defs", "definitions", "patternProperties", "properties"})
"""Keywords that hold schemas by names, which may be any, also a keyword's."""
_VALUES = frozenset({"const", "default", "enum", "examples", "mapping", "required"})
"""Keywords that hold no schema."""
_FIRST = (
    "title",
    "description",
    "type",
    "enum",
    "const",
    "anyOf",
    "discriminator",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
)
"""Keywords in the order that they are written in; others follow by name."""
_PLACE = {name: place for place, name in enumerate(_FIRST)}


def stable(schema: Mapping[str, Any]) -> Json:
    """The same schema in the one form."""
    formed: Json = {}
    for key in sorted(schema, key=lambda key: (_PLACE.get(key, len(_FIRST)), key)):
        value = schema[key]
        if key == "description" and isinstance(value, str):
            formed[key] = inspect.cleandoc(value)
        elif key == "default" and value in ([], {}):
            continue
        elif key in _NAMED and isinstance(value, Mapping):
            named = cast("Mapping[str, Any]", value)
            formed[key] = {name: _part(part) for name, part in named.items()}
        else:
            formed[key] = value if key in _VALUES else _part(value)
    return formed


def _part(value: object) -> object:
    if isinstance(value, Mapping):
        return stable(cast("Mapping[str, Any]", value))
    if isinstance(value, list):
        return [_part(one) for one in cast("list[object]", value)]
    return value

"""Schemas of ``strict`` tools: what the API enforces, and what it refuses. Pure.

Objects must be closed, and limits on numbers and lengths are not taken
(docs.claude.com, structured outputs, and public reports, read 2026-11-30). So objects
are closed here, limits are said in words, and what cannot be enforced is refused when
the tool is made.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeAlias, cast

Json: TypeAlias = dict[str, Any]

_DROPPED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
)
"""Limits that the API does not enforce; they are said in words."""
_FORMATS = frozenset(
    {
        "date-time",
        "time",
        "date",
        "duration",
        "email",
        "hostname",
        "uri",
        "ipv4",
        "ipv6",
        "uuid",
    }
)
_PATTERN_UNFIT = re.compile(r"\(\?[=!<]|\\[1-9bB]")
"""Look-around, back-references and word boundaries."""


def strict_fit(schema: Json) -> Json:
    """A schema that the API can enforce: objects closed, limits said in words.

    Raises:
        TypeError: It has what cannot be enforced: an open mapping, a tuple, a type that
            holds itself.
    """
    _check_recursion(schema, schema, ())
    return _strict(schema, "")


def _strict(schema: Json, where: str) -> Json:
    strict = {key: value for key, value in schema.items() if key != "discriminator"}
    dropped = [f"{key}: {strict.pop(key)}" for key in _DROPPED if key in strict]
    if strict.get("minItems", 0) not in {0, 1}:
        dropped.append(f"minItems: {strict.pop('minItems')}")
    if strict.get("format", "date") not in _FORMATS:
        dropped.append(f"format: {strict.pop('format')}")
    if _PATTERN_UNFIT.search(str(strict.get("pattern", ""))):
        dropped.append(f"pattern: {strict.pop('pattern')}")
    if dropped:
        words = f"{strict.get('description', '')} ({'; '.join(dropped)})"
        strict["description"] = words.strip()
    if "oneOf" in strict:
        strict["anyOf"] = strict.pop("oneOf")
    if "prefixItems" in strict:
        raise TypeError(
            f"{where or 'the input'} is a tuple, which strict cannot enforce"
        )
    for key in ("anyOf", "allOf"):
        if key in strict:
            parts = cast("Sequence[Json]", strict[key])
            strict[key] = [_strict(part, where) for part in parts]
    if isinstance(strict.get("items"), dict):
        strict["items"] = _strict(cast("Json", strict["items"]), where)
    for key in ("properties", "$defs"):
        named = cast("Json", strict.get(key) or {})
        if key in strict:
            strict[key] = {name: _strict(part, name) for name, part in named.items()}
    types: Any = strict.get("type")
    is_object = types == "object" or (isinstance(types, list) and "object" in types)
    if is_object or "properties" in strict:
        is_open = strict.get("additionalProperties", False) is not False
        if is_open or ("properties" not in strict and "$ref" not in strict):
            raise TypeError(
                f"{where or 'the input'} is an open mapping, which strict cannot "
                "enforce; give it a type with named fields, or leave strict out"
            )
        strict["additionalProperties"] = False
    return strict


def _check_recursion(schema: object, root: Json, within: tuple[str, ...]) -> None:
    if isinstance(schema, list):
        for part in cast("list[object]", schema):
            _check_recursion(part, root, within)
    if not isinstance(schema, dict):
        return
    node = cast("Json", schema)
    reference: Any = node.get("$ref")
    if isinstance(reference, str):
        if reference in within:
            raise TypeError(
                f"{reference.rpartition('/')[2]!r} holds itself, which strict cannot "
                "enforce; leave strict out"
            )
        name = reference.rpartition("/")[2]
        target: Any = cast("Json", root.get("$defs") or {}).get(name)
        _check_recursion(target, root, (*within, reference))
    for key, part in node.items():
        if key not in {"$defs", "enum", "const", "default", "examples"}:
            _check_recursion(part, root, within)

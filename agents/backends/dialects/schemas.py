"""JSON Schemas as other makers take them. Pure.

A schema is written once, in full. OpenAI's strict mode wants closed objects in which
every property is required, and takes no defaults or open maps (its guide on structured
outputs, read 2026-11-30); what does not fit is offered without it.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from agents.backends.dialects.json_values import Json

_NOT_STRICT = frozenset(
    {
        "oneOf",
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "patternProperties",
        "propertyNames",
        "unevaluatedProperties",
    }
)
"""Keywords that strict mode refuses."""


def object_schema(schema: msgspec.Raw) -> Json:
    """A tool's schema, which must be of an object."""
    value: Any = msgspec.json.decode(schema)
    given = cast("Json", value) if isinstance(value, dict) else {}
    if given.get("type") != "object":
        given = {**given, "type": "object"}
    given.setdefault("properties", dict[str, Any]())
    return given


def strict_schema(schema: Json) -> Json | None:
    """``schema`` as strict mode wants it, with the same meaning; ``None``: it cannot.

    A property that may be left out becomes one that may be null.
    """
    made = _strict(schema)
    return cast("Json", made) if isinstance(made, dict) else None


def _strict(schema: Any) -> Any:  # noqa: ANN401  (JSON)
    if not isinstance(schema, dict):
        return None if schema is True else schema
    given = cast("Json", schema)
    if _NOT_STRICT & given.keys():
        return None
    made: Json = {k: v for k, v in given.items() if k != "default"}
    if given.get("type") == "object" or "properties" in given:
        if given.get("additionalProperties", False) is not False:
            return None
        properties = cast("Json", given.get("properties") or {})
        required = cast("list[str]", given.get("required") or [])
        closed: Json = {}
        for name, inner in properties.items():
            fit = _strict(inner)
            if fit is None:
                return None
            closed[name] = fit if name in required else _nullable(cast("Json", fit))
        made |= {
            "properties": closed,
            "required": list(properties),
            "additionalProperties": False,
        }
    for name in ("items", "anyOf", "$defs"):
        if name in given:
            fit = _inner(given[name])
            if fit is None:
                return None
            made[name] = fit
    return made


def _inner(value: Any) -> Any:  # noqa: ANN401  (JSON)
    """A schema, a list of them, or a map of them."""
    if isinstance(value, list):
        every = [_strict(each) for each in cast("list[Any]", value)]
        return None if None in every else every
    if isinstance(value, dict) and "type" not in value and "$ref" not in value:
        named = {k: _strict(v) for k, v in cast("Json", value).items()}
        is_map = all(isinstance(v, dict) for v in cast("Json", value).values())
        if is_map and None not in named.values() and named:
            return named
    return _strict(value)


def _nullable(schema: Json) -> Json:
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list):
        return schema
    return {"anyOf": [schema, {"type": "null"}]}

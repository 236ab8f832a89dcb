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
    fields = cast("Json", value) if isinstance(value, dict) else {}
    if fields.get("type") != "object":
        fields = {**fields, "type": "object"}
    fields.setdefault("properties", dict[str, Any]())
    return fields


def strict_schema(schema: Json) -> Json | None:
    """``schema`` as strict mode wants it, with the same meaning; ``None``: it cannot.

    A property that may be left out becomes one that may be null.
    """
    strict = _strict(schema)
    return cast("Json", strict) if isinstance(strict, dict) else None


def _strict(schema: Any) -> Any:  # noqa: ANN401  (JSON)
    if not isinstance(schema, dict):
        return None if schema is True else schema
    fields = cast("Json", schema)
    if _NOT_STRICT & fields.keys():
        return None
    strict: Json = {k: v for k, v in fields.items() if k != "default"}
    if fields.get("type") == "object" or "properties" in fields:
        if fields.get("additionalProperties", False) is not False:
            return None
        properties = cast("Json", fields.get("properties") or {})
        required = cast("list[str]", fields.get("required") or [])
        closed: Json = {}
        for name, inner in properties.items():
            fit = _strict(inner)
            if fit is None:
                return None
            closed[name] = fit if name in required else _nullable(cast("Json", fit))
        strict |= {
            "properties": closed,
            "required": list(properties),
            "additionalProperties": False,
        }
    for name in ("items", "anyOf", "$defs"):
        if name in fields:
            fit = _inner(fields[name])
            if fit is None:
                return None
            strict[name] = fit
    return strict


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

"""Validation of a tool's schema: one that is not taken costs all tools.

Rules as public reports quote them (read 2026-11-30): no ``oneOf``, ``allOf`` or
``anyOf`` at the top level; property keys of certain letters; JSON Schema draft 2020-12;
and for ``strict`` tools closed objects without limits on numbers and lengths.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from agents.emulator.refusal import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.backends.scripted.script import JsonObject

_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TYPES = frozenset(
    {"array", "boolean", "integer", "null", "number", "object", "string"}
)
_WITHIN = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs", "definitions", "patternProperties")
_UNSUPPORTED = {
    "number": (
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    ),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems", "contains", "prefixItems"),
    "object": ("minProperties", "maxProperties", "patternProperties", "propertyNames"),
}


def check_input_schema(schema: JsonObject, path: str) -> None:
    """Check a user tool's schema.

    Raises:
        Invalid: The API refuses it.
    """
    type_: Any = schema.get("type")
    if type_ != "object":
        problem = "Field required" if type_ is None else "Input should be 'object'"
        raise Invalid(f"{path}.type: {problem}")
    if schema.keys() & {"oneOf", "allOf", "anyOf"}:
        raise Invalid(
            f"{path}: input_schema does not support oneOf, allOf, or anyOf at the top "
            "level"
        )
    properties: Any = schema.get("properties")
    if properties is not None and not isinstance(properties, dict):
        raise Invalid(f"{path}.properties: Input should be an object")
    for key in cast("JsonObject", properties or {}):
        if not _KEY.fullmatch(key):
            raise Invalid(
                f"{path}.properties: Property keys should match pattern "
                "'^[a-zA-Z0-9_.-]{1,64}$'"
            )
    if any(not _is_draft_2020(each) for each in schemas_in(schema)):
        raise Invalid(
            f"{path}: JSON schema is invalid. It must match JSON Schema draft 2020-12 "
            "(https://json-schema.org/draft/2020-12)."
        )


def check_strict_schema(schema: JsonObject, path: str) -> None:
    """Check a schema that the API shall enforce.

    Raises:
        Invalid: It has what cannot be enforced.
    """
    for each in schemas_in(schema):
        for kind, keywords in _UNSUPPORTED.items():
            for keyword in keywords:
                if keyword in each:
                    raise Invalid(
                        f"{path}: For '{each.get('type', kind)}' type, property "
                        f"'{keyword}' is not supported"
                    )
        if each.get("minItems", 0) not in {0, 1}:
            raise Invalid(
                f"{path}: For 'array' type, 'minItems' values other than 0 or 1 are "
                "not supported"
            )
        if "oneOf" in each:
            raise Invalid(f"{path}: Schema type 'oneOf' is not supported")
        is_object = each.get("type") == "object" or "properties" in each
        if is_object and each.get("additionalProperties") is not False:
            raise Invalid(
                f"{path}: For 'object' type, 'additionalProperties' must be explicitly "
                "set to false"
            )


def schemas_in(schema: object) -> Iterator[JsonObject]:
    """A schema and all within it; what is data (``enum``, ``default``) is none."""
    if not isinstance(schema, dict):
        return
    node = cast("JsonObject", schema)
    yield node
    for key in _WITHIN:
        yield from schemas_in(node.get(key))
    for key in _MANY:
        parts: Any = node.get(key)
        for part in cast("list[Any]", parts) if isinstance(parts, list) else ():
            yield from schemas_in(part)
    for key in _NAMED:
        named: Any = node.get(key)
        values = cast("JsonObject", named).values() if isinstance(named, dict) else ()
        for part in values:
            yield from schemas_in(part)


def _is_draft_2020(schema: JsonObject) -> bool:
    types: Any = schema.get("type", [])
    listed: list[Any] = cast("list[Any]", types) if isinstance(types, list) else [types]
    required: Any = schema.get("required", [])
    return (
        all(isinstance(each, str) and each in _TYPES for each in listed)
        and isinstance(required, list)
        and all(isinstance(name, str) for name in cast("list[Any]", required))
        and not isinstance(schema.get("items"), list)
        and isinstance(schema.get("enum", []), list)
        and all(isinstance(schema.get(key, []), list) for key in _MANY)
        and all(isinstance(schema.get(key, {}), dict) for key in _NAMED)
        and not any(
            isinstance(schema.get(key), bool)
            for key in ("exclusiveMinimum", "exclusiveMaximum")
        )
    )

"""Tool schemas as the Messages API takes them: mended, or refused. Pure.

The API checks all tools of a request together, so one schema that it does not take
costs the agent every request. What it refuses is from public reports, read 2026-11-30:
combinations at the top level, property keys of other letters than these, and what is
not of draft 2020-12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, cast

import msgspec

Json: TypeAlias = dict[str, Any]

KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
"""The form of a property's name."""
_UNFIT = re.compile(r"[^a-zA-Z0-9_.-]")
_COMBINED = ("allOf", "anyOf", "oneOf")
_DEPTH_MOST = 60
_TYPES = frozenset(
    {"array", "boolean", "integer", "null", "number", "object", "string"}
)
_ALIASES = {
    "int": "integer",
    "float": "number",
    "double": "number",
    "str": "string",
    "bool": "boolean",
    "dict": "object",
    "list": "array",
}
"""Names that people's servers give to types."""


_OF: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), int),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains"), int),
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), (int, float)),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), (int, float)),
    **dict.fromkeys(("title", "description", "pattern", "format", "$comment"), str),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), bool),
    **dict.fromkeys(("dependentSchemas",), dict),
    **dict.fromkeys(("examples",), list),
}
"""Types of keywords in draft 2020-12; others would cost the schema."""


_VALUES = frozenset({"const", "default", "enum", "example", "examples"})
"""Keywords that hold no schema."""


class Fit(NamedTuple):
    """A schema that the API takes."""

    schema: Json
    names: Mapping[str, Any]
    """Renamed property → its name and what is renamed within it, for the way back."""
    note: str
    """Constraints that the schema has lost, for the tool's description."""


def mended(schema: object) -> Fit:
    """Make a schema from elsewhere one that the API takes.

    Raises:
        ValueError: It is not one of an object, or is beyond mending.
    """
    if not isinstance(schema, dict):
        raise ValueError("its input schema is no object")  # noqa: TRY004  (a value of JSON)
    fields = cast("Json", schema)
    plain = _plain(fields, 0)
    root = _resolved(plain, plain)
    _drop_lost(root, plain, 0)
    note = ""
    if combined := {key: root[key] for key in _COMBINED if key in root}:
        combined_text = msgspec.json.encode(combined).decode()
        note = f"The input also has to fit: {combined_text[:1_000]}"
        root = _flat(root, plain)
    types: Any = root.get("type", "object")
    if types != "object" and not (isinstance(types, list) and "object" in types):
        raise ValueError(f"its input is of type {types!r}, and tools take objects")
    named: Json = root.get("properties") or {}
    root: Json = {**root, "type": "object", "properties": named}
    for key in ("$defs", "definitions"):
        if key in plain:
            root.setdefault(key, plain[key])
    root.pop("$schema", None)
    names = _renamed(root)
    return Fit(root, names, note)


def problem_of(schema: object) -> str:
    """Why the API would refuse a schema; empty where it would not."""
    if not isinstance(schema, dict):
        return "the input schema is no object"
    fields = cast("Json", schema)
    if fields.get("type") != "object":
        return f"the schema's type is {fields.get('type')!r}; tools take an 'object'"
    for key in _COMBINED:
        if key in fields:
            return (
                f"the schema has {key!r} at its top level, which the API refuses; put "
                "it into a property"
            )
    for name in cast("Json", fields.get("properties") or {}):
        if not KEY.fullmatch(name):
            return (
                f"the property {name!r} has a name that the API refuses; use 1 to 64 "
                "letters (a-z), digits, '_', '.' or '-'"
            )
    return ""


@lru_cache(maxsize=512)
def problem_of_encoded(schema: bytes) -> str:
    """The same of a schema as JSON; teams share a few."""
    try:
        return problem_of(msgspec.json.decode(schema))
    except msgspec.DecodeError as error:
        return f"the input schema is no JSON: {error}"


def named_back(value: object, names: Mapping[str, Any]) -> object:
    """An input with the names that the tool itself gives its properties."""
    if not names or not isinstance(value, dict):
        return value
    renamed: Json = {}
    for name, inner in cast("Json", value).items():
        theirs, within = names.get(name, (name, {}))
        if isinstance(inner, list):
            renamed[theirs] = [named_back(x, within) for x in cast("list[Any]", inner)]
        else:
            renamed[theirs] = named_back(inner, within)
    return renamed


def _drop_lost(node: object, root: Json, depth: int) -> None:
    """Drop references within that lead nowhere, in place: anything fits there."""
    if depth > 2 * _DEPTH_MOST:
        return
    if isinstance(node, list):
        for part in cast("list[Any]", node):
            _drop_lost(part, root, depth + 1)
    if not isinstance(node, dict):
        return
    fields = cast("Json", node)
    reference: Any = fields.get("$ref")
    if isinstance(reference, str) and not _leads(reference, root):
        del fields["$ref"]
    for name, part in fields.items():
        if name not in _VALUES:
            _drop_lost(part, root, depth + 1)


def _leads(reference: str, root: Json) -> bool:
    target: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if part:
            name = part.replace("~1", "/").replace("~0", "~")
            target = (
                cast("Json", target).get(name) if isinstance(target, dict) else None
            )
    return reference.startswith("#") and isinstance(target, dict | bool)


def _renamed(schema: Json) -> dict[str, Any]:
    """Give properties names that the API takes, in place; how to give them back."""
    properties: Any = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    names: dict[str, Any] = {}
    fit: Json = {}
    taken = {name for name in cast("Json", properties) if KEY.fullmatch(name)}
    for name, property_schema in cast("Json", properties).items():
        inner: Any = property_schema
        new = name if name in taken else _apart(name, taken)
        taken.add(new)
        within: dict[str, Any] = {}
        if isinstance(inner, dict):
            fields = cast("Json", inner)
            items: Any = fields.get("items")
            owner = cast("Json", items) if isinstance(items, dict) else fields
            within = _renamed(owner)
            if new != name:
                words = str(fields.get("description", ""))
                inner = {
                    **fields,
                    "description": f"{words} (originally {name!r})".strip(),
                }
        if new != name or within:
            names[new] = (name, within)
        fit[new] = inner
    schema["properties"] = fit
    back = {theirs: ours for ours, (theirs, _) in names.items()}
    required: Any = schema.get("required")
    if isinstance(required, list):
        listed = cast("list[str]", required)
        schema["required"] = [back.get(name, name) for name in listed]
    return names


def _apart(name: str, taken: set[str]) -> str:
    plain = _UNFIT.sub("_", name)[:60] or "_"
    fit, number = plain, 1
    while fit in taken:
        number += 1
        fit = f"{plain}_{number}"
    return fit


def _resolved(schema: Json, root: Json) -> Json:
    """A schema in the place of a reference to it."""
    for _ in range(_DEPTH_MOST):
        reference: Any = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        target: Any = root
        for part in reference.removeprefix("#").strip("/").split("/"):
            target = (
                cast("Json", target).get(part) if isinstance(target, dict) else None
            )
        if not reference.startswith("#") or not isinstance(target, dict):
            raise ValueError(f"its schema refers to {reference!r}, which is not there")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**cast("Json", target), **beside}
    raise ValueError("its schema refers to itself")


def _flat(schema: Json, root: Json, depth: int = 0) -> Json:
    """A schema without combinations at its top level: what any part takes."""
    if depth > _DEPTH_MOST:
        raise ValueError("its schema is nested too deeply")
    flat = {key: value for key, value in schema.items() if key not in _COMBINED}
    properties: Json = dict(flat.get("properties") or {})
    required: list[str] = list(flat.get("required") or [])
    is_open = "additionalProperties" not in flat
    for key in _COMBINED:
        parts = [
            _flat(_resolved(cast("Json", part), root), root, depth + 1)
            for part in cast("list[Any]", schema.get(key) or [])
            if isinstance(part, dict)
        ]
        needed = [list(part.get("required") or []) for part in parts]
        for part in parts:
            for name, inner in cast("Json", part.get("properties") or {}).items():
                properties[name] = _either(properties.get(name), inner)
        if key == "allOf":
            required += [name for names in needed for name in names]
        elif needed:
            required += [n for n in needed[0] if all(n in names for names in needed)]
        is_open &= all(part.get("additionalProperties") is not False for part in parts)
        for part in parts:
            flat.setdefault("type", part.get("type", "object"))
    flat["properties"] = properties
    if required:
        flat["required"] = list(dict.fromkeys(required))
    return flat


def _either(one: object, other: object) -> object:
    if one is None or one == other:
        return other
    before: Any = cast("Json", one).get("anyOf") if isinstance(one, dict) else None
    options = (
        cast("list[Any]", before) if isinstance(before, list) else [cast("Any", one)]
    )
    return cast("Any", one) if other in options else {"anyOf": [*options, other]}


def _plain(schema: Json, depth: int) -> Json:
    """A schema in draft 2020-12, as far as older drafts and mistakes can be told."""
    if depth > _DEPTH_MOST:
        raise ValueError("its schema is nested too deeply")
    plain: Json = {}
    for key, value in schema.items():
        keyword = _keyword(key, value, depth)
        if keyword is not None:
            plain[key] = keyword
    if isinstance(plain.get("items"), list):
        plain["prefixItems"] = plain.pop("items")
    for bound, limit in (
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ):
        if schema.get(bound) is True and limit in plain:
            plain[bound] = plain.pop(limit)
    return plain


def _keyword(key: str, value: Any, depth: int) -> Any:  # noqa: ANN401, PLR0911  (JSON; one line a keyword)
    match key:
        case "type":
            return _type(value)
        case "properties" | "$defs" | "definitions" | "patternProperties":
            if not isinstance(value, dict):
                return None
            named = cast("Json", value)
            return {name: _sub(inner, depth) for name, inner in named.items()}
        case "required":
            listed = cast("list[Any]", value) if isinstance(value, list) else None
            return listed and [name for name in listed if isinstance(name, str)]
        case "anyOf" | "oneOf" | "allOf" | "prefixItems":
            if not isinstance(value, list) or not value:
                return None
            return [_sub(inner, depth) for inner in cast("list[Any]", value)]
        case "items" if isinstance(value, list):
            return [_sub(inner, depth) for inner in cast("list[Any]", value)]
        case "items" | "additionalProperties" | "not" | "contains":
            return value if isinstance(value, bool) else _sub(value, depth)
        case "enum":
            return cast("list[Any]", value) if isinstance(value, list) else None
        case "if" | "then" | "else" | "propertyNames" | "unevaluatedProperties":
            return value if isinstance(value, bool) else _sub(value, depth)
        case "dependentRequired":
            return cast("Json", value) if _names_lists(value) else None
        case _:
            return value if _is_fit(key, value) else None


def _is_fit(key: str, value: object) -> bool:
    """Whether a keyword's value is of a type that it may have."""
    wanted = _OF.get(key)
    if wanted is None:
        return True
    if isinstance(value, bool):
        return wanted is bool
    if not isinstance(value, wanted):
        return False
    return not isinstance(value, int) or wanted is not int or value >= 0


def _names_lists(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    return all(isinstance(each, list) for each in cast("Json", value).values())


def _sub(schema: object, depth: int) -> Any:  # noqa: ANN401  (JSON)
    if isinstance(schema, bool):
        return schema
    return _plain(cast("Json", schema), depth + 1) if isinstance(schema, dict) else {}


def _type(value: object) -> Any:  # noqa: ANN401  (JSON)
    if isinstance(value, list):
        named = [_type(each) for each in cast("list[object]", value)]
        return [each for each in named if each] or None
    plain = value.lower() if isinstance(value, str) else ""
    name = _ALIASES.get(plain, plain)
    return name if name in _TYPES else None

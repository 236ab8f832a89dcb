"""A value that fits a JSON Schema, as a pretended model would give it. Pure."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, NamedTuple, cast

Json = dict[str, Any]

_DEPTH_MOST = 20
_FORMATS = {
    "date": "2026-11-30",
    "date-time": "2026-11-30T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.org",
    "hostname": "example.org",
    "uri": "https://example.org/",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_TRIED = ("a", "A", "1", "a1", "abc", "x.y", "a@b.c", "2026-11-30", "/a", "#1")
"""Texts with which a pattern is tried."""
_ITEMS_MOST = 100


class Unfit(ValueError):
    """No value can be made that is sure to fit."""


class _Wanted(NamedTuple):
    """The context of every part of a value."""

    root: Json
    """The whole schema, where references lead."""
    told: str
    is_full: bool


def example(
    schema: object, prompt: str = "", name: str = "value", *, is_full: bool = False
) -> Any:  # noqa: ANN401  (JSON)
    """Make a value that fits ``schema``.

    Args:
        schema: As a tool has it.
        prompt: What the model has read: of several choices, one that is named there.
        name: What the value is called.
        is_full: Whether to give also what may be left out: properties where none is
            required, and an item of each list.

    Raises:
        Unfit: None can be made, e.g. of a pattern.
    """
    root = cast("Json", schema) if isinstance(schema, dict) else {}
    return _example(schema, _Wanted(root, prompt, is_full), name, 0)


def _example(schema: Any, wanted: _Wanted, name: str, depth: int) -> Any:  # noqa: ANN401  (JSON)
    if depth > _DEPTH_MOST:
        raise Unfit("the schema has no bottom")
    if not isinstance(schema, dict):
        return f"emulated {name}"
    node = _resolved(cast("Json", schema), wanted.root)
    value, is_given = _value_in_schema(node, wanted.told)
    if is_given:
        return value
    for key in ("anyOf", "oneOf"):
        for option in _list(node, key):
            beside = {k: v for k, v in node.items() if k not in {"anyOf", "oneOf"}}
            is_schema = isinstance(option, dict)
            inner = {**beside, **cast("Json", option)} if is_schema else option
            try:
                return _example(inner, wanted, name, depth + 1)
            except Unfit:
                continue
    return _of_type(_together(node, wanted.root), wanted, name, depth)


def _value_in_schema(node: Json, prompt: str) -> tuple[Any, bool]:
    """A value that the schema names itself, and whether it does."""
    if "const" in node:
        return node["const"], True
    if choices := _list(node, "enum"):
        return _chosen(choices, prompt), True
    if node.get("default") is not None:
        return node["default"], True
    if examples := _list(node, "examples"):
        return examples[0], True
    return None, False


def _of_type(node: Json, wanted: _Wanted, name: str, depth: int) -> Any:  # noqa: ANN401  (JSON; a type a line)
    types: Any = node.get("type", "object" if "properties" in node else "string")
    if isinstance(types, list):
        listed = cast("list[Any]", types)
        types = next((each for each in listed if each != "null"), "null")
    match types:
        case "object":
            return _object(node, wanted, depth)
        case "array":
            return _array(node, wanted, name, depth)
        case "integer" | "number":
            return _number(node, is_whole=types == "integer")
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return _text(node, name)


def _array(node: Json, wanted: _Wanted, name: str, depth: int) -> list[Any]:
    least = int(node.get("minItems") or 0)
    if least > _ITEMS_MOST:
        raise Unfit(f"{least} items")
    one = node.get("items", {})
    if wanted.is_full and not least and node.get("maxItems") != 0:
        try:
            return [_example(one, wanted, name, depth + 1)]
        except Unfit:
            return []
    return [_example(one, wanted, name, depth + 1) for _ in range(least)]


def _list(node: Json, key: str) -> list[Any]:
    value: Any = node.get(key)
    return cast("list[Any]", value) if isinstance(value, list) else []


def _object(node: Json, wanted: _Wanted, depth: int) -> Json:
    properties: Json = node.get("properties") or {}
    needed = cast("list[str]", node.get("required") or [])
    value = {
        name: _example(properties.get(name, {}), wanted, str(name), depth + 1)
        for name in needed
    }
    if wanted.is_full and not needed:
        for name, inner in properties.items():
            with suppress(Unfit):
                value[name] = _example(inner, wanted, name, depth + 1)
    return value


def _chosen(choices: list[Any], prompt: str) -> Any:  # noqa: ANN401  (JSON)
    named = [
        each for each in choices if isinstance(each, str) and is_named(each, prompt)
    ]
    return (named or choices)[0]


def is_named(choice: str, prompt: str) -> bool:
    """Whether ``prompt`` has something under the name of ``choice``: ``<agent1>``."""
    return re.search(rf"<{re.escape(choice)}(?![\w-])", prompt) is not None


def _number(node: Json, *, is_whole: bool) -> float:
    step: Any = node.get("multipleOf") or (1 if is_whole else 0)
    least: Any = node.get("minimum", node.get("exclusiveMinimum"))
    most: Any = node.get("maximum", node.get("exclusiveMaximum"))
    value: Any = least if least is not None else min(1, most if most is not None else 1)
    if least is not None and "exclusiveMinimum" in node and value <= least:
        value += step or 1
    if step:
        value = -(-value // step) * step
    is_over = most is not None and (
        value > most
        or ("exclusiveMaximum" in node and value >= node["exclusiveMaximum"])
    )
    if is_over:
        raise Unfit("no such number")
    return int(value) if is_whole else value


def _text(node: Json, name: str) -> str:
    format_: Any = node.get("format")
    text = _FORMATS.get(str(format_), f"emulated {name}")
    least, most = int(node.get("minLength") or 0), node.get("maxLength")
    if len(text) < least:
        text += "x" * (least - len(text))
    if isinstance(most, int):
        text = text[:most]
    pattern: Any = node.get("pattern")
    if not isinstance(pattern, str):
        return text
    for tried in (text, *_TRIED):
        try:
            fits = re.search(pattern, tried) is not None
        except re.error:
            break
        if fits and least <= len(tried) <= (most if isinstance(most, int) else 10_000):
            return tried
    raise Unfit(f"the pattern {pattern!r}")


def _resolved(schema: Json, root: Json) -> Json:
    for _ in range(_DEPTH_MOST):
        reference: Any = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        target: Any = root
        for part in reference.removeprefix("#").strip("/").split("/"):
            target = (
                cast("Json", target).get(part) if isinstance(target, dict) else None
            )
        if not isinstance(target, dict):
            raise Unfit(f"{reference!r} is not there")
        schema = cast("Json", target)
    raise Unfit("a reference to itself")


def _together(node: Json, root: Json) -> Json:
    """A schema with all that its ``allOf`` asks for as well."""
    merged: Json = {key: value for key, value in node.items() if key != "allOf"}
    for part in _list(node, "allOf"):
        if not isinstance(part, dict):
            continue
        inner = _resolved(cast("Json", part), root)
        before: Json = merged.get("properties") or {}
        named: Json = {**before, **cast("Json", inner.get("properties") or {})}
        required = [*_list(merged, "required"), *_list(inner, "required")]
        merged = {**merged, **inner, "properties": named, "required": required}
    return merged

"""Validation of a request's shape, which all further checks rely on.

Whatever JSON comes must be refused and not end the server: so types and depth are
looked at first, without recursion.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, cast

from agents.emulator.refusal import Invalid

if TYPE_CHECKING:
    from agents.backends.scripted.script import JsonObject

DEPTH_MOST = 100
"""Nesting that nobody needs; Python's own limit is some 1,000 calls."""

_OBJECTS = (
    "thinking",
    "output_config",
    "tool_choice",
    "metadata",
    "context_management",
    "cache_control",
    "diagnostics",
)


def check_shape(body: JsonObject) -> None:
    """Check types.

    Raises:
        Invalid: One is not as the API has it.
    """
    _check_depth(body)
    if not isinstance(body.get("model", ""), str):
        raise Invalid("model: Input should be a valid string")
    for key in _OBJECTS:
        if body.get(key) is not None and not isinstance(body[key], dict):
            raise Invalid(f"{key}: Input should be an object")
        value: JsonObject = body.get(key) or {}
        if not isinstance(value.get("type", ""), str):
            raise Invalid(f"{key}.type: Input should be a valid string")
    _check_blocks(body.get("system") or [], "system", may_be_text=True)
    for number, tool in enumerate(_list(body, "tools")):
        where = f"tools.{number}"
        _check_object(tool, where)
        if not isinstance(tool.get("type", ""), str | None):
            raise Invalid(f"{where}.type: Input should be a valid string")
        if not isinstance(tool.get("name", ""), str):
            raise Invalid(f"{where}.name: Input should be a valid string")
    for number, server in enumerate(_list(body, "mcp_servers")):
        _check_object(server, f"mcp_servers.{number}")
    for number, message in enumerate(_list(body, "messages")):
        _check_message(message, f"messages.{number}")


def _check_message(message: Any, where: str) -> None:  # noqa: ANN401  (any JSON)
    _check_object(message, where)
    if not isinstance(message.get("role"), str):
        raise Invalid(f"{where}.role: Input should be 'user' or 'assistant'")
    content: Any = message.get("content")
    if content is None:
        raise Invalid(f"{where}.content: Field required")
    _check_blocks(content, f"{where}.content", may_be_text=True)


def _check_blocks(content: Any, where: str, *, may_be_text: bool) -> None:  # noqa: ANN401  (any JSON)
    if isinstance(content, str) and may_be_text:
        return
    if not isinstance(content, list):
        raise Invalid(f"{where}: Input should be a valid list")
    for number, block in enumerate(cast("list[Any]", content)):
        path = f"{where}.{number}"
        _check_object(block, path)
        kind: Any = block.get("type")
        if not isinstance(kind, str):
            raise Invalid(f"{path}.type: Field required")
        for name in ("id", "name", "tool_use_id", "text", "thinking"):
            needed = {"tool_use": ("id", "name"), "tool_result": ("tool_use_id",)}
            is_needed = name in needed.get(kind, (kind,))
            if name in block and not isinstance(block[name], str):
                raise Invalid(f"{path}.{kind}.{name}: Input should be a valid string")
            if is_needed and name not in block:
                raise Invalid(f"{path}.{kind}.{name}: Field required")
        if kind.endswith("tool_use") and "id" not in block:
            raise Invalid(f"{path}.{kind}.id: Field required")
        if kind == "image" and not isinstance(block.get("source"), dict):
            raise Invalid(f"{path}.image.source: Field required")
        if kind == "tool_result" and block.get("content") is not None:
            _check_blocks(
                block["content"], f"{path}.tool_result.content", may_be_text=True
            )


def _check_object(value: object, where: str) -> None:
    if not isinstance(value, dict):
        raise Invalid(f"{where}: Input should be an object")


def _list(body: JsonObject, key: str) -> list[Any]:
    value: Any = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Invalid(f"{key}: Input should be a valid list")
    return cast("list[Any]", value)


def _check_depth(body: JsonObject) -> None:
    waiting: deque[tuple[object, int]] = deque([(body, 1)])
    while waiting:
        value, depth = waiting.pop()
        if depth > DEPTH_MOST:
            raise Invalid("The request body is nested too deeply")
        if isinstance(value, dict):
            parts = list(cast("dict[str, object]", value).values())
        elif isinstance(value, list):
            parts = cast("list[object]", value)
        else:
            continue
        waiting.extend((part, depth + 1) for part in parts)

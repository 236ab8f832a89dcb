"""Objects in the shapes in which the Messages API sends them.

Shapes and the order of keys follow recorded streams of public test suites (read on
2026-11-22); what a script leaves out is filled in with something of the right form.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from agents.backends.scripted.script import JsonObject, McpTool, ServerTool

RETRIEVED_AT = "2026-11-22T00:00:00.000000+00:00"
"""When pretended pages were fetched: fixed, so that a performance repeats exactly."""

EXPIRES_AT = "2030-01-01T00:00:00.000000Z"
"""When a pretended container expires; fixed for the same reason."""

_RESULT_BLOCKS = {
    "tool_search_tool_regex": "tool_search_tool_result",
    "tool_search_tool_bm25": "tool_search_tool_result",
}


def sign(model: str, thinking: str) -> str:
    """Seal a thinking block: it holds for these words of this model only."""
    seal = hashlib.blake2b(f"{model}\n{thinking}".encode(), digest_size=48)
    return "Eo" + base64.b64encode(seal.digest()).decode()


def message(model: str, message_id: str, usage: JsonObject) -> JsonObject:
    """Make the message of ``message_start``."""
    return {
        "model": model,
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "usage": usage,
    }


def server_result(line: ServerTool, call_id: str) -> JsonObject:
    """Make the result block of a server tool's call."""
    name = line.server_tool
    type_ = _RESULT_BLOCKS.get(name, f"{name}_tool_result")
    if line.error_code:
        content: Any = {"type": f"{type_}_error", "error_code": line.error_code}
    else:
        content = _result_content(name, line)
    return {"type": type_, "tool_use_id": call_id, "content": content}


def mcp_result(line: McpTool, call_id: str) -> JsonObject:
    """Make the result block of a call over the MCP connector."""
    return {
        "type": "mcp_tool_result",
        "tool_use_id": call_id,
        "is_error": line.is_error,
        "content": [{"type": "text", "text": line.result}],
    }


def _result_content(name: str, line: ServerTool) -> Any:  # noqa: ANN401  (JSON, carried)
    result = line.result
    match name:
        case "web_search":
            return [_hit(hit) for hit in cast("list[Any]", result or [])]
        case "web_fetch":
            return _page(line)
        case "code_execution" | "bash_code_execution":
            return _ran(f"{name}_result", result)
        case "text_editor_code_execution" if result is None:
            return {
                "type": "text_editor_code_execution_create_result",
                "is_file_update": False,
            }
        case "tool_search_tool_regex" | "tool_search_tool_bm25":
            names = cast("list[str]", result or [])
            return {
                "type": "tool_search_tool_search_result",
                "tool_references": [
                    {"type": "tool_reference", "tool_name": tool} for tool in names
                ],
            }
        case _:
            return result


def _hit(hit: Any) -> JsonObject:  # noqa: ANN401  (JSON, carried)
    """A search result: the API's object, part of it, or just its address."""
    fields: JsonObject = {"url": hit} if isinstance(hit, str) else hit
    url = str(fields.get("url", "https://example.org/"))
    return {
        "type": "web_search_result",
        "title": url,
        "url": url,
        "encrypted_content": base64.b64encode(url.encode()).decode(),
        "page_age": None,
        **fields,
    }


def _page(line: ServerTool) -> Any:  # noqa: ANN401  (JSON, carried)
    """A fetched page: the API's object, or just its text."""
    if not isinstance(line.result, str):
        return line.result
    return {
        "type": "web_fetch_result",
        "url": line.input.get("url", "https://example.org/"),
        "retrieved_at": RETRIEVED_AT,
        "content": {
            "type": "document",
            "source": {
                "type": "text",
                "media_type": "text/plain",
                "data": line.result,
            },
            "title": None,
        },
    }


def _ran(type_: str, result: Any) -> JsonObject:  # noqa: ANN401  (JSON, carried)
    """A code execution's result: the API's object, part of it, or just its output."""
    fields: JsonObject = {"stdout": result} if isinstance(result, str) else result or {}
    return {
        "type": type_,
        "stdout": "",
        "stderr": "",
        "return_code": 0,
        "content": [],
        **fields,
    }

"""Items of tools that the server runs: what was asked, and what came of it. Pure.

Names and results are put as displays know them; see
:mod:`coordinator.displays.tool_summaries`. xAI returns no outputs of its tools, and
calls its searches of X custom tools (recorded 2026-01).
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import msgspec

from agents.backends.dialects.json_values import Json, text_of

SERVER_ITEMS: dict[str, str] = {
    "web_search_call": "web_search",
    "x_search_call": "x_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_execution",
    "image_generation_call": "image_generation",
    "mcp_call": "",
    "mcp_list_tools": "list_tools",
    "mcp_approval_request": "",
    "custom_tool_call": "",
    "tool_search_call": "tool_search",
    "tool_search_output": "tool_search_output",
    "shell_call": "bash_code_execution",
    "shell_call_output": "shell_output",
    "local_shell_call": "bash_code_execution",
    "apply_patch_call": "apply_patch",
    "computer_call": "computer",
}
"""Kind of item → what it is called; empty: the item says."""


class Done(NamedTuple):
    """A server tool's call, and what came of it."""

    given: object
    """Its input."""
    type: str = ""
    """Of the result."""
    content: Any = None
    """The result; ``None`` where there is none to show."""
    is_error: bool = False
    server: str = ""
    """The MCP server's label."""


def results(kind: str, item: Json) -> Done:
    """Read an item that is done."""
    match kind:
        case "web_search_call" | "x_search_call":
            return _search(item)
        case "code_interpreter_call":
            return _code(item)
        case "mcp_call":
            error = item.get("error")
            return Done(
                _typed(item.get("arguments")),
                "mcp_tool_result",
                _mcp_error(error) if error else text_of(item.get("output")),
                bool(error),
                text_of(item.get("server_label")),
            )
        case "mcp_list_tools":
            return _listed(item)
        case "file_search_call":
            queries = {"queries": item.get("queries")}
            return Done(queries, "file_search_result", item.get("results"))
        case "image_generation_call":
            size = len(text_of(item.get("result")))
            description = f"an image, {size:,} characters of base64" if size else None
            return Done({}, "image_generation_result", description)
        case "shell_call" | "local_shell_call":
            action: Any = item.get("action")
            fields = cast("Json", action) if isinstance(action, dict) else {}
            commands: object = fields.get("commands") or fields.get("command")
            return Done({"command": _lines(commands)})
        case _:
            return Done(_typed(item.get("arguments", item.get("input"))))


def _search(item: Json) -> Done:
    action: Any = item.get("action")
    fields = cast("Json", action) if isinstance(action, dict) else {}
    if not fields:  # xAI's has a call's fields instead
        return Done(_typed(item.get("arguments")))
    sources: Any = fields.get("sources")
    hits = [
        {"type": "web_search_result", "url": _url(each), "title": _title(each)}
        for each in (cast("list[Any]", sources) if isinstance(sources, list) else ())
    ]
    query = {name: value for name, value in fields.items() if name != "sources"}
    return Done(query, "web_search_tool_result", hits or None)


def _code(item: Json) -> Done:
    outputs: Any = item.get("outputs")
    content: Json | None = None
    if isinstance(outputs, list):
        every = [cast("Json", o) for o in cast("list[Any]", outputs) if _is_object(o)]
        logs = "".join(text_of(output.get("logs")) for output in every)
        files = [o for o in every if o.get("type") != "logs"]
        failed = text_of(item.get("status")) == "failed"
        content = {"stdout": logs, "stderr": "", "return_code": int(failed)}
        content["content"] = [{"file_id": text_of(o.get("url"))} for o in files]
    is_error = text_of(item.get("status")) == "failed"
    return Done(
        {"code": text_of(item.get("code"))},
        "code_execution_tool_result",
        content,
        is_error,
    )


def _listed(item: Json) -> Done:
    tools: Any = item.get("tools")
    every = cast("list[Any]", tools) if isinstance(tools, list) else []
    names = [{"tool_name": text_of(each.get("name"))} for each in every if each]
    server = text_of(item.get("server_label"))
    error = item.get("error")
    content = _mcp_error(error) if error else names
    return Done({}, "mcp_list_tools_result", content, bool(error), server)


def _mcp_error(error: object) -> str:
    if isinstance(error, dict):
        return text_of(cast("Json", error).get("message")) or str(cast("Json", error))
    return text_of(error) or "it failed"


def _typed(arguments: object) -> object:
    """A call's input: an object, or JSON in text."""
    if not isinstance(arguments, str):
        return cast("Json", arguments) if isinstance(arguments, dict) else {}
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return {"input": arguments}


def _lines(commands: object) -> str:
    if isinstance(commands, list):
        return "\n".join(str(each) for each in cast("list[Any]", commands))
    return text_of(commands)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _url(source: object) -> str:
    return text_of(cast("Json", source).get("url")) if _is_object(source) else ""


def _title(source: object) -> str:
    return text_of(cast("Json", source).get("title")) if _is_object(source) else ""

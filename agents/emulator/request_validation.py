"""What the Messages API refuses with 400, so that an invalid history is caught here.

Wordings follow recorded error bodies and the vendor's documentation (read 2026-11-22)
where those have them; a check stands here only if a client of ours could fail it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from agents.backends.scripted.request_view import objects_in
from agents.emulator.history_validation import Invalid, check_history

if TYPE_CHECKING:
    from agents.backends.scripted.script import JsonObject
    from agents.emulator.history_validation import Issued


_KNOWN = frozenset(
    (
        "betas",
        "cache_control",
        "container",
        "context_management",
        "fallbacks",
        "inference_geo",
        "max_tokens",
        "mcp_servers",
        "messages",
        "metadata",
        "model",
        "output_config",
        "output_format",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "thinking",
        "tool_choice",
        "tools",
    )
)
_SAMPLING = ("temperature", "top_k", "top_p")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_SERVER_TOOLS = re.compile(
    r"(web_search|web_fetch|code_execution|tool_search_tool_(bm25|regex)|memory|bash"
    r"|text_editor|computer|browser_toolset|computer_toolset|advisor)_\d{8}"
    r"|tool_search_tool_(bm25|regex)"
)
_NEEDS_BETA = {"code_execution_20250522": "code-execution-2025-05-22"}
_NO_BUDGET = re.compile(r"claude-(opus-4-7|sonnet-5|opus-5-5)(-\d{8})?")
_NO_FORCE = re.compile(r"claude-(opus-5-5|fable-5-1|sonnet-5-5)(-\d{8})?")
_MAX_CACHE_MARKS = 4
_MAX_STRICT_TOOLS = 20


def check(body: JsonObject, betas: frozenset[str], issued: Issued) -> None:
    """Check a request.

    Args:
        body: Of ``/v1/messages``, decoded.
        betas: What ``anthropic-beta`` lists.
        issued: What this server's model has said before.

    Raises:
        Invalid: It is at fault.
    """
    for key in _SAMPLING:
        if key in body:
            raise Invalid(f"`{key}` is not supported.")
    for key in body:
        if key not in _KNOWN:
            raise Invalid(f"{key}: Extra inputs are not permitted")
    for key in ("model", "max_tokens", "messages"):
        if key not in body:
            raise Invalid(f"{key}: Field required")
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        raise Invalid("max_tokens: Input should be greater than or equal to 1")
    _check_tools(body, betas)
    _check_thinking(body)
    _check_marks(body)
    check_history(body, issued)


def _check_tools(body: JsonObject, betas: frozenset[str]) -> None:
    tools: list[JsonObject] = body.get("tools", [])
    for number, tool in enumerate(tools):
        type_ = tool.get("type") or "custom"
        if type_ == "custom":
            _check_custom(tool, f"tools.{number}.custom")
        elif type_ != "mcp_toolset" and not _SERVER_TOOLS.fullmatch(type_):
            raise Invalid(
                f"tools.{number}: Input tag '{type_}' found using 'type' does not "
                "match any of the expected tags"
            )
        beta = _NEEDS_BETA.get(type_)
        if beta is not None and beta not in betas:
            raise Invalid(f"tools.{number}: {type_} needs the beta `{beta}`")
    names = [tool["name"] for tool in tools if "name" in tool]
    if len(set(names)) < len(names):
        raise Invalid("tools: Tool names must be unique.")
    if sum(tool.get("strict") is True for tool in tools) > _MAX_STRICT_TOOLS:
        raise Invalid("Too many strict tools. The maximum supported is 20.")
    _check_servers(body, tools, betas)
    _check_choice(body, names)


def _check_custom(tool: JsonObject, path: str) -> None:
    if not _TOOL_NAME.fullmatch(str(tool.get("name", ""))):
        raise Invalid(
            f"{path}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        )
    schema: Any = tool.get("input_schema")
    if not isinstance(schema, dict):
        raise Invalid(f"{path}.input_schema: Field required")
    type_: Any = schema.get("type")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (JSON, carried)
    if type_ != "object":
        problem = "Field required" if type_ is None else "Input should be 'object'"
        raise Invalid(f"{path}.input_schema.type: {problem}")


def _check_servers(
    body: JsonObject, tools: list[JsonObject], betas: frozenset[str]
) -> None:
    servers: list[JsonObject] = body.get("mcp_servers", [])
    if servers and not any(beta.startswith("mcp-client-") for beta in betas):
        raise Invalid("mcp_servers: Extra inputs are not permitted")
    if "mcp-client-2025-04-04" in betas:
        return  # its servers were used without a toolset
    used = {tool.get("mcp_server_name") for tool in tools}
    for server in servers:
        if server.get("name") not in used:
            raise Invalid(
                f"MCP server '{server.get('name')}' is defined but not referenced by "
                "any mcp_toolset in tools"
            )


def _check_choice(body: JsonObject, names: list[str]) -> None:
    choice: JsonObject = body.get("tool_choice") or {"type": "auto"}
    kind = choice.get("type")
    if kind in {"any", "tool"} and _NO_FORCE.fullmatch(str(body["model"])):
        raise Invalid(f"tool_choice: `{kind}` is not supported for this model.")
    if kind == "tool" and choice.get("name") not in names:
        raise Invalid(
            f"tool_choice: Tool '{choice.get('name')}' not found in provided tools"
        )


def _check_thinking(body: JsonObject) -> None:
    thinking: JsonObject = body.get("thinking") or {"type": "disabled"}
    if thinking.get("type") != "enabled":
        return
    if _NO_BUDGET.fullmatch(str(body["model"])):
        raise Invalid(
            '"thinking.type.enabled" is not supported for this model. Use '
            '"thinking.type.adaptive" and "output_config.effort" instead.'
        )
    budget = thinking.get("budget_tokens", 0)
    if budget < 1024:
        raise Invalid(
            "thinking.enabled.budget_tokens: Input should be greater than or equal "
            "to 1024"
        )
    if budget >= body["max_tokens"]:
        raise Invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _check_marks(body: JsonObject) -> None:
    marks = sum("cache_control" in value for value in objects_in(body))
    if marks > _MAX_CACHE_MARKS:
        raise Invalid(
            f"A maximum of 4 blocks with cache_control may be provided. Found {marks}."
        )

"""Rules by which the Messages API refuses a request with 400, as a table.

Wordings follow recorded error bodies, the vendor's documentation and public reports
where those have them; each rule says where it was seen, and when. A client that passes
here has not passed the API: the rules are those that clients are known to break.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from agents.backends.claude.model_limits import EFFORTS, limits_of, most_output
from agents.emulator.content_validation import (
    check_calls,
    check_ends,
    check_images,
    check_marks,
    check_results,
    check_texts,
)
from agents.emulator.history_validation import check_history
from agents.emulator.refusal import Invalid
from agents.emulator.schema_validation import check_input_schema, check_strict_schema
from agents.emulator.shape_validation import check_shape

if TYPE_CHECKING:
    from agents.backends.scripted.script import JsonObject
    from agents.emulator.history_validation import Issued


_KNOWN = frozenset(
    (
        "anthropic_beta",
        "betas",
        "cache_control",
        "compaction",
        "container",
        "context_management",
        "diagnostics",
        "fallback_credit_token",
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

_KEYS_BETAS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("fallbacks",): ("server-side-fallback-2026-07-01",),
    ("fallback_credit_token",): ("server-side-fallback-2026-07-01",),
    ("compaction",): ("compact-2026-09-04",),
    ("diagnostics",): ("cache-diagnosis-2026-04-07",),
    ("context_management",): (
        "context-management-2025-06-27",
        "compact-2026-01-12",
        "compact-2026-09-04",
    ),
    ("container", "skills"): ("skills-2025-10-02",),
    ("output_config", "task_budget"): ("task-budgets-2026-03-13",),
    ("thinking", "block_binding"): ("thinking-binding-controls-2026-08-01",),
}
"""Parameters that are refused without one of these betas (SDK 2.14.0, and the vendor's
pages, read 2026-11-30)."""
_MAX_STRICT_TOOLS = 20


class Asked(NamedTuple):
    """A request to be checked."""

    body: JsonObject
    betas: frozenset[str]
    """The betas in its header and its body."""
    issued: Issued


Check: TypeAlias = Callable[[Asked], None]


class Rule(NamedTuple):
    """One thing that the API refuses."""

    name: str
    source: str
    """Where it is said."""
    read: str
    """The day it was read there."""
    check: Check
    """Raises :class:`Invalid` with what the API would say."""


def refusals(
    body: JsonObject, betas: frozenset[str], issued: Issued
) -> list[tuple[Rule, str]]:
    """All that the API would refuse of a request, the first of each rule.

    Args:
        body: Of ``/v1/messages``, decoded; any JSON object.
        betas: What ``anthropic-beta`` lists.
        issued: What this server's model has said before.
    """
    request = Asked(body, betas | _betas_within(body), issued)
    broken: list[tuple[Rule, str]] = []
    for rule in RULES:
        try:
            rule.check(request)
        except Invalid as invalid:
            broken.append((rule, str(invalid)))
            if rule.name in _BASIC:
                break  # nothing else can be looked at
    return broken


def check(body: JsonObject, betas: frozenset[str], issued: Issued) -> None:
    """Check a request; see :func:`refusals`.

    Raises:
        Invalid: It is at fault.
    """
    request = Asked(body, betas | _betas_within(body), issued)
    for rule in RULES:
        rule.check(request)


def _betas_within(body: JsonObject) -> frozenset[str]:
    """Bedrock and Vertex take betas in the body."""
    listed: set[str] = set()
    for key in ("betas", "anthropic_beta"):
        listed_betas: Any = body.get(key)
        if isinstance(listed_betas, list):
            listed |= {str(beta) for beta in cast("list[Any]", listed_betas)}
    return frozenset(listed)


def _check_keys(request: Asked) -> None:
    body = request.body
    for key in _SAMPLING:
        if key in body:
            raise Invalid(f"`{key}` is not supported.")
    for key in body:
        if key not in _KNOWN:
            raise Invalid(f"{key}: Extra inputs are not permitted")


def _check_required(request: Asked) -> None:
    body = request.body
    for key in ("model", "max_tokens", "messages"):
        if key not in body:
            raise Invalid(f"{key}: Field required")
    most: Any = body["max_tokens"]
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise Invalid("max_tokens: Input should be greater than or equal to 1")
    if not body["messages"]:
        raise Invalid("messages: at least one message is required")


def _check_length(request: Asked) -> None:
    model, wanted = str(request.body["model"]), request.body["max_tokens"]
    most = most_output(model)
    if any(beta.startswith("output-") for beta in request.betas):
        return
    if most is not None and wanted > most:
        raise Invalid(
            f"max_tokens: {wanted} > {most}, which is the maximum allowed number of "
            f"output tokens for {model}"
        )


def _check_betas(request: Asked) -> None:
    for path, betas in _KEYS_BETAS.items():
        value: Any = request.body
        for key in path:
            value = (
                cast("JsonObject", value).get(key) if isinstance(value, dict) else None
            )
        if value is not None and not request.betas.intersection(betas):
            raise Invalid(f"{'.'.join(path)}: Extra inputs are not permitted")


def _check_tools(request: Asked) -> None:
    body, betas = request.body, request.betas
    tools: list[JsonObject] = body.get("tools") or []
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
    if tools and all(tool.get("defer_loading") for tool in tools):
        raise Invalid(
            "tools: All tools have defer_loading set. At least one tool must be "
            "non-deferred."
        )
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
    check_input_schema(cast("JsonObject", schema), f"{path}.input_schema")
    if tool.get("strict") is True:
        check_strict_schema(cast("JsonObject", schema), path)


def _check_format(request: Asked) -> None:
    config: JsonObject = request.body.get("output_config") or {}
    format_: Any = config.get("format")
    inner = cast("JsonObject", format_) if isinstance(format_, dict) else {}
    schema: Any = inner.get("schema")
    if isinstance(schema, dict):
        check_strict_schema(cast("JsonObject", schema), "output_config.format.schema")


def _check_servers(
    body: JsonObject, tools: list[JsonObject], betas: frozenset[str]
) -> None:
    servers: list[JsonObject] = body.get("mcp_servers") or []
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
    is_forced = kind in {"any", "tool"}
    if is_forced and not limits_of(str(body["model"])).takes_forced_choice:
        raise Invalid(f"tool_choice: `{kind}` is not supported for this model.")
    if kind == "tool" and choice.get("name") not in names:
        raise Invalid(
            f"tool_choice: Tool '{choice.get('name')}' not found in provided tools"
        )


def _check_thinking(request: Asked) -> None:
    body = request.body
    thinking: JsonObject = body.get("thinking") or {}
    kind: Any = thinking.get("type")
    limits = limits_of(str(body["model"]))
    if thinking and kind not in _THINKING:
        raise Invalid(
            f"thinking: Input tag '{kind}' found using 'type' does not match any of "
            f"the expected tags: {', '.join(map(repr, _THINKING))}"
        )
    if kind in limits.refused_thinking:
        raise Invalid(
            f'"thinking.type.{kind}" is not supported for this model. Use '
            '"thinking.type.adaptive" and "output_config.effort" instead.'
        )
    config: JsonObject = body.get("output_config") or {}
    effort: Any = config.get("effort")
    most = limits.most_effort_without_thinking
    if kind == "disabled" and most and effort in EFFORTS[EFFORTS.index(most) + 1 :]:
        raise Invalid(
            f'"thinking.type.disabled" is not supported at effort {effort!r} for this '
            f"model. Use {most!r} or lower."
        )
    if kind != "enabled":
        return
    budget: Any = thinking.get("budget_tokens")
    if not isinstance(budget, int) or budget < 1024:
        raise Invalid(
            "thinking.enabled.budget_tokens: Input should be greater than or equal "
            "to 1024"
        )
    if budget >= body["max_tokens"]:
        raise Invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")


_THINKING = ("adaptive", "between_tools", "disabled", "enabled")


def _of_body(check: Callable[[JsonObject], None]) -> Check:
    return lambda asked: check(asked.body)


def _check_history(request: Asked) -> None:
    check_history(request.body, request.issued, request.betas)


def _check_container(request: Asked) -> None:
    request.issued.check_container(request.body)


def _check_prefixes(request: Asked) -> None:
    request.issued.prefixes.check(request.body, request.betas)


_PAGES, _REPORTS = "docs.claude.com", "public reports of clients' users"

RULES: tuple[Rule, ...] = tuple(
    Rule(name=name, source=source, read=read, check=check)
    for name, source, read, check in (
        ("shape", "SDK 2.14.0", "2026-11-30", _of_body(check_shape)),
        ("parameters", "SDK 2.14.0", "2026-11-30", _check_keys),
        ("required parameters", "SDK 2.14.0", "2026-11-30", _check_required),
        ("output limit", _REPORTS, "2026-11-30", _check_length),
        ("betas", _PAGES, "2026-11-30", _check_betas),
        ("tools", _REPORTS, "2026-11-30", _check_tools),
        ("output format", _PAGES, "2026-11-30", _check_format),
        ("containers", _REPORTS, "2026-11-30", _check_container),
        ("thinking", _PAGES, "2026-11-30", _check_thinking),
        ("cache marks", _REPORTS, "2026-11-30", _of_body(check_marks)),
        ("empty and blank text", _REPORTS, "2026-11-30", _of_body(check_texts)),
        ("calls' names and ids", _REPORTS, "2026-11-30", _of_body(check_calls)),
        ("results", "SDK 2.14.0", "2026-11-30", _of_body(check_results)),
        ("images", _REPORTS, "2026-11-30", _of_body(check_images)),
        ("ends of messages", _REPORTS, "2026-11-30", _of_body(check_ends)),
        ("history", _PAGES, "2026-11-22", _check_history),
        ("preserved thinking", _PAGES, "2026-11-30", _check_prefixes),
    )
)
_BASIC = frozenset({"shape", "required parameters"})

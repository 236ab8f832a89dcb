"""Settings of an agent of OpenAI's: set by people, and what follows. Data."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from agents.backends.dialects.chat.settings import ChatSettings
from agents.backends.dialects.json_values import Json
from agents.backends.dialects.responses.settings import Effort, ResponsesSettings

Api: TypeAlias = Literal["responses", "chat"]

_TOOLS: dict[str, Json] = {
    "web_search": {"type": "web_search"},
    "code_interpreter": {"type": "code_interpreter", "container": {"type": "auto"}},
    "code_execution": {"type": "code_interpreter", "container": {"type": "auto"}},
    "image_generation": {"type": "image_generation"},
}
"""Tools that OpenAI runs, by name (openai 3.57.0, read 2026-11-30); ``code_execution``
is what other makers call it."""

_WITHOUT_REASONING = ("gpt-3", "gpt-4", "chatgpt-4", "gpt-5-chat", "gpt-5.1-chat")
"""Models that say 400 where sealed reasoning is asked of them."""


class OpenAISettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The fields of a request beside the conversation."""

    model: str
    api: Api = "responses"
    max_tokens: int | None = None
    """Most tokens of one response, thinking included; ``None``: the model's own."""
    effort: Effort | None = None
    thinking: Literal["adaptive", "disabled"] | None = None
    """``adaptive``: tell in short what was thought; ``disabled``: think not at all."""
    server_tools: tuple[str | Json, ...] = ()
    """Names, or objects as the API takes them."""
    mcp_servers: tuple[Json, ...] = ()
    """Servers that OpenAI connects to: ``{name, url, authorization_token}``, or as the
    API takes them (``server_label``, …)."""
    output_format: Json | None = None
    """A JSON Schema for the response: ``{name, schema, strict}``."""
    parallel_calls: bool | None = None
    cache: bool = True
    extra: Json = msgspec.field(default_factory=dict[str, Any])
    """Further parameters, as the API names them."""

    def __repr__(self) -> str:
        return f"OpenAISettings(model={self.model!r})"  # MCP servers have tokens


def check(settings: OpenAISettings) -> None:
    """Refuse what no request could be made of, before one is needed.

    Raises:
        ValueError: A tool is unknown, or the API has none of them.
    """
    tools = server_tools(settings)
    if settings.api == "chat" and tools:
        raise ValueError(
            f"{tools[0].get('type')}: Chat Completions have no server tools; leave out "
            "'api: chat', or the tool"
        )


def server_tools(settings: OpenAISettings) -> tuple[Json, ...]:
    """The tools that OpenAI runs, in the API's form.

    Raises:
        ValueError: A name is unknown.
    """
    return (
        *(named(tool, _TOOLS, "OpenAI") for tool in settings.server_tools),
        *map(mcp_tool, settings.mcp_servers),
    )


def named(tool: str | Json, known: dict[str, Json], whose: str) -> Json:
    """A server tool in the API's form.

    Raises:
        ValueError: Its name is unknown.
    """
    if not isinstance(tool, str):
        return tool
    if tool not in known:
        there = ", ".join(known)
        raise ValueError(f"{tool!r} is no tool of {whose}; there are {there}")
    return known[tool]


def mcp_tool(server: Json) -> Json:
    """An MCP server that the API connects to; its calls need no approval of ours."""
    if "server_label" in server:
        return {"type": "mcp", "require_approval": "never", **server}
    if not server.get("name") or not server.get("url"):
        raise ValueError("an MCP server needs a name and a url; add them")
    tool: Json = {
        "type": "mcp",
        "server_label": server["name"],
        "server_url": server["url"],
        "require_approval": "never",
    }
    if server.get("authorization_token"):
        tool["authorization"] = server["authorization_token"]
    return tool


def does_reason(model: str) -> bool:
    """Whether a model thinks before it answers, as far as its name tells."""
    return not model.startswith(_WITHOUT_REASONING) and "-chat" not in model


def as_responses(settings: OpenAISettings) -> ResponsesSettings:
    """The same in the dialect's words."""
    thinks = does_reason(settings.model)
    return ResponsesSettings(
        model=settings.model,
        max_tokens=settings.max_tokens,
        effort=_effort(settings),
        summary="auto" if settings.thinking == "adaptive" else None,
        server_tools=server_tools(settings),
        output_format=settings.output_format,
        parallel_calls=settings.parallel_calls,
        sealed_reasoning=thinks,
        cache=settings.cache,
        extra=settings.extra,
    )


def as_chat(settings: OpenAISettings) -> ChatSettings:
    """The same in the dialect's words."""
    return ChatSettings(
        model=settings.model,
        max_tokens=settings.max_tokens,
        limit_field="max_completion_tokens",
        effort=_effort(settings),
        output_format=settings.output_format,
        parallel_calls=settings.parallel_calls,
        cache_key=settings.cache,
        extra=settings.extra,
    )


def _effort(settings: OpenAISettings) -> Effort | None:
    return "none" if settings.thinking == "disabled" else settings.effort

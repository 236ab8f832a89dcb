"""Settings of an agent of xAI's: set by people, and what follows. Data."""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec

from agents.backends.dialects.json_values import Json
from agents.backends.dialects.responses.settings import ResponsesSettings

_TOOLS: dict[str, Json] = {
    "web_search": {"type": "web_search"},
    "x_search": {"type": "x_search"},
    "code_execution": {"type": "code_interpreter"},
    "code_interpreter": {"type": "code_interpreter"},
}
"""Tools that xAI runs, by name (docs.x.ai and Oracle's notes on the same API, read
2026-11-30)."""

DOMAINS_MOST = 5
"""Domains that a search takes, allowed or excluded (docs.x.ai, the same day)."""


class GrokSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The fields of a request beside the conversation."""

    model: str
    max_tokens: int | None = None
    effort: Literal["none", "low", "medium", "high"] | None = None
    """For models that take one; some think always and answer 400 to it."""
    server_tools: tuple[str | Json, ...] = ()
    """``web_search``, ``x_search``, ``code_execution``, or objects as the API takes
    them. xAI returns no outputs of its tools."""
    mcp_servers: tuple[Json, ...] = ()
    output_format: Json | None = None
    parallel_calls: bool | None = None
    cache: bool = True
    extra: Json = msgspec.field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        return f"GrokSettings(model={self.model!r})"  # MCP servers have tokens


def check(settings: GrokSettings) -> None:
    """Refuse what no request could be made of, before one is needed.

    Raises:
        ValueError: A tool is unknown, or names more domains than xAI takes.
    """
    for tool in server_tools(settings):
        filters: Any = tool.get("filters")
        fields = cast("Json", filters) if isinstance(filters, dict) else tool
        for name in ("allowed_domains", "excluded_domains"):
            domains: Any = fields.get(name)
            if isinstance(domains, list) and len(cast("Any", domains)) > DOMAINS_MOST:
                raise ValueError(
                    f"{tool.get('type')}: {name} has {len(cast('Any', domains))} "
                    f"domains, and xAI takes {DOMAINS_MOST}"
                )
        if fields.get("allowed_domains") and fields.get("excluded_domains"):
            raise ValueError(
                f"{tool.get('type')}: domains are allowed or excluded, not both"
            )


def server_tools(settings: GrokSettings) -> tuple[Json, ...]:
    """The tools that xAI runs, in the API's form.

    Raises:
        ValueError: A name is unknown, or an MCP server lacks one.
    """
    tools: list[Json] = []
    for tool in settings.server_tools:
        if isinstance(tool, str) and tool not in _TOOLS:
            there = ", ".join(_TOOLS)
            raise ValueError(f"{tool!r} is no tool of xAI; there are {there}")
        tools.append(_TOOLS[tool] if isinstance(tool, str) else tool)
    for server in settings.mcp_servers:
        if "server_label" in server:
            tools.append({"type": "mcp", **server})
            continue
        if not server.get("name") or not server.get("url"):
            raise ValueError("an MCP server needs a name and a url; add them")
        named: Json = {"server_label": server["name"], "server_url": server["url"]}
        if server.get("authorization_token"):
            named["authorization"] = server["authorization_token"]
        tools.append({"type": "mcp", **named})
    return tuple(tools)


def as_responses(settings: GrokSettings) -> ResponsesSettings:
    """The same in the dialect's words."""
    return ResponsesSettings(
        model=settings.model,
        max_tokens=settings.max_tokens,
        effort=settings.effort,
        server_tools=server_tools(settings),
        output_format=settings.output_format,
        parallel_calls=settings.parallel_calls,
        sealed_reasoning=True,
        # Nothing fails at xAI where reasoning has no seal (docs.x.ai).
        can_seal=False,
        cache=settings.cache,
        extra=settings.extra,
    )

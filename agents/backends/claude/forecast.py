"""The cost of a request beside what the model writes, by its settings. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from agents.backends.claude.container_time import LEAST_S, code_time
from agents.limits.pricing import CODE_USD_AN_HOUR, factor_of
from agents.protocol.backend import Forecast

if TYPE_CHECKING:
    from agents.backends.claude.server_tools import Json
    from agents.backends.claude.settings import ClaudeSettings

USES = 10
"""Calls of a server tool that has no ``max_uses``: the API pauses a response after
about ten (docs.claude.com, web search, read 2026-11-30)."""
SEARCH_USD = 0.01
MARGIN = 1.01
"""A count is an estimate that may differ by a little (docs.claude.com, token counting,
read 2026-11-30)."""


def forecast_of(settings: ClaudeSettings, fields: Json, read: int) -> Forecast:
    """The most that a request costs beside its output.

    What a server tool brings is read as well, each time; how much that is, no cap of
    the API's says, and the bill alone can tell.

    Args:
        settings: Of the agent.
        fields: The request's parameters.
        read: Tokens of its input, counted or estimated.
    """
    tools = cast("list[dict[str, Any]]", fields.get("tools") or [])
    uses = {
        str(tool.get("name", tool.get("type", ""))): int(tool.get("max_uses") or USES)
        for tool in tools
        if tool.get("type", "custom") != "custom" and _is_served(tool)
    }
    usd = uses.get("web_search", 0) * SEARCH_USD
    if code_time(settings, None) is not None:
        usd += LEAST_S / 3600 * CODE_USD_AN_HOUR
    return Forecast(
        input_tokens=int(read * MARGIN) + 1,
        readings=1 + sum(uses.values()),
        extras_usd=usd,
        factor=factor_of(fields.get("speed"), fields.get("inference_geo"), None),
        is_for_an_hour=_has_hour(fields),
    )


def _is_served(tool: dict[str, Any]) -> bool:
    """Whether the API runs it, and samples again with what it brings."""
    return str(tool["type"]).startswith(("web_", "code_execution", "advisor", "mcp_"))


def _has_hour(value: object) -> bool:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return fields.get("ttl") == "1h" or any(map(_has_hour, fields.values()))
    return isinstance(value, list) and any(map(_has_hour, cast("list[object]", value)))

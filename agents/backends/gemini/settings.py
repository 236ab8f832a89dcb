"""Settings of an agent of Gemini's: set by people, and what follows. Data."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from agents.backends.dialects.gemini.settings import GeminiSettings as Asked
from agents.backends.dialects.json_values import Json

_TOOLS: dict[str, Json] = {
    "web_search": {"googleSearch": {}},
    "google_search": {"googleSearch": {}},
    "url_context": {"urlContext": {}},
    "web_fetch": {"urlContext": {}},
    "code_execution": {"codeExecution": {}},
    "google_maps": {"googleMaps": {}},
}
"""Tools that Google runs, by name (google-genai 3.6.1, read 2026-11-30); some have the
names that other makers give them too."""


class GeminiSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The fields of a request beside the conversation."""

    model: str
    max_tokens: int | None = None
    effort: (
        Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    ) = None
    """Above ``high`` Gemini has nothing; it is asked for that."""
    thinking: Literal["adaptive", "disabled"] | int | None = None
    """``adaptive``: tell in short what was thought. A number: that many tokens to think
    with, on models that take a budget."""
    server_tools: tuple[str | Json, ...] = ()
    """``web_search``, ``url_context``, ``code_execution``, or objects as the API takes
    them (``{"googleSearch": {}}``)."""
    output_format: Json | None = None
    """A JSON Schema for the response."""
    extra: Json = msgspec.field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        return f"GeminiSettings(model={self.model!r})"


def server_tools(settings: GeminiSettings) -> tuple[Json, ...]:
    """The tools that Google runs, in the API's form.

    Raises:
        ValueError: A name is unknown.
    """
    tools: list[Json] = []
    for tool in settings.server_tools:
        if isinstance(tool, str) and tool not in _TOOLS:
            there = ", ".join(_TOOLS)
            raise ValueError(f"{tool!r} is no tool of Gemini; there are {there}")
        tools.append(_TOOLS[tool] if isinstance(tool, str) else tool)
    return tuple(tools)


def as_asked(settings: GeminiSettings) -> Asked:
    """The same in the dialect's words.

    Raises:
        ValueError: A tool is unknown.
    """
    thinking = settings.thinking
    effort = settings.effort
    if effort in {"xhigh", "max"}:
        effort = "high"
    return Asked(
        model=settings.model,
        max_tokens=settings.max_tokens,
        effort="none" if thinking == "disabled" else effort,  # pyright: ignore[reportArgumentType]
        thinking_tokens=thinking if isinstance(thinking, int) else None,
        thoughts=True if thinking not in {None, "disabled"} else None,
        server_tools=server_tools(settings),
        output_format=settings.output_format,
        extra=settings.extra,
    )

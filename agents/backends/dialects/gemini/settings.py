"""Fields of a request to Gemini beside the conversation. Data."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from agents.backends.dialects.json_values import Json


class GeminiSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Settings of the user."""

    model: str
    max_tokens: int | None = None
    effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    """How hard to think, for models that take a level."""
    thinking_tokens: int | None = None
    """How much to think, for models that take a number; -1: as they like."""
    thoughts: bool | None = None
    """Whether to tell what was thought, in short."""
    server_tools: tuple[Json, ...] = ()
    """Tools that the server runs, as the API takes them: ``{"googleSearch": {}}``."""
    output_format: Json | None = None
    """A JSON Schema for the response."""
    extra: Json = msgspec.field(default_factory=dict[str, Any])
    """Further parameters, as the API names them (``safetySettings``, …)."""

    def __repr__(self) -> str:
        return f"GeminiSettings(model={self.model!r})"

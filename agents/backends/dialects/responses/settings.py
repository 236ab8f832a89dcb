"""Fields of a request to the Responses API beside the conversation. Data."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from agents.backends.dialects.json_values import Json

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ResponsesSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Settings of the user, and of the provider's variant of the API."""

    model: str
    max_tokens: int | None = None
    """Most tokens of one response, thinking included; ``None``: the model's own."""
    effort: Effort | None = None
    """How hard to think; ``None``: left to the model."""
    summary: Literal["auto", "concise", "detailed"] | None = None
    """Whether to tell what was thought, in short."""
    server_tools: tuple[Json, ...] = ()
    """Tools that the server runs, as the API takes them."""
    output_format: Json | None = None
    """A JSON Schema for the response, as the API takes it: name, schema, strict."""
    parallel_calls: bool | None = None
    sealed_reasoning: bool = True
    """Whether what was thought is asked for, sealed, and goes back with the next
    request: nothing of a conversation is kept at the server."""
    can_seal: bool = True
    """Whether a reasoning item without its seal would be looked up at the server, where
    nothing is kept; such items are left out."""
    cache: bool = True
    """Whether to send a key by which requests of one session find the same cache."""
    extra: Json = msgspec.field(default_factory=dict[str, Any])
    """Further parameters, as the API names them."""

    def __repr__(self) -> str:
        return f"ResponsesSettings(model={self.model!r})"  # MCP servers have tokens

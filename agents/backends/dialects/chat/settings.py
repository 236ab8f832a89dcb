"""Fields of a chat completion's request beside the conversation. Data."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from agents.backends.dialects.json_values import Json


class ChatSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Settings of the user, and the fields in which the server takes them."""

    model: str
    max_tokens: int | None = None
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    effort: str | None = None
    effort_form: Literal[
        "reasoning_effort",
        "reasoning",  # OpenRouter: {"effort": …}
        "thinking",  # z.ai: {"type": enabled | disabled}
        "enable_thinking",  # Alibaba
        "chat_template_kwargs",  # vLLM, SGLang, llama.cpp
        "none",
    ] = "reasoning_effort"
    server_tools: tuple[Json, ...] = ()
    output_format: Json | None = None
    parallel_calls: bool | None = None
    usage_asked: bool = True
    """Whether usage has to be asked for, and may be."""
    takes_strict: bool = True
    """Whether a function may say ``strict``."""
    takes_images: bool = True
    gives_thinking_back: bool = True
    """Whether what was thought goes back with the message, under the name that it came
    under."""
    wants_thinking: bool = False
    """Whether every message that calls a tool must say what was thought."""
    nine_letter_ids: bool = False
    """Whether ids of calls must be nine letters or digits."""
    answers_tools: bool = False
    """Whether what follows a tool's result must be the model's, not the user's."""
    cache_key: bool = False
    """Whether the server takes ``prompt_cache_key``."""
    extra: Json = msgspec.field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        return f"ChatSettings(model={self.model!r})"

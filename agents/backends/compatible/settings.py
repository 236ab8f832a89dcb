"""Settings of an agent on a compatible server: set by people, and derived. Data."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.backends.compatible.servers import Api, ServerProfile
from agents.backends.dialects.chat.settings import ChatSettings
from agents.backends.dialects.json_values import Json


class CompatibleSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The fields of a request beside the conversation."""

    model: str
    api: Api | None = None
    """``None``: as the server speaks best."""
    max_tokens: int | None = None
    effort: str | None = None
    """In the server's words; ``none``: think not at all, where that can be said."""
    server_tools: tuple[Json, ...] = ()
    """Tools that the server runs, as it takes them; there are no common ones."""
    output_format: Json | None = None
    parallel_calls: bool | None = None
    extra: Json = msgspec.field(default_factory=dict[str, Any])
    """Further parameters, as the server names them."""

    def __repr__(self) -> str:
        return f"CompatibleSettings(model={self.model!r})"


def as_chat(settings: CompatibleSettings, server: ServerProfile) -> ChatSettings:
    """The same in the dialect's words."""
    return ChatSettings(
        model=settings.model,
        max_tokens=settings.max_tokens,
        limit_field=server.limit_field,
        effort=settings.effort,
        effort_form=server.effort_form,
        server_tools=settings.server_tools,
        output_format=settings.output_format,
        parallel_calls=settings.parallel_calls,
        usage_asked=server.usage_asked,
        takes_strict=server.takes_strict,
        takes_images=server.takes_images,
        gives_thinking_back=server.gives_thinking_back,
        wants_thinking=server.wants_thinking,
        nine_letter_ids=server.nine_letter_ids,
        answers_tools=server.answers_tools,
        extra=settings.extra,
    )

"""A body for servers that speak the Messages API and know only its oldest parts. Pure.

Local servers know text, images, tools and their results, and thinking; they refuse or
ignore cache marks, betas and the rest (vLLM's source, Ollama's and LM Studio's
documentation, read 2026-11-30). Claude's own body is :mod:`.writer`'s.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from agents.backends.dialects.json_values import Json
from agents.backends.dialects.responses.writer import merged
from agents.backends.dialects.schemas import object_schema
from agents.backends.dialects.tool_names import with_wire_ids
from agents.protocol.backend import Message, Request

MAX_TOKENS = 16_000
"""The API wants a limit; as much as Claude is given."""


def plain_body(
    request: Request, model: str, *, max_tokens: int | None, extra: Json
) -> Json:
    """The whole body of a streamed request.

    Args:
        request: What is asked.
        model: Who is asked.
        max_tokens: Most tokens of the response; ``None``: :data:`MAX_TOKENS`.
        extra: Further parameters.
    """
    most = max_tokens or MAX_TOKENS
    messages = [_message(message) for message in request.messages]
    if request.attached and messages:
        blocks = [msgspec.json.decode(block) for block in request.attached]
        messages[0]["content"][:0] = blocks
    fields: Json = {
        "model": model,
        "max_tokens": min(most, request.max_tokens or most),
        "stream": True,
        "messages": messages,
    }
    if request.system:
        fields["system"] = request.system
    if request.tools:
        fields["tools"] = [
            {
                "name": spec.name,
                "description": spec.description,
                "input_schema": object_schema(spec.input_schema),
            }
            for spec in request.tools
        ]
    return merged(fields, extra)


def _message(message: Message) -> Json:
    content: Any = msgspec.json.decode(message.content)
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    blocks = with_wire_ids(cast("list[Json]", content))
    return {"role": message.role, "content": blocks}

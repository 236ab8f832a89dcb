"""Wire types of ``streamGenerateContent?alt=sse``: whole objects.

Shapes as recorded and as google-genai 3.6.1 has them (read 2026-11-30). What they mean
is :mod:`agents.backends.dialects.gemini.reader`'s.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agents.backends.dialects.json_values import EventDecoder


class Content(msgspec.Struct, frozen=True):
    """More of an answer."""

    parts: list[msgspec.Raw] | None = None
    role: str | None = None


class Candidate(msgspec.Struct, frozen=True, rename="camel"):
    """One of the answers; we ask for one."""

    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int | None = None
    grounding_metadata: dict[str, Any] | None = None
    citation_metadata: dict[str, Any] | None = None
    url_context_metadata: dict[str, Any] | None = None


class PromptFeedback(msgspec.Struct, frozen=True, rename="camel"):
    """The verdict on the prompt."""

    block_reason: str | None = None
    block_reason_message: str | None = None


class UsageMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """Usage as the API counts it: what was thought is beside what was written."""

    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    """Input tokens from the results of its own tools."""


class GeminiChunk(msgspec.Struct, frozen=True, rename="camel"):
    """One event."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: msgspec.Raw = msgspec.Raw()
    model_version: str | None = None
    response_id: str | None = None
    error: dict[str, Any] | str | None = None


class FunctionCall(msgspec.Struct, frozen=True, rename="camel"):
    """A call of a tool of ours; in pieces where arguments are streamed."""

    name: str | None = None
    id: str | None = None
    args: dict[str, Any] | None = None
    partial_args: list[dict[str, Any]] | None = None
    will_continue: bool | None = None


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """One part of an answer; one of its fields says what it is."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    executable_code: dict[str, Any] | None = None
    code_execution_result: dict[str, Any] | None = None
    tool_call: dict[str, Any] | None = None
    tool_response: dict[str, Any] | None = None
    inline_data: dict[str, Any] | None = None


chunks: EventDecoder[GeminiChunk] = EventDecoder(GeminiChunk)
parts: msgspec.json.Decoder[Part] = msgspec.json.Decoder(Part)
usages: msgspec.json.Decoder[UsageMetadata | None] = msgspec.json.Decoder(
    UsageMetadata | None
)

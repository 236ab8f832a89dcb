"""Wire types of Chat Completions: one Struct, as servers really fill it.

Every field may be absent, null or of another kind somewhere; shapes as recorded from
some thirty hosts (read 2026-11-30). What the chunks mean is
:mod:`agents.backends.dialects.chat.reader`'s.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agents.backends.dialects.json_values import EventDecoder


class FunctionPart(msgspec.Struct, frozen=True):
    """More of a call."""

    name: str | None = None
    arguments: str | dict[str, Any] | list[Any] | None = None
    """Text, whole or in pieces; some servers send the object."""


class CallPart(msgspec.Struct, frozen=True):
    """More of one of the calls."""

    index: int | None = None
    id: str | int | None = None
    function: FunctionPart | None = None
    extra_content: dict[str, Any] | None = None
    """Google's: the signature of what was thought before the call."""


class Delta(msgspec.Struct, frozen=True):
    """More of a choice's message."""

    content: str | list[dict[str, Any]] | None = None
    """A list has parts of text and, at Mistral, of thinking."""
    reasoning_content: str | None = None
    """DeepSeek, xAI, Alibaba, z.ai, llama.cpp, SGLang, vLLM."""
    reasoning: str | dict[str, Any] | None = None
    """OpenRouter, Groq, Together, Cerebras, Ollama."""
    reasoning_details: list[dict[str, Any]] | None = None
    """OpenRouter's: signed or sealed, to be given back."""
    tool_calls: list[CallPart] | None = None
    function_call: FunctionPart | None = None
    """The older form, with one call in a message."""
    refusal: str | None = None
    annotations: list[dict[str, Any]] | None = None


class Choice(msgspec.Struct, frozen=True):
    """One of the answers; we ask for one."""

    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    """The message so far, beside ``delta`` or, unstreamed, instead of it."""
    finish_reason: str | None = None
    text: str | None = None


class ChatChunk(msgspec.Struct, frozen=True):
    """One event."""

    choices: list[Choice] | None = None
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    """Not looked into before the end: some servers count with every chunk."""
    error: dict[str, Any] | str | None = None
    citations: list[Any] | None = None
    """Perplexity, xAI: the addresses that the whole answer rests on."""
    search_results: list[Any] | None = None
    x_groq: dict[str, Any] | None = None


class Bare(msgspec.Struct, frozen=True):
    """An event whose error is not where it should be."""

    message: str | None = None
    detail: Any = None
    object: str | None = None


class Usage(msgspec.Struct, frozen=True):
    """Usage as some server counts it."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: dict[str, Any] | None = None
    completion_tokens_details: dict[str, Any] | None = None
    reasoning_tokens: int | None = None
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's."""
    cached_tokens: int | None = None
    """Together's."""
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    """Of gateways before Claude."""
    server_tool_use_details: dict[str, Any] | None = None


chunks: EventDecoder[ChatChunk] = EventDecoder(ChatChunk, plain=(ChatChunk,))
usages: msgspec.json.Decoder[Usage | None] = msgspec.json.Decoder(Usage | None)

"""A recorded stream of any dialect, read at once: its chunks, or what they amount to.

The dialect is guessed where nothing is said: by the first event that is like one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from agents.backends.dialects.chat.reader import Translator as ChatTranslator
from agents.backends.dialects.chunk_writer import no_price
from agents.backends.dialects.event_stream import ServerEvent, Splitter
from agents.backends.dialects.gemini.reader import Translator as GeminiTranslator
from agents.backends.dialects.json_values import Json, kind_of, object_of
from agents.backends.dialects.messages.reader import Translator as MessagesTranslator
from agents.backends.dialects.responses.reader import Translator as ResponsesTranslator
from agents.conversation.accumulator import Transcript
from agents.errors import StreamMalformed
from agents.protocol.chunks import (
    AgentId,
    ResponseAbandoned,
    StreamChunk,
    ThinkingDelta,
    TurnNumber,
    UsageReported,
)
from agents.protocol.stamper import Pen

Dialect: TypeAlias = Literal["messages", "responses", "chat", "gemini"]

RECORDED = AgentId("recorded")
"""The agent of recorded chunks, where none is named."""
READ_BYTES = 65536
"""Bytes translated at once; what a busy socket gives."""
GUESSED_BYTES = 1 << 20
"""How much of a body is looked at to guess its dialect."""


class Reader(Protocol):
    """The interface that every dialect's reader has."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be said."""
        ...

    def translate(self, events: list[ServerEvent]) -> list[StreamChunk]:
        """The chunks of one read's events."""
        ...

    def finish(self) -> list[StreamChunk]:
        """The chunks that the body's end brings."""
        ...


def reader_of(dialect: Dialect, pen: Pen, by: str = "") -> Reader:
    """A reader of one response."""
    match dialect:
        case "messages":
            return MessagesTranslator(pen, no_price)
        case "responses":
            return ResponsesTranslator(pen, by=by)
        case "chat":
            return ChatTranslator(pen, by=by)
        case "gemini":
            return GeminiTranslator(pen, by=by)


def guessed(data: bytes) -> Dialect:
    """Which dialect a body is in.

    Raises:
        StreamMalformed: None of its events is like any.
    """
    splitter = Splitter()
    for _name, event in [*splitter.feed(data[:GUESSED_BYTES]), *splitter.finish()]:
        kind = kind_of(event)
        if kind.startswith("response."):
            return "responses"
        if kind.startswith(("message_", "content_block_")):
            return "messages"
        fields = object_of(event)
        if {"candidates", "usageMetadata", "promptFeedback"} & fields.keys():
            return "gemini"
        if "choices" in fields or str(fields.get("object", "")).startswith("chat."):
            return "chat"
        error = fields.get("error")
        if isinstance(error, dict):
            return "gemini" if "status" in error else "chat"
    raise StreamMalformed("this is no stream of messages, responses, chat or gemini")


def decode_stream(
    data: bytes,
    dialect: Dialect | None = None,
    *,
    agent: AgentId = RECORDED,
    by: str = "",
    read_bytes: int = READ_BYTES,
) -> Iterator[StreamChunk]:
    """The chunks of a recorded body.

    Args:
        data: The body, without content or transfer encodings.
        dialect: ``None``: guessed.
        agent: Whose words they are.
        by: Who the model is, for its items.
        read_bytes: How much is translated at once.

    Raises:
        AgentError: The body is not one complete response; what came before is yielded.
    """
    splitter = Splitter()
    pen = Pen(agent, TurnNumber(1), 0.0)
    reader = reader_of(dialect or guessed(data), pen, by)
    for start in range(0, len(data), read_bytes):
        for event in splitter.feed(data[start : start + read_bytes]):
            yield from reader.translate([event])
    yield from reader.translate(splitter.finish())
    yield from reader.finish()


def summary(data: bytes, dialect: Dialect | None = None) -> dict[str, Any]:
    """A summary of a recorded body, in terms that are no provider's own.

    Returns:
        ``model``, ``content`` (the text), ``reasoning``, ``tool_calls`` (``id``,
        ``name``, ``input`` as JSON, ``is_valid``), ``citations``, ``stop_reason`` (the
        API's word), ``why`` (ours, see :mod:`agents.protocol.endings`), ``category`` of
        a refusal, ``usage`` (see :class:`~agents.protocol.chunks.Usage`) and ``items``
        (what goes back to its maker).

    Raises:
        AgentError: As :func:`decode_stream`.
    """
    transcript = Transcript()
    thoughts: list[str] = []
    model = ""
    for chunk in decode_stream(data, dialect):
        transcript.absorb((chunk,))
        match chunk:
            case ResponseAbandoned():
                thoughts.clear()
            case ThinkingDelta():
                thoughts.append(chunk.text)
            case UsageReported():
                model = chunk.model
            case _:
                pass
    cited: list[Json] = [
        citation
        for block in transcript.blocks
        for citation in block.get("citations") or ()
    ]
    calls = [
        {
            "id": call.id,
            "name": call.name,
            "input": msgspec.json.decode(call.input),
            "is_valid": call.is_valid,
        }
        for call in transcript.tool_calls
    ]
    return {
        "model": model,
        "content": transcript.text,
        "reasoning": "".join(thoughts),
        "tool_calls": calls,
        "citations": cited,
        "stop_reason": transcript.stop_reason,
        "why": transcript.why,
        "category": transcript.category,
        "usage": msgspec.to_builtins(transcript.usage),
        "items": [msgspec.json.decode(item) for item in transcript.items],
    }

"""A recorded stream, read at once: its chunks, or the message they amount to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.backends.dialects.event_stream import Splitter
from agents.backends.dialects.messages.reader import Translator
from agents.conversation.accumulator import Transcript
from agents.protocol.chunks import AgentId, StreamChunk, TurnNumber, Usage
from agents.protocol.stamper import Pen

RECORDED = AgentId("recorded")
"""The agent of recorded chunks, where none is named."""
READ_BYTES = 65536
"""Bytes translated at once; what a busy socket gives."""


def decode_sse(
    data: bytes, *, agent: AgentId = RECORDED, read_bytes: int = READ_BYTES
) -> Iterator[StreamChunk]:
    """The chunks of a recorded body of server-sent events.

    Raises:
        AgentError: The body is not one complete response; what came before is yielded.
    """
    splitter = Splitter()
    translator = Translator(Pen(agent, TurnNumber(1), 0.0), _unpriced)
    for start in range(0, len(data), read_bytes):
        events = splitter.feed(data[start : start + read_bytes])
        for event in events:
            yield from translator.translate((event,))
    yield from translator.finish()


def message_of(data: bytes) -> dict[str, Any]:
    """The message that a recorded body amounts to, in the API's form.

    Raises:
        AgentError: As :func:`decode_sse`.
    """
    transcript = Transcript()
    transcript.absorb(decode_sse(data))
    return transcript.message()


def _unpriced(_model: str, _usage: Usage, _factor: float) -> float | None:
    return None

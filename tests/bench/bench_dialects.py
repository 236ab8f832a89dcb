"""How fast each dialect is read, beside the typed stream of its maker's SDK.

::

    PYTHONPATH=. python tests/bench/bench_dialects.py

Events a second of processor time, bytes in, objects out, one event a read. ``openai``
and ``google-genai`` are compared where they are installed; prints one JSON object.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from agents.backends.dialects.decoder import RECORDED, Dialect, reader_of
from agents.backends.dialects.event_stream import Splitter
from agents.protocol.chunks import TurnNumber
from agents.protocol.stamper import Pen

EVENTS = 20_000
ROUNDS = 3


def _named(kind: str, **fields: Any) -> bytes:
    told = {"type": kind, "sequence_number": 7, **fields}
    return f"event: {kind}\ndata: {json.dumps(told)}\n\n".encode()


def _bare(**fields: Any) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


def streams() -> dict[Dialect, list[bytes]]:
    """A long answer in each dialect, read by read."""
    delta: dict[str, Any] = {
        "item_id": "msg_1",
        "output_index": 0,
        "content_index": 0,
        "logprobs": [],
    }
    usage = {"input_tokens": 9, "output_tokens": 5}
    response = {"id": "r", "model": "m", "status": "completed", "usage": usage}
    item: dict[str, Any] = {
        "type": "message",
        "id": "msg_1",
        "content": [],
        "role": "assistant",
    }
    text = _named(
        "response.output_text.delta", delta="token ", obfuscation="abcdef", **delta
    )
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": "token "}, "finish_reason": None}
    candidate = {"content": {"parts": [{"text": "token "}], "role": "model"}}
    counted = {"promptTokenCount": 9, "totalTokenCount": 12}
    return {
        "responses": [
            _named("response.created", response=response),
            _named("response.output_item.added", output_index=0, item=item),
            *[text] * EVENTS,
            _named("response.output_item.done", output_index=0, item=item),
            _named("response.completed", response=response),
        ],
        "chat": [
            *[_bare(**chunk, choices=[choice])] * EVENTS,
            _bare(**chunk, choices=[{**choice, "delta": {}, "finish_reason": "stop"}]),
            b"data: [DONE]\n\n",
        ],
        "gemini": [
            *[_bare(candidates=[candidate], usageMetadata=counted)] * EVENTS,
            _bare(candidates=[{**candidate, "finishReason": "STOP"}]),
        ],
    }


def ours(dialect: Dialect, reads: list[bytes]) -> None:
    """Read a stream as a backend does."""
    splitter = Splitter()
    reader = reader_of(dialect, Pen(RECORDED, TurnNumber(1), 0.0))
    for data in reads:
        reader.translate(splitter.feed(data))
    reader.finish()


def theirs(dialect: Dialect, reads: list[bytes]) -> None:
    """Read it as the maker's SDK does: its decoder of events, its types.

    Raises:
        ImportError: The SDK is not installed.
    """
    if dialect == "gemini":
        form: Any = _sdk("google.genai.types").GenerateContentResponse
        for data in reads:
            told = json.loads(data.removeprefix(b"data: "))
            # As its own client does with each piece of a stream.
            getattr(form, "_from_response")(response=told, kwargs={})  # noqa: B009
        return
    construct = _sdk("openai._models").construct_type
    decoder = _sdk("openai._streaming").SSEDecoder()
    is_chat = dialect == "chat"
    room = _sdk("openai.types.chat" if is_chat else "openai.types.responses")
    form = room.ChatCompletionChunk if is_chat else room.ResponseStreamEvent
    for event in decoder.iter_bytes(iter(reads)):
        if event.data != "[DONE]":
            construct(type_=form, value=event.json())


def _sdk(name: str) -> Any:
    """A module of an SDK, which is measured where it is installed."""
    return import_module(name)


def rate(read: Callable[[Dialect, list[bytes]], None], dialect: Dialect) -> float:
    """Events a second of processor time; the best of some rounds."""
    reads = streams()[dialect]
    best = 0.0
    for _ in range(ROUNDS):
        began = time.process_time()
        read(dialect, reads)
        best = max(best, len(reads) / (time.process_time() - began))
    return best


def main() -> None:
    """Measure, and print."""
    found: dict[str, Any] = {}
    for dialect in streams():
        own = rate(ours, dialect)
        found[dialect] = {"ours": round(own)}
        try:
            other = rate(theirs, dialect)
        except ImportError:
            continue
        found[dialect] |= {"sdk": round(other), "times": round(own / other, 1)}
    print(json.dumps(found, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()

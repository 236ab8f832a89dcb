"""How fast a Claude stream is read, beside the SDK's own ways; run by hand.

::

    python tests/bench/bench_wire.py [--events 40000] [--file RECORDING.sse]

Everything runs in this process over a transport that hands out the same bytes, so what
is measured is reading, not a network. Prints events a CPU-second and how often our way
does what the SDK's ``create(stream=True)`` does once; each figure is the best of three.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import anthropic
import anyio
import httpx2
import msgspec

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.dialects.event_stream import Splitter
from agents.backends.dialects.messages.reader import Translator
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import AgentId, TurnNumber, Usage
from agents.protocol.frames import encode_frame
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn

MODEL = "claude-haiku-5-5"
ROUNDS = 3

Reads: TypeAlias = Sequence[bytes]
Way: TypeAlias = Callable[[Reads], Awaitable[None]]


class _Body(httpx2.AsyncByteStream):
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for read in self._reads:
            yield read


class _Transport(httpx2.AsyncBaseTransport):
    """Answers every request with the same reads."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            200,
            headers={"content-type": "text/event-stream"},
            stream=_Body(self._reads),
            request=request,
        )


def sdk_client(reads: Reads) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(
        api_key="none",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=_Transport(reads)),
    )


ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 1_000,
    "messages": [{"role": "user", "content": "q"}],
}


async def by_messages_stream(reads: Reads) -> None:
    async with sdk_client(reads) as client, client.messages.stream(**ASK) as stream:
        async for _ in stream:
            pass


async def by_create(reads: Reads) -> None:
    async with sdk_client(reads) as client:
        stream = cast("Any", await client.beta.messages.create(stream=True, **ASK))
        async for _ in stream:
            pass


async def by_backend(reads: Reads) -> None:
    """Ours, whole: request, transport, chunks, frames."""
    turn = Turn(agent=AgentId("ada"), number=TurnNumber(1), question="q", task=Draft())
    ask = Request(
        turn=turn, messages=(Message(role="user", content=msgspec.Raw(b'"q"')),)
    )
    async with sdk_client(reads) as client:
        backend = ClaudeBackend(MODEL, client=client)
        pen = Pen(AgentId("ada"), TurnNumber(1), 0.0)
        async with backend.open_stream(ask, pen) as batches:
            async for batch in batches:
                encode_frame(batch)


async def by_chunks(reads: Reads) -> None:
    """Ours, from bytes to frames alone."""
    await anyio.lowlevel.checkpoint()
    splitter = Splitter()
    translator = Translator(Pen(AgentId("ada"), TurnNumber(1), 0.0), _unpriced)
    for read in reads:
        encode_frame(translator.translate(splitter.feed(read)))
    translator.finish()


def _unpriced(_model: str, _usage: Usage, _factor: float) -> float | None:
    return None


WAYS: dict[str, Way] = {
    "SDK: messages.stream()": by_messages_stream,
    "SDK: create(stream=True)": by_create,
    "ClaudeBackend, frames": by_backend,
    "bytes to frames": by_chunks,
}


def written(events: int) -> list[bytes]:
    """A response of ``events`` text deltas, as the API words it."""
    start = (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1",'
        b'"type":"message","role":"assistant","model":"claude-haiku-5-5","content":[],'
        b'"stop_reason":null,"stop_sequence":null,'
        b'"usage":{"input_tokens":9,"output_tokens":1}}}\n\n'
    )
    block = (
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
        b'"content_block":{"type":"text","text":""}}\n\n'
    )
    delta = (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":" the quick brown"}}\n\n'
    )
    stop = (
        b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    )
    end = (
        b'event: message_delta\ndata: {"type":"message_delta","delta":'
        b'{"stop_reason":"end_turn","stop_sequence":null},'
        b'"usage":{"output_tokens":20}}\n\n'
    )
    over = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    return [start, block, *[delta] * events, stop, end, over]


def measure(way: Way, events: Sequence[bytes], per_read: int) -> float:
    """Events a CPU-second, the best of some rounds."""
    reads = [
        b"".join(events[at : at + per_read]) for at in range(0, len(events), per_read)
    ]
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        anyio.run(way, reads)
        best = min(best, time.process_time() - start)
    return len(events) / best


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--file", type=Path)
    given = parser.parse_args(arguments)
    events = written(given.events)
    if given.file is not None:
        body = given.file.read_bytes().replace(b"\r\n", b"\n")
        events = [event + b"\n\n" for event in body.split(b"\n\n") if event]
    anyio.run(by_backend, written(1))  # imports and prices, once
    sys.stdout.write(
        f"{len(events)} events\n{'':<26}{'1 a read':>18}{'10 a read':>18}\n"
    )
    figures = {
        name: [measure(way, events, per_read) for per_read in (1, 10)]
        for name, way in WAYS.items()
    }
    sdk = figures["SDK: create(stream=True)"]
    for name, row in figures.items():
        cells = (
            f"{figure:>10,.0f} {figure / base:>5.1f} x"
            for figure, base in zip(row, sdk, strict=True)
        )
        sys.stdout.write(f"{name:<26}{''.join(cells)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

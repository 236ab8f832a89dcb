"""Fifty streams side by side over loopback HTTP, ours and the makers' SDKs.

::

    PYTHONPATH=. python tests/bench/bench_abreast.py [--streams 50] [--events 300]

A server in another process lets all streams speak at the same moments, one event each,
as many models at work do. Printed as JSON: events a second of this process's time, on
asyncio; of the SDKs their typed streams, where ``openai`` and ``google-genai`` are
installed. The bench of the bytes alone is ``bench_dialects.py``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeAlias

import anyio
import anyio.abc

from agents.backends.compatible.backend import CompatibleBackend
from agents.backends.dialects.decoder import Dialect
from agents.backends.gemini.backend import GeminiBackend
from agents.backends.openai.backend import OpenAIBackend
from agents.backends.plain_request import plain_request
from agents.protocol.backend import Backend
from agents.protocol.chunks import AgentId, TurnNumber
from agents.protocol.stamper import Pen
from tests.bench.bench_dialects import streams

TICK_S = 0.02
"""Between two events of a stream: fifty a second, as fast models write."""
KEY = "unneeded"
ASKED = [{"role": "user", "content": "Which city?"}]

Ask: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


async def _serve(events: int) -> None:
    """Serve every dialect by its path, all streams at the same moments."""
    said = {
        name: [*reads[:2], *reads[2:-2][:events], *reads[-2:]]
        for name, reads in streams().items()
    }
    ticks: list[anyio.Event] = [anyio.Event()]

    async def tick() -> None:
        while True:
            await anyio.sleep(TICK_S)
            ticks[0].set()
            ticks[0] = anyio.Event()

    async def handle(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                data += await stream.receive()
            head, _, body = data.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            while len(body) < int(length or 0):
                body += await stream.receive()
            await stream.send(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            )
            for event in said[_dialect_of(head)]:
                await ticks[0].wait()
                await stream.send(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            await stream.send(b"0\r\n\r\n")

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    attribute = anyio.abc.SocketAttribute.local_port
    print(listener.extra(attribute), flush=True)  # noqa: T201, S610  (for the parent)
    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        await listener.serve(handle)


def _dialect_of(head: bytes) -> Dialect:
    if b"chat/completions" in head:
        return "chat"
    return "gemini" if b"treamGenerateContent" in head else "responses"


@contextmanager
def server(events: int) -> Generator[str]:
    """The server, in a process of its own; its address."""
    command = [sys.executable, __file__, "--serve", "--events", str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def ours(dialect: Dialect, url: str) -> Ask:
    """Ask as an agent does."""
    backend: Backend
    match dialect:
        case "chat":
            backend = CompatibleBackend("m", base_url=url, api_key=KEY)
        case "gemini":
            backend = GeminiBackend("m", base_url=url, api_key=KEY)
        case _:
            backend = OpenAIBackend("m", base_url=url, api_key=KEY)

    async def ask() -> None:
        request = plain_request(ASKED, [], {})
        pen = Pen(AgentId("ada"), TurnNumber(1), 0.0)
        async with backend.open_stream(request, pen) as batches:
            async for _ in batches:
                pass

    return ask


def theirs(dialect: Dialect, url: str) -> Ask:
    """Ask by the maker's SDK, typed.

    Raises:
        ImportError: It is not installed.
    """
    if dialect == "gemini":
        genai: Any = import_module("google.genai")
        options = {"base_url": url}
        client: Any = genai.Client(api_key=KEY, http_options=options).aio.models

        async def ask_gemini() -> None:
            stream: Any = await client.generate_content_stream(
                model="m", contents="Which city?"
            )
            async for _ in stream:
                pass

        return ask_gemini
    openai: Any = import_module("openai")
    room: Any = openai.AsyncOpenAI(api_key=KEY, base_url=url)

    async def ask() -> None:
        if dialect == "chat":
            made = room.chat.completions.create(model="m", messages=ASKED, stream=True)
        else:
            made = room.responses.create(model="m", input="Which city?", stream=True)
        async for _ in await made:
            pass

    return ask


async def _measured(ask: Ask, several: int) -> float:
    """Processor seconds for ``several`` streams at once."""
    async with anyio.create_task_group() as group:  # imports, connections
        group.start_soon(ask)
    began = time.process_time()
    async with anyio.create_task_group() as group:
        for _ in range(several):
            group.start_soon(ask)
    return time.process_time() - began


def rate(make: Callable[[Dialect, str], Ask], dialect: Dialect, options: Any) -> float:
    """Events a second of processor time."""
    with server(options.events) as url:

        async def main() -> float:
            return await _measured(make(dialect, url), options.streams)

        spent_s = anyio.run(main)
    return options.streams * (options.events + 4) / spent_s


def main() -> None:
    """Measure, and print; or serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--serve", action="store_true", help="be the server")
    options = parser.parse_args()
    if options.serve:
        anyio.run(_serve, options.events)
        return
    found: dict[str, Any] = {}
    dialects: tuple[Dialect, ...] = ("responses", "chat", "gemini")
    for dialect in dialects:
        own = rate(ours, dialect, options)
        found[dialect] = {"ours": round(own)}
        try:
            other = rate(theirs, dialect, options)
        except ImportError:
            continue
        found[dialect] |= {"sdk": round(other), "times": round(own / other, 1)}
    print(json.dumps(found, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()

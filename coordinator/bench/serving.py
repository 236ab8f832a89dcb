"""A server for measurements: the Messages API's stream, as fast as it is taken.

Run as a program of its own (``python -m coordinator.bench.serving``), so that its work
is not counted with its clients'. Each event is a chunk of its own in HTTP's sense, so a
client reads one at a time. The path of a request says what comes: ``/EVENTS/RATE/…``
with the number of text deltas and how many a second (0: no pause), and ``/stamped``
after it to get the time of sending as each delta's text. Prints its port.
"""

from __future__ import annotations

import sys
import time
from functools import partial

import anyio
import anyio.abc

_MESSAGE = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1",'
    b'"type":"message","role":"assistant","model":"claude-haiku-5-5","content":[],'
    b'"stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":9,"output_tokens":1}}}\n\n'
)
_BLOCK = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
)
_STOPPED = (
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
)
_WHY = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":'
    b'{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":20}}\n\n'
)
_OVER = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
START = (_MESSAGE, _BLOCK)
DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"%b"}}\n\n'
)
STOP = (_STOPPED, _WHY, _OVER)

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_WORD = b" the quick brown"
_AT_ONCE = 8
"""Events that one write takes where there is no pause; each is still read alone."""


async def _answer(stream: anyio.abc.SocketStream) -> None:
    async with stream:
        waiting = b""
        while True:
            while b"\r\n\r\n" not in waiting:
                try:
                    waiting += await stream.receive()
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            left = _length(head) - len(waiting)
            while left > 0:
                left -= len(await stream.receive())
            waiting = b""
            try:
                await _stream(stream, head.split(b" ", 2)[1])
            except anyio.BrokenResourceError:
                return


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def _stream(stream: anyio.abc.SocketStream, path: bytes) -> None:
    words = path.strip(b"/").split(b"/")
    events, rate = int(words[0]), float(words[1])
    await stream.send(_HEAD + b"".join(map(_chunk, START)))
    if rate:
        is_stamped = b"stamped" in words
        begin = time.monotonic()
        for number in range(events):
            await anyio.sleep(max(0.0, begin + number / rate - time.monotonic()))
            word = b"%.6f" % time.monotonic() if is_stamped else _WORD
            await stream.send(_chunk(DELTA % word))
    else:
        delta = _chunk(DELTA % _WORD)
        for left in range(events, 0, -_AT_ONCE):
            await stream.send(delta * min(left, _AT_ONCE))
    await stream.send(b"".join(map(_chunk, STOP)) + b"0\r\n\r\n")


def _chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


async def _serve() -> None:
    listener = await anyio.create_tcp_listener(
        local_host="127.0.0.1", backlog=4096, reuse_port=False
    )
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610  (no Django)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    async with anyio.create_task_group() as group:
        group.start_soon(partial(listener.serve, _answer))
        # Whoever started this closes our standard input when it is done, or dies.
        await anyio.to_thread.run_sync(sys.stdin.buffer.read, abandon_on_cancel=True)
        group.cancel_scope.cancel("nobody measures any more")


if __name__ == "__main__":
    anyio.run(_serve)

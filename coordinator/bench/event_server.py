"""A server for measurements: the Messages API's stream, as steadily as it can be sent.

Run as a program of its own (``python -m coordinator.bench.event_server``), so that its
work is not counted with its clients'. The path of a request says what comes:
``/EVENTS/RATE/…`` with the number of text deltas and how many a second, and
``/stamped`` after it to get the time of sending as each delta's text. With a rate,
streams take turns at even distances, or with ``/abreast`` all speak at the same
moments, each event in a packet of its own; without one (0), events come as fast as they
are taken, each a chunk of its own in HTTP's sense. Prints its port, and serves until
its standard input is closed.

One thread and a selector, no event loop: what is measured must not wait for this.
"""

from __future__ import annotations

import heapq
import select
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

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
_IDLE_S = 1.0
"""How long to sleep where nothing is due; a request or the end wakes."""
_POLLED_S = 0.002
"""A poll ends within a millisecond, too late for a thousand events a second."""
_GATHER_S = 0.05
"""How long paced streams are waited for before the first begins, so that all of a team
fall into one even rhythm and none is behind before it starts."""


def _chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


_BEGIN = _HEAD + b"".join(map(_chunk, START))
_END = b"".join(map(_chunk, STOP)) + b"0\r\n\r\n"
_SAID = _chunk(DELTA % _WORD)


@dataclass(slots=True, eq=False)
class _Stream:
    """One connection, and the response under way on it."""

    socket: socket.socket
    request: bytes = b""
    left: int = 0
    every_s: float = 0.0
    due: float = 0.0
    is_stamped: bool = False
    waiting: bytes = b""
    """Bytes that the socket has not taken yet."""

    def __lt__(self, other: _Stream) -> bool:
        return self.due < other.due


class _Poll(Protocol):
    """As ``select.epoll`` and ``select.poll`` have it; milliseconds in both here."""

    def register(self, fd: int, eventmask: int, /) -> object: ...
    def modify(self, fd: int, eventmask: int, /) -> object: ...
    def unregister(self, fd: int, /) -> object: ...
    def poll(self, timeout: float, /) -> list[tuple[int, int]]: ...


@dataclass(slots=True)
class _Server:
    listener: socket.socket
    poll: _Poll = field(default_factory=select.poll)
    streams: dict[int, _Stream] = field(default_factory=dict[int, _Stream])
    paced: list[_Stream] = field(default_factory=list[_Stream])
    """A heap, by when the next event is due."""
    busy: deque[_Stream] = field(default_factory=deque[_Stream])
    """Streams without a pace that can take more."""
    begun: int = 0
    """Paced streams so far: their number gives each a place in the rhythm."""

    def run(self) -> None:
        """Serve until standard input is closed."""
        stdin, door = sys.stdin.fileno(), self.listener.fileno()
        for fd in (stdin, door):
            self.poll.register(fd, select.POLLIN)
        while True:
            for fd, event in self.poll.poll(self._wait_ms()):
                if fd == stdin:
                    return
                if fd == door:
                    self._accept()
                elif event & select.POLLOUT:
                    self._go_on(self.streams[fd])
                elif (stream := self.streams.get(fd)) is not None:
                    self._read(stream)
            self._say_due()
            for _ in range(len(self.busy)):
                self._say_more(self.busy.popleft())

    def _wait_ms(self) -> float:
        """How long a poll may take; what it is too coarse for is slept here."""
        if self.busy:
            return 0.0
        if not self.paced:
            return _IDLE_S * 1e3
        left_s = self.paced[0].due - time.monotonic()
        if left_s > _POLLED_S:
            return min(_IDLE_S, left_s - _POLLED_S) * 1e3
        if left_s > 0:
            time.sleep(left_s)
        return 0.0

    def _accept(self) -> None:
        taken, _ = self.listener.accept()
        taken.setblocking(False)
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.streams[taken.fileno()] = _Stream(taken)
        self.poll.register(taken.fileno(), select.POLLIN)

    def _drop(self, stream: _Stream) -> None:
        fd = stream.socket.fileno()
        if fd >= 0:
            del self.streams[fd]
            self.poll.unregister(fd)
            stream.socket.close()
        stream.left = 0

    def _read(self, stream: _Stream) -> None:
        try:
            data = stream.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            self._drop(stream)
            return
        stream.request += data
        head, end, body = stream.request.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head):
            stream.request = b""
            self._begin(stream, head.split(b" ", 2)[1].strip(b"/").split(b"/"))

    def _begin(self, stream: _Stream, words: list[bytes]) -> None:
        stream.left, rate = int(words[0]), float(words[1])
        stream.is_stamped = b"stamped" in words
        self._send(stream, _BEGIN)
        if not rate:
            stream.every_s = 0.0
            self.busy.append(stream)
            return
        stream.every_s = 1 / rate
        begins = time.monotonic() + _GATHER_S
        if b"abreast" in words:
            stream.due = begins - begins % stream.every_s + stream.every_s
        else:
            # The golden ratio spreads any number of streams evenly over one period.
            place = self.begun * 0.6180339887498949 % 1.0
            stream.due = begins + place * stream.every_s
            self.begun += 1
        heapq.heappush(self.paced, stream)

    def _say_due(self) -> None:
        paced = self.paced
        while paced and paced[0].due <= time.monotonic():
            stream = paced[0]
            if stream.left <= 0:
                heapq.heappop(paced)
                self._send(stream, _END)
                continue
            stream.left -= 1
            event = _SAID
            if stream.is_stamped:
                event = _chunk(DELTA % (b"%.6f" % time.monotonic()))
            self._send(stream, event)
            stream.due += stream.every_s
            heapq.heapreplace(paced, stream)

    def _say_more(self, stream: _Stream) -> None:
        if stream.waiting:
            return  # it comes back when the socket takes more
        many = min(stream.left, _AT_ONCE)
        stream.left -= many
        self._send(stream, _SAID * many if stream.left else _SAID * many + _END)
        if stream.left and not stream.waiting:
            self.busy.append(stream)

    def _go_on(self, stream: _Stream) -> None:
        waiting, stream.waiting = stream.waiting, b""
        self.poll.modify(stream.socket.fileno(), select.POLLIN)
        self._send(stream, waiting)
        if stream.left and not stream.every_s and not stream.waiting:
            self.busy.append(stream)

    def _send(self, stream: _Stream, data: bytes) -> None:
        if stream.socket.fileno() < 0:
            return
        if stream.waiting:
            stream.waiting += data
            return
        try:
            sent = stream.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(stream)
            return
        if sent < len(data):
            stream.waiting = data[sent:]
            events = select.POLLIN | select.POLLOUT
            self.poll.modify(stream.socket.fileno(), events)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def main() -> None:
    """Serve on a free port of the loopback."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        _Server(listener).run()


if __name__ == "__main__":
    main()

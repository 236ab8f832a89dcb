"""One session's events as a log of messages that any number of watchers read.

A message is encoded once and shared by all. A watcher is a number, its place in the
log: it needs no queue, so one that stops reading costs nothing and holds nobody up.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import anyio
import msgspec

MESSAGE_EVENTS = 2_000
"""Events in one message at most: about 200 kB, what a browser reads in a few ms."""
SENT_BYTES = 1 << 18
"""Bytes handed to a watcher at once; more only makes it wait longer for the first."""

_DIGITS = 12
_encoder = msgspec.json.Encoder()


class EventLog:
    """Messages as they are sent (server-sent events), in order, kept whole."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self.epoch = secrets.token_hex(4)
        """Tells this log from another one of the same session, which may be cut into
        other messages: a place in the one is none in the other."""
        self.is_over = False
        self.is_left = False
        """The page is being closed: watchers are let go, and may come again."""
        self.watchers = 0
        """How many read it now."""
        self._changed = anyio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, events: Sequence[Any]) -> None:
        """Append events: JSON objects, each with its ``kind``."""
        for start in range(0, len(events), MESSAGE_EVENTS):
            data = _encoder.encode(events[start : start + MESSAGE_EVENTS])
            # JSON that is only carried may have line ends between its words.
            data = data.replace(b"\n", b" ").replace(b"\r", b" ")
            number = len(self._messages) + 1
            place = f"{self.epoch}-{number}".encode()
            self._messages.append(b"id: %b\ndata: %b\n\n" % (place, data))
        self._ring()

    def end(self) -> None:
        """Nothing more will come."""
        self.is_over = True
        self._ring()

    def leave(self) -> None:
        """Let every watcher go, though there is more to come."""
        self.is_left = True
        self._ring()

    def _ring(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def after(self, place: int) -> tuple[bytes, int]:
        """The messages after the ``place``-th, as far as fits, and the new place."""
        parts: list[bytes] = []
        size = 0
        while place < len(self._messages) and size < SENT_BYTES:
            parts.append(self._messages[place])
            size += len(parts[-1])
            place += 1
        return b"".join(parts), place

    def place_of(self, message_id: str) -> int:
        """The place after the message of that id; the beginning, if it is another's."""
        epoch, _, number = message_id.partition("-")
        if epoch != self.epoch or not number.isdecimal():
            return 0
        return min(int(number[:_DIGITS]), len(self._messages))

    async def wait(self, place: int) -> None:
        """Wait until there is more than ``place`` messages, or an end."""
        while len(self._messages) <= place and not (self.is_over or self.is_left):
            await self._changed.wait()

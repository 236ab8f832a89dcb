"""A terminal's second screen, drawn by what changed.

Each picture goes out whole or not at all where the terminal can synchronise (mode
2026; others ignore it), and holds only the lines that differ from the one before. The
window's title says what goes on, for who has gone to another; the old one comes back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

import anyio
import anyio.lowlevel

from coordinator.displays.first_picture import ENTER, FIRST_PICTURE, LEAVE
from coordinator.displays.painting import placed
from coordinator.displays.panes import Strip

TITLE_KEPT, TITLE_BACK = "\x1b[22;2t", "\x1b[23;2t"
"""Titles go on a stack of the terminal's (xterm and its kin; others ignore it)."""
KEYS_ON, KEYS_OFF = "\x1b[?2004h", "\x1b[?2004l"
SYNC, SYNCED = "\x1b[?2026h", "\x1b[?2026l"
CLEAR = "\x1b[0m\x1b[2J"


class Screen:
    """The second screen of a terminal.

    Args:
        out: The stream that it is written to otherwise, flushed before.
        descriptor: A non-blocking one of the same terminal; ``None``: write to ``out``.
        has_title: Whether its window has one that may be changed.
    """

    def __init__(
        self,
        out: IO[str],
        descriptor: int | None = None,
        *,
        has_title: bool = False,
    ) -> None:
        self._out = out
        self._descriptor = descriptor
        self._has_title = has_title
        self._title = ""
        self._drawn: dict[tuple[int, int, int], str] = {}
        self._is_open = False
        self.bytes_written = 0

    def enter(self) -> None:
        """Show the second screen, empty."""
        begin = CLEAR if FIRST_PICTURE.hand_over() else ENTER
        keys = KEYS_ON if self._descriptor is not None else ""
        self._write_now(begin + keys + (TITLE_KEPT if self._has_title else ""))
        self._drawn, self._title = {}, ""
        self._is_open = True

    def leave(self) -> None:
        """Show the first one again."""
        if self._is_open:
            self._is_open = False
            off = KEYS_OFF if self._descriptor is not None else ""
            title = TITLE_BACK if self._has_title else ""
            self._write_now(f"{SYNCED}\x1b[0m{off}{title}{LEAVE}")

    def forget(self) -> None:
        """Draw everything anew with the next picture."""
        self._drawn = {}

    async def draw(self, strips: Sequence[Strip], title: str = "") -> None:
        """Draw what differs; waits for a terminal that lags.

        Args:
            strips: The whole picture.
            title: The window's, in one line without control characters.
        """
        new = {(s.row, s.column, s.width): s.text for s in strips}
        old = self._drawn
        out: list[str] = []
        if old.keys() != new.keys():
            # Another layout: what stood between the new places must go.
            out.append(CLEAR)
            old = {}
        out += [
            placed(*place, text)
            for place, text in new.items()
            if old.get(place) != text
        ]
        if self._has_title and title != self._title:
            out.append(f"\x1b]2;{title}\x07")
            self._title = title
        if not out:
            await anyio.lowlevel.checkpoint()
            return
        self._drawn = {}  # should the writing be cancelled in the middle
        await self._write(f"{SYNC}{''.join(out)}{SYNCED}")
        self._drawn = new

    async def _write(self, text: str) -> None:
        if self._descriptor is None:
            self._write_now(text)
            await anyio.lowlevel.checkpoint()
            return
        left = memoryview(self._encoded(text))
        self.bytes_written += len(left)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._descriptor)
        await anyio.lowlevel.checkpoint()

    def _write_now(self, text: str) -> None:
        """Write at once, by the stream; a terminal that is gone is no matter here."""
        if self._descriptor is None:
            self._out.write(text)
            self._out.flush()
            return
        with suppress(OSError, ValueError):
            self._out.flush()
        data = memoryview(self._encoded(text))
        with suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]

    def _encoded(self, text: str) -> bytes:
        encoding = getattr(self._out, "encoding", None) or sys.getdefaultencoding()
        return text.encode(encoding, "replace")

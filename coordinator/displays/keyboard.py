"""Keys of a terminal, by name, without a thread.

The terminal is opened anew, so that being non-blocking is nobody else's trouble. Ctrl-C
and Ctrl-Z stay signals. POSIX only: elsewhere there is no keyboard, and a display can
be watched and no more.
"""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress

import anyio

ESCAPE_S = 0.05
"""After so long an escape is a key of its own; terminals send sequences at once."""
READ_BYTES = 4096

_NAMES = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1bOC": "right",
    "\x1bOD": "left",
    "\x1b[H": "home",
    "\x1b[F": "end",
    "\x1bOH": "home",
    "\x1bOF": "end",
    "\x1b[1~": "home",
    "\x1b[4~": "end",
    "\x1b[7~": "home",
    "\x1b[8~": "end",
    "\x1b[5~": "pageup",
    "\x1b[6~": "pagedown",
    "\x1b[3~": "delete",
    "\x1b[Z": "backtab",
    "\x1b\r": "newline",
    "\x1b\n": "newline",
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x15": "clear",
    "\x17": "word",
    "\x0c": "redraw",
    "\x04": "eof",
    " ": " ",
}
_PASTE, _PASTED = "\x1b[200~", "\x1b[201~"
_KEY = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b[^\[O]|[^\x1b]", re.DOTALL)
_PASTE_MAX = 1 << 20


class KeyReader:
    """Makes keys of what a terminal sends, cut anywhere."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    @property
    def is_waiting(self) -> bool:
        """Whether an escape has come that may be a key, or the start of one."""
        return bool(self._held) and not self._held.startswith(_PASTE)

    def feed(self, data: bytes) -> list[str]:
        """Take more.

        Returns:
            Names of keys, characters as they are, and ``paste:`` with what was pasted.
        """
        self._held += self._decoder.decode(data)
        keys: list[str] = []
        while self._held:
            if self._held.startswith(_PASTE):
                text, end, rest = self._held[len(_PASTE) :].partition(_PASTED)
                if not end and len(text) < _PASTE_MAX:
                    break
                self._held = rest
                text = text.replace("\r\n", "\n").replace("\r", "\n")
                keys.append(f"paste:{text}")
                continue
            match = _KEY.match(self._held)
            if match is None:
                break  # an escape whose rest has not come
            self._held = self._held[match.end() :]
            if name := _name(match[0]):
                keys.append(name)
        return keys

    def flush(self) -> list[str]:
        """Nothing more has come: what is held is a key of its own."""
        held, self._held = self._held, ""
        return ["escape"] if held.startswith("\x1b") else []


def _name(key: str) -> str:
    name = _NAMES.get(key)
    if name is None and key.isprintable():
        return key
    return name or ""


class Keyboard:
    """The keyboard of the terminal at ``descriptor``.

    Args:
        descriptor: Of a terminal; what is read and written goes by one of its own.

    Raises:
        OSError: It is none, or this process may not read it now.
    """

    descriptor: int

    def __init__(self, descriptor: int) -> None:
        assert sys.platform != "win32"
        import termios  # noqa: PLC0415  (POSIX alone)
        import tty  # noqa: PLC0415

        self._termios, self._tty = termios, tty
        flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        self.descriptor = os.open(os.ttyname(descriptor), flags)
        try:
            self._saved = termios.tcgetattr(self.descriptor)
            self._check_foreground()
        except BaseException:
            os.close(self.descriptor)
            raise

    def _check_foreground(self) -> None:
        """A job in the background would be stopped by its first change.

        Raises:
            OSError: This is one.
        """
        assert sys.platform != "win32"
        try:
            owner = os.tcgetpgrp(self.descriptor)
        except OSError:
            return  # not the terminal that controls us: nobody stops us
        if owner != os.getpgrp():
            raise OSError("the process is in the background")

    def take(self) -> None:
        """Have keys come at once, and unseen; signals stay signals."""
        assert sys.platform != "win32"
        with suppress(self._termios.error):
            self._tty.setcbreak(self.descriptor, self._termios.TCSANOW)

    def give_back(self) -> None:
        """Have the terminal as it was."""
        assert sys.platform != "win32"
        with suppress(self._termios.error):
            self._termios.tcsetattr(self.descriptor, self._termios.TCSANOW, self._saved)

    def close(self) -> None:
        """Give the terminal back, and its descriptor."""
        self.give_back()
        os.close(self.descriptor)

    async def keys(self) -> AsyncGenerator[str]:
        """Every key that is pressed, until the terminal is gone."""
        reader = KeyReader()
        while True:
            pressed: list[str] = []
            try:
                if reader.is_waiting:
                    with anyio.move_on_after(ESCAPE_S) as scope:
                        await anyio.wait_readable(self.descriptor)
                    if scope.cancelled_caught:
                        pressed = reader.flush()
                else:
                    await anyio.wait_readable(self.descriptor)
                if not pressed:
                    data = os.read(self.descriptor, READ_BYTES)
                    if not data:
                        return
                    pressed = reader.feed(data)
            except BlockingIOError:
                continue
            except OSError:
                return  # hung up, or no terminal that can be waited for
            for key in pressed:
                yield key

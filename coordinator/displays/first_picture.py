"""The first picture of a session, while what makes the second is still imported.

An SDK takes a second to import; a person who has pressed Enter looks at something
after a tenth of one. Written by hand, because rich is imported behind it, too. Whoever
has something else to say leaves it first. What is typed meanwhile is not shown over it:
it waits for whoever reads keys next.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TextIO

from coordinator.displays.sanitizer import one_line

ENTER = "\x1b[?1049h\x1b[?25l"
LEAVE = "\x1b[?1049l\x1b[?25h"


class _FirstPicture:
    """Of this process: a terminal has one second screen."""

    def __init__(self) -> None:
        self._out: TextIO | None = None
        self._echo_again: Callable[[], object] | None = None

    def show(self, out: TextIO, question: str, words: str) -> None:
        """Show the question, and what is being done; nothing where nobody sees it."""
        try:
            size = os.get_terminal_size(out.fileno())
        except (OSError, ValueError, AttributeError):
            return
        width, height = size.columns or 80, size.lines or 24
        lines = [
            "\x1b[1m coordinator\x1b[0m",
            f"\x1b[1m {one_line(question, width - 2)}\x1b[0m",
            "",
            f"\x1b[2m {one_line(words, width - 2)}\x1b[0m",
        ]
        body = "\r\n".join(lines[: max(1, height - 1)])
        self._echo_again = _without_echo(out.fileno())
        out.write(f"{ENTER}\x1b[H\x1b[2J{body}")
        out.flush()
        self._out = out

    def leave(self) -> None:
        """Show the first screen again, if this is shown."""
        self.give_keys_back()
        out, self._out = self._out, None
        if out is not None:
            out.write(LEAVE)
            out.flush()

    def give_keys_back(self) -> None:
        """Have the keyboard as it was before this was shown."""
        again, self._echo_again = self._echo_again, None
        if again is not None:
            again()

    def hand_over(self) -> bool:
        """Let another picture take its place.

        Returns:
            Whether the second screen is on.
        """
        self.give_keys_back()
        out, self._out = self._out, None
        return out is not None


def _without_echo(descriptor: int) -> Callable[[], object] | None:
    """Keep what is typed from being shown; what has it shown again, if that was done.

    A job in the background would be stopped by it, so it leaves the terminal alone.
    """
    if sys.platform == "win32":
        return None
    import termios  # noqa: PLC0415  (POSIX alone)

    with suppress(OSError, termios.error):
        if os.tcgetpgrp(descriptor) != os.getpgrp():
            return None
        before = termios.tcgetattr(descriptor)
        silent = [*before]
        silent[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(descriptor, termios.TCSANOW, silent)
        return partial(_restored, descriptor, before)
    return None


def _restored(descriptor: int, before: list[Any]) -> None:
    assert sys.platform != "win32"
    import termios  # noqa: PLC0415  (POSIX alone)

    with suppress(OSError, termios.error):
        termios.tcsetattr(descriptor, termios.TCSANOW, before)


FIRST_PICTURE = _FirstPicture()


def show_first_picture(
    question: str | None, words: str, *, display: str | None, is_json: bool
) -> None:
    """Show it where the rich display will be."""
    out = sys.stderr if is_json else sys.stdout
    name = display or ("none" if is_json else "rich")
    if name == "rich" and out.isatty() and os.environ.get("TERM") != "dumb":
        FIRST_PICTURE.show(out, question or "", words)

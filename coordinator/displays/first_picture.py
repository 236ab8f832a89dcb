"""The first picture of a session, while what makes the second is still imported.

An SDK takes a second to import; a person who has pressed Enter looks at something
after a tenth of one. Written by hand, because rich is imported behind it, too. Whoever
has something else to say leaves it first.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

from coordinator.displays.sanitizer import one_line

ENTER = "\x1b[?1049h\x1b[?25l"
LEAVE = "\x1b[?1049l\x1b[?25h"


class _FirstPicture:
    """Of this process: a terminal has one second screen."""

    def __init__(self) -> None:
        self._out: TextIO | None = None

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
        out.write(f"{ENTER}\x1b[H\x1b[2J{body}")
        out.flush()
        self._out = out

    def leave(self) -> None:
        """Show the first screen again, if this is shown."""
        out, self._out = self._out, None
        if out is not None:
            out.write(LEAVE)
            out.flush()

    def hand_over(self) -> bool:
        """Let another picture take its place.

        Returns:
            Whether the second screen is on.
        """
        out, self._out = self._out, None
        return out is not None


FIRST_PICTURE = _FirstPicture()


def show_first_picture(
    question: str | None, words: str, *, display: str | None, is_json: bool
) -> None:
    """Show it where the rich display will be."""
    out = sys.stderr if is_json else sys.stdout
    name = display or ("none" if is_json else "rich")
    if name == "rich" and out.isatty() and os.environ.get("TERM") != "dumb":
        FIRST_PICTURE.show(out, question or "", words)

"""Which display shows a session on the command line, live or again.

Displays are imported here, each only where it is used: rich takes 70 ms.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

if TYPE_CHECKING:
    from coordinator.displays.base import Cast, Display

DisplayName: TypeAlias = Literal["rich", "plain", "jsonl", "none", "quiet"]
"""``quiet`` and ``none`` are the same: the answer alone."""

SILENT: tuple[DisplayName, ...] = ("jsonl", "none", "quiet")
"""Displays that do not say why there is no answer."""


def fitting(name: DisplayName, out: TextIO) -> DisplayName:
    """The display asked for, or plain lines where ``out`` is no terminal to draw on."""
    is_terminal = out.isatty() and os.environ.get("TERM") != "dumb"
    return "plain" if name == "rich" and not is_terminal else name


def display(
    name: DisplayName, cast: Cast, answers: TextIO | None, out: TextIO
) -> Display:
    """Make a display.

    Args:
        name: One that fits ``out``.
        cast: Who takes part.
        answers: Where one that shows nothing else writes the answer; ``None``: nowhere.
        out: Where people look. Lines for programs go to standard output, or there
            where that is taken.
    """
    match name:
        case "rich":
            from coordinator.displays.rich import RichDisplay  # noqa: PLC0415

            return RichDisplay(cast, out)
        case "plain":
            from coordinator.displays.plain import PlainDisplay  # noqa: PLC0415

            return PlainDisplay(out, cast)
        case "jsonl":
            from coordinator.displays.jsonl import JsonLinesDisplay  # noqa: PLC0415

            # With --json, standard output is for the one object.
            is_taken = answers is None and out is sys.stderr
            return JsonLinesDisplay((out if is_taken else sys.stdout).buffer)
        case "none" | "quiet":
            from coordinator.displays.quiet import QuietDisplay  # noqa: PLC0415

            return QuietDisplay(answers)

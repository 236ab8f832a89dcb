"""Exit codes of the program, and one sentence where something went wrong."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.protocol.result import Result


class Exit(IntEnum):
    """The program's exit codes; they never change their meaning."""

    ANSWERED = 0
    CONFIGURATION = 1
    EXECUTION = 2
    DEADLINE = 3
    INTERRUPTED = 4


EXIT_CODES = (
    "Exit codes: 0 answered; 1 the command line or a file is not usable; 2 the "
    "session failed; 3 the deadline passed without an answer; 4 interrupted."
)


def exit_of(result: Result) -> Exit:
    """The exit code a result deserves: an answer at the deadline is an answer."""
    match result.status:
        case "answered":
            return Exit.ANSWERED
        case "deadline":
            return Exit.DEADLINE if result.answer is None else Exit.ANSWERED
        case "failed":
            return Exit.EXECUTION
        case "interrupted":
            return Exit.INTERRUPTED


def complain(sentence: str) -> None:
    """Say on standard error what went wrong."""
    # Model text and file contents may be quoted in it, and this goes to a terminal.
    from coordinator.displays.first_picture import (  # noqa: PLC0415  (seldom needed)
        FIRST_PICTURE,
    )
    from coordinator.displays.sanitizer import clean  # noqa: PLC0415

    FIRST_PICTURE.leave()

    sys.stderr.write(f"coordinator: {clean(sentence)}\n")

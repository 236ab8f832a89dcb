"""The question of ``run``: what was asked, and what was piped in with it."""

from __future__ import annotations

import os
import select
import stat
import sys

from agents.protocol.unicode_text import whole_text
from coordinator.cli.exit_codes import complain
from coordinator.errors import ConfigInvalid

QUESTION_BYTES_MAX = 1 << 20
"""More from standard input is a mistake."""
PATIENCE_S = 1.0
"""After so long without a byte it is said that standard input is waited for."""
_NONE_THERE = (OSError, ValueError, AttributeError)
"""Errors where standard input is absent, closed, not a file's or unreadable."""


def question_of(typed: str | None, of_file: str | None, *, is_alone: bool) -> str:
    """Put the question together: what was asked, with what was piped in behind it.

    Args:
        typed: The command line's; ``-`` is standard input alone.
        of_file: The team file's, asked where nothing else is.
        is_alone: Nobody takes part at this terminal. Where somebody does, standard
            input is theirs, unless the question must come from it.

    Raises:
        ConfigInvalid: There is none, or it is too long, or no text.
    """
    question = typed if typed is not None else of_file
    if question is not None:
        question = whole_text(question)  # arguments need not be UTF-8
    if question is None or question == "-":
        is_wanted = question == "-" or not _is_terminal()
        piped = _read() if is_wanted else ""
        question = ""
    else:
        piped = _read() if is_alone and _is_piped() else ""
    whole = "\n\n".join(part for part in (question.strip(), piped.strip()) if part)
    if not whole:
        raise ConfigInvalid(
            'no question was asked; add one, as in: coordinator run "Why?" …, '
            "or send it to standard input"
        )
    return whole


def _is_piped() -> bool:
    """Whether standard input is a pipe or a file: else nobody means it as a part."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except _NONE_THERE:
        return not _is_terminal()
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _is_terminal() -> bool:
    try:
        return sys.stdin.isatty()
    except _NONE_THERE:
        return False


def _read() -> str:
    """All of standard input; nothing, where there is none or it cannot be read.

    Raises:
        ConfigInvalid: It is too long, or no text.
    """
    _say_that_it_waits()
    try:
        raw = sys.stdin.buffer.read(QUESTION_BYTES_MAX + 1)
    except _NONE_THERE:
        return ""
    if len(raw) > QUESTION_BYTES_MAX:
        raise ConfigInvalid(
            f"the question is longer than {QUESTION_BYTES_MAX:,} bytes; shorten it"
        )
    if (place := raw.find(0)) >= 0:  # no text that a person sends has a NUL
        raise ConfigInvalid(
            f"standard input is not text: byte {place} of it is NUL; send a picture, "
            "a PDF or another file with --attach FILE"
        )
    return raw.decode("utf-8", "replace")


def _say_that_it_waits() -> None:
    try:
        ready, _, _ = select.select([sys.stdin.fileno()], [], [], PATIENCE_S)
    except _NONE_THERE:
        return  # no descriptor, or a system that cannot wait for one
    if not ready:
        complain("waiting for standard input to end; </dev/null goes on without it")

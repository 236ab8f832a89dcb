"""``coordinator decode``: what a recorded stream of any dialect says."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from agents.backends.claude.decoder import message_of
from agents.backends.dialects.decoder import (
    Dialect,
    decode_stream,
    guessed,
    summary,
)
from agents.errors import AgentError
from coordinator.cli.exit_codes import Exit, complain

BODY_BYTES_MAX = 1 << 28
"""A streamed response is some megabytes at most; this is a wrong file."""


def decode_command(file: Path, *, as_message: bool, api: Dialect | None = None) -> int:
    """Print the chunks of a recorded body, or the message that they amount to.

    Args:
        file: Where it is; ``-``: standard input.
        as_message: Whether the message is wanted: as the Messages API would have sent
            it at once, or of another dialect in words of no maker.
        api: The dialect; ``None``: guessed.
    """
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(BODY_BYTES_MAX + 1)
        else:
            with file.open("rb") as body:
                data = body.read(BODY_BYTES_MAX + 1)
    except OSError as error:
        complain(f"{file}: cannot be read: {error.strerror}; name a file that exists")
        return Exit.CONFIGURATION
    if len(data) > BODY_BYTES_MAX:
        complain(f"{file}: is larger than {BODY_BYTES_MAX:,} bytes; no stream is")
        return Exit.CONFIGURATION
    try:
        dialect = api or guessed(data)
        if as_message:
            is_claude = dialect == "messages"
            decoded = message_of(data) if is_claude else summary(data, dialect)
            sys.stdout.buffer.write(msgspec.json.encode(decoded) + b"\n")
        else:
            _print_chunks(data, dialect)
    except AgentError as error:
        sys.stdout.buffer.flush()
        complain(f"{file}: {error}")
        return Exit.EXECUTION
    sys.stdout.buffer.flush()
    return Exit.ANSWERED


def _print_chunks(data: bytes, dialect: Dialect) -> None:
    encoder = msgspec.json.Encoder()
    for chunk in decode_stream(data, dialect):
        sys.stdout.buffer.write(encoder.encode(chunk) + b"\n")

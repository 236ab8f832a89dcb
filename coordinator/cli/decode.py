"""``coordinator decode``: what a recorded stream of the Messages API says."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from agents.backends.claude.decoder import decode_sse, message_of
from agents.errors import AgentError
from coordinator.cli.exit_codes import Exit, complain

BODY_BYTES_MAX = 1 << 28
"""A streamed response is some megabytes at most; this is a wrong file."""


def decode_command(file: Path, *, as_message: bool) -> int:
    """Print the chunks of a recorded body, or the message that they amount to."""
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
        if as_message:
            sys.stdout.buffer.write(msgspec.json.encode(message_of(data)) + b"\n")
        else:
            _print_chunks(data)
    except AgentError as error:
        sys.stdout.buffer.flush()
        complain(f"{file}: {error}")
        return Exit.EXECUTION
    sys.stdout.buffer.flush()
    return Exit.ANSWERED


def _print_chunks(data: bytes) -> None:
    encoder = msgspec.json.Encoder()
    for chunk in decode_sse(data):
        sys.stdout.buffer.write(encoder.encode(chunk) + b"\n")

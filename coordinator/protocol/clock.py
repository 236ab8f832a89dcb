"""The session's clock: seconds that stand still while no process runs the session.

A process stamps chunks with its own monotonic clock. After a resumption the session's
clock goes on from where it stood, so those times are moved before anybody decides by
them. Pure.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from agents.protocol.chunks import Chunk

_C = TypeVar("_C", bound=Chunk)


def on_session_clock(chunk: _C, shift_s: float) -> _C:
    """``chunk`` with its time moved from a process's clock to the session's."""
    if shift_s == 0.0:
        return chunk
    return msgspec.structs.replace(chunk, at=chunk.at + shift_s)

"""The moves of a performance: the Messages API's events, and the pauses between them.

One move is one event, but for :class:`Deltas`, which is many of a kind. Whoever plays
them, in the process or over HTTP, takes them in order and adds nothing.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from agents.backends.scripted.script import (
    Disconnect,
    Fail,
    JsonObject,
    Stall,
    Truncate,
)

DeltaKind: TypeAlias = Literal["text", "thinking", "input"]


# gc=False: plain data cannot be part of a cycle, and ten thousand agents have much.
class Pause(msgspec.Struct, frozen=True, gc=False):
    """Nothing comes for a while; what came before has reached the reader."""

    seconds: float


class MessageOpens(msgspec.Struct, frozen=True, gc=False):
    """``message_start``."""

    message: JsonObject


class BlockOpens(msgspec.Struct, frozen=True, gc=False):
    """``content_block_start``."""

    block: int
    content: JsonObject


class Deltas(msgspec.Struct, frozen=True, gc=False):
    """``content_block_delta`` of text, thinking or tool input, one per piece."""

    block: int
    kind: DeltaKind
    pieces: tuple[str, ...]
    times: int = 1
    """How often all pieces are said."""
    batch: int = 0
    """How many one read brings; 0: as the stage likes."""


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """``content_block_delta`` with a thinking block's signature."""

    block: int
    signature: str


class Cited(msgspec.Struct, frozen=True, gc=False):
    """``content_block_delta`` with a citation."""

    block: int
    citation: JsonObject


class BlockCloses(msgspec.Struct, frozen=True, gc=False):
    """``content_block_stop``."""

    block: int
    content: JsonObject
    """The block as it opened."""
    typed: str = ""
    """A tool call's whole input, as typed."""


class MessageCloses(msgspec.Struct, frozen=True, gc=False):
    """``message_delta`` and ``message_stop``."""

    delta: JsonObject
    usage: JsonObject


class Pinged(msgspec.Struct, frozen=True, gc=False):
    """``ping``."""


class RawSent(msgspec.Struct, frozen=True, gc=False):
    """Text on the wire, as it is."""

    text: str


class Breaks(msgspec.Struct, frozen=True, gc=False):
    """The response goes wrong here; no move follows."""

    line: Fail | Stall | Truncate | Disconnect
    is_begun: bool
    """Whether anything streamed before."""


Move: TypeAlias = (
    Pause
    | MessageOpens
    | BlockOpens
    | Deltas
    | Sealed
    | Cited
    | BlockCloses
    | MessageCloses
    | Pinged
    | RawSent
    | Breaks
)

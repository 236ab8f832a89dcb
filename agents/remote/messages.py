"""Messages between a remote agent's two ends, as bytes. Pure.

Orders are numbered from 0, so that a wire may deliver them in any order. Frames are
numbered from 1 in each *epoch*, which is one life of the far end: whoever fetches says
up to which it has them, and what it has not is sent again. So nothing is lost or taken
twice, whatever call fails.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from agents.protocol.chunks import TurnNumber
from agents.protocol.turns import News, Turn
from agents.recovery.turn_record import AskedTurn


class Order(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Anything the far end is told."""


class Take(Order, frozen=True, kw_only=True, tag="take"):
    """Begin this turn, after those before it."""

    turn: Turn


class Tell(Order, frozen=True, kw_only=True, tag="tell"):
    """Have a turn hear this."""

    news: News


class Cancel(Order, frozen=True, kw_only=True, tag="cancel"):
    """End a turn."""

    turn: TurnNumber
    reason: str


class Remember(Order, frozen=True, kw_only=True, tag="remember"):
    """The agent's turns before this epoch; the first order of each."""

    over: tuple[AskedTurn, ...]
    """Turns that have ended, in order."""
    asked: tuple[AskedTurn, ...]
    """Turns that have not: what they have bought is not bought again."""


class Confirm(Order, frozen=True, kw_only=True, tag="confirm"):
    """Frames up to this one are recorded: what may be done only once may follow."""

    frame: int


class Close(Order, frozen=True, kw_only=True, tag="close"):
    """Take no more turns; end once those that wait are over."""


AnyOrder: TypeAlias = Take | Tell | Cancel | Remember | Confirm | Close


class Batch(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Frames in order, as the actor encoded them."""

    epoch: int
    first: int
    """The first frame's number; without any, the next one's."""
    frames: tuple[bytes, ...]
    asks: int | None = None
    """The actor waits until this frame is recorded."""
    is_over: bool = False
    """The actor has ended; there will be no more."""
    problem: str = ""
    """The reason for the end, where it did not end well."""


_orders_encoder = msgspec.json.Encoder()
_orders: msgspec.json.Decoder[AnyOrder] = msgspec.json.Decoder(AnyOrder)
_batches_encoder = msgspec.msgpack.Encoder()
_batches = msgspec.msgpack.Decoder(Batch)


def encode_order(order: AnyOrder) -> bytes:
    """An order as JSON."""
    return _orders_encoder.encode(order)


def decode_order(data: bytes) -> AnyOrder:
    """Read an order.

    Raises:
        msgspec.DecodeError: It is none, or of a later version.
    """
    return _orders.decode(data)


def encode_batch(batch: Batch) -> bytes:
    """A batch as MessagePack: its frames stay the bytes that they are."""
    return _batches_encoder.encode(batch)


def decode_batch(data: bytes) -> Batch:
    """Read a batch.

    Raises:
        msgspec.DecodeError: It is none.
    """
    return _batches.decode(data)

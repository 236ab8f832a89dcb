"""Messages between a sweep and its workers, as bytes, the same everywhere. Pure."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from coordinator.sweep.budget import Grant
from coordinator.sweep.outcome import Outcome
from coordinator.sweep.plan import Job, TeamSource


class ToWorker(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Anything a worker is told."""


class Setup(ToWorker, frozen=True, kw_only=True, tag="setup"):
    """The first message: what all jobs have in common."""

    version: str
    """The library's; a worker of another one refuses."""
    teams: tuple[TeamSource, ...]
    folder: str
    """Of the journals."""
    seal: str
    """The content of a file in ``folder``: a worker that cannot read it sees another
    disk, and keeps its journals in a folder of its own. Empty: no journals are kept."""
    durability: str = "async"
    share: float = 1.0
    """This worker's part of every rate limit, 0…1."""
    at_once: int = 0
    """So many sessions this worker may have to run at once; 0: nobody knows."""
    check: str = ""
    """The command that judges answers; empty: none does."""
    check_s: float = 60.0


class Assign(ToWorker, frozen=True, kw_only=True, tag="assign"):
    """Run this session."""

    job: Job
    grant: Grant


class HoldBack(ToWorker, frozen=True, kw_only=True, tag="hold_back"):
    """A server has refused another worker: ask nothing under ``key`` for so long."""

    key: str
    delay_s: float


class FromWorker(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Anything a worker says."""


class Ready(FromWorker, frozen=True, kw_only=True, tag="ready"):
    """It can run sessions."""

    sees_folder: bool
    """Whether it keeps journals where all workers see them."""


class Refused(FromWorker, frozen=True, kw_only=True, tag="refused"):
    """It cannot run any, and no other of its kind could."""

    problem: str


class Finished(FromWorker, frozen=True, kw_only=True, tag="finished"):
    """A session is over."""

    outcome: Outcome


class Throttled(FromWorker, frozen=True, kw_only=True, tag="throttled"):
    """A server has refused this worker: others under ``key`` wait for so long."""

    key: str
    delay_s: float


Order: TypeAlias = Setup | Assign | HoldBack
News: TypeAlias = Ready | Refused | Finished | Throttled

_encoder = msgspec.json.Encoder()
_orders: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
_news: msgspec.json.Decoder[News] = msgspec.json.Decoder(News)


def encode(message: Order | News) -> bytes:
    """One message as JSON, without a line end in it."""
    return _encoder.encode(message)


def decode_order(data: bytes) -> Order:
    """Read what a worker is told.

    Raises:
        msgspec.DecodeError: It is no such message.
    """
    return _orders.decode(data)


def decode_news(data: bytes) -> News:
    """Read what a worker says.

    Raises:
        msgspec.DecodeError: It is no such message.
    """
    return _news.decode(data)

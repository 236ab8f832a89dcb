"""Summaries of kept sessions for a list, read from their journals. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from agents.protocol.chunks import AgentId
from agents.protocol.frames import decode_frame
from coordinator.journal.entries import Opened, decode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.inputs import history
from coordinator.journal.reader import Journal
from coordinator.protocol.accounting import Ledger
from coordinator.protocol.events import Conclude
from coordinator.protocol.result import Result, Status

SessionStatus: TypeAlias = Status | Literal["running", "unfinished", "unreadable"]
"""How a session ended; ``running``: somebody is writing it; ``unfinished``: nobody is,
and it has no result, so it can be resumed."""

_MONEY = (b'"usage_reported"', b'"response_started"', b'"response_abandoned"')


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One session in a list; ``sessions list --json`` prints these."""

    session: str
    status: SessionStatus
    question: str
    started: datetime | None
    """Wall clock, with its zone; ``None``: the journal cannot be read."""
    cost_usd: float | None
    """``None``: at least one response has no known price."""
    winner: AgentId | None = None
    elapsed_s: float | None = None
    """``None`` while there is no result."""
    size_bytes: int = 0


def summarize(journal: Journal, size_bytes: int) -> Summary:
    """Say in short what ``journal`` holds, as if nobody were writing it."""
    records = history(journal.records)
    opened = journal.opened
    result = result_in(records)
    return Summary(
        session=opened.session,
        status=result.status if result else "unfinished",
        question=opened.question,
        started=opened.started,
        cost_usd=result.cost_usd if result else _cost_usd(opened, records),
        winner=result.winner if result else None,
        elapsed_s=result.elapsed_s if result else None,
        size_bytes=size_bytes,
    )


def result_in(records: Sequence[Record]) -> Result | None:
    """The outcome, unless the session went on after it."""
    for record in reversed(records):
        if record.kind == Kind.RESULT:
            result = decode(record)
            assert isinstance(result, Result)
            return result
        if record.kind == Kind.RESUMED:
            return None
    return None


def _cost_usd(opened: Opened, records: tuple[Record, ...]) -> float | None:
    """The cost of an unfinished session so far, in USD."""
    ledger = Ledger(tuple(opened.models))
    for record in records:
        # Few frames speak of money; the others need not be decoded.
        if record.kind == Kind.FRAME and any(word in record.payload for word in _MONEY):
            for chunk in decode_frame(record.payload):
                if chunk.agent in opened.models:
                    ledger.book(chunk)
    so_far = Conclude(
        status="interrupted", winner=None, label=None, answer=None, detail=""
    )
    return ledger.result(opened.session, opened.question, so_far, 0.0).cost_usd

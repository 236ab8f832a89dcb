"""Reads a journal as the machine's inputs, in the order they were taken.

Feeding them to a machine made from the same first record gives the same effects, one
by one. What a resumption declared void is left out, and chunks that agents stamped with
another process's clock are moved to the session's. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from agents.protocol.chunks import StreamChunk
from coordinator.journal.entries import FileKept, Resumed, decode
from coordinator.journal.framing import Kind, Record
from coordinator.protocol.clock import on_session_clock
from coordinator.protocol.events import Input, Interrupted, MachineInput
from coordinator.protocol.result import FileRecord, Result


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The machine inputs of one record."""

    at: float
    """When, in seconds on the session's clock."""
    inputs: tuple[MachineInput, ...]
    """One shell input, or the chunks of one frame."""


def history(records: Iterable[Record]) -> tuple[Record, ...]:
    """The records that count: all but those a later resumption declared void."""
    counted: list[Record] = []
    for record in records:
        if record.kind == Kind.RESUMED:
            entry = decode(record)
            assert isinstance(entry, Resumed)
            del counted[entry.kept :]
        counted.append(record)
    return tuple(counted)


def taken(records: Iterable[Record]) -> Iterator[Taken]:
    """The machine inputs, record by record.

    Args:
        records: Those that count, from the first; see :func:`history`.

    Raises:
        msgspec.DecodeError: A whole record holds something else than its kind says.
    """
    shift_s = 0.0
    for record in records:
        if record.kind == Kind.FRAME:
            entry = decode(record)
            assert isinstance(entry, Sequence)
            yield Taken(at=record.at, inputs=_shifted(entry, shift_s))
        elif record.kind == Kind.INPUT:
            entry = decode(record)
            assert isinstance(entry, Input)
            yield Taken(at=record.at, inputs=(entry,))
        elif record.kind == Kind.RESUMED:
            entry = decode(record)
            assert isinstance(entry, Resumed)
            shift_s = entry.shift_s


def uploads(records: Iterable[Record]) -> dict[tuple[str, str], str]:
    """Files that providers still hold: account and digest → id.

    Args:
        records: All of them, the void ones too: what is void was done all the same.
    """
    there: dict[tuple[str, str], str] = {}
    for record in records:
        if record.kind == Kind.FILE:
            entry = decode(record)
            assert isinstance(entry, FileKept)
            key = (entry.account, entry.digest)
            if not entry.is_deleted:
                there[key] = entry.file_id
            elif there.get(key) == entry.file_id:
                del there[key]
    return there


def fetched(records: Iterable[Record]) -> dict[str, FileRecord]:
    """Files that agents' code has written and that have been fetched: id → which.

    Args:
        records: All of them, the void ones too.
    """
    files: dict[str, FileRecord] = {}
    for record in records:
        if record.kind == Kind.RESULT:
            entry = decode(record)
            assert isinstance(entry, Result)
            files |= {file.id: file for file in entry.files if file.path}
    return files


def inputs(records: Iterable[Record]) -> Iterator[MachineInput]:
    """The machine inputs, one by one.

    Raises:
        msgspec.DecodeError: A whole record holds something else than its kind says.
    """
    for step in taken(records):
        yield from step.inputs


def resumable(records: Sequence[Record]) -> int:
    """How many of ``records`` still count when the session goes on.

    All of them, unless a person or the host ended it: then those before that, because a
    machine that has taken an interruption has concluded.
    """
    for number, record in enumerate(records):
        if record.kind == Kind.INPUT and isinstance(decode(record), Interrupted):
            return number
    return len(records)


def _shifted(chunks: Sequence[StreamChunk], shift_s: float) -> tuple[StreamChunk, ...]:
    return tuple(on_session_clock(chunk, shift_s) for chunk in chunks)

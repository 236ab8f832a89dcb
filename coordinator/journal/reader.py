"""Reads journals: whole, verified, and cut at the last whole record."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from coordinator.errors import JournalCorrupt
from coordinator.journal.entries import Opened, decode_opened
from coordinator.journal.framing import Damage, NotAJournal, Record, Scan, scan
from coordinator.journal.store import (
    SUFFIX,
    Folder,
    checked_session_id,
    mapped,
    open_folder,
    read_all,
)


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """One session as its file tells it."""

    path: Path
    opened: Opened
    """The first record, decoded."""
    records: tuple[Record, ...]
    """Every whole record, the first included, in the order taken."""
    damage: Damage | None
    """The damage that was cut off, if any. In a journal that is being written this is
    likely the record under way."""


def read_session(root: Path, session: str) -> Journal:
    """Read ``session``'s journal in ``root``; changes nothing. Blocks.

    Raises:
        ConfigInvalid: The session id is not one.
        JournalUnavailable: There is no such journal, or it may not be read.
        JournalCorrupt: Not even its first record can be read, or that is of another
            session.
    """
    name = checked_session_id(session) + SUFFIX
    with open_folder(root) as folder:
        data = read_file(folder, name)
    path = root / name
    return by_its_name(journal_of(path, scanned(path, data)))


def read_journal(path: Path) -> Journal:
    """Read the journal at ``path``, whatever its name; changes nothing. Blocks.

    Raises:
        JournalUnavailable: There is no such file, or it may not be read.
        JournalCorrupt: Not even its first record can be read.
    """
    with open_folder(path.parent) as folder:
        data = read_file(folder, path.name)
    return journal_of(path, scanned(path, data))


def read_file(folder: Folder, name: str) -> bytes:
    """Read a whole file.

    Raises:
        JournalUnavailable: It is not there, no plain file, or may not be read.
    """
    fd = folder.open(name)
    try:
        with mapped(folder.path_of(name)):
            return read_all(fd)
    finally:
        os.close(fd)


def journal_of(path: Path, result: Scan) -> Journal:
    """The journal in a scan's result; ``path`` is for messages.

    Raises:
        JournalCorrupt: Not even the first record can be read.
    """
    if not result.records:
        is_empty = result.damage is None or result.damage.lost_bytes == 0
        why = "it is empty" if is_empty else result.damage
        raise JournalCorrupt(
            f"journal {str(path)!r} does not say what it is about: {why}",
            path=path,
            offset=None if result.damage is None else result.damage.offset,
        )
    try:
        opened = decode_opened(result.records[0])
    except msgspec.DecodeError as trouble:
        raise JournalCorrupt(
            f"journal {str(path)!r} does not say what it is about: {trouble}",
            path=path,
        ) from trouble
    return Journal(
        path=path, opened=opened, records=result.records, damage=result.damage
    )


@contextmanager
def understood(path: Path) -> Generator[None]:
    """Say which journal it is, where a whole record is not what its kind says.

    Raises:
        JournalCorrupt: One was not.
    """
    try:
        yield
    except msgspec.DecodeError as trouble:
        raise JournalCorrupt(
            f"journal {str(path)!r} holds something that this library cannot read: "
            f"{trouble}; it may be of a later version: upgrade massgen-coordinator",
            path=path,
        ) from trouble


def by_its_name(journal: Journal) -> Journal:
    """Let a journal through whose file bears its session's name.

    One that was renamed would answer to two, and whoever goes on with it by the one
    would write to the other's.

    Raises:
        JournalCorrupt: It bears another.
    """
    session = journal.opened.session
    if journal.path.name != session + SUFFIX:
        raise JournalCorrupt(
            f"journal {str(journal.path)!r} is of session {session!r}; to use it, name "
            f"it {session}{SUFFIX} again",
            path=journal.path,
        )
    return journal


def scanned(path: Path, data: bytes) -> Scan:
    """Scan a journal's bytes.

    Raises:
        JournalCorrupt: They are of something else, or of a later version.
    """
    try:
        return scan(data)
    except NotAJournal as trouble:
        raise JournalCorrupt(
            f"{str(path)!r} is not a journal: {trouble}", path=path, offset=0
        ) from trouble

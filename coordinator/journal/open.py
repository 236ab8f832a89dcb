"""Opens journals for writing: new ones, branches, and old ones that go on.

Repair never destroys: what does not belong to the whole records is copied to a file of
its own beside the journal, made durable there, and only then cut off.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

import anyio
import msgspec

from agents.boundary.threads import CallClock, in_thread
from coordinator.errors import JournalCorrupt, JournalUnavailable
from coordinator.journal.entries import Opened, encode
from coordinator.journal.framing import (
    VERSION,
    Chain,
    Damage,
    Kind,
    Record,
    checked_payload,
    encode_file_header,
)
from coordinator.journal.reader import Journal, by_its_name, journal_of, scanned
from coordinator.journal.store import (
    SUFFIX,
    Folder,
    checked_session_id,
    lock,
    mapped,
    open_folder,
    read_all,
    sync_data,
    write_all,
)
from coordinator.journal.writer import Durability, JournalWriter, OpenFile, writing

T = TypeVar("T")

DISK_S = 30.0
"""How long opening a journal may take: a disk that spins up takes ten."""

UNBORN = ".new"
"""The suffix of a journal that is being made."""


class Reopened(msgspec.Struct, frozen=True, kw_only=True):
    """A journal that goes on."""

    journal: Journal
    """As it was found; its damage, if any, has been cut off."""
    salvage: Path | None
    """Where the damaged tail went."""

    @property
    def repair(self) -> str | None:
        """The repair, in one line for a person; ``None``: none was needed."""
        if self.salvage is None:
            return None
        return (
            f"{self.journal.path.name}: {self.journal.damage}; kept in {self.salvage}"
        )


@asynccontextmanager
async def open_journal(
    root: Path,
    opened: Opened,
    *,
    durability: Durability = "async",
    taken_over: Sequence[Record] = (),
) -> AsyncGenerator[JournalWriter]:
    """Begin the journal of a new session.

    The first records are on the disk before this yields, so the session can be listed
    and resumed whatever happens next.

    Args:
        root: The folder; made, 0700, where it is missing.
        opened: The first record; its session id names the file.
        durability: See :mod:`coordinator.journal.writer`.
        taken_over: In a branch, the records that the new session begins with.

    Raises:
        ConfigInvalid: The session id is not one.
        JournalUnavailable: The folder or file cannot be made, or the session exists;
            on leaving, that the disk has failed and nobody was told yet.
    """
    over = tuple(taken_over)
    file = await _on_disk(root, lambda: _create(root, opened, over))
    async with writing(file, durability) as writer:
        yield writer


@asynccontextmanager
async def reopen_journal(
    root: Path,
    session: str,
    *,
    durability: Durability = "async",
    check: Callable[[Journal], None] | None = None,
) -> AsyncGenerator[tuple[JournalWriter, Reopened]]:
    """Go on with the journal of an earlier session, repaired where it was cut short.

    Args:
        root: The folder.
        session: Its id.
        durability: See :mod:`coordinator.journal.writer`.
        check: Asked once the journal is locked, before anything is changed; may raise.

    Raises:
        ConfigInvalid: The session id is not one.
        JournalUnavailable: There is no such journal, somebody is writing it, or it may
            not be written; on leaving, that the disk has failed and nobody was told.
        JournalCorrupt: It is another session's; or it was damaged after it had been
            durable, so what follows the damage is history too; branch from a record
            before it.
    """
    file, reopened = await _on_disk(root, lambda: _reopen(root, session, check))
    async with writing(file, durability) as writer:
        yield writer, reopened


async def _on_disk(root: Path, work: Callable[[], T]) -> T:
    """Do ``work`` in a thread to its end: what it has opened must not be lost.

    The disk's time begins with the thread. Of a thousand sessions that open at once
    most wait for one, and their wait says nothing of the disk.

    Raises:
        JournalUnavailable: The disk does not answer.
    """
    with anyio.CancelScope(shield=True) as scope, CallClock(scope, DISK_S).in_use():
        return await in_thread(work, name="journal")
    raise JournalUnavailable(
        f"the disk of journal folder {str(root)!r} did not answer within {DISK_S:g} s"
    )


def _create(root: Path, opened: Opened, taken_over: tuple[Record, ...]) -> OpenFile:
    name = checked_session_id(opened.session) + SUFFIX
    path = root / name
    salt = int.from_bytes(os.urandom(4))
    chain = Chain(salt)
    payload = checked_payload(encode(opened))
    first = Record(kind=Kind.OPENED, at=opened.at, payload=payload)
    pieces = chain.framed((first, *taken_over))  # those of a branch are chained anew
    data = b"".join((encode_file_header(salt, VERSION), *pieces))
    with open_folder(root, create=True) as folder:
        # Under a name of its own until its first records are in it: who is killed
        # meanwhile leaves no journal that says nothing.
        unborn = f"{name}.{os.getpid()}{UNBORN}"
        folder.remove(unborn)
        fd = folder.create(unborn)
        try:
            lock(fd, path)
            with mapped(path):
                write_all(fd, data)
                os.fsync(fd)
            folder.publish(unborn, name)
        except BaseException:
            os.close(fd)
            folder.remove(unborn)  # nothing of worth is in it
            raise
    return OpenFile(
        fd=fd, path=path, session=opened.session, chain=chain, size=len(data)
    )


def _reopen(
    root: Path, session: str, check: Callable[[Journal], None] | None
) -> tuple[OpenFile, Reopened]:
    name = checked_session_id(session) + SUFFIX
    with open_folder(root, create=True) as folder:
        fd = folder.open(name, writable=True)
        try:
            return _repaired(folder, fd, session, check)
        except BaseException:
            os.close(fd)
            raise


def _repaired(
    folder: Folder,
    fd: int,
    session: str,
    check: Callable[[Journal], None] | None,
) -> tuple[OpenFile, Reopened]:
    path = folder.path_of(session + SUFFIX)
    lock(fd, path)
    with mapped(path):
        data = read_all(fd)
        scan = scanned(path, data)
        journal = by_its_name(journal_of(path, scan))
        if check is not None:
            check(journal)
        salvage = None
        if journal.damage is not None:
            _insist_on_torn_tail(path, journal.damage)
            salvage = _salvage(folder, session, data[scan.valid_bytes :])
            os.ftruncate(fd, scan.valid_bytes)
        sync_data(fd)
    file = OpenFile(
        fd=fd, path=path, session=session, chain=scan.chain, size=scan.valid_bytes
    )
    return file, Reopened(journal=journal, salvage=salvage)


def _insist_on_torn_tail(path: Path, damage: Damage) -> None:
    if damage.is_inside:
        raise JournalCorrupt(
            f"journal {str(path)!r}: {damage.reason} at byte {damage.offset}, which "
            "had been written safely, so it was changed since; nothing was touched. "
            "Restore it from a backup, or branch from a record before the damage",
            path=path,
            offset=damage.offset,
        )


def _salvage(folder: Folder, session: str, tail: bytes) -> Path:
    """Copy a damaged tail to a ``.damaged-N`` that is not there yet."""
    taken = set(folder.names())
    names = (f"{session}.damaged-{number}" for number in count(1))
    name = next(name for name in names if name not in taken)
    fd = folder.create(name)
    try:
        write_all(fd, tail)
        os.fsync(fd)
    except OSError:
        folder.remove(name)  # a part of it would be taken for the whole
        raise
    finally:
        os.close(fd)
    return folder.path_of(name)

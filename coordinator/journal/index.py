"""The list of sessions: a cache in SQLite over the journals, which alone are the truth.

A row is valid while its journal has the size and time of change that it was made from,
so nobody has to keep the index up to date, a lost or damaged one is made anew, and a
folder that may not be written is listed without one. Processes take turns by a lock on
a file of its own, because a damaged database cannot be relied on to lock itself.
Everything here blocks: callers on an event loop use a thread.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from agents.boundary.log_context import bound_logger
from coordinator.errors import ConfigInvalid, JournalCorrupt, JournalUnavailable
from coordinator.journal.reader import by_its_name, journal_of, scanned
from coordinator.journal.store import (
    FILES_SUFFIX,
    SUFFIX,
    Folder,
    checked_session_id,
    is_locked,
    is_there,
    lock,
    open_folder,
    read_all,
)
from coordinator.journal.summaries import Summary, summarize

_log = bound_logger("coordinator.journal")

INDEX = "index.sqlite3"
_LOCK = "index.lock"
LOCK_WAIT_S = 1.0
"""How long a lock of somebody else's is waited for."""
_FILES = (INDEX, f"{INDEX}-wal", f"{INDEX}-shm")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions_1 (
    session TEXT PRIMARY KEY,
    started TEXT,
    question TEXT NOT NULL,
    status TEXT NOT NULL,
    cost_usd REAL,
    size_bytes INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL,
    summary BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_1_started ON sessions_1 (started);
"""
"""The number belongs to the shape: a later one makes its own table beside this."""

_UPSERT = "INSERT OR REPLACE INTO sessions_1 VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

_summaries = msgspec.json.Decoder(Summary)
_encoder = msgspec.json.Encoder()


def list_sessions(
    root: Path, *, notify: Callable[[str], object] | None = None
) -> tuple[Summary, ...]:
    """Every session in ``root``, newest first; unreadable ones last. Blocks.

    Args:
        root: The folder.
        notify: Told who holds the index, where a stranger does: the list is made
            without it then. ``None``: the log is.

    Raises:
        JournalUnavailable: The folder is there but cannot be read.
    """
    if not is_there(root):
        return ()
    with open_folder(root) as folder:
        try:
            # SQLite opens its files by path: only where nobody else can put links.
            folder.insist_on_privacy()
            with _locked(folder):
                summaries = _list_indexed(folder)
        except (JournalUnavailable, sqlite3.DatabaseError) as trouble:
            if isinstance(trouble, _Held):
                (notify or _log.warning)(f"{trouble}; listed without the index")
            # A folder that is shared or may not be written, a full disk, an index that
            # somebody damages again and again: do without.
            summaries = [_look(folder, s, state)[0] for s, state in folder.sessions()]
    summaries.sort(key=lambda s: s.session)
    summaries.sort(key=_started, reverse=True)
    return tuple(summaries)


def summary_of(root: Path, session: str) -> Summary:
    """The list's entry for one session. Blocks.

    Raises:
        ConfigInvalid: The session id is not one.
        JournalUnavailable: There is none.
    """
    name = checked_session_id(session) + SUFFIX
    with open_folder(root) as folder:
        fd = folder.open(name)
        try:
            state = os.fstat(fd)
        finally:
            os.close(fd)
        return _look(folder, session, state)[0]


def prunable(
    root: Path,
    *,
    before: datetime | None = None,
    keep: int | None = None,
    may_lose_unfinished: bool = False,
    notify: Callable[[str], object] | None = None,
) -> tuple[Summary, ...]:
    """The sessions that :func:`prune` would delete, newest first. Blocks.

    Raises:
        ConfigInvalid: Neither ``before`` nor ``keep`` is given: that would be all.
    """
    if before is None and keep is None:
        raise ConfigInvalid("say 'before' or 'keep'; neither would delete everything")
    return tuple(
        summary
        for summary in list_sessions(root, notify=notify)[keep or 0 :]
        if _is_before(summary, before)
        and (may_lose_unfinished or summary.status not in _UNDONE)
    )


def prune(
    root: Path,
    *,
    before: datetime | None = None,
    keep: int | None = None,
    may_lose_unfinished: bool = False,
) -> tuple[Summary, ...]:
    """Delete journals, with all that lies beside them, and say which. Blocks.

    Args:
        root: The folder.
        before: Delete sessions that started before this; ``None``: however new.
        keep: Spare this many of the newest; ``None``: spare none.
        may_lose_unfinished: Delete also what could still be resumed.

    Raises:
        ConfigInvalid: Neither ``before`` nor ``keep`` is given: that would be all.
        JournalUnavailable: The folder cannot be written.
    """
    removed: list[Summary] = []
    for summary in prunable(
        root, before=before, keep=keep, may_lose_unfinished=may_lose_unfinished
    ):
        try:
            remove(root, summary.session)
        except JournalUnavailable:
            continue  # somebody is writing it, or has just removed it
        removed.append(summary)
    return tuple(removed)


def remove(root: Path, session: str) -> None:
    """Delete one session's journal and all that lies beside it. Blocks.

    That is what was salvaged from it, and the files that agents' code had written,
    unless they were put elsewhere.

    Raises:
        ConfigInvalid: The session id is not one.
        JournalUnavailable: There is none, somebody is writing it, or it may not be
            deleted.
    """
    name = checked_session_id(session) + SUFFIX
    with open_folder(root) as folder:
        fd = folder.open(name, writable=True)
        try:
            lock(fd, folder.path_of(name))
            folder.remove_files(session + FILES_SUFFIX)
            folder.remove(name)
        finally:
            os.close(fd)
        for salvaged in folder.names():
            if salvaged.startswith(f"{session}.damaged-"):
                folder.remove(salvaged)


def files_beside(root: Path, session: str) -> list[int]:
    """The sizes of the files that agents' code had written, beside a journal. Blocks.

    Raises:
        JournalUnavailable: They may not be looked at.
    """
    with open_folder(root) as folder:
        return folder.files_in(checked_session_id(session) + FILES_SUFFIX)


_UNDONE = frozenset({"running", "unfinished", "interrupted", "unreadable"})
"""They can be resumed, now, when they are left, or when they are mended."""


def _is_before(summary: Summary, before: datetime | None) -> bool:
    return before is None or (summary.started is not None and summary.started < before)


def _started(summary: Summary) -> float:
    return summary.started.timestamp() if summary.started else float("-inf")


def _look(folder: Folder, session: str, state: os.stat_result) -> tuple[Summary, bool]:
    """Summarize one journal; also whether that may be remembered."""
    unreadable = Summary(
        session=session,
        status="unreadable",
        question="",
        started=None,
        cost_usd=None,
        size_bytes=state.st_size,
    )
    try:
        fd = folder.open(session + SUFFIX)
    except JournalUnavailable:
        return unreadable, False
    try:
        path = folder.path_of(session + SUFFIX)
        is_running = is_locked(fd)
        data = read_all(fd)
        journal = by_its_name(journal_of(path, scanned(path, data)))
        summary = summarize(journal, len(data))
    except (JournalCorrupt, msgspec.DecodeError, OSError):
        return unreadable, False
    finally:
        os.close(fd)
    if is_running:
        return msgspec.structs.replace(summary, status="running"), False
    return summary, len(data) == state.st_size


class _Held(JournalUnavailable):
    """A stranger has the index's lock."""


@contextmanager
def _locked(folder: Folder) -> Generator[None]:
    """Take turns with other processes at the index."""
    if _LOCK not in folder.names():
        try:
            os.close(folder.create(_LOCK))
        except JournalUnavailable:
            if _LOCK not in folder.names():
                raise  # not a race lost to another process: it cannot be made
    fd = folder.open(_LOCK, writable=True)
    try:
        _wait_for(fd, folder.path_of(_LOCK))
        yield
    finally:
        os.close(fd)


def _wait_for(fd: int, path: Path) -> None:
    """Take the lock; whoever has it works at the index for an instant.

    Raises:
        JournalUnavailable: Somebody has it for longer than that.
    """
    until = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            assert sys.platform != "win32"
            import fcntl  # noqa: PLC0415  (not everywhere; journals are refused there)

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise _Held(
                    f"{str(path)!r} has been held by another process for longer than "
                    f"{LOCK_WAIT_S:g} s; see who: fuser {shlex.quote(str(path))}"
                ) from None
            time.sleep(0.01)
        else:
            return


def _list_indexed(folder: Folder) -> list[Summary]:
    try:
        return _refreshed(folder)
    except sqlite3.OperationalError:
        raise
    except (sqlite3.DatabaseError, msgspec.DecodeError):
        for name in _FILES:
            folder.remove(name)
        return _refreshed(folder)


def _refreshed(folder: Folder) -> list[Summary]:
    """Every session, looking into those journals only that have changed."""
    if INDEX not in folder.names():
        os.close(folder.create(INDEX))
    # SQLite goes by path and would follow a link put here; opening it this way first
    # refuses one, and nobody else can write into the folder.
    os.close(folder.open(INDEX, writable=True))
    with closing(sqlite3.connect(folder.path_of(INDEX), timeout=LOCK_WAIT_S)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_SCHEMA)
        with db:
            return _refresh(db, folder)


def _refresh(db: sqlite3.Connection, folder: Folder) -> list[Summary]:
    rows = db.execute("SELECT session, size_bytes, changed_ns, summary FROM sessions_1")
    known = {session: (size, ns, blob) for session, size, ns, blob in rows}
    summaries: list[Summary] = []
    for session, state in folder.sessions():
        size, changed_ns, blob = known.pop(session, (None, None, b""))
        if (size, changed_ns) == (state.st_size, state.st_mtime_ns):
            summaries.append(_summaries.decode(blob))
            continue
        summary, may_keep = _look(folder, session, state)
        summaries.append(summary)
        if may_keep:
            db.execute(_UPSERT, _row(summary, state))
    db.executemany(
        "DELETE FROM sessions_1 WHERE session = ?", [(gone,) for gone in known]
    )
    return summaries


def _row(summary: Summary, state: os.stat_result) -> tuple[object, ...]:
    return (
        summary.session,
        summary.started.isoformat() if summary.started else None,
        summary.question,
        summary.status,
        summary.cost_usd,
        state.st_size,
        state.st_mtime_ns,
        _encoder.encode(summary),
    )

"""The journal: an append-only file of what a session took in, in the order taken.

    async with open_journal(root, opened, durability="async") as journal:
        journal.record(Kind.FRAME, frame, at)
        await journal.commit()

Storage (:mod:`~coordinator.journal.records`, ``folder``, ``writer``, ``opening``,
``reading``), the list of sessions (``summaries``, ``index``, ``finding``), reading one
as inputs again (``replaying``, ``resuming``, ``branching``, ``landmarks``) and handing
it out (``exporting``, ``massgen_logs``). What each durability promises stands in
``writer``.

Each name brings its own file with it when it is first used: a session that only writes
has no use for the index, which loads SQLite.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.journal.contents import (
        BranchedFrom,
        ContinuedFrom,
        Opened,
        Resumed,
        decode,
        encode,
    )
    from coordinator.journal.exporting import json_lines
    from coordinator.journal.finding import find_session
    from coordinator.journal.folder import checked_session_id, default_root
    from coordinator.journal.index import (
        list_sessions,
        prunable,
        prune,
        remove,
        summary_of,
    )
    from coordinator.journal.massgen_logs import write_massgen_logs
    from coordinator.journal.opening import Reopened, open_journal, reopen_journal
    from coordinator.journal.reading import Journal, read_journal, read_session
    from coordinator.journal.records import Damage, Kind, Record
    from coordinator.journal.replaying import Taken, history, inputs, resumable, taken
    from coordinator.journal.resuming import Rebuilt, rebuild
    from coordinator.journal.summaries import SessionStatus, Summary
    from coordinator.journal.writer import Durability, JournalWriter

__all__ = [
    "BranchedFrom",
    "ContinuedFrom",
    "Damage",
    "Durability",
    "Journal",
    "JournalWriter",
    "Kind",
    "Opened",
    "Rebuilt",
    "Record",
    "Reopened",
    "Resumed",
    "SessionStatus",
    "Summary",
    "Taken",
    "checked_session_id",
    "decode",
    "default_root",
    "encode",
    "find_session",
    "history",
    "inputs",
    "json_lines",
    "list_sessions",
    "open_journal",
    "prunable",
    "prune",
    "read_journal",
    "read_session",
    "rebuild",
    "remove",
    "reopen_journal",
    "resumable",
    "summary_of",
    "taken",
    "write_massgen_logs",
]

_ROOMS = {
    "BranchedFrom": "contents",
    "ContinuedFrom": "contents",
    "Damage": "records",
    "Durability": "writer",
    "Journal": "reading",
    "JournalWriter": "writer",
    "Kind": "records",
    "Opened": "contents",
    "Rebuilt": "resuming",
    "Record": "records",
    "Reopened": "opening",
    "Resumed": "contents",
    "SessionStatus": "summaries",
    "Summary": "summaries",
    "Taken": "replaying",
    "checked_session_id": "folder",
    "decode": "contents",
    "default_root": "folder",
    "encode": "contents",
    "find_session": "finding",
    "history": "replaying",
    "inputs": "replaying",
    "json_lines": "exporting",
    "list_sessions": "index",
    "open_journal": "opening",
    "prunable": "index",
    "prune": "index",
    "read_journal": "reading",
    "read_session": "reading",
    "rebuild": "resuming",
    "remove": "index",
    "reopen_journal": "opening",
    "resumable": "replaying",
    "summary_of": "index",
    "taken": "replaying",
    "write_massgen_logs": "massgen_logs",
}


def __getattr__(name: str) -> object:
    room = _ROOMS.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value  # asked once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

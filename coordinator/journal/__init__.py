"""The journal: an append-only file of what a session took in, in the order taken.

    async with open_journal(root, opened, durability="async") as journal:
        journal.record(Kind.FRAME, frame, at)
        await journal.commit()

Storage (:mod:`~coordinator.journal.records`, ``folder``, ``writer``, ``opening``,
``reading``), the list of sessions (``summaries``, ``index``), reading one as inputs
again (``replaying``, ``resuming``) and handing it out (``exporting``,
``massgen_logs``). What each durability promises stands in ``writer``.
"""

from coordinator.journal.contents import (
    BranchedFrom,
    ContinuedFrom,
    Opened,
    Resumed,
    decode,
    encode,
)
from coordinator.journal.exporting import json_lines
from coordinator.journal.folder import checked_session_id, default_root
from coordinator.journal.index import list_sessions, prune, remove
from coordinator.journal.massgen_logs import write_massgen_logs
from coordinator.journal.opening import Reopened, open_journal, reopen_journal
from coordinator.journal.reading import Journal, read_journal, read_session
from coordinator.journal.records import Damage, Kind, Record
from coordinator.journal.replaying import Taken, history, inputs, resumable, taken
from coordinator.journal.resuming import AskedTurn, Rebuilt, rebuild
from coordinator.journal.summaries import SessionStatus, Summary
from coordinator.journal.writer import Durability, JournalWriter

__all__ = [
    "AskedTurn",
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
    "history",
    "inputs",
    "json_lines",
    "list_sessions",
    "open_journal",
    "prune",
    "read_journal",
    "read_session",
    "rebuild",
    "remove",
    "reopen_journal",
    "resumable",
    "taken",
    "write_massgen_logs",
]

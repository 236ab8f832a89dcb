"""Points at which a kept session can go on, or a new one begin. Pure.

Asked before anything is opened for writing, so that what is refused leaves no trace.
"""

from __future__ import annotations

import msgspec

from agents.conversation.conversation import Conversation
from agents.protocol.chunks import AgentId
from agents.recovery.turn_replay import Memory
from coordinator.errors import ConfigInvalid, JournalCorrupt, SessionFinished
from coordinator.journal.entries import decode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.inputs import history, resumable
from coordinator.journal.reader import Journal, understood
from coordinator.journal.store import option_of
from coordinator.recovery.snapshot import Past


def insist_on_unfinished(found: Journal) -> None:
    """Let a session through that there is something left of.

    Raises:
        SessionFinished: There is not.
        JournalCorrupt: A record holds something else than its kind says.
    """
    with understood(found.path):
        counted = history(found.records)
        counted = counted[: resumable(counted)]
    if any(record.kind == Kind.RESULT for record in counted):
        session = found.opened.session
        it = f"{session}{option_of(found.path.parent)}"
        raise SessionFinished(
            f"session {session!r} is finished; see it again: coordinator replay {it}; "
            "or begin a new one at one of its records: coordinator resume "
            f"{it} --from RECORD"
        )


def insist_on_turns(found: Journal, past: Past) -> None:
    """Let a journal through whose turns can be told again to those who took them.

    Raises:
        JournalCorrupt: What an agent said does not add up: some of it was taken out.
    """
    for agent in found.opened.models:
        over, unfinished = past.of(AgentId(agent))
        try:
            Conversation.rebuilt((turn.turn, turn.chunks) for turn in over)
            for turn in unfinished:
                Memory(turn)
        except Exception as error:
            raise JournalCorrupt(
                f"journal {str(found.path)!r}: what {agent!r} said does not add up "
                f"({type(error).__name__}: {error}), so it was changed after it had "
                "been written; restore it from a backup, or branch from an earlier "
                "record"
            ) from error


def insist_on_known_words(found: Journal) -> None:
    """Let a journal through of which all that is needed to go on can be read.

    Raises:
        JournalCorrupt: A later version has gone on with it, say.
    """
    with understood(found.path):
        for record in found.records:
            if record.kind != Kind.OUTPUT:  # derived anew
                decode(record)


def insist_on_record(found: Journal, count: int) -> tuple[Record, ...]:
    """The first ``count`` records of a journal, those of them that count.

    Raises:
        ConfigInvalid: There are not so many, or the session had ended by then.
        JournalCorrupt: One of them holds something else than its kind says.
    """
    session, most = found.opened.session, len(found.records)
    with understood(found.path):
        if not 1 <= count <= most:
            raise ConfigInvalid(
                f"session {session!r} has the records 1 to {most}, and no "
                f"{count}{_hint(found)}"
            )
        counted = history(found.records[:count])
        counted = counted[: resumable(counted)]
        if any(record.kind == Kind.RESULT or _is_end(record) for record in counted):
            raise ConfigInvalid(
                f"session {session!r} had ended by record {count}; choose an earlier "
                f"one{_hint(found)}"
            )
    return counted


def _hint(journal: Journal) -> str:
    marks = _landmarks(journal)
    return f" ({'; '.join(marks[:20])})" if marks else ""


def _is_end(record: Record) -> bool:
    return record.kind == Kind.OUTPUT and _kind_of(record) == "conclude"


def _kind_of(record: Record) -> str:
    return msgspec.json.decode(record.payload, type=_Kind).kind


def _landmarks(journal: Journal) -> list[str]:
    """Where in a journal one may want to begin anew: record and what it brought."""
    marks: list[str] = []
    for number, record in enumerate(journal.records, start=1):
        if record.kind == Kind.OUTPUT:
            kind = _kind_of(record)
            if kind in _LANDMARKS:
                marks.append(f"{number}: {_LANDMARKS[kind]}")
    return marks


class _Kind(msgspec.Struct):
    kind: str


_LANDMARKS = {
    "answer_accepted": "an answer",
    "slate_frozen": "the slate is frozen",
    "vote_counted": "a vote",
    "winner_decided": "the vote is decided",
}

"""The past of a next session: questions before it, and their outcomes.

Read from journals. A session that continues another keeps what it was told in its own
first record, so that it can be played and resumed when the other has been deleted.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from agents.protocol.turns import Earlier
from coordinator.errors import ConfigInvalid, JournalCorrupt, JournalUnavailable
from coordinator.journal.entries import ContinuedFrom
from coordinator.journal.framing import Kind
from coordinator.journal.inputs import history
from coordinator.journal.reader import Journal, read_session, understood
from coordinator.journal.store import option_of
from coordinator.protocol.result import Result
from coordinator.team.team import read_described

EARLIER_MOST = 5
"""Sessions of one conversation that the next one is told of; older ones have mostly
been taken up by these."""

REASONS_MOST = 5
"""Most reasons of a winner's voters that are passed on; more say the same."""


class Continued(msgspec.Struct, frozen=True, kw_only=True):
    """The past that a session continues."""

    session: str
    """The last one before it."""
    earlier: tuple[Earlier, ...]
    """Oldest first; the last is that one."""
    source: bytes
    """The source of its team; see :func:`coordinator.team.builder.team_of`."""


def continued_from(root: Path, session: str) -> Continued:
    """Read what there is to go on from. Blocks.

    Args:
        root: The folder of journals.
        session: A whole id.

    Raises:
        ConfigInvalid: The session has no final answer.
        JournalUnavailable: There is no such journal, or it may not be read.
        JournalCorrupt: It cannot be read.
    """
    journal = read_session(root, session)
    last = _earlier(journal)
    if last is None:
        raise ConfigInvalid(
            f"session {session!r} came to no answer that could be continued; see: "
            f"coordinator sessions show {session}{option_of(root)}"
        )
    earlier = [last]
    parent = journal.opened.parent
    while isinstance(parent, ContinuedFrom) and len(earlier) < EARLIER_MOST:
        try:
            before = read_session(root, parent.session)
            past = _earlier(before)
        except (JournalUnavailable, JournalCorrupt):
            break  # deleted meanwhile: the conversation begins later then
        if past is None:
            break
        earlier.insert(0, past)
        parent = before.opened.parent
    _, source = read_described(journal.opened.team)
    return Continued(session=session, earlier=tuple(earlier), source=source)


def _earlier(journal: Journal) -> Earlier | None:
    """The outcome of the session; ``None`` without an answer."""
    with understood(journal.path):
        ends = [r for r in history(journal.records) if r.kind == Kind.RESULT]
        if not ends:
            return None
        result = msgspec.json.decode(ends[-1].payload, type=Result)
    if result.answer is None:
        return None
    reasons = tuple(
        vote.reason
        for vote in result.votes
        if vote.choice == result.winner and vote.reason
    )
    return Earlier(
        question=result.question,
        answer=result.answer,
        agreed=result.detail,
        reasons=reasons[:REASONS_MOST],
    )

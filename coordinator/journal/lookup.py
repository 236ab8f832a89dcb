"""Finds the session that a person means by the beginning of its id."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from coordinator.errors import JournalUnavailable
from coordinator.journal.store import (
    checked_session_id,
    is_there,
    open_folder,
    option_of,
)

_NAMED_AT_MOST = 4
LAST = "last"
"""Names the session that was written to last."""


def find_session(root: Path, text: str) -> str:
    """The id that begins with ``text``; a whole id is always its own. Blocks.

    Args:
        root: The folder of journals.
        text: An id, or as much of it as no other one begins with; or ``last``.

    Raises:
        ConfigInvalid: It could name something else than a file in the folder.
        JournalUnavailable: Nothing is kept there, or no session or several begin so;
            with the ids that come near.
    """
    checked_session_id(text)
    sessions = _session_ids(root)
    if not sessions:
        raise JournalUnavailable(
            f"no session is kept in {str(root)!r}; 'coordinator run' keeps one, "
            "--journal names another folder"
        )
    if text == LAST and LAST not in sessions:
        return sessions[0]
    fitting = (
        [text] if text in sessions else [s for s in sessions if s.startswith(text)]
    )
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(sorted(fitting)[:_NAMED_AT_MOST])
        more = ", …" if len(fitting) > _NAMED_AT_MOST else ""
        raise JournalUnavailable(
            f"{len(fitting)} sessions begin with {text!r}: {names}{more}; give more "
            "of the id"
        )
    near = get_close_matches(text, sessions, 1)
    listing = f"see: coordinator sessions list{option_of(root)}"
    hint = f"did you mean {near[0]!r}?" if near else listing
    raise JournalUnavailable(f"there is no session {text!r} in {str(root)!r}; {hint}")


def _session_ids(root: Path) -> list[str]:
    """Every session, the one written to last first."""
    if not is_there(root):
        return []
    with open_folder(root) as folder:
        newest_first = sorted(
            folder.sessions(), key=lambda x: (-x[1].st_mtime_ns, x[0])
        )
        return [session for session, _ in newest_first]

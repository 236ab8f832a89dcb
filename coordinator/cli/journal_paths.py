"""Places of the command line's journals, and names of kept sessions."""

from __future__ import annotations

import os
from pathlib import Path

from coordinator.cli.exit_codes import complain
from coordinator.errors import ConfigInvalid, JournalUnavailable
from coordinator.journal.store import default_root, open_folder, option_of


def root_of(named: Path | None) -> Path:
    """The folder of journals: the one that was named, or the one there is anyway."""
    return default_root() if named is None else named


def journal_of_run(named: Path | None, *, is_wanted: bool) -> Path | None:
    """Where a run keeps its journal; ``None``: nowhere.

    A folder that nobody named and that cannot be written is no reason to refuse a
    question; it is said, and the run goes without. One that was named is: the session's
    own opening says so.

    Raises:
        ConfigInvalid: A journal is refused, and a folder for it is named.
    """
    if not is_wanted:
        if named is not None:
            raise ConfigInvalid("--journal and --no-journal contradict; give one")
        return None
    if named is not None:
        return named
    root = default_root()
    try:
        with open_folder(root, create=True):
            if os.access(root, os.W_OK | os.X_OK):
                return root
            trouble = f"journal folder {str(root)!r} cannot be written"
    except JournalUnavailable as error:
        trouble = str(error)
    complain(f"no journal is kept: {trouble}; name one that can: --journal DIR")
    return None


def call(command: str, session: str, root: Path) -> str:
    """Spell out a command about a session, for a person to copy."""
    return f"coordinator {command} {session}{option_of(root)}"

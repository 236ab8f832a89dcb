"""The winner's changes to the user's folders: shown, asked about, written back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from agents.errors import ToolFailed
from coordinator.cli.exit_codes import complain
from coordinator.displays.sanitizer import clean
from coordinator.errors import ConfigInvalid
from coordinator.team.team_source import config_of

if TYPE_CHECKING:
    from agents.tools.workspace.shared_folders import SharedCopies
    from coordinator.protocol.result import Result
    from coordinator.team.team_file_schema import TeamConfig

SHOWN_CHARS = 200_000
"""Of a difference that a person reads; longer ones are named file by file."""


def offer_changes(
    source: bytes, result: Result, *, is_sure: bool, may_ask: bool, out: TextIO
) -> None:
    """Write the winner's changes to the user's folders, if somebody says so.

    Args:
        source: What the team was made from.
        result: The outcome; without a winner there is nothing.
        is_sure: ``--yes``: nothing is asked.
        may_ask: Whether somebody can be asked at this terminal.
        out: Where the difference is shown.
    """
    if b'"shared":[{' not in source or result.winner is None:
        return
    from coordinator.team.shared_folders import copies_of  # noqa: PLC0415  (few teams)

    try:
        config = config_of(source)
        copies = copies_of(config, str(result.winner), str(result.session))
        if copies is None or not (changes := copies.changes()):
            return
        names = ", ".join(change.shown for change in changes[:5])
        more = f" and {len(changes) - 5} more" if len(changes) > 5 else ""
        sentence = f"{result.winner} has changed {names}{more}"
        if not _is_wanted(config, copies, sentence, is_sure, may_ask, out):
            complain(
                f"{sentence}; nothing is written, the copies are in {copies.place}"
            )
            return
        _write(copies, out)
    except (ConfigInvalid, OSError, ToolFailed) as error:
        complain(f"the winner's changes could not be written back: {error}")


def _is_wanted(  # noqa: PLR0917  (called once)
    config: TeamConfig,
    copies: SharedCopies,
    sentence: str,
    is_sure: bool,
    may_ask: bool,
    out: TextIO,
) -> bool:
    entries = config.file.shared_entries
    if is_sure or all(each.write != "ask" for each in entries):
        return True
    out.write(f"\n{clean(copies.difference(SHOWN_CHARS))}\n{clean(sentence)}.\n")
    if not may_ask:
        out.write("Nobody can be asked here; --yes writes it.\n")
        return False
    out.write("Write this to your files? [y/N] ")
    out.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _write(copies: SharedCopies, out: TextIO) -> None:
    written, conflicting = copies.write_back()
    out.writelines(f"{change.kind}: {clean(change.shown)}\n" for change in written)
    for change in conflicting:
        theirs = copies.place / change.folder / change.path
        complain(
            f"{change.shown} is protected, or has changed since it was copied, so "
            f"yours is kept; the winner's is {theirs}"
        )

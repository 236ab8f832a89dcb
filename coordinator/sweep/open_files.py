"""Open files that a worker's sessions need, beside what the system allows.

A stream is a socket and a journal a file, so a thousand sessions of five agents need
six thousand. A session that gets none fails amid its work, so it is said before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.team.team_file_schema import TeamConfig

if sys.platform != "win32":
    import resource

SPARE = 64
"""The program's own: libraries, pipes, a few tools at work."""
MOST = 65_536
"""A soft limit is never raised beyond it: it costs some programs time."""


def raise_limit() -> None:
    """Let this process open as many files as its owner allows, within reason.

    For processes that are ours alone. Systems begin programs with few (1,024, on a Mac
    256) and let them ask for more.
    """
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def files_of(config: TeamConfig) -> int:
    """Files that one session of a team has open at most: its journal, its streams."""
    agents = sum(entry.backend != "scripted" for entry in config.agents)
    if config.is_emulated:  # both ends of each stream are here, and who listens
        return 2 + 2 * agents
    return 1 + agents


def shortage(sessions: int, teams: Iterable[TeamConfig]) -> str | None:
    """Why so many sessions at once have too few files; ``None``: they have enough.

    Args:
        sessions: At once, in this process.
        teams: Any of which they may be of.
    """
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    each = max((files_of(team) for team in teams), default=1)
    if SPARE + sessions * each <= soft:
        return None
    fit = (soft - SPARE) // each
    way = f"give --concurrency {fit:,} a worker" if fit > 0 else "nothing runs with it"
    return (
        f"{sessions:,} sessions at once in one process need some "
        f"{SPARE + sessions * each:,} open files, and it may have {soft:,}: raise the "
        f"limit (ulimit -n), or {way}"
    )

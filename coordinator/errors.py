"""Errors of a session as a whole; each message says the way out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class CoordinatorError(Exception):
    """Any trouble that is ours or the caller's, never an agent's."""


class ConfigInvalid(CoordinatorError, ValueError):
    """A team, scenario or option cannot be used as written.

    Attributes:
        path: The file that says it; ``None``: no file does.
        line: Where in the file, from 1; ``None``: not known.
        key: The setting at fault, e.g. ``agents[1].model``; empty where it is none's.
        problem: What is wrong and the way out, without the place.
        faults: All that is wrong, where several things are told in one go; each has its
            own place. Of one fault, itself.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        line: int | None = None,
        key: str = "",
        problem: str = "",
    ) -> None:
        super().__init__(message)
        self.path = path
        self.line = line
        self.key = key
        self.problem = problem or message
        self.faults: tuple[ConfigInvalid, ...] = (self,)

    @classmethod
    def of(cls, faults: Sequence[ConfigInvalid]) -> ConfigInvalid:
        """One error that tells all of ``faults``, a line each; their first's place."""
        first, *more = sorted(faults, key=lambda fault: (fault.line or 0, fault.key))
        if not more:
            return first
        error = cls(
            "\n".join(map(str, (first, *more))),
            path=first.path,
            line=first.line,
            key=first.key,
            problem=first.problem,
        )
        error.faults = (first, *more)
        return error


class _OfJournal(CoordinatorError):
    """Trouble with one journal.

    Attributes:
        path: The journal; ``None``: no single one.
        offset: The byte at which it stands, from 0; ``None``: at none.
    """

    def __init__(
        self, message: str, *, path: Path | None = None, offset: int | None = None
    ) -> None:
        super().__init__(message)
        self.path = path
        self.offset = offset


class JournalCorrupt(_OfJournal):
    """A journal holds something other than what was written."""


class JournalUnavailable(_OfJournal):
    """A journal cannot be opened, locked or written."""


class ReplayDiffers(CoordinatorError):
    """Fed what a session had taken in, the machine decides something else."""


class SessionFinished(ConfigInvalid):
    """A session has its result: there is nothing to go on with."""


class NotAsked(CoordinatorError):
    """Somebody speaks for an agent that is no person, or is asked nothing now."""


class SessionLeft(CoordinatorError):
    """A session was left, or has failed, before it had an outcome."""


class NotInTeam(CoordinatorError):
    """An agent is named that the team does not have."""


class NoAnswers(CoordinatorError):
    """Nobody has answered, so there is nothing to rank."""

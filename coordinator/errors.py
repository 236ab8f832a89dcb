"""What can go wrong with a session as a whole; each message says the way out."""

from __future__ import annotations


class CoordinatorError(Exception):
    """Any trouble that is ours or the caller's, never an agent's."""


class ConfigInvalid(CoordinatorError):
    """A team, scenario or option cannot be used as written."""


class JournalCorrupt(CoordinatorError):
    """A journal holds something other than what was written."""


class JournalUnavailable(CoordinatorError):
    """A journal cannot be opened, locked or written."""


class ReplayDiffers(CoordinatorError):
    """Fed what a session had taken in, the machine decides something else."""


class SessionFinished(ConfigInvalid):
    """A session has its result: there is nothing to go on with."""


class NotAsked(CoordinatorError):
    """Somebody speaks for an agent that is no person, or is asked nothing now."""


class NotInTeam(CoordinatorError):
    """An agent is named that the team does not have."""


class NoAnswers(CoordinatorError):
    """Nobody has answered, so there is nothing to rank."""

"""Errors of one agent, named by what the catcher would do.

An agent's trouble is data: :mod:`agents.actor.actor` turns each of these into an
``AgentFailed`` chunk, and the other agents go on. Nothing else may leave a backend.
"""

from __future__ import annotations


class AgentError(Exception):
    """Any trouble of one agent."""


class BackendUnavailable(AgentError):
    """The model cannot be reached or is overloaded; asking again later may work.

    Attributes:
        retry_after_s: How long the server asked us to wait; ``None`` if it did not say.
        is_rate_limit: The server said "too many", so the whole team should slow down.
        is_overload: It has too much to do; that passes, so it is asked for longer.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        is_rate_limit: bool = False,
        is_overload: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_rate_limit = is_rate_limit
        self.is_overload = is_overload


class BackendRefused(AgentError):
    """The request itself is at fault (400, 401, 403, …); asking again will not help.

    Attributes:
        is_declined: This model will not answer or is not to be had; another one may.
        lost_container: The code-execution container that the request names is gone;
            without it, the turn may go on.
        lost_thoughts: The thoughts that go back with the conversation are not taken
            there, because they are another account's or what stands before them is not
            what did; without them, the turn may go on.
    """

    def __init__(
        self,
        message: str,
        *,
        is_declined: bool = False,
        lost_container: bool = False,
        lost_thoughts: bool = False,
    ) -> None:
        super().__init__(message)
        self.is_declined = is_declined
        self.lost_container = lost_container
        self.lost_thoughts = lost_thoughts


class QuotaExhausted(BackendRefused):
    """The account has nothing left; waiting will not help, another model may."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_declined=True)


class ContextExceeded(BackendRefused):
    """The request exceeds the model's context window; a shorter one may fit."""


class StreamMalformed(BackendUnavailable):
    """The response broke the protocol or a cap, or ended half-way; it is no answer."""


class ProtocolBroken(StreamMalformed):
    """A backend of a caller's own streamed what none may; it may do so each time."""


class BackendBroken(AgentError):
    """A backend raised what none may raise, or said what no protocol allows.

    Attributes:
        kind: The class of what it raised, for people.
    """

    def __init__(self, message: str, *, kind: str = "BackendBroken") -> None:
        super().__init__(message)
        self.kind = kind


class FrameTooLarge(BackendBroken):
    """A backend said more at once than any model writes, and any journal keeps."""


class ToolFailed(AgentError):
    """A tool could not run; its message goes back to the model as an error result."""


class ToolsUnavailable(AgentError):
    """An agent's tools cannot be opened; the agent goes on without them."""


class BudgetExhausted(AgentError):
    """The turn would cost, or has cost, more than it may."""

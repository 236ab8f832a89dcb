"""What can go wrong with one agent, named by what the catcher would do.

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
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        is_rate_limit: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_rate_limit = is_rate_limit


class BackendOverloaded(BackendUnavailable):
    """The server has too much to do; such hours pass, so it is asked for longer."""


class BackendRefused(AgentError):
    """The request itself is at fault (400, 401, 403, …); asking again will not help."""


class ContextExceeded(BackendRefused):
    """What the request says is more than the model can read; less of it may do."""


class BackendDeclined(BackendRefused):
    """This model will not answer, or is not to be had; another one may."""


class ContainerLost(BackendRefused):
    """The container that the request names is gone; without it, the turn goes on."""


class StreamMalformed(BackendUnavailable):
    """The response broke the protocol or a cap, or ended half-way; it is no answer."""


class ToolFailed(AgentError):
    """A tool could not run; its message goes back to the model as an error result."""


class ToolsUnavailable(AgentError):
    """What an agent's tools need cannot be opened; the agent goes on without them."""


class BudgetExhausted(AgentError):
    """The turn would cost, or has cost, more than it may."""

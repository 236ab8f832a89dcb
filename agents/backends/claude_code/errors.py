"""Claude Code's failures as errors of ours. Pure."""

from __future__ import annotations

from agents.backends.dialects.json_values import Json
from agents.errors import (
    AgentError,
    BackendBroken,
    BackendRefused,
    BackendUnavailable,
    BudgetExhausted,
)

_REFUSED = ("authentication_failed", "billing_error", "invalid_request")
_BUSY = ("rate_limit", "server_error", "overloaded")
_LOST = "No conversation found"
"""Its message for a session that is not in its home."""


class SessionLost(BackendUnavailable):
    """There is no such session; a new one can be told everything."""


def error_of(failed: Json, result: Json) -> AgentError | None:
    """The error for what Claude Code has told; ``None``: it worked.

    Args:
        failed: The last failure of its model's, or nothing.
        result: How it ended; nothing: its process just stopped.
    """
    words = str(failed.get("message") or result.get("message") or "")
    kind = str(failed.get("error") or "")
    subtype = str(result.get("subtype") or "")
    if _LOST in words:
        return SessionLost(words)
    if subtype == "error_max_budget_usd":
        return BudgetExhausted(words or "Claude Code has spent what it was given")
    if kind in _REFUSED or result.get("status") in {400, 401, 403, 404}:
        return BackendRefused(words or kind)
    if kind in _BUSY or (result.get("status") or 0) >= 429:
        return BackendUnavailable(words or kind)
    if kind:
        return BackendBroken(words or kind)
    if not result:
        return BackendUnavailable("Claude Code ended without a word")
    if result.get("is_error") and subtype not in {"success", "error_max_turns"}:
        return BackendBroken(words or subtype)
    return None


def foreign(error: BaseException) -> AgentError:
    """The error for what the SDK has raised."""
    words = str(error) or type(error).__name__
    match type(error).__name__:
        case "CLINotFoundError":
            return BackendRefused(f"{words}; reinstall claude-agent-sdk")
        case "CLIConnectionError" | "ProcessError" | "CLIJSONDecodeError":
            if _LOST in words:
                return SessionLost(words)
            return BackendUnavailable(words)
        case name:
            return BackendBroken(words, kind=name)

"""Faults of a script, named as the API and as our errors name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.backends.claude import errors as claude

if TYPE_CHECKING:
    from agents.backends.scripted.script import HttpError, JsonObject
    from agents.errors import AgentError

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""The API's error types by status [docs.claude.com, read 2026-11-22]."""


def type_of(error: HttpError) -> str:
    """Give the API's name for an error."""
    fallback = "api_error" if error.status >= 500 else "invalid_request_error"
    return error.type or _TYPES.get(error.status, fallback)


def body_of(error: HttpError) -> JsonObject:
    """Give the error as the API's body or ``error`` event has it."""
    type_ = type_of(error)
    message = error.message or type_.removesuffix("_error").replace("_", " ").title()
    return {
        "type": "error",
        "error": {"details": None, "type": type_, "message": message},
    }


def error_of(error: HttpError, *, is_begun: bool) -> AgentError:
    """Give the error that a backend raises for it.

    Args:
        error: As the script has it.
        is_begun: Whether it comes in the middle of a stream, where no status is left
            to say and no header to tell how long to wait.
    """
    if is_begun:
        problem = body_of(error)["error"]
        return claude.error_of(problem["type"], problem["message"])
    wait_s = error.retry_after_s
    headers = {} if wait_s is None else {"retry-after": repr(float(wait_s))}
    return claude.error_for(error.status, headers, body_of(error))

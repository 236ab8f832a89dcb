"""Which of our errors a refusal of the API's is, by its status or type. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping

from agents.backends.dialects.messages.event_types import ErrorBody
from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    ContextExceeded,
)

SAID_CHARS = 1_000
"""What is kept of a server's words: a gateway may answer with a whole page."""

_PASSING = frozenset({408, 409, 429})
"""Statuses that may pass, beside all of 500 and above (529: overloaded)."""
_PASSING_TYPES = frozenset({"overloaded_error", "api_error", "timeout_error"})
"""Types of errors that may pass; ``rate_limit_error`` too, but it concerns the team."""

_TOO_LONG = re.compile(r"prompt is too long|exceeds? (?:the )?context (?:limit|window)")
"""How the API says that its context window is too small (seen 2026-11-23)."""


def error_for(
    status: int, headers: Mapping[str, str], body: object, secrets: Collection[str] = ()
) -> AgentError:
    """The error for a response that is no stream.

    Args:
        status: HTTP status.
        headers: Lower case; ``retry-after`` and ``x-should-retry`` are looked at.
        body: The decoded JSON, or whatever came.
        secrets: Keys that must not appear, should the server quote them.
    """
    said = f"{status} {_said(body)}".strip()
    for secret in secrets:  # before it is cut: a part of a key is none to be found
        said = said.replace(secret, "…")
    said = said[:SAID_CHARS]
    should_retry = headers.get("x-should-retry")
    passes = status in _PASSING or status >= 500
    if should_retry in {"true", "false"}:
        passes = should_retry == "true"
    if status in {400, 413} and _TOO_LONG.search(said):
        return ContextExceeded(said)
    if not passes:
        return BackendRefused(said)
    return BackendUnavailable(
        said,
        retry_after_s=retry_after_s(headers),
        is_rate_limit=status == 429,
    )


def error_of(error: ErrorBody) -> AgentError:
    """The error for one that the API reports within a stream, by its type.

    The status of such a response is 200, so the type is all there is to go by.
    """
    said = f"{error.type}: {error.message}"
    if error.type == "rate_limit_error":
        return BackendUnavailable(said, is_rate_limit=True)
    if error.type in _PASSING_TYPES:
        return BackendUnavailable(said)
    return BackendRefused(said)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the server asks us to wait, in seconds; ``None`` if it does not say.

    A date is not understood: the API sends seconds (seen 2026-11-22).
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None


def _said(body: object) -> str:
    """The server's words: ``type: message`` where the body is as documented."""
    match body:
        case {"error": {"type": str(kind), "message": str(message)}}:
            return f"{kind}: {message}"
        case {"error": {"message": str(message)}}:
            return message
        case str(text):
            return text
        case _:
            return ""


def limits_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say how much more may be asked, and when."""
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("anthropic-ratelimit-") or name == "retry-after"
    }

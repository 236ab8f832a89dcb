"""Parts of a request that a refusal may be about: tools' results, a container. Pure."""

from __future__ import annotations

from agents.errors import BackendRefused, BackendUnavailable


def may_be_results(trouble: BackendRefused) -> bool:
    """Whether a request was refused for what it says, as far as its error tells."""
    message = str(trouble)
    return message.startswith(("400 ", "422 ")) or "invalid_request" in message


def may_be_containers(trouble: Exception) -> bool:
    """Whether a request may do without the container that it names.

    One that is gone is refused in words, or by a 500 that says nothing, however often
    it is asked (public reports, read 2026-11-30).
    """
    if isinstance(trouble, BackendRefused):
        return trouble.lost_container
    return isinstance(trouble, BackendUnavailable) and str(trouble).startswith("500 ")

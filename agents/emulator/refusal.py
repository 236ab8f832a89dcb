"""The error that every check of a request raises."""

from __future__ import annotations


class Invalid(ValueError):
    """The request is at fault; the message is what the API would say."""

"""Endings of a response, in words that every maker's reasons come to. Pure data."""

from __future__ import annotations

from typing import Literal, TypeAlias

Ending: TypeAlias = Literal[
    "finished",  # the model said all it wanted to
    "calls",  # it waits for tools
    "cut",  # the limit on its output
    "window_full",  # the limit on all it may read and write
    "refused",  # it, or what guards it, declined
    "paused",  # it goes on when it is asked again
    "other",  # a reason that nobody here knows; what was said counts
]

_OF_MESSAGES: dict[str, Ending] = {
    "end_turn": "finished",
    "stop_sequence": "finished",
    "tool_use": "calls",
    "max_tokens": "cut",
    "model_context_window_exceeded": "window_full",
    "refusal": "refused",
    "pause_turn": "paused",
    "compaction": "paused",
}
"""The stop reasons of the Messages API (SDK 2.12.0, read 2026-11-23); journals of
before have them alone."""


def ending_of(stop_reason: str) -> Ending:
    """The ending that a stop reason of the Messages API stands for."""
    return _OF_MESSAGES.get(stop_reason, "other")

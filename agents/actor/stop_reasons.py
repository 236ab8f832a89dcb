"""Stop reasons of a response, and their consequences for its turn. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from agents.boundary.guard import model_of
from agents.protocol.chunks import Label, TurnRestarted
from agents.protocol.stamper import Stamp

if TYPE_CHECKING:
    from agents.conversation.accumulator import Transcript
    from agents.conversation.conversation import Conversation
    from agents.protocol.backend import Backend

WAY_OUT = "set compact_at_tokens, or name a model with a larger one as its fallback"
"""Where a context window is full."""

Outcome: TypeAlias = Literal[
    "answered",
    "voted",
    "presented",
    "restarted",
    "divided",
    "stopped",
    "silent",
    "refused",
    "cut",
]
"""How a turn ends that nobody cancels."""

FINISHED = frozenset({"finished", "other"})
"""Endings of a response whose text may be the work itself."""


class _StopDetails(msgspec.Struct):
    category: str


class _Refused(msgspec.Struct):
    stop_details: _StopDetails


def has_server_call(response: Transcript) -> bool:
    """Whether the API's own tools are under way: then it goes on by itself.

    Otherwise a history that ends with the assistant's words is a prefill, which current
    models refuse (read 2026-11-23). In JSON, no text can hold these bytes unescaped.
    """
    content = bytes(response.content)
    return b'"server_tool_use"' in content or b'"mcp_tool_use"' in content


def refusal_of(response: Transcript) -> str:
    """The category that the API gives for its refusal; empty if it gives none.

    As recorded: ``"stop_details": {"type": "refusal", "category": "cyber", …}`` beside
    the stop reason (read 2026-11-23).
    """
    if response.category:
        return response.category
    try:
        return msgspec.convert(response.message(), _Refused).stop_details.category
    except msgspec.ValidationError:
        return ""


def revised(labels: tuple[Label, ...], new: tuple[Label, ...]) -> tuple[Label, ...]:
    """``labels`` and then ``new``; a new one replaces its author's older ones."""
    authors = {_author(label) for label in new}
    return (*(label for label in labels if _author(label) not in authors), *new)


def _author(label: Label) -> str:
    return label.rpartition(".")[0]


def restarted(
    stamp: Stamp, conversation: Conversation, backend: Backend, reason: str
) -> TurnRestarted:
    """Say that a turn begins afresh, asked of ``backend`` now."""
    return TurnRestarted(
        **stamp,
        model=model_of(backend),
        fallbacks=conversation.fallbacks,
        reason=reason,
    )

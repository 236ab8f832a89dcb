"""Words for what a response has beside text and calls: edits of the past, unknowns.

What no version of this package knows yet (a block, a delta, an event, a reason to stop,
a count) is carried and goes back as it came; here a person is told of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Literal, TypeAlias

import msgspec

from agents.protocol.chunks import (
    BlockDelta,
    BlockStarted,
    CompactionDelta,
    ContextEdited,
    ResponseEnded,
    Unrecognized,
    UsageReported,
)

Noted: TypeAlias = (
    BlockStarted
    | BlockDelta
    | CompactionDelta
    | ContextEdited
    | UsageReported
    | ResponseEnded
    | Unrecognized
)

TEXT_BYTES = 960
"""Of carried JSON that are looked at: a line of a display has fewer characters."""

_BLOCKS = frozenset(
    {
        "text",
        "thinking",
        "redacted_thinking",
        "compaction",
        "fallback",
        "container_upload",
        "connector_text",
        "mcp_tool_listing",
        "tool_addition",
        "tool_removal",
    }
)
"""Kinds of blocks beside calls and their results (SDK 2.14.0, read 2026-11-30)."""
_NO_NEWS = frozenset({b'"[DONE]"', b"null", b"{}"})
"""Payloads with which gateways end or fill a stream."""
_EDITS = {
    "clear_tool_uses": "results of tools",
    "clear_thinking": "turns of thinking",
    "thinking_dropped": "blocks of thinking that had stood behind other words",
}
"""Edits of the API, by how their names begin, and what they leave out."""


def kind_of_note(event: Noted) -> Literal["phase", "tool"]:
    """Whether ``event`` tells what became of the past, or is one thing among many."""
    if isinstance(event, BlockStarted):
        return "phase" if event.type == "compaction" else "tool"
    return "phase" if isinstance(event, CompactionDelta | ContextEdited) else "tool"


def note_of(event: Noted) -> str:
    """A sentence on ``event``; empty where it is nothing out of the ordinary."""
    match event:
        case BlockStarted(type="compaction"):
            words = "has read too much: the past is summarised"
            summary = _summary(event.content)
            return f"{words}: {summary}" if summary else words
        case CompactionDelta():
            return f"in short: {event.content}" if event.content else _NO_SUMMARY
        case ContextEdited():
            return _edit(event)
        case BlockStarted() if not _is_known(event.type):
            begun = json_text(event.content)
            return f"sends a block of a kind not known here, {event.type!r}: {begun}"
        case BlockDelta():
            return f"a delta of a kind not known here: {json_text(event.delta)}"
        case ResponseEnded(why="other"):
            return f"stops for a reason not known here: {event.stop_reason!r}"
        case Unrecognized() if bytes(event.data) not in _NO_NEWS:
            name = f"{event.event!r}" if event.event else "an event"
            return f"sends {name}, not known here: {json_text(event.data)}"
        case UsageReported(others=dict() as others):
            counts = ", ".join(f"{name}: {json_text(n)}" for name, n in others.items())
            return f"is counted what is not known here, and not priced: {counts}"
        case _:
            return ""


class _Compaction(msgspec.Struct):
    content: str | None = None


def _summary(block: msgspec.Raw) -> str:
    """The text of a block of a summary that has come whole."""
    try:
        return msgspec.json.decode(block, type=_Compaction).content or ""
    except msgspec.ValidationError:
        return ""


_NO_SUMMARY = "no summary could be made: nothing is left out"


def _is_known(type_: str) -> bool:
    return type_ in _BLOCKS or type_.endswith(("tool_use", "_result"))


def _edit(event: ContextEdited) -> str:
    kind = next((kind for kind in _EDITS if event.edit.startswith(kind)), "")
    what = _EDITS.get(kind, f"pieces of the past ({event.edit})")
    words = f"{event.pieces} {what} left out by the API"
    return f"{words}: {event.tokens:,} tokens fewer" if event.tokens else words


def json_text(raw: object) -> str:
    """The beginning of carried JSON; a string as what it says."""
    begun = bytes(raw)[:TEXT_BYTES]  # type: ignore[arg-type]
    if not begun.startswith(b'"'):
        return begun.decode("utf-8", "replace")
    body = begun[1:] if len(begun) == TEXT_BYTES else begun[1:-1]
    # Where it is cut may be in the middle of an escape, which is six bytes at most.
    for end in range(len(body), max(-1, len(body) - 6), -1):
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(b'"' + body[:end] + b'"', type=str)
    return body.decode("utf-8", "replace")

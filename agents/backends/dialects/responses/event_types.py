"""Wire types of the Responses API: the JSON of its events.

Only what somebody here looks into has fields. Shapes as recorded and as openai 3.57.0
has them (read 2026-11-30). What the events mean is
:mod:`agents.backends.dialects.responses.reader`'s.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from agents.backends.dialects.json_values import EventDecoder


class TextDelta(
    msgspec.Struct, frozen=True, tag_field="type", tag="response.output_text.delta"
):
    """More text."""

    delta: str
    output_index: int = 0
    content_index: int = 0


class RefusalDelta(
    msgspec.Struct, frozen=True, tag_field="type", tag="response.refusal.delta"
):
    """More of why the model declines."""

    delta: str
    output_index: int = 0
    content_index: int = 0


class SummaryDelta(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="response.reasoning_summary_text.delta",
):
    """More of a summary of what the model thinks."""

    delta: str
    output_index: int = 0
    summary_index: int = 0


class ReasoningDelta(
    msgspec.Struct, frozen=True, tag_field="type", tag="response.reasoning_text.delta"
):
    """More of what the model thinks, in its own words."""

    delta: str
    output_index: int = 0
    content_index: int = 0


class ArgumentsDelta(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="response.function_call_arguments.delta",
):
    """More of a call's input."""

    delta: str
    output_index: int = 0


class CodeDelta(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="response.code_interpreter_call_code.delta",
):
    """More of the code that the server will run."""

    delta: str
    output_index: int = 0


class ItemAdded(
    msgspec.Struct, frozen=True, tag_field="type", tag="response.output_item.added"
):
    """An item begins; what is sealed in it is not whole yet."""

    item: msgspec.Raw
    output_index: int = 0


class ItemDone(
    msgspec.Struct, frozen=True, tag_field="type", tag="response.output_item.done"
):
    """An item is complete."""

    item: msgspec.Raw
    output_index: int = 0


class Created(msgspec.Struct, frozen=True, tag_field="type", tag="response.created"):
    """A response begins."""

    response: msgspec.Raw


class Completed(
    msgspec.Struct, frozen=True, tag_field="type", tag="response.completed"
):
    """The response is complete."""

    response: msgspec.Raw


class Incomplete(
    msgspec.Struct, frozen=True, tag_field="type", tag="response.incomplete"
):
    """The response ended early."""

    response: msgspec.Raw


class Failed(msgspec.Struct, frozen=True, tag_field="type", tag="response.failed"):
    """The response broke off."""

    response: msgspec.Raw


class ErrorEvent(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """The response breaks off: flat as the SDK has it, or nested as recorded."""

    error: dict[str, Any] | str | None = None
    code: str | int | None = None
    message: str | None = None


WireEvent: TypeAlias = (
    TextDelta
    | RefusalDelta
    | SummaryDelta
    | ReasoningDelta
    | ArgumentsDelta
    | CodeDelta
    | ItemAdded
    | ItemDone
    | Created
    | Completed
    | Incomplete
    | Failed
    | ErrorEvent
)

_FORMS = (
    TextDelta,
    RefusalDelta,
    SummaryDelta,
    ReasoningDelta,
    ArgumentsDelta,
    CodeDelta,
    ItemAdded,
    ItemDone,
    Created,
    Completed,
    Incomplete,
    Failed,
    ErrorEvent,
)

events: EventDecoder[WireEvent] = EventDecoder(
    WireEvent,
    plain=_FORMS[:6],
    known=frozenset(str(form.__struct_config__.tag) for form in _FORMS),
)

SAID_ELSEWHERE = (
    "response.in_progress",
    "response.queued",
    "response.content_part.",
    "response.output_text.",
    "response.refusal.",
    "response.reasoning_",
    "response.function_call_arguments.",
    "response.custom_tool_call_input.",
    "response.web_search_call.",
    "response.x_search_call.",
    "response.file_search_call.",
    "response.code_interpreter_call",
    "response.image_generation_call.",
    "response.mcp_",
    "response.shell_call_",
    "response.apply_patch_call_",
    "keepalive",
    "ping",
)
"""Kinds of events, or how they begin, whose content their item has too."""


class Usage(msgspec.Struct, frozen=True):
    """Usage as the API counts it; anything may be absent or null."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: dict[str, Any] | None = None
    output_tokens_details: dict[str, Any] | None = None
    server_side_tool_usage_details: dict[str, Any] | None = None


class ResponseHead(msgspec.Struct, frozen=True):
    """The fields of a response object that are read here."""

    id: str = ""
    model: str = ""
    status: str | None = None
    error: dict[str, Any] | str | None = None
    incomplete_details: dict[str, Any] | None = None
    output: tuple[msgspec.Raw, ...] | None = None
    usage: msgspec.Raw = msgspec.Raw()


heads: msgspec.json.Decoder[ResponseHead] = msgspec.json.Decoder(ResponseHead)
usages: msgspec.json.Decoder[Usage | None] = msgspec.json.Decoder(Usage | None)

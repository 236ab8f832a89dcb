"""Wire types of the Messages API: the JSON of its events.

Pure. :class:`~agents.backends.dialects.event_stream.Splitter` has cut the body into
events; :func:`decode_event` reads one. Only what somebody here looks into has fields;
the rest stays :class:`msgspec.Raw` and travels on as it came. What the events mean is
:mod:`agents.backends.dialects.messages.reader`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias, cast

import msgspec

from agents.backends.dialects.json_text import as_utf8, carriable, one_line_of
from agents.errors import StreamMalformed


class TextDelta(msgspec.Struct, frozen=True, tag_field="type", tag="text_delta"):
    """More text."""

    text: str


class InputJsonDelta(
    msgspec.Struct, frozen=True, tag_field="type", tag="input_json_delta"
):
    """More of a tool's input."""

    partial_json: str


class ThinkingDelta(
    msgspec.Struct, frozen=True, tag_field="type", tag="thinking_delta"
):
    """More thinking."""

    thinking: str


class SignatureDelta(
    msgspec.Struct, frozen=True, tag_field="type", tag="signature_delta"
):
    """The seal of the thinking."""

    signature: str


class CitationsDelta(
    msgspec.Struct, frozen=True, tag_field="type", tag="citations_delta"
):
    """A source."""

    citation: msgspec.Raw


class CompactionDelta(
    msgspec.Struct,
    frozen=True,
    tag_field="type",
    tag="compaction_delta",
    forbid_unknown_fields=True,
):
    """The summary of the conversation so far, in one piece.

    One that has more fields is carried as a delta of a kind that is not known.
    """

    content: str | None = None
    encrypted_content: str | None = None


Delta: TypeAlias = (
    TextDelta
    | InputJsonDelta
    | ThinkingDelta
    | SignatureDelta
    | CitationsDelta
    | CompactionDelta
)


class MessageStart(msgspec.Struct, frozen=True, tag_field="type", tag="message_start"):
    """A response begins."""

    message: msgspec.Raw


class BlockStart(
    msgspec.Struct, frozen=True, tag_field="type", tag="content_block_start"
):
    """A block begins."""

    index: int
    content_block: msgspec.Raw


class BlockDelta(
    msgspec.Struct, frozen=True, tag_field="type", tag="content_block_delta"
):
    """A block grows."""

    index: int
    delta: Delta


class BlockStop(
    msgspec.Struct, frozen=True, tag_field="type", tag="content_block_stop"
):
    """A block is complete."""

    index: int


class StopFields(msgspec.Struct, frozen=True):
    """Why a response ended."""

    stop_reason: str | None = None


class CacheCreation(msgspec.Struct, frozen=True):
    """Tokens written to the cache, by lifetime."""

    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(msgspec.Struct, frozen=True):
    """Output tokens by purpose."""

    thinking_tokens: int | None = None


class ServerToolUse(msgspec.Struct, frozen=True):
    """Requests of the API's own tools."""

    web_search_requests: int | None = None
    web_fetch_requests: int | None = None


class WireUsage(msgspec.Struct, frozen=True):
    """Usage as the API counts it; what is absent is unknown."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerToolUse | None = None
    iterations: tuple[WireIteration, ...] | None = None
    speed: str | None = None
    service_tier: str | None = None
    inference_geo: str | None = None


class WireIteration(msgspec.Struct, frozen=True):
    """One sampling within a response: the model's own, or what was done for it."""

    type: str = "message"
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None


class MessageDelta(msgspec.Struct, frozen=True, tag_field="type", tag="message_delta"):
    """The response's end draws near: why, and what it cost."""

    delta: StopFields = StopFields()
    usage: WireUsage | None = None
    context_management: msgspec.Raw = msgspec.Raw(b"null")
    input_transformations: msgspec.Raw = msgspec.Raw(b"null")


class MessageStop(msgspec.Struct, frozen=True, tag_field="type", tag="message_stop"):
    """The response is complete."""


class Ping(msgspec.Struct, frozen=True, tag_field="type", tag="ping"):
    """The connection is kept alive."""


class ErrorEvent(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """The response breaks off; gateways have shapes of their own for why."""


WireEvent: TypeAlias = (
    BlockDelta
    | BlockStart
    | BlockStop
    | MessageStart
    | MessageDelta
    | MessageStop
    | Ping
    | ErrorEvent
)

_events: msgspec.json.Decoder[WireEvent] = msgspec.json.Decoder(WireEvent)


class OtherDelta(msgspec.Struct, frozen=True):
    """A delta that has no Struct, as it came."""

    index: int
    delta: msgspec.Raw


_others: msgspec.json.Decoder[OtherDelta] = msgspec.json.Decoder(OtherDelta)


def decode_event(data: bytes) -> tuple[WireEvent | OtherDelta | None, bytes]:
    """Read an event's JSON.

    Returns:
        The event, ``None`` for a kind that has no Struct (what is new);
        and the JSON it was read from, on one line and valid throughout. What never was
        JSON (``[DONE]``, by some gateways) is ``None`` and a JSON string.

    Raises:
        StreamMalformed: It is broken JSON, or a known kind lacks what it must have.
    """
    try:
        event = _events.decode(data)
        if type(event) is BlockDelta and type(event.delta) is not CitationsDelta:
            return event, data  # read whole: nothing of it is carried
        return _read_whole(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the way of nearly all ends here
    for candidate in (data, as_utf8(data)):
        try:
            return _read_whole(candidate)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        except RecursionError as exc:
            raise StreamMalformed("an event is nested too deeply") from exc
    if not data.lstrip().startswith(b"{"):
        return None, bytes(carriable(data))
    raise StreamMalformed("an event is not JSON")


def _read_whole(data: bytes) -> tuple[WireEvent | OtherDelta | None, bytes]:
    """Read an event of any kind, and look into all of it.

    What is carried is skipped otherwise, with its UTF-8, escapes and surrogates, and
    those who read it later would meet them.
    """
    data = one_line_of(data)
    try:
        return _events.decode(data), data
    except msgspec.ValidationError as exc:
        return _unknown(data, exc), data


_KNOWN = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    }
)


def _unknown(
    data: bytes, problem: msgspec.ValidationError
) -> WireEvent | OtherDelta | None:
    """Sort out an event that is not as expected: new, or known and broken."""
    kind = _kind_of(data)
    if kind not in _KNOWN:
        return None
    for bare in bared(data):
        try:
            return _events.decode(bare)
        except msgspec.ValidationError:
            continue
    if kind == "content_block_delta":
        try:
            other = _others.decode(data)
        except msgspec.ValidationError as exc:
            raise StreamMalformed(f"{kind}: {exc}") from exc
        if _kind_of(other.delta) not in _KNOWN_DELTAS:
            return other
    raise StreamMalformed(f"{kind}: {problem}") from problem


_ENVELOPES = frozenset({"delta", "message", "content_block", "usage"})
"""Keys of an event that hold fields of the API; all else is carried as it came."""
_COUNTED = "_tokens", "_requests"
_KINDS: dict[str, type] = {
    **dict.fromkeys(("cache_creation", "output_tokens_details"), dict),
    "server_tool_use": dict,
    **dict.fromkeys(("speed", "service_tier", "inference_geo", "type", "model"), str),
}
"""The types of fields of a usage; fields of another type are left out."""
_WORDS = frozenset({"text", "thinking", "partial_json", "signature"})


def bared(data: bytes) -> Iterator[bytes]:
    """An object of the API's without what gateways write for nothing, in two ways.

    ``null`` is absent, or an empty piece where a delta must have one; a count that is
    no whole number (``5.0``) is made one, or is absent. Then without any usage: what
    cannot be read of it is unknown, and voids no response.

    Args:
        data: Valid JSON: an event, or a part of one.
    """
    value = _bare(msgspec.json.decode(data), is_usage=False)
    yield msgspec.json.encode(value)
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        if not isinstance(fields.get("content", []), list):
            yield msgspec.json.encode({**fields, "content": []})
        fields.pop("usage", None)
        yield msgspec.json.encode(fields)


def _bare(value: object, *, is_usage: bool) -> object:
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, object]", value)
    bare: dict[str, object] = {}
    for name, field in fields.items():
        cleaned = field
        if name in _WORDS and field is None:
            cleaned = ""
        elif is_usage and name.endswith(_COUNTED):
            cleaned = _count(field)
        elif is_usage and name == "iterations":
            cleaned = _iterations(field)
        elif is_usage and not isinstance(field, _KINDS.get(name, object)):
            cleaned = None
        elif is_usage or name in _ENVELOPES:
            cleaned = _bare(field, is_usage=is_usage or name == "usage")
        if cleaned is not None:
            bare[name] = cleaned
    return bare


def _iterations(field: object) -> list[object] | None:
    """The samplings that can be read; ``None``: it is no list of any."""
    if not isinstance(field, list):
        return None
    each: list[Any] = cast("list[Any]", field)
    return [_bare(x, is_usage=True) for x in each if type(x) is dict]  # pyright: ignore[reportUnknownArgumentType]  (JSON)


def _count(field: object) -> int | None:
    if isinstance(field, bool) or not isinstance(field, int | float | str):
        return None
    try:
        number = float(field)
    except ValueError:
        return None
    return int(number) if number.is_integer() and number >= 0 else None


def _kind_of(data: bytes) -> str:
    """An object's ``type``; empty where it has none, or is no object."""
    try:
        return _kinds.decode(data).type
    except msgspec.ValidationError:
        return ""


class _Kind(msgspec.Struct, frozen=True):
    type: str = ""


_kinds: msgspec.json.Decoder[_Kind] = msgspec.json.Decoder(_Kind)
_KNOWN_DELTAS = frozenset(
    {
        "text_delta",
        "input_json_delta",
        "thinking_delta",
        "signature_delta",
        "citations_delta",
    }
)

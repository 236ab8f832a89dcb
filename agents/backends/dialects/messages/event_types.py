"""What the Messages API puts on the wire: server-sent events and their JSON.

Pure. :class:`Splitter` cuts bytes into events, however the network cut them;
:func:`decode_event` reads one. Only what somebody here looks into has fields; the rest
stays :class:`msgspec.Raw` and travels on as it came. What the events mean is
:mod:`agents.backends.dialects.messages.reader`'s.

The framing follows the HTML standard, "Server-sent events", section 9.2.6 (read
2026-11-22): lines end in LF, CRLF or CR, a blank line ends an event, an event without
its blank line at the end of the body is dropped.
"""

from __future__ import annotations

import json
from typing import TypeAlias

import msgspec

from agents.errors import StreamMalformed

LINE_BYTES = 32 * 1024 * 1024
"""Longest event. The largest real ones are results of code execution and fetched
documents, some megabytes; the SDK (2.12.0) has no limit and takes 13 s for 50 MB."""

BODY_BYTES = 512 * 1024 * 1024
"""Longest body, after decompression: 100 KB of gzip can become 400 MB."""

_BOM = b"\xef\xbb\xbf"
_CR = 13
"""A number, because looking for one in bytes takes half of looking for bytes."""


ServerEvent: TypeAlias = tuple[bytes, bytes]
"""One event as the wire had it: the name in its ``event:`` field, empty where there was
none, and its data. A bare tuple, because a named one costs more than the splitting."""


class Splitter:
    """Cuts a body into events; give it every read in order.

    Args:
        line_bytes: Longest event.
        body_bytes: Longest body.
    """

    __slots__ = (
        "_after_cr",
        "_at_start",
        "_body_left",
        "_line_bytes",
        "_parts",
        "_waiting",
    )

    def __init__(
        self, *, line_bytes: int = LINE_BYTES, body_bytes: int = BODY_BYTES
    ) -> None:
        self._line_bytes = line_bytes
        self._body_left = body_bytes
        # Joined only when an event ends, so that a long one is not copied each read.
        self._parts: list[bytes] = []
        self._waiting = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take the next read and return the events it completed.

        Raises:
            StreamMalformed: The event or the body is longer than allowed.
        """
        self._body_left -= len(data)
        if self._body_left < 0:
            raise StreamMalformed("the body is longer than allowed")
        if not self._parts and not self._after_cr:
            alone = _alone(data)
            if alone is not None and len(data) <= self._line_bytes:
                self._at_start = False
                return [alone]
        if not data:
            return []
        if self._after_cr or b"\r" in data:
            data = self._plain_line_ends(data)
            if not data:
                return []
        ends_here = b"\n\n" in data
        if not ends_here and self._parts:
            ends_here = data[0] == 10 and self._parts[-1][-1] == 10
        if not ends_here:
            self._keep(data)
            return []
        if self._parts:
            self._parts.append(data)
            data = b"".join(self._parts)
            self._parts, self._waiting = [], 0
        blocks = data.split(b"\n\n")
        rest = blocks.pop()
        if len(data) > self._line_bytes:
            for block in blocks:
                self._check(len(block))
        if rest:
            self._keep(rest)
        if self._at_start:
            self._at_start = False
            blocks[0] = blocks[0].removeprefix(_BOM)
        return [event for block in blocks if (event := _event(block)) is not None]

    def _keep(self, data: bytes) -> None:
        self._waiting += len(data)
        self._check(self._waiting)
        self._parts.append(data)

    def _check(self, size: int) -> None:
        if size > self._line_bytes:
            raise StreamMalformed(f"an event is longer than {self._line_bytes} bytes")

    def _plain_line_ends(self, data: bytes) -> bytes:
        """``data`` with LF for every line end; a CRLF may be cut in two."""
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
            self._after_cr = False
            if not data:
                return b""
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _alone(data: bytes) -> ServerEvent | None:
    """Read the one event that a read brought, whole and in the API's own words.

    Anything else is ``None``, and read by the letter. Most reads are of this kind, and
    finding so costs a third of what splitting does.
    """
    lines = data.split(b"\n", 4)
    if len(lines) != 4 or lines[2] or lines[3] or _CR in data:
        return None
    name, said = lines[0], lines[1]
    if name[:7] != b"event: " or said[:6] != b"data: ":
        return None
    return name[7:], said[6:]


def _event(block: bytes) -> ServerEvent | None:
    """Read one event's lines; nearly all are ``event: x`` LF ``data: {…}``."""
    if block.startswith(b"event: "):
        end = block.find(b"\n")
        if block.startswith(b"data: ", end + 1) and block.find(b"\n", end + 7) < 0:
            return block[7:end], block[end + 7 :]
    return _fields(block)


def _fields(block: bytes) -> ServerEvent | None:
    """Read an event by the letter of the standard."""
    name = b""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return (name, b"\n".join(data)) if data else None


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


Delta: TypeAlias = (
    TextDelta | InputJsonDelta | ThinkingDelta | SignatureDelta | CitationsDelta
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
    """What output tokens went into."""

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


class MessageDelta(msgspec.Struct, frozen=True, tag_field="type", tag="message_delta"):
    """The response's end draws near: why, and what it cost."""

    delta: StopFields = StopFields()
    usage: WireUsage | None = None


class MessageStop(msgspec.Struct, frozen=True, tag_field="type", tag="message_stop"):
    """The response is complete."""


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong."""

    type: str = "unknown"
    message: str = ""


class ErrorEvent(msgspec.Struct, frozen=True, tag_field="type", tag="error"):
    """The response breaks off."""

    error: ErrorBody = ErrorBody()


WireEvent: TypeAlias = (
    BlockDelta
    | BlockStart
    | BlockStop
    | MessageStart
    | MessageDelta
    | MessageStop
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
        The event, ``None`` for a kind that has no Struct (``ping``, and what is new);
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
    data = _line(data)
    try:
        return _events.decode(data), data
    except msgspec.ValidationError as exc:
        return _unknown(data, exc), data


def _line(data: bytes) -> bytes:
    """``data`` as one line, if it is valid JSON throughout."""
    if b"\n" in data:
        data = msgspec.json.format(data, indent=-1)
    msgspec.json.decode(data)
    return data.strip()


def one_value(data: bytes) -> msgspec.Raw | None:
    """``data`` as one line of valid JSON, mended where that is enough."""
    for candidate in (data, as_utf8(data)):
        try:
            return msgspec.Raw(_line(candidate))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return None


def carriable(data: bytes) -> msgspec.Raw:
    """``data`` as one line of valid JSON; what is not JSON, as a JSON string."""
    value = one_value(data)
    if value is None:
        return msgspec.Raw(msgspec.json.encode(data.decode("utf-8", "replace")))
    return value


_KNOWN = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
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
    if kind == "content_block_delta":
        try:
            other = _others.decode(data)
        except msgspec.ValidationError as exc:
            raise StreamMalformed(f"{kind}: {exc}") from exc
        if _kind_of(other.delta) not in _KNOWN_DELTAS:
            return other
    raise StreamMalformed(f"{kind}: {problem}") from problem


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


def as_utf8(data: bytes) -> bytes:
    r"""Make JSON readable that is not quite UTF-8.

    Models do write half a surrogate pair (``"\ud83d"``), and gateways cut characters;
    either becomes U+FFFD, and the rest is kept. What is no JSON is only decoded.
    """
    text = data.decode("utf-8", "replace")
    try:
        text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return text.encode()
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()

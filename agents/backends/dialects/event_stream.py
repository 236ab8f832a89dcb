"""Server-sent events: bytes cut into events, however the network cut them. Pure.

The framing follows the HTML standard, "Server-sent events", section 9.2.6 (read
2026-11-22): lines end in LF, CRLF or CR, a blank line ends an event. Two things go
beyond it, because servers do them. A body may hold a bare JSON object between events or
instead of them (Gemini's errors amid a stream, gateways' under status 200): it counts
as an event without a name. The last event may lack its blank line: the standard drops
it, :meth:`Splitter.finish` gives it.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from agents.errors import StreamMalformed

LINE_BYTES = 32 * 1024 * 1024
"""Longest event. The largest real ones are results of code execution and fetched
documents, some megabytes; the SDK (2.12.0) has no limit and takes 13 s for 50 MB."""

BODY_BYTES = 128 * 1024 * 1024
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
        "_failure",
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
        self._failure: StreamMalformed | None = None

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take the next read and return the events it completed.

        Raises:
            StreamMalformed: An event or the body is longer than allowed. Where the same
                read has completed events before, they come first, and the next call
                raises.
        """
        if self._failure is not None:
            raise self._failure
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
            blocks, rest = self._fitting(blocks, rest)
        if rest:
            self._keep(rest)
        if self._at_start:
            self._at_start = False
            blocks[0] = blocks[0].removeprefix(_BOM)
        return [event for block in blocks if (event := _event(block)) is not None]

    def finish(self) -> list[ServerEvent]:
        """The body has ended: its last event, where only the blank line is missing.

        An event that was cut within its JSON is no event.
        """
        if self._failure is not None:
            raise self._failure
        rest, self._parts, self._waiting = b"".join(self._parts), [], 0
        if self._at_start:
            rest = rest.removeprefix(_BOM)
        last = _event(rest.rstrip(b"\n"))
        return [last] if last is not None and _is_json(last[1]) else []

    def _fitting(self, blocks: list[bytes], rest: bytes) -> tuple[list[bytes], bytes]:
        """The blocks before the first event that is too long, if one is."""
        for place, block in enumerate((*blocks, rest)):
            try:
                self._check(len(block))
            except StreamMalformed as error:
                if not place:
                    raise
                self._failure = error
                return blocks[:place], b""
        return blocks, rest

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
    if len(lines) == 3:  # ``data: {…}`` alone, as all but two of the dialects have it
        data_line = lines[0]
        if lines[1] or lines[2] or data_line[:6] != b"data: " or _CR in data:
            return None
        return b"", data_line[6:]
    if len(lines) != 4 or lines[2] or lines[3] or _CR in data:
        return None
    name, data_line = lines[0], lines[1]
    if name[:7] != b"event: " or data_line[:6] != b"data: ":
        return None
    return name[7:], data_line[6:]


def _event(block: bytes) -> ServerEvent | None:
    """Read one event's lines; nearly all are ``event: x`` LF ``data: {…}``."""
    if block.startswith(b"event: "):
        end = block.find(b"\n")
        if block.startswith(b"data: ", end + 1) and block.find(b"\n", end + 7) < 0:
            return block[7:end], block[end + 7 :]
    elif block.startswith(b"data: ") and b"\n" not in block:
        return b"", block[6:]
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
    if data:
        return name, b"\n".join(data)
    is_bare = block.lstrip()[:1] == b"{" and _is_json(block)
    return (b"", block) if is_bare else None


def _is_json(data: bytes) -> bool:
    """Whether ``data`` is one whole JSON value."""
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True

"""HTTP's chunked coding, undone. Pure.

RFC 9112, section 7.1 (read 2026-11-23): a chunk is its size in hexadecimal digits,
CRLF, so many bytes, CRLF; one of size zero ends the body. Sizes here are digits alone;
a chunk with extensions, the last one and the trailers behind it are left to others.
"""

from __future__ import annotations

_CRLF = b"\r\n"
_SIZE_DIGITS = 15
"""As many as fit in 60 bits; h11 (0.16) allows 20."""
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")


class NotChunked(ValueError):
    """The bytes are not in the chunked coding."""


class ChunkedBody:
    """Undoes the coding of one body; give it every read in order."""

    __slots__ = ("_left", "_line_end", "_waiting", "is_over", "rest")

    def __init__(self) -> None:
        self._left = 0
        """Bytes of the chunk under way that have not come."""
        self._line_end = b""
        """The line end that must follow them."""
        self._waiting = b""
        """The beginning of a size."""
        self.is_over = False
        """Whether what follows is not a plain chunk: then :attr:`rest` has it."""
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next read and return what its chunks hold.

        Raises:
            NotChunked: The bytes are something else.
        """
        if not (self._left or self._line_end or self._waiting):
            # Nearly every read is one whole chunk.
            digits, _, content = data.partition(_CRLF)
            size = _size(digits)
            if size and len(content) == size + 2 and content.endswith(_CRLF):
                return content[:-2]
        return self._read(data)

    def _read(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        if self._waiting:
            data, self._waiting = self._waiting + data, b""
        at = 0
        while at < len(data) and not self.is_over:
            if self._left:
                part = data[at : at + self._left]
                parts.append(part)
                self._left -= len(part)
                at += len(part)
            elif self._line_end:
                at = self._end_line(data, at)
            else:
                at = self._begin(data, at)
        return b"".join(parts)

    def _end_line(self, data: bytes, at: int) -> int:
        """Read on in the line end behind a chunk; where that ends."""
        part = data[at : at + len(self._line_end)]
        if not self._line_end.startswith(part):
            raise NotChunked("a chunk does not end where its size says")
        self._line_end = self._line_end[len(part) :]
        return at + len(part)

    def _begin(self, data: bytes, at: int) -> int:
        """Read a chunk's size; where its bytes begin."""
        end = data.find(_CRLF, at)
        if end < 0 and len(data) - at <= _SIZE_DIGITS + 1:
            self._waiting = data[at:]
            return len(data)
        size = _size(data[at:end]) if end >= 0 else 0
        if not size:
            self.is_over, self.rest = True, data[at:]
            return at
        self._left, self._line_end = size, _CRLF
        return end + 2


def _size(digits: bytes) -> int:
    """A chunk's size; 0 where it is that, or not just digits."""
    if not 0 < len(digits) <= _SIZE_DIGITS or not _HEXADECIMAL.issuperset(digits):
        return 0
    return int(digits, 16)

"""Images by their bytes: type, size in pixels, and whether they are whole.

Pure, and no decoder: containers are walked (PNG's chunks with their checksums, JPEG's
segments, GIF's blocks, WebP's RIFF), which finds what the API refuses: an image of
another type than it is said to be, empty, cut, or too large.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

SIDE_PIXELS = 8_000
"""The longest side of an image (docs.claude.com, vision, and public reports of "image
dimensions exceed max allowed size: 8000 pixels", read 2026-11-30)."""
BASE64_BYTES = 10 * 2**20
"""The largest image as base64 (public reports of "image exceeds 10 MB maximum", read
2026-11-30)."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_GIFS = (b"GIF87a", b"GIF89a")
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG's markers without a length."""
_FRAMES = frozenset({*range(0xC0, 0xD0)}) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of a frame, which say how large it is."""


class Picture(NamedTuple):
    """An image that is whole."""

    media_type: str
    width: int
    height: int


def media_type_of_image(data: bytes) -> str | None:
    """The type by the first bytes; ``None``: no image that a model reads."""
    if data.startswith(_PNG):
        return "image/png"
    if data.startswith(_JPEG):
        return "image/jpeg"
    if data.startswith(_GIFS):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def picture_of(data: bytes) -> Picture:
    """Look at an image.

    Raises:
        ValueError: It is empty, no image that a model reads, cut or damaged, or larger
            than ``SIDE_PIXELS``. The message begins with a verb: "is cut short".
    """
    if not data:
        raise ValueError("is empty")
    media_type = media_type_of_image(data)
    if media_type is None:
        raise ValueError("is no PNG, JPEG, GIF or WebP")
    measured = {
        "image/png": _png,
        "image/jpeg": _jpeg,
        "image/gif": _gif,
        "image/webp": _webp,
    }[media_type]
    try:
        width, height = measured(data)
    except IndexError:
        raise ValueError("is cut short") from None
    if width < 1 or height < 1:
        raise ValueError("has no pixels")
    if max(width, height) > SIDE_PIXELS:
        raise ValueError(
            f"has {width:,} x {height:,} pixels, and {SIDE_PIXELS:,} are the most "
            "of a side"
        )
    return Picture(media_type, width, height)


def _number(data: bytes, at: int, size: int, *, is_big: bool = True) -> int:
    part = data[at : at + size]
    if len(part) < size:
        raise IndexError(at)
    return int.from_bytes(part, "big" if is_big else "little")


def _png(data: bytes) -> tuple[int, int]:
    at, sides, has_pixels = len(_PNG), (0, 0), False
    while True:
        size, kind = _number(data, at, 4), data[at + 4 : at + 8]
        checksum = _number(data, at + 8 + size, 4)
        if zlib.crc32(data[at + 4 : at + 8 + size]) != checksum:
            raise ValueError("is damaged: a checksum is wrong")
        if kind == b"IHDR":
            sides = _number(data, at + 8, 4), _number(data, at + 12, 4)
        has_pixels |= kind == b"IDAT" and size > 0
        at += 12 + size
        if kind == b"IEND":
            break
    if not has_pixels:
        raise ValueError("has no pixels")
    return sides


def _jpeg(data: bytes) -> tuple[int, int]:
    at, sides = 2, (0, 0)
    while True:
        while _number(data, at, 1) != 0xFF or _number(data, at + 1, 1) in {0x00, 0xFF}:
            at += 1  # pixels, or filling
            if at < len(data) and data[at] != 0xFF:
                at = data.find(b"\xff", at)
                if at < 0:
                    raise IndexError
        marker = _number(data, at + 1, 1)
        at += 2
        if marker == 0xD9:
            return sides
        if marker in _ALONE:
            continue
        if marker in _FRAMES:
            sides = _number(data, at + 5, 2), _number(data, at + 3, 2)
        at += _number(data, at, 2)


def _gif(data: bytes) -> tuple[int, int]:
    sides = tuple(_number(data, at, 2, is_big=False) for at in (6, 8))
    flags = _number(data, 10, 1)
    at = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    has_pixels = False
    while (kind := _number(data, at, 1)) != 0x3B:
        if kind == 0x2C:  # an image: its place, its colours, its first code size
            colours = _number(data, at + 9, 1)
            at += 10 + (3 << ((colours & 7) + 1) if colours & 0x80 else 0) + 1
            has_pixels = True
        elif kind == 0x21:
            at += 2
        else:
            raise ValueError("is damaged")
        while size := _number(data, at, 1):
            at += 1 + size
        at += 1
    if not has_pixels:
        raise ValueError("has no pixels")
    return sides[0], sides[1]


def _webp(data: bytes) -> tuple[int, int]:
    if len(data) < 8 + _number(data, 4, 4, is_big=False):
        raise IndexError
    kind = data[12:16]
    if kind == b"VP8X":
        return (
            1 + _number(data, 24, 3, is_big=False),
            1 + _number(data, 27, 3, is_big=False),
        )
    if kind == b"VP8L":
        bits = _number(data, 21, 4, is_big=False)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return (
            _number(data, 26, 2, is_big=False) & 0x3FFF,
            _number(data, 28, 2, is_big=False) & 0x3FFF,
        )
    raise ValueError("is damaged")

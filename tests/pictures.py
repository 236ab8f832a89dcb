"""Small images, made by hand, that any reader takes."""

from __future__ import annotations

import struct
import zlib


def png(width: int = 2, height: int = 2) -> bytes:
    """A PNG of one bit a pixel, all of it black."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return (
            struct.pack(">I", len(data))
            + checked
            + struct.pack(">I", zlib.crc32(checked))
        )

    rows = b"\0" * ((1 + (width + 7) // 8) * height)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def gif(width: int = 2, height: int = 2) -> bytes:
    """A GIF of one frame."""
    screen = (
        b"GIF89a"
        + struct.pack("<HH", width, height)
        + b"\x80\0\0"
        + b"\0\0\0\xff\xff\xff"
    )
    frame = b"," + struct.pack("<HHHH", 0, 0, width, height) + b"\0"
    return screen + frame + b"\x02\x02\x4c\x01\0" + b";"


def jpeg(width: int = 2, height: int = 2) -> bytes:
    """The outline of a JPEG: a frame, a scan and an end."""
    frame = (
        b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\0"
    )
    scan = b"\xff\xda\x00\x08\x01\x01\0\0\x3f\0" + b"\x12\xff\0\x34"
    return b"\xff\xd8" + frame + scan + b"\xff\xd9"


def webp(width: int = 2, height: int = 2) -> bytes:
    """The outline of a lossless WebP."""
    bits = (width - 1) | (height - 1) << 14
    body = (
        b"WEBPVP8L" + struct.pack("<I", 6) + b"\x2f" + struct.pack("<I", bits) + b"\0"
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body

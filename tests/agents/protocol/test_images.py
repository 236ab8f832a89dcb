"""Images are known by their bytes: type, size, and whether they are whole."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from agents.protocol.images import Picture, media_type_of_image, picture_of
from tests.pictures import gif, jpeg, png, webp

FRAME = b"," + struct.pack("<HHHH", 0, 0, 2, 2)
SCREEN = b"GIF89a" + struct.pack("<HH", 2, 2)
COLOURS = b"\0\0\0\xff\xff\xff"


def riff(kind: bytes, body: bytes) -> bytes:
    """A WebP of one chunk."""
    chunk = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk)) + chunk


def extended(width: int, height: int) -> bytes:
    """The head of a WebP with extras."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(b"VP8X", b"\0\0\0\0" + sides)


def lossy(width: int, height: int) -> bytes:
    """The head of a lossy WebP; two bits beside each side are for scaling."""
    sides = struct.pack("<HH", width | 0x4000, height | 0x8000)
    return riff(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + sides)


def without_pixels() -> bytes:
    """A PNG whose chunks are whole and hold no picture."""
    whole = png()
    start = whole.index(b"IDAT") - 4
    return whole[:start] + whole[whole.index(b"IEND") - 4 :]


@pytest.mark.parametrize("make", [png, jpeg, gif, webp, extended, lossy])
@pytest.mark.parametrize("size", [(1, 1), (300, 17), (8_000, 2)])
def test_an_image_is_measured(
    make: Callable[[int, int], bytes], size: tuple[int, int]
) -> None:
    assert picture_of(make(*size))[1:] == size


@pytest.mark.parametrize("make", [png, jpeg, gif, webp])
def test_an_image_that_is_cut_anywhere_is_none(make: Callable[[], bytes]) -> None:
    data = make()
    for end in range(len(data)):
        with pytest.raises(ValueError, match=r"is |has "):
            picture_of(data[:end])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"BM6\0", "is no PNG, JPEG, GIF or WebP"),
        (png().replace(b"IDAT", b"IDAT", 1)[:-20] + b"\0" * 20, "checksum is wrong"),
        (without_pixels(), "has no pixels"),
        (png(0, 4), "has no pixels"),
        (png(9_000, 1), r"9,000 x 1 pixels, and 8,000 are the most"),
        (b"\xff\xd8\xff\xd9", "has no pixels"),
        (SCREEN + b"\0\0\0;", "has no pixels"),
        (SCREEN + b"\0\0\0?", "is damaged"),
        (riff(b"ALPH", b"\0" * 12), "is damaged"),
    ],
)
def test_no_image_is_refused_in_words_that_say_why(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        picture_of(data)


@pytest.mark.parametrize(
    "data",
    [
        # Colours of the screen, an extension, and an image with colours of its own.
        SCREEN + b"\x80\0\0" + COLOURS + b"!\xf9\x04\0\0\0\0\0" + FRAME + b"\x80"
        + COLOURS + b"\x02\x01\x4c\0;",
        # No colours of the screen's own.
        SCREEN + b"\0\0\0" + FRAME + b"\0\x02\x01\x4c\0;",
    ],
)  # fmt: skip
def test_blocks_of_a_gif_are_stepped_over(data: bytes) -> None:
    assert picture_of(data) == Picture("image/gif", 2, 2)


def test_a_jpeg_may_have_filling_and_markers_without_a_length() -> None:
    whole = jpeg(6, 4)
    filled = whole[:2] + b"\xff\x01" + b"\xff" + whole[2:-2] + b"\xff\xd0" + whole[-2:]
    assert picture_of(filled) == Picture("image/jpeg", 6, 4)


def test_a_type_is_known_by_the_first_bytes() -> None:
    made = {media_type_of_image(make()) for make in (png, jpeg, gif, webp)}
    assert made == {"image/png", "image/jpeg", "image/gif", "image/webp"}
    assert media_type_of_image(b"RIFF\0\0\0\0WAVE") is None

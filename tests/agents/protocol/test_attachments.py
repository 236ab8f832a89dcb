from __future__ import annotations

import base64
import re
from typing import Any

import msgspec
import pytest

from agents.protocol import attachments
from agents.protocol.attachments import (
    Attach,
    Attachment,
    attachment,
    file_block,
    inline_block,
    media_type_of,
)
from tests.pictures import png

PNG = png()
PDF = b"%PDF-1.7\n1 0 obj\n" + b"\xff\xfe\0" * 9


def made(data: bytes, name: str = "x", **wish: Any) -> Attachment:
    return attachment(data, Attach(source=name, **wish), name)


def block(raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(raw)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0\0", "image/jpeg"),
        (b"GIF89a\0", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (PDF, "application/pdf"),
        (b"\n\n" + PDF, "application/pdf"),
        ("größe, 大".encode(), "text/plain"),
        ("größe".encode("utf-16"), "text/plain"),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"PK\x03\x04\0\0", None),
        (b"\xe9t\xe9", None),
        (b"a\0b", None),
    ],
)
def test_a_files_type_is_told_by_its_content(
    data: bytes, media_type: str | None
) -> None:
    assert media_type_of(data) == media_type


def test_a_name_says_nothing_of_the_type() -> None:
    assert made(PNG, "report.txt").kind == "image"
    assert made(b"hello", "picture.png").kind == "text"


def test_text_becomes_utf_8_without_its_mark() -> None:
    assert made("ä".encode("utf-16")).data == "ä".encode()
    assert made(b"\xef\xbb\xbfhi").data == b"hi"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("/etc/passwd", "passwd"),
        ("C:\\files\\a.txt", "a.txt"),
        ('a<b>:"?.txt', "a_b____.txt"),
        ("", "file"),
        ("/", "file"),
    ],
)
def test_of_a_name_the_last_part_is_kept_as_the_api_takes_it(
    name: str, kept: str
) -> None:
    assert made(b"hi", name).name == kept


@pytest.mark.parametrize(
    ("data", "wish", "problem"),
    [
        (b"", {}, "is empty"),
        (b"\0\1", {}, "is no image (PNG, JPEG, GIF, WebP), no PDF and no text"),
        (PNG + bytes(attachments.IMAGE_BYTES), {}, "5.0 MB is the most for an image"),
        (PNG, {"citations": True}, "is an image; only a PDF or a text is cited"),
        (b"hi", {"container": True, "by": "inline"}, "drop 'inline'"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_reason(
    data: bytes, wish: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        made(data, **wish)


def test_small_files_go_inline_and_large_ones_by_upload_unless_told_otherwise() -> None:
    large = b"x" * (attachments.INLINE_EACH_BYTES + 1)
    assert not made(b"hi").is_uploaded
    assert made(large).is_uploaded
    assert made(b"hi", by="upload").is_uploaded
    assert not made(large, by="inline").is_uploaded
    assert made(b"\0", container=True).is_uploaded


def test_inline_blocks_are_as_the_api_takes_them() -> None:
    assert block(inline_block(made(PNG))) == {
        "type": "image",
        "source": {
            "type": "base64",
            "media_type": "image/png",
            "data": base64.b64encode(PNG).decode(),
        },
    }
    assert block(inline_block(made(b"hi", "a.txt", citations=True))) == {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "hi"},
        "title": "a.txt",
        "citations": {"enabled": True},
    }


def test_blocks_of_uploads_name_the_file() -> None:
    source = {"type": "file", "file_id": "file_1"}
    assert block(file_block(made(PNG), "file_1")) == {"type": "image", "source": source}
    pdf = file_block(made(PDF, title="Report"), "file_1")
    assert block(pdf) == {"type": "document", "source": source, "title": "Report"}
    data = file_block(made(b"\0", container=True), "file_1")
    assert block(data) == {"type": "container_upload", "file_id": "file_1"}


def test_a_traceback_shows_no_content() -> None:
    assert repr(made(b"secret", "a.txt")) == "Attachment('a.txt', text/plain, 6 bytes)"


def test_what_does_not_fit_inline_is_to_be_uploaded() -> None:
    large = b"x" * (attachments.INLINE_BYTES + 1)
    with pytest.raises(ValueError, match=r"20\.0 MB fit inline; upload it"):
        made(large, "a.txt", by="inline")


def test_an_image_that_is_cut_is_not_attached() -> None:
    with pytest.raises(ValueError, match="is an image that is cut short; mend it"):
        made(PNG[:-4], "a.png")


@pytest.mark.parametrize("rest", [b"", b"\n", b"\nDear object,\n", b"\n%\xe2\xe3"])
def test_a_pdf_without_anything_in_it_is_refused(rest: bytes) -> None:
    with pytest.raises(ValueError, match="a PDF without anything in it"):
        attachment(b"%PDF-1.7" + rest, Attach(source="a.pdf"), "a.pdf")

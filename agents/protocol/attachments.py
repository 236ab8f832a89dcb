"""Files that go with a question: what they are, and the blocks they become. Pure.

An :class:`Attach` is what a person writes: a path or an address, and how to send it. An
:class:`Attachment` is what was read of it. Its kind is told by its content, never by
its name. Reading is :mod:`coordinator.team.attachment_sources`'s, uploading
:mod:`agents.conversation.uploads`'s.
"""

from __future__ import annotations

import base64
import codecs
import re
from hashlib import sha256
from pathlib import PurePath
from typing import Any, Literal, TypeAlias

import msgspec

from agents.protocol.images import media_type_of_image, picture_of
from agents.protocol.unicode_text import whole_text

Kind: TypeAlias = Literal["image", "pdf", "text", "data"]
By: TypeAlias = Literal["auto", "inline", "upload"]

MB = 1_000_000
IMAGE_BYTES = 5 * MB
"""Largest image that the API takes (docs.claude.com, vision, read 2026-11-22)."""
DOCUMENT_BYTES = 32 * MB
"""Largest PDF: as large as a request may be (docs.claude.com, PDF support, the same
day). A text of this size would not fit any context window."""
DATA_BYTES = 200 * MB
"""Largest file for a container. The API takes 500 MB; here all of it is in memory."""
INLINE_BYTES = 20 * MB
"""Most of all inline files together: base64 makes four bytes of three, and a request is
32 MB at most."""
INLINE_EACH_BYTES = 1 * MB
"""Larger files are uploaded unless it is said otherwise: what is inline travels with
every request of every agent."""
TITLE_CHARS = 200
NAME_CHARS = 200
_UNFIT = re.compile(r'[<>:"|?*\\/\x00-\x1f]')
"""Characters that the Files API refuses in a name (docs.claude.com, the same day)."""

_PDF_OBJECT = re.compile(rb"\d\s+\d+\s+obj\b")
"""How anything in a PDF begins. The API refuses what has none, for every agent: "The
PDF specified was not valid" (anthropics/claude-code#20195, read 2026-12-01)."""
_PDF_WITHIN = 1024
"""A PDF may begin with so many bytes of something else; readers allow it."""
_TEXT_CONTROLS = frozenset(range(32)) - {7, 8, 9, 10, 12, 13, 27}


class Attach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to send with the question."""

    source: str
    """A path, or an address (``https://…``), which is downloaded once."""
    by: By = "auto"
    """``inline``: in every request. ``upload``: once, through the Files API, deleted at
    the session's end. ``auto``: whichever its size suggests."""
    title: str = ""
    """The title in footnotes; left out: the file's name."""
    citations: bool = False
    """Whether the model cites it, for a PDF or a text. The API wants it of all
    documents or of none."""
    container: bool = False
    """It is data for code execution, of any kind, and is not read by the model."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that has been read."""

    name: str
    """Its last part alone."""
    kind: Kind
    media_type: str
    data: bytes
    """Text is UTF-8, whatever it was."""
    digest: str
    """Of ``data`` and name: files of one digest are one upload."""
    is_uploaded: bool = False
    title: str = ""
    citations: bool = False

    def __repr__(self) -> str:
        # A picture in a traceback helps nobody.
        size = len(self.data)
        return f"Attachment({self.name!r}, {self.media_type}, {size} bytes)"


def attachment(data: bytes, wish: Attach, name: str) -> Attachment:
    """Make sense of a file's content.

    Args:
        data: All of it.
        wish: How it is to be sent.
        name: Its name; what stands before the last separator is left out.

    Raises:
        ValueError: It is empty, of no kind that a model reads, too large for its kind,
            or cannot be sent as wished. The message does not name it.
    """
    name = whole_text(PurePath(name.replace("\\", "/")).name)
    name = _UNFIT.sub("_", name)[-NAME_CHARS:] or "file"
    if not data:
        raise ValueError("is empty; leave it out, or name another")
    kind, media_type, data = _kind(data, wish)
    limit = {"image": IMAGE_BYTES, "data": DATA_BYTES}.get(kind, DOCUMENT_BYTES)
    if len(data) > limit:
        raise ValueError(
            f"has {size(len(data))}, and {size(limit)} is the most for {_NAMES[kind]}"
        )
    if wish.by == "inline" and kind == "data":
        raise ValueError("is for a container, where files are uploaded; drop 'inline'")
    if wish.by == "inline" and len(data) > INLINE_BYTES:
        most = size(INLINE_BYTES)
        raise ValueError(f"has {size(len(data))}, and {most} fit inline; upload it")
    if wish.citations and kind not in {"pdf", "text"}:
        raise ValueError(f"is {_NAMES[kind]}; only a PDF or a text is cited")
    if kind == "image":
        _check_picture(data)
    if kind == "pdf" and not _PDF_OBJECT.search(data):
        raise ValueError(
            "is a PDF without anything in it: it is cut, or another file under the "
            "name of one; mend it or leave it out"
        )
    return Attachment(
        name=name,
        kind=kind,
        media_type=media_type,
        data=data,
        digest=sha256(name.encode("utf-8", "replace") + b"\0" + data).hexdigest(),
        is_uploaded=kind == "data"
        or wish.by == "upload"
        or (wish.by == "auto" and len(data) > INLINE_EACH_BYTES),
        title=whole_text(wish.title or name)[:TITLE_CHARS],
        citations=wish.citations,
    )


def _check_picture(data: bytes) -> None:
    """Refuse an image that the API would refuse, once the agents have begun.

    Raises:
        ValueError: It is cut, damaged, or has too many pixels.
    """
    try:
        picture_of(data)
    except ValueError as problem:
        raise ValueError(
            f"is an image that {problem}; mend it or leave it out"
        ) from None


_NAMES: dict[Kind, str] = {
    "image": "an image",
    "pdf": "a PDF",
    "text": "a text",
    "data": "a container's file",
}


def size(count: int) -> str:
    """Say a number of bytes."""
    return f"{count / MB:,.1f} MB" if count >= MB / 10 else f"{count:,} bytes"


def _kind(data: bytes, wish: Attach) -> tuple[Kind, str, bytes]:
    if wish.container:
        return "data", media_type_of(data) or "application/octet-stream", data
    media_type = media_type_of(data)
    if media_type is None:
        raise ValueError(
            "is no image (PNG, JPEG, GIF, WebP), no PDF and no text; convert it, or "
            "give it to code execution with 'container: true'"
        )
    if media_type == "text/plain":
        return "text", media_type, _utf8(data) or data
    return ("pdf" if media_type == "application/pdf" else "image"), media_type, data


def media_type_of(data: bytes) -> str | None:
    """The media type of ``data``, by content; ``None``: no model reads it."""
    if (image := media_type_of_image(data)) is not None:
        return image
    if b"%PDF-" in data[:_PDF_WITHIN]:
        return "application/pdf"
    return "text/plain" if _utf8(data) is not None else None


def _utf8(data: bytes) -> bytes | None:
    """``data`` as UTF-8 without a byte order mark, if it is text."""
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    controls = _TEXT_CONTROLS & set(map(ord, set(text)))
    return None if controls else text.encode()


def inline_block(item: Attachment) -> msgspec.Raw:
    """The block that holds the file itself."""
    if item.kind == "text":
        source = {"type": "text", "media_type": item.media_type}
        return _block(item, {**source, "data": item.data.decode()})
    data = base64.b64encode(item.data).decode()
    source = {"type": "base64", "media_type": item.media_type, "data": data}
    return _block(item, source)


def file_block(item: Attachment, file_id: str) -> msgspec.Raw:
    """The block that names an upload."""
    if item.kind == "data":
        return _raw({"type": "container_upload", "file_id": file_id})
    return _block(item, {"type": "file", "file_id": file_id})


def _block(item: Attachment, source: dict[str, Any]) -> msgspec.Raw:
    if item.kind == "image":
        return _raw({"type": "image", "source": source})
    block: dict[str, Any] = {"type": "document", "source": source, "title": item.title}
    if item.citations:
        block["citations"] = {"enabled": True}
    return _raw(block)


def _raw(block: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(block))

"""Content blocks that a tool returned, made what the Messages API takes. Pure.

One block that the API refuses makes this and every later request fail, after the work
has been paid for. So blank text is left out, text is cut, and an image is looked at:
its type is what its bytes say, and one that cannot be read is told of in words.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeAlias, cast

import msgspec

from agents.protocol.images import BASE64_BYTES, picture_of
from agents.protocol.unicode_text import whole_json

Json: TypeAlias = dict[str, Any]

RESULT_CHARS = 100_000
"""Longest text a model reads as one result, some 25,000 tokens; what a careless tool
returns must not fill the context window, nor the journal."""
IMAGES_MOST = 20
"""Images of one result: beyond so many in a request, the API takes only small ones."""

_KINDS = frozenset({"text", "image", "document", "search_result", "tool_reference"})
"""Types of blocks that a result may hold (SDK 2.14.0); others are refused for good."""

NO_OUTPUT = "(no output)"
"""The result of a tool that returns nothing: silence could be taken for failure."""


def fit_blocks(given: list[Any]) -> list[Json]:
    """The blocks as the API takes them, at least one.

    Text is cut to ``RESULT_CHARS`` in all; what is no block that a result may hold
    becomes text.
    """
    room, images = RESULT_CHARS, 0
    fitted: list[Json] = []
    for part in given:
        block = _block(part)
        if block["type"] == "image":
            images += 1
            block = (
                _image(block) if images <= IMAGES_MOST else _left_out("is one too many")
            )
        elif block["type"] == "search_result":
            block = _search_result(block, room)
            room -= _weight(block)
        elif block["type"] == "document":
            block = _document(block, room)
            room -= _weight(block)
        if block["type"] == "text":
            text = str(block.get("text") or "")
            if not text.strip() or room <= 0:
                room -= len(text)
                continue
            block = {**block, "text": text[:room]}
            room -= len(text)
        fitted.append(block)
    if room < 0:
        fitted.append(_text(f"[cut: {-room:,} more characters]"))
    return fitted or [_text(NO_OUTPUT)]


def cut_text(text: str) -> str:
    """``text``, cut to what a model reads as one result."""
    left_out = len(text) - RESULT_CHARS
    if left_out <= 0:
        return text
    return f"{text[:RESULT_CHARS]}\n[cut: {left_out:,} more characters]"


def _block(part: object) -> Json:
    if isinstance(part, dict):
        block = cast("Json", part)
        if block.get("type") in _KINDS:
            return cast("Json", whole_json(block))
    if isinstance(part, str):
        return _text(part)
    return _text(msgspec.json.encode(part).decode())


def _search_result(block: Json, room: int) -> Json:
    """A search result with the texts that it may have; what it is without any."""
    texts: list[Json] = []
    for part in _listed(block.get("content")):
        text = part if isinstance(part, str) else _block(part).get("text")
        if isinstance(text, str) and text.strip() and room > 0:
            texts.append(_text(text[:room]))
            room -= len(text)
    title, source = str(block.get("title") or ""), str(block.get("source") or "")
    if not texts:
        return _text(f"[search result without text: {title or source}]")
    named = {"title": title or source or "untitled", "source": source or title}
    return {**block, **named, "content": texts}


def _document(block: Json, room: int) -> Json:
    """A document of text, cut; one without any is told of in words."""
    source = _of(block.get("source"))
    if source.get("type") != "text":
        return block if source else _left_out("has no source", "a document")
    data = str(source.get("data") or "")
    if not data.strip() or room <= 0:
        problem = "is too long" if data.strip() else "is empty"
        return _left_out(problem, "a document")
    return {**block, "source": {**source, "data": data[:room]}}


def _weight(block: Json) -> int:
    """Characters of a block that holds text within."""
    source = _of(block.get("source"))
    held = str(source.get("data")) if source.get("type") == "text" else ""
    texts = (str(_of(part).get("text", "")) for part in _listed(block.get("content")))
    return len(held) + sum(map(len, texts))


def _listed(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _of(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _image(block: Json) -> Json:
    source: Any = block.get("source")
    if not isinstance(source, dict):
        return _left_out("has no source")
    fields = cast("Json", source)
    if fields.get("type") != "base64":
        return block  # an address, or an upload
    encoded = "".join(str(fields.get("data") or "").split())
    if len(encoded) > BASE64_BYTES:
        size = len(encoded) * 3 // 4
        return _left_out(f"has {size / 1e6:,.1f} MB, too much for a request")
    try:
        data = base64.b64decode(encoded, validate=True)
        picture = picture_of(data)
    except binascii.Error:
        return _left_out("is no base64")
    except ValueError as problem:
        return _left_out(str(problem))
    source = {"type": "base64", "media_type": picture.media_type, "data": encoded}
    return {**block, "source": source}


def _left_out(problem: str, what: str = "an image") -> Json:
    return _text(f"[{what} is left out: it {problem}]")


def _text(text: str) -> Json:
    return {"type": "text", "text": text}

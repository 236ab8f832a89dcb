"""Validation of a request's blocks: texts, calls, images, cache marks.

Each rule is one that users of some client ran into, in the API's own words (public
reports, read 2026-11-30).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, cast

from agents.emulator.refusal import Invalid
from agents.protocol.images import (
    BASE64_BYTES,
    SIDE_PIXELS,
    media_type_of_image,
    picture_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agents.backends.scripted.script import JsonObject

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_IN_RESULTS = frozenset(
    {"document", "image", "search_result", "text", "tool_reference"}
)
_IMAGES_MOST = 100
_MANY_IMAGES = 20
_SIDE_OF_MANY = 2_000
_MARKS_MOST = 4
_LIVES = ("5m", "1h")


def blocks_in(body: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Each block with its path: of ``system``, of messages, and of tool results."""
    yield from _blocks(body.get("system"), "system")
    for number, message in enumerate(body.get("messages") or ()):
        yield from _blocks(message.get("content"), f"messages.{number}.content")


def _blocks(content: object, path: str) -> Iterator[tuple[str, JsonObject]]:
    if not isinstance(content, list):
        return
    for number, block in enumerate(cast("list[JsonObject]", content)):
        where = f"{path}.{number}"
        yield where, block
        if block.get("type") == "tool_result":
            yield from _blocks(block.get("content"), f"{where}.tool_result.content")


def check_texts(body: JsonObject) -> None:
    """No text is empty or blank.

    Raises:
        Invalid: One is.
    """
    for message in body["messages"]:
        content: Any = message["content"]
        if isinstance(content, str) and content and not content.strip():
            raise Invalid(
                "messages: text content blocks must contain non-whitespace text"
            )
    for path, block in blocks_in(body):
        if block.get("type") != "text":
            continue
        root = path.partition(".")[0]
        if not block["text"] and "cache_control" in block:
            raise Invalid(
                f"{path}.text: cache_control cannot be set for empty text blocks"
            )
        if not block["text"]:
            raise Invalid(f"{root}: text content blocks must be non-empty")
        if not block["text"].strip():
            raise Invalid(
                f"{root}: text content blocks must contain non-whitespace text"
            )


def check_calls(body: JsonObject) -> None:
    """Calls are named as tools may be.

    Raises:
        Invalid: One is not.
    """
    for path, block in blocks_in(body):
        if block.get("type") != "tool_use":
            continue
        if not _NAME.fullmatch(block["name"]):
            raise Invalid(
                f"{path}.tool_use.name: String should match pattern "
                "'^[a-zA-Z0-9_-]{1,128}$'"
            )
        if not _ID.fullmatch(block["id"]):
            raise Invalid(
                f"{path}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
            )


def check_results(body: JsonObject) -> None:
    """Results hold what they may, and search results some text.

    Raises:
        Invalid: One does not.
    """
    for path, block in blocks_in(body):
        kind = block.get("type")
        if ".tool_result.content." in path and kind not in _IN_RESULTS:
            raise Invalid(
                f"{path}: Input tag '{kind}' found using 'type' does not match any of "
                f"the expected tags: {', '.join(map(repr, sorted(_IN_RESULTS)))}"
            )
        if kind == "search_result" and not block.get("content"):
            raise Invalid(f"{path}.search_result.content: Field required")


def check_ends(body: JsonObject) -> None:
    """No message of the model's ends in thoughts, nor the last in blanks.

    Raises:
        Invalid: One does.
    """
    messages: list[JsonObject] = body["messages"]
    for number, message in enumerate(messages):
        content: Any = message["content"]
        if message["role"] != "assistant" or not content:
            continue
        is_last = number == len(messages) - 1
        follows = None if is_last else messages[number + 1]["role"]
        text: Any = content
        if isinstance(content, list):
            last = cast("list[JsonObject]", content)[-1]
            if last["type"] in _THOUGHTS and follows != "assistant":
                raise Invalid(
                    f"messages.{number}: The final block in an assistant message "
                    "cannot be `thinking`."
                )
            text = last.get("text", "") if last["type"] == "text" else ""
        if is_last and text != text.rstrip():
            raise Invalid(
                "messages: final assistant content cannot end with trailing whitespace"
            )


def check_images(body: JsonObject) -> None:
    """Images are what they are said to be, whole, and not too large.

    Raises:
        Invalid: One is not.
    """
    images = [(p, b["source"]) for p, b in blocks_in(body) if b.get("type") == "image"]
    if len(images) > _IMAGES_MOST:
        raise Invalid(
            f"Too much media: 0 document pages + {len(images)} images > {_IMAGES_MOST}"
        )
    for path, source in images:
        if source.get("type") == "base64":
            _check_image(f"{path}.image.source.base64", source, len(images))


def _check_image(path: str, source: JsonObject, count: int) -> None:
    encoded = str(source.get("data", ""))
    if len(encoded) > BASE64_BYTES:
        raise Invalid(
            f"{path}.data: image exceeds 10 MB maximum: {len(encoded)} bytes > "
            f"{BASE64_BYTES} bytes"
        )
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"{path}.data: Invalid base64 data") from None
    if not data:
        raise Invalid(f"{path}.data: image cannot be empty")
    media_type = media_type_of_image(data)
    if media_type is not None and media_type != source.get("media_type"):
        raise Invalid(
            f"{path}.data: Image does not match the provided media type "
            f"{source.get('media_type')}"
        )
    try:
        picture = picture_of(data)
    except ValueError as error:
        if "of a side" in str(error):
            raise Invalid(
                f"{path}.data: At least one of the image dimensions exceed max allowed "
                f"size: {SIDE_PIXELS} pixels"
            ) from None
        raise Invalid(f"{path}.data: Could not process image") from None
    if count > _MANY_IMAGES and max(picture.width, picture.height) > _SIDE_OF_MANY:
        raise Invalid(
            f"{path}.data: At least one of the image dimensions exceed max allowed "
            f"size for many-image requests: {_SIDE_OF_MANY} pixels"
        )


def check_marks(body: JsonObject) -> None:
    """Cache marks are four at most, on blocks that take one, the longest-lived first.

    Raises:
        Invalid: They are not.
    """
    marked = [*_marked(body)]
    if len(marked) > _MARKS_MOST:
        raise Invalid(
            f"A maximum of {_MARKS_MOST} blocks with cache_control may be provided. "
            f"Found {len(marked)}."
        )
    is_short = False
    for path, owner in marked:
        mark: Any = owner["cache_control"]
        if mark is None:
            continue
        if not isinstance(mark, dict):
            raise Invalid(f"{path}.cache_control: Input should be an object")
        life: Any = cast("JsonObject", mark).get("ttl", "5m")
        if mark.get("type") != "ephemeral":  # pyright: ignore[reportUnknownMemberType]  (JSON)
            raise Invalid(f"{path}.cache_control.type: Input should be 'ephemeral'")
        if life not in _LIVES:
            raise Invalid(f"{path}.cache_control.ttl: Input should be '5m' or '1h'")
        if owner.get("type") in _THOUGHTS:
            raise Invalid(f"{path}.cache_control: Extra inputs are not permitted")
        if owner.get("defer_loading"):
            raise Invalid(f"{path}: Tools with defer_loading cannot use prompt caching")
        if life == "1h" and is_short:
            raise Invalid(
                f"{path}.cache_control.ttl: a ttl='1h' cache_control block must not "
                "come after a ttl='5m' cache_control block. Note that blocks are "
                "processed in the following order: `tools`, `system`, `messages`."
            )
        is_short |= life == "5m"


def _marked(body: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Objects with a cache mark, in the order in which the API reads a request."""
    tools: list[JsonObject] = body.get("tools") or []
    owners = [(f"tools.{number}", tool) for number, tool in enumerate(tools)]
    for path, owner in (*owners, *blocks_in(body), ("", body)):
        if "cache_control" in owner:
            yield path or "request", owner

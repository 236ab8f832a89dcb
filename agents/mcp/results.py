"""Results of an MCP server, as the Messages API takes them. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, assert_never

import msgspec
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from agents.errors import ToolFailed
from agents.protocol.images import media_type_of_image
from agents.tools.result_blocks import NO_OUTPUT

if TYPE_CHECKING:
    from agents.tools.base import ToolResult

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
"""Image types that the API takes inline (docs.claude.com, vision, read 2026-11-22)."""


def result_of(result: CallToolResult) -> ToolResult:
    """Text, or blocks where there are images.

    Raises:
        ToolFailed: The server says that the call failed.
    """
    blocks = [_block(part) for part in result.content]
    if any(block["type"] != "text" for block in blocks) and not result.is_error:
        return msgspec.Raw(msgspec.json.encode(blocks))
    text = "\n".join(block.get("text", "") for block in blocks)
    if not blocks and result.structured_content is not None:
        text = msgspec.json.encode(result.structured_content).decode()
    if result.is_error:
        raise ToolFailed(text or "the server says that it failed, and not why")
    return text or NO_OUTPUT


def _block(part: ContentBlock) -> dict[str, Any]:
    match part:
        case TextContent():
            return _text(part.text)
        case ImageContent() if part.mime_type in IMAGES or _is_image(part.data):
            source = {
                "type": "base64",
                "media_type": part.mime_type,
                "data": part.data,
            }
            return {"type": "image", "source": source}
        case ImageContent() | AudioContent():
            return _text(f"[{part.mime_type}, {len(part.data):,} characters, left out]")
        case ResourceLink():
            return _text(f"{part.name}: {part.uri}")
        case EmbeddedResource(resource=TextResourceContents() as inner):
            return _text(inner.text)
        case EmbeddedResource(resource=BlobResourceContents() as inner):
            return _text(f"[{inner.uri}, {len(inner.blob):,} characters, left out]")
        case EmbeddedResource():
            return _text("[a resource, left out]")
        case _:
            assert_never(part)


def _is_image(data: str) -> bool:
    """Whether its first bytes are of a kind that the API takes, whatever its name."""
    try:
        return media_type_of_image(base64.b64decode(data[:64])) is not None
    except ValueError:
        return False


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}

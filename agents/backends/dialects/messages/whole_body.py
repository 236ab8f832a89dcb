"""A body that is no stream, where a stream was asked for. Pure.

Gateways answer 200 with an error in JSON, with the whole message at once, or with a
page that asks to sign in. Each is told by its first bytes and its media type.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import msgspec

from agents.backends.claude.errors import error_told, without_secrets, words_of
from agents.backends.dialects.event_stream import ServerEvent
from agents.backends.dialects.json_text import as_utf8
from agents.errors import BackendRefused, StreamMalformed

BODY_BYTES = 64 * 1024 * 1024
"""Longest such body: a message with the largest output and its files' results."""

_FIELDS = (b"event:", b"data:", b"id:", b"retry:", b":")
_STREAMED = {"text": "text_delta", "thinking": "thinking_delta"}


def is_whole(media_type: str, beginning: bytes) -> bool:
    """Whether a body is something else than a stream of events.

    Args:
        media_type: As ``content-type`` says.
        beginning: The first bytes of the body, some dozens if it has them.
    """
    start = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in {b"{", b"[", b"<"}:
        return True
    if "event-stream" in media_type.lower() or not media_type:
        return False
    # A stream that is called something else, as some proxies do, is still one.
    return not start.startswith(_FIELDS)


def events_of(
    body: bytes, media_type: str = "", secrets: Collection[str] = ()
) -> list[ServerEvent]:
    """The events that a whole message amounts to.

    Args:
        body: All of it.
        media_type: As ``content-type`` says.
        secrets: Keys that no error may quote.

    Raises:
        AgentError: The body is an error, a page, too long, or nothing that is known.
    """
    if len(body) > BODY_BYTES:
        raise StreamMalformed("the body is longer than allowed")
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        decoded: Any = msgspec.json.decode(as_utf8(body))
    except (msgspec.DecodeError, RecursionError):
        page = words_of(body.decode("utf-8", "replace"))
        words = without_secrets(" ".join(page.split()), secrets)
        if body.lstrip()[:1] in {b"{", b"["}:
            raise StreamMalformed(f"the body broke off within JSON: {words}") from None
        kind = media_type.partition(";")[0] or "text"
        raise BackendRefused(
            f"the server answered with {kind} and no stream; look at base_url, proxies "
            f"and sign-in pages on the way; it said: {words}"
        ) from None
    message = cast("dict[str, Any]", decoded) if isinstance(decoded, dict) else {}
    content: Any = message.get("content")
    if message.get("type") == "error" or not isinstance(content, list):
        raise error_told(cast("object", decoded), secrets)
    return _events(message, cast("list[Any]", content))


def _events(message: dict[str, Any], content: list[Any]) -> list[ServerEvent]:
    usage: Any = message.get("usage")
    start: dict[str, Any] = {**message, "content": [], "stop_reason": None}
    events = [_event("message_start", message=start)]
    for index, block in enumerate(content):
        if not isinstance(block, dict):
            raise StreamMalformed(f"block {index} of the message is no object")
        events += _block(index, cast("dict[str, Any]", block))
    names = ("stop_reason", "stop_sequence", "stop_details", "container")
    delta = {name: message[name] for name in names if name in message}
    events.append(_event("message_delta", delta=delta, usage=usage))
    events.append(_event("message_stop"))
    return events


def _block(index: int, block: dict[str, Any]) -> list[ServerEvent]:
    """A block's events; what people read comes as text that was streamed."""
    kind = str(block.get("type", ""))
    words: Any = block.get(kind)
    delta: list[ServerEvent] = []
    if kind in _STREAMED and isinstance(words, str) and words:
        block = {**block, kind: ""}
        delta_fields = {"type": _STREAMED[kind], kind: words}
        delta = [_event("content_block_delta", index=index, delta=delta_fields)]
    opened = _event("content_block_start", index=index, content_block=block)
    return [opened, *delta, _event("content_block_stop", index=index)]


def _event(type_: str, **fields: Any) -> ServerEvent:  # noqa: ANN401  (JSON, carried)
    data = msgspec.json.encode({"type": type_, **fields})
    return type_.encode(), data

"""JSON as models and gateways write it: mended where that is enough. Pure."""

from __future__ import annotations

import json

import msgspec


def one_line_of(data: bytes) -> bytes:
    """``data`` as one line of JSON.

    Raises:
        ValueError: It is not valid JSON throughout (msgspec's, or bytes that are not
            UTF-8).
        RecursionError: It is nested too deeply.
    """
    if b"\n" in data:
        data = msgspec.json.format(data, indent=-1)
    msgspec.json.decode(data)
    return data.strip()


def one_value(data: bytes) -> msgspec.Raw | None:
    """``data`` as one line of valid JSON, mended where that is enough."""
    for candidate in (data, as_utf8(data)):
        try:
            return msgspec.Raw(one_line_of(candidate))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return None


def carriable(data: bytes) -> msgspec.Raw:
    """``data`` as one line of valid JSON; what is not JSON, as a JSON string."""
    value = one_value(data)
    if value is None:
        return msgspec.Raw(msgspec.json.encode(data.decode("utf-8", "replace")))
    return value


def as_utf8(data: bytes) -> bytes:
    r"""Make JSON readable that is not quite UTF-8.

    Models do write half a surrogate pair (``"\ud83d"``), and gateways cut characters;
    either becomes U+FFFD, and the rest is kept. What is no JSON is only decoded.
    """
    text = data.decode("utf-8", "replace")
    try:
        text = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return text.encode()
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()

r"""A server's message that the ``mcp`` library could not read, read all the same. Pure.

Servers in JavaScript write half an emoji as ``\ud83d``; the library (2.3.0) refuses the
whole line and hands the error on, and whoever waits for the answer waits for ever. Most
of such messages can be mended.
"""

from __future__ import annotations

import json
from typing import Any, cast

from agents.protocol.unicode_text import whole_json


def message_in(error: Exception) -> dict[str, Any] | None:
    """The answer that the line of ``error`` holds; empty where it cannot be mended.

    ``None``: it was no answer at all, but a line of a log, or a notification.
    """
    line = _line(error)
    if line is None or not line.lstrip().startswith("{") or '"jsonrpc"' not in line:
        return None
    try:
        message: object = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(message, dict):
        return None
    fields = cast("dict[str, Any]", whole_json(message))
    return fields if "id" in fields else None


def _line(error: Exception) -> str | None:
    """The line that pydantic failed to parse."""
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return None
    faults: Any = errors()
    text: Any = faults[0].get("input") if faults else None
    if isinstance(text, bytes):
        return text.decode("utf-8", "replace")
    return text if isinstance(text, str) else None

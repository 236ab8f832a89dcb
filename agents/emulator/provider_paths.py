"""The paths at which providers other than its maker serve Claude, as the maker's.

Bedrock and Foundry take the same requests as the API itself. Vertex names the model in
the path and the version in the body (SDK 2.12.0, read 2026-11-23).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import msgspec

from agents.emulator.http import HttpRequest

_VERTEX = re.compile(
    r"(?:/v1)?/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/([^/:]+)"
    r":(?:streamRawPredict|rawPredict)"
)


def as_at_its_makers(request: HttpRequest) -> HttpRequest:
    """Give the request that the API itself would have got in the place of this one."""
    match = _VERTEX.fullmatch(request.path)
    if match is None or request.is_too_large:
        return request
    try:
        body = msgspec.json.decode(request.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return request  # not found, as far as the API is concerned
    headers = dict(request.headers)
    version = body.pop("anthropic_version", None)
    if version is not None:
        headers["anthropic-version"] = str(version)
    body["model"] = unquote(match[1])
    return msgspec.structs.replace(
        request, path="/v1/messages", headers=headers, body=msgspec.json.encode(body)
    )

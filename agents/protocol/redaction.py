"""The one filter for text that leaves an agent: no secret of its team's passes. Pure.

Servers and proxies quote keys in their errors, tools in their exceptions, a shell in
what it prints. A secret is looked for as it is, in base64 (as in ``Authorization:
Basic``), percent-encoded and as JSON escapes it.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    ResponseAbandoned,
    StatusChanged,
    StreamChunk,
    ToolReturned,
    TurnEnded,
    TurnRestarted,
)

MASK = "[secret]"
"""Stands where a secret was."""
LEAST_CHARS = 6
"""Shorter text is no secret worth the harm of masking it in every sentence."""

SECRET_NAME = re.compile(
    r"(?:.*[_-])?(?:(?:api|access|auth|x|private)?[_-]?keys?|tokens?|secrets?|pats?|pw"
    r"|pass(?:word|wd|phrase)?s?|authorization|cookies?|credentials?|auth)",
    re.IGNORECASE,
)
"""Names of variables, options and fields whose text is a secret."""

_BASE64_LEAST = 8
_T = TypeVar("_T", bound=StreamChunk)


class Redactor:
    """Masks the secrets that it knows.

    Args:
        secrets: As they are; short ones are passed over.
    """

    __slots__ = ("_pattern",)

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        # The longest first: one may be a part of another.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if forms else None

    def clean(self, text: str) -> str:
        """``text`` without secrets."""
        if self._pattern is None:
            return text
        return self._pattern.sub(MASK, text)

    def cleaned(self, chunk: _T) -> _T:
        """``chunk``, if it is of a kind that quotes others, without secrets."""
        if self._pattern is None:
            return chunk
        match chunk:
            case AgentFailed():
                return _changed(chunk, message=self.clean(chunk.message))
            case ResponseAbandoned() | TurnRestarted():
                return _changed(chunk, reason=self.clean(chunk.reason))
            case TurnEnded(unfinished=str(words)):
                detail = self.clean(chunk.detail)
                return _changed(chunk, detail=detail, unfinished=self.clean(words))
            case StatusChanged() | TurnEnded():
                return _changed(chunk, detail=self.clean(chunk.detail))
            case ToolReturned():
                content = bytes(chunk.content).decode()
                clean = self.clean(content)
                if clean == content:
                    return chunk
                return _changed(chunk, content=msgspec.Raw(clean.encode()))
            case _:
                return chunk


def _changed(chunk: _T, **fields: object) -> _T:
    return msgspec.structs.replace(chunk, **fields)


def _forms(secret: str) -> Iterator[str]:
    secret = secret.strip()
    if len(secret) < LEAST_CHARS:
        return
    yield secret
    yield quote(secret, safe="")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield from _in_base64(secret.encode())


def _in_base64(secret: bytes) -> Iterator[str]:
    """The secret's characters in base64, for each alignment within a text."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret)
        # The characters that its neighbours share are left out at both ends.
        first = -(-before * 8 // 6)
        last = (before + len(secret)) * 8 // 6
        core = encoded[first:last].decode()
        if len(core) >= _BASE64_LEAST:
            yield core
            yield core.replace("+", "-").replace("/", "_")


def secrets_in_address(address: str) -> Iterator[str]:
    """Password and user of an address, and what its query says under secret names."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
        yield f"{unquote(parts.username or '')}:{unquote(parts.password)}"
    elif parts.username:
        yield unquote(parts.username)
    for pair in parts.query.split("&"):
        name, is_pair, value = pair.partition("=")
        if is_pair and SECRET_NAME.fullmatch(name):
            yield unquote(value)


def secrets_of_environment(ours: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Secrets in this process's environment, by a variable's name or in an address."""
    for name, value in ours.items():
        if SECRET_NAME.fullmatch(name) and os.sep not in value:
            yield value
        elif "://" in value:
            yield from secrets_in_address(value)

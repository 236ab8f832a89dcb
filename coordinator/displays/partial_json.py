"""Reads one string out of JSON that is still being typed.

An agent's answer travels inside the input of a tool call, so what a person wants to
watch is the ``content`` of ``{"content": "The capital i``. This is for eyes only: what
counts is the whole input, decoded by the agent when the block has ended.
"""

from __future__ import annotations

import re

import msgspec

_ESCAPE_CHARS_MAX = 6  # \u00e9
_HEAD_MAX = 4096
"""Characters searched for the key before giving up: other fields come first."""


class Verbatim:
    """Follows all of an input whose fields nobody here knows."""

    def feed(self, partial_json: str) -> str:
        """Take more of the JSON and return it."""
        return partial_json


class StringField:
    """Follows the first string value of one of ``keys``."""

    __slots__ = ("_head", "_is_done", "_is_in", "_opening", "_tail")

    def __init__(self, *keys: str) -> None:
        names = "|".join(re.escape(key) for key in keys)
        self._opening = re.compile(rf'"(?:{names})"\s*:\s*"')
        self._head = ""
        self._tail = ""
        self._is_in = False
        self._is_done = False

    def feed(self, partial_json: str) -> str:
        """Take more of the JSON and return what it adds to the string."""
        if self._is_done:
            return ""
        if self._is_in:
            return self._read(self._tail + partial_json)
        self._head += partial_json
        opening = self._opening.search(self._head)
        if opening is not None:
            self._is_in = True
            return self._read(self._head[opening.end() :])
        self._is_done = len(self._head) > _HEAD_MAX
        return ""

    def _read(self, text: str) -> str:
        end = _closing_quote(text)
        if end >= 0:
            self._is_done = True
            return _unescaped(text[:end])
        whole = _whole(text)
        self._tail = text[whole:]
        return _unescaped(text[:whole])


def _closing_quote(text: str) -> int:
    at = text.find('"')
    while at >= 0:
        slashes = at - len(text[:at].rstrip("\\"))
        if slashes % 2 == 0:
            return at
        at = text.find('"', at + 1)
    return -1


def _whole(text: str) -> int:
    """How much of ``text`` ends with no escape, nor a surrogate pair, cut in two."""
    for back in range(1, min(len(text), 2 * _ESCAPE_CHARS_MAX) + 1):
        at = len(text) - back
        if text[at] != "\\" or (at - len(text[:at].rstrip("\\"))) % 2:
            continue
        escape = text[at : at + _ESCAPE_CHARS_MAX]
        if escape[1:2] == "u":
            is_high = re.fullmatch(r"\\u[dD][89abAB]..", escape) is not None
            need = 2 * _ESCAPE_CHARS_MAX if is_high else _ESCAPE_CHARS_MAX
        else:
            need = 2
        if back < need:
            # The second half of a pair is found first: then its first half decides.
            return min(at, _whole(text[:at])) if at else 0
    return len(text)


def _unescaped(body: str) -> str:
    if "\\" not in body:
        return body
    try:
        return msgspec.json.decode(f'"{body}"'.replace("\n", "\\n"), type=str)
    except msgspec.DecodeError:
        return body  # broken JSON is the agent's trouble; a person may still read it

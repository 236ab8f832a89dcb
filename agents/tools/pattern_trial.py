"""Regular expressions that may take for ever, tried in a process of their own.

Python's matching keeps every thread of its process waiting, and a type of answers may
have a pattern that takes longer than the universe for a text of forty characters, which
a model may write. So the texts of a value are tried against such patterns first, where
they can be given up.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from agents.tools.pattern_cost import is_quick

TRIAL_S = 1.0
"""How long all texts of one value may take: the event loop waits as long, at most."""
SHORT = 12
"""Characters of a text for which any pattern is quick: two or three ways for each."""

_TRIAL = """\
import json, re, sys
for pattern, text in json.load(sys.stdin):
    re.search(pattern, text)
"""


def patterns_of(schema: object) -> tuple[str, ...]:
    """The regular expressions in a JSON Schema, each once."""
    return tuple(dict.fromkeys(_patterns(schema)))


def _patterns(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for part in cast("list[object]", node):
            yield from _patterns(part)
    if isinstance(node, Mapping):
        fields = cast("Mapping[str, object]", node)
        if isinstance(pattern := fields.get("pattern"), str):
            yield pattern
        if isinstance(named := fields.get("patternProperties"), Mapping):
            yield from map(str, cast("Mapping[str, object]", named))
        for part in fields.values():
            yield from _patterns(part)


def check_is_quick(patterns: tuple[str, ...], value: msgspec.Raw) -> None:
    """Make sure that no text of ``value`` takes a pattern for ever.

    Raises:
        ValueError: One does, as far as could be seen.
        msgspec.DecodeError: It is no JSON.
    """
    if not patterns:
        return
    texts = dict.fromkeys(_texts(msgspec.json.decode(value)))
    slow = [
        (pattern, text)
        for text in texts
        if len(text) > SHORT
        for pattern in patterns
        if not is_quick(pattern, text) and _is_pattern(pattern)
    ]
    if not slow:
        return
    try:
        subprocess.run(  # noqa: S603  (our own interpreter)
            [sys.executable, "-I", "-S", "-c", _TRIAL],
            input=msgspec.json.encode(slow),
            capture_output=True,
            timeout=TRIAL_S,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        names = ", ".join(dict.fromkeys(pattern for pattern, _ in slow))
        raise ValueError(
            f"its texts take longer than {TRIAL_S:g} s to be matched with {names}; "
            "write shorter ones"
        ) from error


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  (any JSON)
    ahead = [value]
    while ahead:
        one = ahead.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            ahead.extend(cast("list[Any]", one))
        elif isinstance(one, dict):
            fields = cast("dict[str, Any]", one)
            yield from fields
            ahead.extend(fields.values())

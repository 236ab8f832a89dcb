"""What a Google-style docstring tells a model: the summary, and a line a parameter."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

_SECTION = re.compile(
    r"^(Args|Arguments|Returns|Yields|Raises|Attributes|Examples?|Notes?):\s*$"
)
_ENTRY = re.compile(r"^\*{0,2}(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")


class Words(NamedTuple):
    """A docstring, as far as a model needs it."""

    summary: str
    """All before the first section."""
    parameters: dict[str, str]


def read_docstring(text: str) -> Words:
    """Split ``text``; what is not written is empty."""
    before: list[str] = []
    arguments: list[str] = []
    section = ""
    for line in inspect.cleandoc(text).splitlines():
        heading = _SECTION.match(line)
        if heading:
            section = heading[1]
        elif not section:
            before.append(line)
        elif section in {"Args", "Arguments"}:
            arguments.append(line)
    return Words("\n".join(before).strip(), _entries(arguments))


def _entries(lines: list[str]) -> dict[str, str]:
    """Each parameter's words; a line indented deeper goes on with the entry above."""
    entries: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc("\n".join(lines)).splitlines():
        entry = _ENTRY.match(line)
        if entry:
            name = entry[1]
            entries[name] = entry[2]
        elif name and line.strip():
            entries[name] = f"{entries[name]} {line.strip()}".strip()
    return entries

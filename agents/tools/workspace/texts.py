"""Edits of a text by the editor and the memory: number, replace, insert. Pure."""

from __future__ import annotations

from agents.errors import ToolFailed

SNIPPET_LINES = 4
"""Lines shown around what was changed."""


def numbered(text: str, first: int = 1, last: int | None = None) -> str:
    """Lines ``first`` to ``last`` with their numbers, as ``cat -n`` has them.

    Raises:
        ToolFailed: There are no such lines.
    """
    lines = text.split("\n")
    count = len(lines)
    last = count if last is None or last == -1 else last
    if not 1 <= first <= count or last < first:
        raise ToolFailed(
            f"lines {first} to {last} are none of the {count} lines; begin with 1, "
            "and end with -1 for the last"
        )
    return "\n".join(
        f"{number:6d}\t{line}".removesuffix("\r")
        for number, line in enumerate(lines[first - 1 : last], start=first)
    )


def replaced(text: str, old: str, new: str) -> tuple[str, str]:
    """``text`` with its one ``old`` made ``new``, and the lines around it.

    Raises:
        ToolFailed: ``old`` occurs never, or more than once.
    """
    if old not in text:
        old, new = _ended_as_in(text, old), _ended_as_in(text, new)
    times = text.count(old) if old else 0
    if times == 0:
        raise ToolFailed("old_str does not occur in the file; give it exactly as it is")
    if times > 1:
        at = [text.count("\n", 0, place) + 1 for place in _places(text, old)]
        raise ToolFailed(
            f"old_str occurs {times} times, in lines {', '.join(map(str, at))}; "
            "give more of what is around it"
        )
    line = text[: text.index(old)].count("\n") + 1
    changed = text.replace(old, new)
    return changed, _around(changed, line, new.count("\n"))


def inserted(text: str, line: int, what: str) -> tuple[str, str]:
    """``text`` with ``what`` after line ``line``, and the lines around it.

    Raises:
        ToolFailed: There is no such line.
    """
    lines = text.split("\n")
    if not 0 <= line <= len(lines):
        raise ToolFailed(f"insert_line {line} is not between 0 and {len(lines)}")
    added = _ended_as_in(text, what.removesuffix("\n") + "\n")[:-1].split("\n")
    changed = "\n".join([*lines[:line], *added, *lines[line:]])
    return changed, _around(changed, line + 1, len(added) - 1)


def _ended_as_in(text: str, what: str) -> str:
    """``what`` with lines that end as those of ``text``: models write line feeds."""
    return what.replace("\n", "\r\n") if "\r\n" in text and "\r" not in what else what


def _places(text: str, old: str) -> list[int]:
    places: list[int] = []
    at = text.find(old)
    while at >= 0:
        places.append(at)
        at = text.find(old, at + len(old))
    return places


def _around(text: str, line: int, more: int) -> str:
    count = text.count("\n") + 1
    first = max(1, line - SNIPPET_LINES)
    return numbered(text, first, min(count, line + more + SNIPPET_LINES))

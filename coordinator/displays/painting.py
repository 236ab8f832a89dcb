"""Styled text into what a terminal is sent: wrapped, cut and padded to exact columns.

rich's own layout draws a whole screen anew, in 31 ms for six panes at 200 by 60. What
is here wraps the end of a text alone, and paints a line in some microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.style import Style

Span: TypeAlias = tuple[str, str]
"""Text and the name of its style; empty: plain."""
Line: TypeAlias = Sequence[Span]

ASCII_SIGNS = str.maketrans(
    {
        "·": "-",
        "●": "*",
        "◆": "#",
        "★": "*",
        "✔": "v",
        "✕": "x",
        "↺": "~",
        "○": "o",
        "»": ">",
        "—": "-",
        "─": "-",
        "…": "~",
        "│": "|",
        "╭": "+",
        "╮": "+",
        "╰": "+",
        "╯": "+",
        "▏": "|",
        "⏎": "/",
        "↑": "^",
        "↓": "v",
        "▸": ">",
        "▁": ".",
        "▂": ".",
        "▃": ":",
        "▄": ":",
        "▅": "+",
        "▆": "+",
        "▇": "#",
        "█": "#",
        "░": ".",
    }
)
"""Signs of ours for a terminal that has ASCII alone."""


def width_of(text: str) -> int:
    """Columns that ``text`` takes at most: each character by itself.

    Terminals join some characters and some do not; what is drawn never takes more than
    this, and what it takes less is blanked.
    """
    if text.isascii():
        return len(text)
    return sum(map(get_character_cell_size, text))


def cut(text: str, width: int) -> str:
    """The beginning of one line, at most ``width`` columns, ended by ``…`` if cut."""
    if width <= 0:
        return ""
    if width_of(text) <= width:
        return text
    taken = 0
    for at, character in enumerate(text):
        taken += get_character_cell_size(character)
        if taken > width - 1:
            return text[:at] + "…"
    return text


def wrapped(text: str, width: int) -> list[tuple[int, int]]:
    """Where each row of one line begins and ends, broken at blanks where it can be."""
    if text.isascii():
        return _wrapped_ascii(text, max(1, width))
    rows: list[tuple[int, int]] = []
    start, used, blank = 0, 0, -1
    for at, character in enumerate(text):
        size = get_character_cell_size(character)
        if used + size > width and at > start:
            if character == " ":
                rows.append((start, at))
                start, used, blank = at + 1, 0, -1
                continue
            end = blank if blank > start else at
            rows.append((start, end))
            start = end + 1 if blank > start else at
            used, blank = width_of(text[start:at]), -1
        used += size
        if character == " ":
            blank = at
    rows.append((start, len(text)))
    return rows


def _wrapped_ascii(text: str, width: int) -> list[tuple[int, int]]:
    rows: list[tuple[int, int]] = []
    start, length = 0, len(text)
    while length - start > width:
        at = text.rfind(" ", start + 1, start + width + 1)
        if at > start:
            rows.append((start, at))
            start = at + 1
        else:
            rows.append((start, start + width))
            start += width
    rows.append((start, length))
    return rows


def last_rows(spans: Iterable[Span], width: int, count: int) -> list[list[Span]]:
    """The last ``count`` rows of a text that is ``width`` columns wide."""
    lines: list[list[Span]] = [[]]
    for text, style in spans:
        first, *more = text.expandtabs(4).split("\n")
        if first:
            lines[-1].append((first, style))
        lines += [[(piece, style)] if piece else [] for piece in more]
    while lines and not any(text.strip() for text, _ in lines[-1]):
        lines.pop()
    rows: list[list[Span]] = []
    for line in reversed(lines):
        rows = _rows_of(line, width) + rows
        if len(rows) >= count:
            break
    return rows[-count:] if count > 0 else []


def _rows_of(line: Line, width: int) -> list[list[Span]]:
    text = "".join(piece for piece, _ in line)
    if len(line) <= 1:
        style = line[0][1] if line else ""
        return [[(text[a:b], style)] for a, b in wrapped(text, width)]
    rows: list[list[Span]] = []
    for start, end in wrapped(text, width):
        row: list[Span] = []
        at = 0
        for piece, style in line:
            part = piece[max(0, start - at) : max(0, end - at)]
            if part:
                row.append((part, style))
            at += len(piece)
        rows.append(row)
    return rows


class Brush:
    """Paints lines for one terminal.

    Args:
        color_system: What colours it has; ``None``: none at all, nor bold.
        has_color: Whether colours are wanted (``NO_COLOR``).
        is_ascii: Whether it shows ASCII alone.
    """

    def __init__(
        self,
        color_system: ColorSystem | None,
        *,
        has_color: bool = True,
        is_ascii: bool = False,
    ) -> None:
        self._color_system = color_system
        self._has_color = has_color
        self.is_ascii = is_ascii
        self._marks: dict[str, tuple[str, str]] = {}

    def paint(self, line: Line, width: int) -> str:
        """One line as it is sent: exactly ``width`` columns."""
        out: list[str] = []
        left = width
        for text, style in line:
            if left <= 0:
                break
            shown = self._shown(text)
            size = width_of(shown)
            if size > left:
                shown = self._shown(cut(shown, left))
                size = width_of(shown)
            left -= size
            out.append(self._styled(shown, style))
        if left > 0:
            out.append(" " * left)
        return "".join(out)

    def _shown(self, text: str) -> str:
        """As the terminal can show it; what it cannot is a question mark."""
        if not self.is_ascii or text.isascii():
            return text
        return text.translate(ASCII_SIGNS).encode("ascii", "replace").decode()

    def _styled(self, text: str, style: str) -> str:
        if not style or not text:
            return text
        marks = self._marks.get(style)
        if marks is None:
            marks = self._marks[style] = self._marks_of(style)
        return f"{marks[0]}{text}{marks[1]}"

    def _marks_of(self, name: str) -> tuple[str, str]:
        style = Style.parse(name)
        if not self._has_color:
            style = style.without_color
        painted = style.render("\0", color_system=self._color_system)
        before, _, after = painted.partition("\0")
        return before, after


LAST_COLUMN = "\0"
"""In a painted text: what follows stands in the last column of its place."""


def placed(row: int, column: int, width: int, text: str) -> str:
    """Move to a place and write there, over whatever stood in those columns.

    Terminals disagree on the width of some characters: the place is blanked first
    where there are any, and what must stand in its last column is moved there.
    """
    move = f"\x1b[{row + 1};{column + 1}H"
    if text.isascii() and LAST_COLUMN not in text:
        return f"{move}{text}"
    text = text.replace(LAST_COLUMN, f"\x1b[{column + width}G")
    return f"{move}\x1b[{width}X{text}"

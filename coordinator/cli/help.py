"""Lays out ``--help``: plain text in two columns, as wide as the terminal allows."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

WIDTH_MAX = 88
"""Longer lines are hard to read, however wide the terminal."""

NAMES_MAX = 24
"""Room for an option's names; a longer one has its line to itself."""


class TwoColumns:
    """cyclopts' help formatter in this program's manner."""

    def __call__(
        self,
        console: Console,
        options: ConsoleOptions,  # noqa: ARG002  (cyclopts' protocol names it)
        panel: HelpPanel,
    ) -> None:
        """Print one group of commands or options."""
        if not panel.entries:
            return
        lines = [f"{_text(console, panel.title)}:"]
        for entry in panel.entries:
            lines += _row(
                _names(entry, panel.format), _text(console, entry.description)
            )
        _print([*lines, ""])

    def render_usage(
        self,
        console: Console,
        options: ConsoleOptions,  # noqa: ARG002  (cyclopts' protocol names it)
        usage: object,
    ) -> None:
        """Print how the command is called."""
        _print([_text(console, usage), ""])

    def render_description(
        self,
        console: Console,
        options: ConsoleOptions,  # noqa: ARG002  (cyclopts' protocol names it)
        description: object,
    ) -> None:
        """Print what the command is for, paragraph by paragraph."""
        for paragraph in _text(console, description).split("\n\n"):
            _print([*textwrap.wrap(" ".join(paragraph.split()), terminal_width()), ""])


def _names(entry: HelpEntry, kind: str) -> str:
    names = [*entry.positive_shorts, *entry.positive_names]
    if kind == "command":
        return ", ".join(names)
    if entry.positional_label:
        return entry.positional_label
    value = f" {entry.metavar}" if entry.metavar else ""
    choices = f" {{{','.join(entry.choices)}}}" if entry.choices else value
    return ", ".join(names) + choices


def _row(names: str, words: str) -> list[str]:
    indent = " " * (NAMES_MAX + 4)
    wrapped = textwrap.wrap(
        " ".join(words.split()),
        terminal_width(),
        initial_indent=indent,
        subsequent_indent=indent,
    )
    if len(names) > NAMES_MAX or not wrapped:
        return [f"  {names}", *wrapped]
    return [f"  {names:<{NAMES_MAX}}  {wrapped[0].lstrip()}", *wrapped[1:]]


def terminal_width() -> int:
    """Columns to write help in."""
    return max(40, min(WIDTH_MAX, shutil.get_terminal_size().columns))


def _text(console: Console, part: object) -> str:
    """The text that rich would print: parts come as text or renderables."""
    if part is None or isinstance(part, str):
        return part or ""
    plain = getattr(part, "plain", None)
    if isinstance(plain, str):
        return plain.strip()
    with console.capture() as capture:
        console.print(part, width=10_000, highlight=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip()


def _print(lines: list[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")

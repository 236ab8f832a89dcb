"""Warnings of libraries, held back while a display has the terminal.

Python writes a warning to standard error as soon as it is given, over whatever is drawn
there. Here each is kept until the display is done, once.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO, TypeAlias

WARNINGS_MAX = 20
"""Different ones that are kept; a library that gives more says nothing new."""

Told: TypeAlias = tuple[str, type[Warning], str, int]
"""Text, category, file and line of a warning."""


@contextmanager
def warnings_held(tell: Callable[[Told], None] | None = None) -> Generator[None]:
    """Keep what would be printed in the block, and tell each warning once at its end.

    Args:
        tell: Takes a warning; ``None``: it is shown as it would have been before.
    """
    held: dict[Told, None] = {}
    show = warnings.showwarning

    def hold(  # noqa: PLR0917  (as Python calls it)
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is not None:  # asked for a stream of the caller's own
            show(message, category, filename, lineno, file, line)
        elif len(held) < WARNINGS_MAX:
            held.setdefault((str(message), category, filename, lineno))

    warnings.showwarning = hold
    try:
        yield
    finally:
        if warnings.showwarning is hold:
            warnings.showwarning = show
        for warning in held:
            if tell is not None:
                tell(warning)
            else:
                show(*warning)

"""The display that fits where a program prints: one word, ``show=True``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from coordinator.displays.base import Cast, Display


def live_display(cast: Cast) -> Display:
    """Panes on a terminal; plain lines elsewhere.

    Lines go to standard error, where they are in nobody's way, and in a notebook to the
    cell's output. Nowhere, where the program has no output open.
    """
    if not (
        _is_open(sys.stdout) and _is_open(sys.stderr)
    ):  # a service, or a program without a console
        from coordinator.displays.quiet import QuietDisplay  # noqa: PLC0415

        return QuietDisplay()
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        from coordinator.displays.rich import RichDisplay  # noqa: PLC0415  (70 ms)

        return RichDisplay(cast, sys.stdout)
    from coordinator.displays.plain import PlainDisplay  # noqa: PLC0415

    out = sys.stdout if "ipykernel" in sys.modules else sys.stderr
    return PlainDisplay(out, cast)


def _is_open(out: TextIO | None) -> bool:
    """Whether there is such a stream, and it has not been closed."""
    return out is not None and not out.closed

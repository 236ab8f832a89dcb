"""Garbage collection of this process: rare, as a session makes next to none.

Python looks through all that lives each time it has grown by a quarter. While ten
thousand agents begin, that is eleven times, up to 0.6 s each; it finds nothing, and it
was half of all time (measured 2026-11-23, CPython 3.11). A library has no business to
change that for a whole process; the command's process is our own. The ``bench``
command's is the same, so it measures what ``run`` does.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

YOUNG = 500_000
"""Objects made and not yet freed between two collections of the youngest, 700 by
default. What is not part of a cycle is freed at once, whatever this says, and so many
objects of a cycle are some tens of megabytes. With 200,000, a collection of 70 to 300
ms fell into the cancelling of a thousand agents every other time."""


@contextmanager
def collecting_rarely() -> Generator[None]:
    """Look through what lives less often, until the block is left."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)

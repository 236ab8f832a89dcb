"""Work outside the event loop, which takes real time: threads, processes, servers.

A loop with a virtual clock jumps to the next timer as soon as nothing is ready. A
thread at work looks like that too, and so its time limit would ring before it has begun
to run. Whoever waits for such work says so with :func:`outside_work`, and a virtual
clock stands until it is done::

    with outside_work():
        reply = await client.get("http://127.0.0.1:8000/")

On a real clock it changes nothing. Work that outlasts its limit in real time holds the
clock no longer, so that what hangs ends as it would elsewhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import anyio

PATIENCE_S = 60.0
"""Real seconds for which a clock stands where no time limit is set: as long as a tool
may take by itself."""


class _Work:
    """One piece of work that is out."""

    __slots__ = ("until",)

    def __init__(self, until: float) -> None:
        self.until = until
        """On ``time.monotonic``: when its limit is used up."""


class _Here(threading.local):
    """Outside work that this thread's event loop waits for; no loop changes threads."""

    def __init__(self) -> None:
        self.works: set[_Work] = set()
        self.ends_at = float("inf")


_here = _Here()


@contextmanager
def outside_work(limit_s: float = PATIENCE_S) -> Generator[None]:
    """Hold a virtual clock while the block waits for something outside the loop.

    Args:
        limit_s: Real seconds after which it holds the clock no longer; the deadline of
            the scopes around it, and of the session, are limits as well.
    """
    now = anyio.current_time()
    until = min(anyio.current_effective_deadline(), _here.ends_at)
    work = _Work(time.monotonic() + max(0.0, min(limit_s, until - now)))
    _here.works.add(work)
    try:
        yield
    finally:
        _here.works.discard(work)


@contextmanager
def session_ends_at(deadline: float) -> Generator[None]:
    """Let nothing that starts in the block hold the clock for longer than so.

    Args:
        deadline: On the event loop's clock.
    """
    before, _here.ends_at = _here.ends_at, deadline
    try:
        yield
    finally:
        _here.ends_at = before


def works_out() -> int:
    """How much of this thread's loop is out, with its limit used up or not."""
    return len(_here.works)


def holds_for_s() -> float:
    """Real seconds for which a virtual clock still stands; 0: it may jump."""
    if not _here.works:
        return 0.0
    longest = max(work.until for work in _here.works)
    return max(0.0, longest - time.monotonic())

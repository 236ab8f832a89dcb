"""The report's pictures of a session that may still run, made once for all watchers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import anyio

from coordinator.errors import JournalUnavailable
from coordinator.journal.index import summary_of
from coordinator.journal.reader import read_session
from coordinator.report.page import page, pictures
from coordinator.report.story import Story, tell

SHARE = 20
"""Pictures are made anew no sooner than so many times as long as making them took, so
that watching costs a session a twentieth of a core at most."""
SOONEST_S = 1.0
KEPT = 32
"""Sessions whose last pictures are kept."""


class _Made(NamedTuple):
    html: str
    size: int
    at: float
    cost_s: float


class Pictures:
    """Makes and keeps them.

    Args:
        root: The folder of journals.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: dict[str, _Made] = {}
        self._lock = anyio.Lock()

    async def of(self, session: str) -> str:
        """The pictures of a session, of a moment ago at most.

        Raises:
            CoordinatorError: Its journal cannot be read.
        """
        async with self._lock:  # one at a time: they are for everybody
            picture = self._made.get(session)
            path = self._root / f"{session}.journal"
            try:
                size = await anyio.to_thread.run_sync(lambda: path.stat().st_size)
            except FileNotFoundError as error:
                raise JournalUnavailable(f"no session {session!r} is kept") from error
            now = time.monotonic()
            is_fresh = picture is not None and (
                picture.size == size
                or now < picture.at + max(SOONEST_S, SHARE * picture.cost_s)
            )
            if picture is None or not is_fresh:
                html = await anyio.to_thread.run_sync(self._draw, session)
                done = time.monotonic()
                picture = _Made(html, size, done, done - now)
                self._made.pop(session, None)
                self._made[session] = picture
                while len(self._made) > KEPT:
                    del self._made[next(iter(self._made))]
            return picture.html

    def _story(self, session: str) -> Story:
        is_running = summary_of(self._root, session).status == "running"
        return tell(read_session(self._root, session), is_running=is_running)

    def _draw(self, session: str) -> str:
        return pictures(self._story(session))

    async def report(self, session: str) -> str:
        """The whole report, as ``coordinator report`` writes it.

        Raises:
            CoordinatorError: Its journal cannot be read.
        """

        def write() -> str:
            return page(self._story(session))

        return await anyio.to_thread.run_sync(write)

"""A session of another process's, or a past one, watched through its journal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import anyio

from coordinator.errors import CoordinatorError
from coordinator.journal.index import summary_of
from coordinator.journal.reader import Journal, read_session, understood
from coordinator.protocol.result import Result
from coordinator.report.story import in_order
from coordinator.team.team import read_described
from coordinator.web.event_log import EventLog
from coordinator.web.live_session import Begun, for_page

LOOKED_S = 0.3
"""How often a journal that is being written is looked at, at most."""
LOOKED_SHARE = 10
"""So many times as long as reading it took: a long one is looked at less often."""


class KeptLog:
    """Follows one journal as it grows; reads only.

    Args:
        root: The folder of journals.
        session: Which one.
    """

    def __init__(self, root: Path, session: str) -> None:
        self._root, self._session = root, session
        self.log = EventLog()
        self._taken = 0

    async def follow(self) -> None:
        """Bring what is in the journal, and what comes, until nobody writes it."""
        size = -1
        path = self._root / f"{self._session}.journal"
        try:
            while not self.log.is_over:
                began = time.perf_counter()
                now = await anyio.to_thread.run_sync(_size_of, path)
                if now != size:
                    size = now
                    events, is_over = await anyio.to_thread.run_sync(self._read)
                    self.log.add(events)
                    if is_over:
                        return
                elif not await anyio.to_thread.run_sync(self._is_running):
                    return
                cost_s = time.perf_counter() - began
                await anyio.sleep(max(LOOKED_S, LOOKED_SHARE * cost_s))
        except (CoordinatorError, OSError) as error:
            self.log.add([{"kind": "page.unreadable", "reason": str(error)}])
        finally:
            self.log.end()

    def _is_running(self) -> bool:
        return summary_of(self._root, self._session).status == "running"

    def _read(self) -> tuple[list[Any], bool]:
        """The new events, and whether they were the last."""
        journal = read_session(self._root, self._session)
        events = list(events_of(journal))
        new = events[self._taken :]
        is_first = self._taken == 0
        self._taken = len(events)
        messages: list[Any] = [begun_of(journal)] if is_first else []
        for event in new:
            is_result = isinstance(event, Result)
            messages.append(
                {"kind": "page.ended", "result": event} if is_result else event
            )
        is_over = bool(events) and isinstance(events[-1], Result)
        return messages, is_over


def _size_of(path: Path) -> int:
    return path.stat().st_size


def events_of(journal: Journal) -> list[Any]:
    """All that happened in a session, as its watchers saw it, and its result.

    Raises:
        JournalCorrupt: A record holds something else than its kind says.
    """
    with understood(journal.path):
        return for_page(what for _, what in in_order(journal))


def begun_of(journal: Journal, *, is_ours: bool = False) -> Begun:
    """The first message of a kept session's log: its participants."""
    opened = journal.opened
    rules, _ = read_described(opened.team)
    return Begun(
        session=opened.session,
        question=opened.question,
        models={str(agent): model for agent, model in opened.models.items()},
        is_ours=is_ours,
        deadline_s=rules.limits.deadline_s,
    )

"""Event loops whose time is virtual: an hour's deadline is instant, and exact.

The one room of the house that chooses an event loop, and so the only one that names
asyncio and trio: a scenario, a simulation or a test runs on a loop made here.

Virtual time jumps as soon as nothing is ready to run. A thread at work or a packet
under way looks like that too, so neither belongs in a session that runs here.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal, TypeAlias

Runtime: TypeAlias = Literal["asyncio", "trio"]
RUNTIMES: tuple[Runtime, ...] = ("asyncio", "trio")

IDLE_S = 1.0
"""Real seconds to wait where no timer is set: only a thread or a socket can help."""


POLLS_ONE_IN = 16
"""Of so many passes that have work to do one asks for packets: a session that runs
here has none, and a question costs as much as a timer."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits for a timer: it remembers how long the loop would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0
        self._busy = 0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:
            self._busy += 1
            return [] if self._busy % POLLS_ONE_IN else super().select(0)
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            return super().select(IDLE_S)
        if timeout > 0:
            self.skipped_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock stands still, and jumps when nothing is ready."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds skipped so far."""
        return self._jumping.skipped_s


class JumpingClock:
    """A clock for trio that stands still, and jumps when nothing is ready.

    ``trio.testing.MockClock`` lets a pass of the run loop go by before it jumps, which
    is a third of what a timer costs here. Unlike it, this one does not let
    ``wait_all_tasks_blocked`` go first: it is no clock for tests that call that.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def start_clock(self) -> None:
        """Time begins at 0."""

    def current_time(self) -> float:
        """Seconds jumped over so far."""
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Asked where no task is ready: jump to ``deadline``, and wait no time."""
        if deadline == math.inf:
            return IDLE_S
        self._now = max(self._now, deadline)
        return 0.0


def virtual(runtime: Runtime) -> dict[str, Any]:
    """The options by which :func:`anyio.run` runs on a fresh virtual clock."""
    if runtime == "asyncio":
        return {"loop_factory": VirtualTimeLoop}
    return {"clock": JumpingClock()}


@contextmanager
def seeded_schedule(seed: int) -> Generator[None]:
    """Let trio shuffle tasks that are ready together as ``seed`` says, not by chance.

    Its order is random on purpose; with this a schedule can be seen again. pytest-trio
    and hypothesis-trio set the same two. asyncio's order is steady anyway.
    """
    scheduler = vars(import_module("trio._core._run"))
    before = scheduler["_ALLOW_DETERMINISTIC_SCHEDULING"]
    scheduler["_ALLOW_DETERMINISTIC_SCHEDULING"] = True
    scheduler["_r"].seed(seed)
    try:
        yield
    finally:
        scheduler["_ALLOW_DETERMINISTIC_SCHEDULING"] = before

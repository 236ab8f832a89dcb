"""Event loops whose time is virtual: an hour's deadline is instant, and exact.

The one room of the house that chooses an event loop, and so the only one that names
asyncio and trio: a scenario, a simulation or a test runs on a loop made here.

Virtual time jumps as soon as nothing is ready to run. A thread at work or a packet
under way looks like that too, so neither belongs in a session that runs here.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal, TypeAlias

Runtime: TypeAlias = Literal["asyncio", "trio"]
RUNTIMES: tuple[Runtime, ...] = ("asyncio", "trio")

IDLE_S = 1.0
"""Real seconds to wait where no timer is set: only a thread or a socket can help."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits for a timer: it remembers how long the loop would have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
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


def virtual(runtime: Runtime) -> dict[str, Any]:
    """The options by which :func:`anyio.run` runs on a fresh virtual clock."""
    if runtime == "asyncio":
        return {"loop_factory": VirtualTimeLoop}
    # By name, because importing trio takes long and asyncio's users need none of it.
    return {"clock": import_module("trio.testing").MockClock(autojump_threshold=0)}


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

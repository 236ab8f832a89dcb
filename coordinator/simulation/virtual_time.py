"""Event loops whose time is virtual: an hour's deadline is instant, and exact.

The one room of the house that chooses an event loop, and so the only one that names
asyncio and trio: a scenario, a simulation or a test runs on a loop made here.

Virtual time jumps as soon as nothing is ready to run. A thread at work looks like that
too, so the clock stands while one is out: a call of ``anyio.to_thread``, an executor's
job, a file, a process that a tool has started, or what says so itself by
:func:`agents.limits.outside_work.outside_work`. What hangs there holds the clock for
its own time limit, in real seconds. Packets are not waited for.

What is private to anyio and trio and used here, with the versions it was read in (anyio
4.16, trio 0.31 to 0.34): the backends' ``run_sync_in_worker_thread`` and
``open_process``, and the run loop's random generator and ``waiting_for_idle``.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, TypeAlias, TypeVar

from agents.backends.transport.library_internals import (
    anyio_backend,
    next_asyncio_timer,
    set_asyncio_resolution,
    trio_scheduler,
    trio_threads,
)
from agents.limits.outside_work import (
    PATIENCE_S,
    holds_for_s,
    outside_work,
    works_out,
)

T = TypeVar("T")

Runtime: TypeAlias = Literal["asyncio", "trio"]
RUNTIMES: tuple[Runtime, ...] = ("asyncio", "trio")

IDLE_S = 1.0
"""Real seconds to wait where no timer is set: only a thread or a socket can help."""


LONGEST_WAIT_S = 86_400.0
"""``asyncio.base_events.MAXIMUM_SELECT_TIMEOUT``: what is further off is a day off."""
COARSE_S = 4e6
"""From here on floats lie almost a billionth apart, asyncio's resolution."""

POLLS_ONE_IN = 16
"""Of so many passes that have work to do one asks for packets: a session that runs
here has none, and a question costs as much as a timer."""


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits for a timer: it remembers how long the loop would have waited."""

    loop: VirtualTimeLoop

    def __init__(self, patience_s: float) -> None:
        super().__init__()
        self.skipped_s = 0.0
        self._busy = 0
        self._patience_s = patience_s

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:
            self._busy += 1
            is_passed_over = self._busy % POLLS_ONE_IN and not self._patience_s
            return [] if is_passed_over else super().select(0)
        ready = super().select(min(self._patience_s, timeout or 0))
        if ready:
            return ready
        if (held_s := holds_for_s()) > 0:
            return super().select(held_s)
        if timeout is None:
            return super().select(IDLE_S)
        if timeout >= LONGEST_WAIT_S:
            return self._skip_to_next_timer()
        if timeout > 0:
            self._skip_to(self.skipped_s + timeout)
        return ready

    def _skip_to_next_timer(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Jump over more than a day, at once."""
        due = next_asyncio_timer(self.loop)
        if math.isinf(due):
            return super().select(IDLE_S)
        self._skip_to(due)
        return []

    def _skip_to(self, time_s: float) -> None:
        self.skipped_s = max(self.skipped_s, time_s)
        if self.skipped_s > COARSE_S:
            set_asyncio_resolution(self.loop, math.ulp(self.skipped_s))


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock stands still, and jumps when nothing is ready.

    Args:
        patience_s: Real seconds that packets are given before the clock jumps.
    """

    def __init__(self, patience_s: float = 0.0) -> None:
        self._jumping = _JumpingSelector(patience_s)
        super().__init__(self._jumping)
        self._jumping.loop = self

    def time(self) -> float:
        """Seconds skipped so far."""
        return self._jumping.skipped_s

    def close(self) -> None:
        """Close it; the selector forgets it, so that it is freed at once."""
        if not self.is_closed():
            super().close()
            del self._jumping.loop

    async def shutdown_default_executor(
        self,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  (Python 3.12's)
    ) -> None:
        """Join the executor's threads, however long: a virtual limit rings at once."""
        await super().shutdown_default_executor()

    def run_in_executor(  # type: ignore[override]  (typeshed types the arguments)
        self, executor: Executor | None, func: Callable[..., T], *args: object
    ) -> asyncio.Future[T]:
        """Run ``func`` in a thread, for which the clock stands."""
        out = ExitStack()
        out.enter_context(outside_work())
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(lambda _: out.close())
        return future


class JumpingClock:
    """A clock for trio that stands still, and jumps when nothing is ready.

    ``trio.testing.MockClock`` lets a pass of the run loop go by before it jumps, which
    is a third of what a timer costs here.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._foreign_since: float | None = None
        self._context = trio_scheduler()["GLOBAL_RUN_CONTEXT"]
        self._threads = trio_threads()

    def start_clock(self) -> None:
        """Time begins at 0."""

    def current_time(self) -> float:
        """Seconds jumped over so far."""
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Asked where no task is ready: jump to ``deadline``, and wait no time."""
        if (held_s := holds_for_s() or self._foreign_s()) > 0:
            return held_s
        if deadline == math.inf or self._context.runner.waiting_for_idle:
            return IDLE_S
        self._now = max(self._now, deadline)
        return 0.0

    def _foreign_s(self) -> float:
        """Real seconds to stand for threads that trio was asked for by its own name."""
        if self._threads() <= works_out():
            self._foreign_since = None
            return 0.0
        if self._foreign_since is None:
            self._foreign_since = time.monotonic()
        return max(0.0, self._foreign_since + PATIENCE_S - time.monotonic())


def virtual(runtime: Runtime) -> dict[str, Any]:
    """The options by which :func:`anyio.run` runs on a fresh virtual clock."""
    _hold_for_threads(runtime)
    if runtime == "asyncio":
        return {"loop_factory": VirtualTimeLoop}
    return {"clock": JumpingClock()}


@contextmanager
def seeded_schedule(seed: int) -> Generator[None]:
    """Let trio shuffle tasks that are ready together as ``seed`` says, not by chance.

    Its order is random on purpose; with this a schedule can be seen again. pytest-trio
    and hypothesis-trio set the same two. asyncio's order is steady anyway.
    """
    scheduler = trio_scheduler()
    before = scheduler["_ALLOW_DETERMINISTIC_SCHEDULING"]
    scheduler["_ALLOW_DETERMINISTIC_SCHEDULING"] = True
    scheduler["_r"].seed(seed)
    try:
        yield
    finally:
        scheduler["_ALLOW_DETERMINISTIC_SCHEDULING"] = before


_holding: set[Runtime] = set()


def _hold_for_threads(runtime: Runtime) -> None:
    """Let threads and processes that anyio starts on ``runtime`` hold virtual clocks.

    Once for the process; on a real clock nothing comes of it.
    """
    if runtime in _holding:
        return
    _holding.add(runtime)
    backend = anyio_backend(runtime)
    in_thread, start = backend.run_sync_in_worker_thread, backend.open_process

    async def run_sync_in_worker_thread(*args: Any, **options: Any) -> Any:  # noqa: ANN401  (whatever the function returns)
        with outside_work():
            return await in_thread(*args, **options)

    async def open_process(*args: Any, **options: Any) -> Any:  # noqa: ANN401  (a backend's own kind of process)
        with outside_work():
            process = await start(*args, **options)
        _hold_for_waits(process)
        return process

    backend.run_sync_in_worker_thread = staticmethod(run_sync_in_worker_thread)
    backend.open_process = staticmethod(open_process)


def _hold_for_waits(process: Any) -> None:  # noqa: ANN401  (see above)
    """Hold the clock while somebody waits for the end of ``process``.

    Nobody waits so for a server that lives as long as its session.
    """
    wait = process.wait

    async def held_wait() -> int:
        with outside_work():
            return await wait()

    process.wait = held_wait

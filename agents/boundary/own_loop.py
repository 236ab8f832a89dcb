"""An event loop of our own, in a daemon thread, for code that is not asynchronous.

AnyIO's blocking portal waits for everything in its loop and for the loop's thread pool,
so a caller's thread would be held by whatever hangs there. Here the thread that asks
gets its result at once, waits for a bounded time for the loop to end, and leaves it.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, Literal, TypeVar, TypeVarTuple

import anyio

from agents.boundary.log_context import bound_logger
from agents.boundary.root import Loop

T = TypeVar("T")
Args = TypeVarTuple("Args")

LOOP_GRACE_S = 2.0
"""How long the loop may take to end once its work is done."""
CANCELLED_S = 10.0
"""How long the work may take to end once whoever asked was interrupted."""

_log = bound_logger("agents.boundary")


def run_loop(
    function: Callable[[*Args], Awaitable[T]],
    *args: *Args,
    runtime: Literal["asyncio", "trio"] = "asyncio",
) -> T:
    """Run ``function`` in an event loop of its own, which no thread keeps from ending.

    Raises:
        BaseException: What it raises.
    """

    async def main() -> T:
        use_daemon_threads()
        return await function(*args)

    return anyio.run(main, backend=runtime)


def use_daemon_threads() -> None:
    """Have this event loop's default executor hold neither its end nor the program's.

    For a loop of ours alone; trio's threads are daemons, and it waits for none.
    """
    if "asyncio" not in sys.modules:
        return
    import asyncio  # noqa: PLC0415  (it runs)

    from agents.boundary.daemon_threads import DaemonThreads  # noqa: PLC0415  (asyncio's alone)

    with suppress(RuntimeError):  # trio runs
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonThreads())


class OwnLoop(Generic[T]):
    """Runs one async function to its end for a thread that waits.

    Args:
        work: The function.
    """

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._future: Future[T] = Future()
        self._started = threading.Event()
        self._loop: Loop | None = None
        self._scope: anyio.CancelScope | None = None

    def run(self, runtime: Literal["asyncio", "trio"]) -> T:
        """Run it, and block until it has ended.

        Raises:
            BaseException: What it raises; ``KeyboardInterrupt``, which cancels it.
        """
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=self._run, args=(runtime, context), name="session loop", daemon=True
        )
        thread.start()
        try:
            return self._future.result()
        except KeyboardInterrupt:
            if not self._future.done():
                self._cancel()
            raise
        finally:
            thread.join(LOOP_GRACE_S)
            if thread.is_alive():
                _log.warning("an event loop is left behind: something in it hangs")

    def _cancel(self) -> None:
        self._started.wait(CANCELLED_S)
        if self._loop is not None and self._scope is not None:
            scope = self._scope
            self._loop.call_soon(lambda: scope.cancel("interrupted"))
        ended = threading.Event()
        self._future.add_done_callback(lambda _: ended.set())
        ended.wait(CANCELLED_S)

    def _run(self, runtime: str, context: contextvars.Context) -> None:
        for variable, value in context.items():
            # Which event loop runs in the caller's thread is nothing to this one.
            if "async_library" not in variable.name:
                variable.set(value)
        try:
            anyio.run(self._main, backend=runtime)
        except BaseException as error:  # noqa: BLE001, ASYNC103  (raised in the thread that asked)
            if not self._future.done():
                self._future.set_exception(error)
        else:
            if not self._future.done():
                self._future.set_exception(RuntimeError("the work was cancelled"))

    async def _main(self) -> None:
        use_daemon_threads()
        self._loop = Loop()
        with anyio.CancelScope() as self._scope:
            self._started.set()
            try:
                value = await self._work()
            except Exception as error:  # noqa: BLE001  (raised in the thread that asked)
                self._future.set_exception(error)
            else:
                self._future.set_result(value)

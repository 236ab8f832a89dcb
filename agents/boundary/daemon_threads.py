"""The thread pool of an asyncio event loop of ours, whose threads hold no program.

``asyncio.to_thread`` and the look-up of addresses run in the loop's default executor.
Its threads are joined when the loop ends and again when the program does, so that a
tool's call that hangs there would keep both for ever. Here they are daemons, and the
loop's end waits for them for a bounded time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial
from threading import Lock, Thread
from typing import Any, ParamSpec, TypeVar

from agents.boundary.log_context import bound_logger

P = ParamSpec("P")
T = TypeVar("T")

THREADS_MOST = 32
"""As many as asyncio's own has, on a machine with many cores."""
END_S = 2.0
"""How long what still runs may take once the loop ends, in seconds."""

_log = bound_logger("agents.boundary")


class DaemonThreads(ThreadPoolExecutor):
    """Runs calls in daemon threads, so many at once.

    asyncio takes nothing but a ``ThreadPoolExecutor``; none of its own threads is made.
    """

    def __init__(self) -> None:
        super().__init__(THREADS_MOST)
        self._calls: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._under_way: set[Future[Any]] = set()
        self._lock = Lock()
        self._workers = 0
        self._is_over = False

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Have a thread call ``fn``.

        Raises:
            RuntimeError: The loop has ended.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._is_over:
                raise RuntimeError("the event loop has ended")
            self._calls.append((future, partial(fn, *args, **kwargs)))
            if self._workers < THREADS_MOST:
                Thread(target=self._work, name="default executor", daemon=True).start()
                self._workers += 1
        return future

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._calls:
                    self._workers -= 1
                    return
                future, call = self._calls.popleft()
                self._under_way.add(future)
            _carry_out(future, call)
            with self._lock:
                self._under_way.discard(future)
            del future, call  # not held until the next one comes

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; wait a while for those under way, then leave them."""
        with self._lock:
            self._is_over = True
            waiting = [future for future, _ in self._calls] if cancel_futures else []
        for future in waiting:
            future.cancel()
        if wait:
            self._wait(time.monotonic() + END_S)

    def _wait(self, until: float) -> None:
        with self._lock:
            futures = [*self._under_way, *(future for future, _ in self._calls)]
        left = wait_for(futures, max(0.0, until - time.monotonic())).not_done
        if left:
            _log.warning(
                "%d calls in threads of the event loop's are left behind", len(left)
            )


def _carry_out(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        value = call()
    except BaseException as error:  # noqa: BLE001, ASYNC103  (raised where it is waited for)
        future.set_exception(error)
    else:
        future.set_result(value)

"""Blocking calls of what callers bring, in daemon threads of their own.

A thread cannot be cancelled. AnyIO's worker threads on asyncio are joined when the
program ends, and give their limiter's token back when the wait is abandoned; so a
socket without a timeout would keep the program for ever, and nothing is bounded. A
thread here is a daemon, one a call (some 90 µs), keeps its place until it ends by
itself, and a wait for it can be abandoned at once.
"""

from __future__ import annotations

import contextvars
import math
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import anyio
import anyio.lowlevel

from agents.boundary.root import Loop
from agents.errors import ToolFailed
from agents.limits.outside_work import PATIENCE_S, outside_work

T = TypeVar("T")

THREADS_AN_AGENT = 16
"""Blocking calls of one agent at once: more than a response has calls, mostly, and a
thousand agents that all wait for files stay within what a process may have."""


class ThreadLimit:
    """How many blocking calls run at once for one agent, and how many hang.

    Args:
        most: So many; whoever comes later waits for one to end.
    """

    __slots__ = ("_abandoned", "_running", "_waiting", "most")

    def __init__(self, most: int = THREADS_AN_AGENT) -> None:
        self.most = most
        self._running = 0
        self._abandoned = 0
        # A list: ten thousand idle agents would pay 600 bytes each for a deque.
        self._waiting: list[anyio.Event] = []

    @property
    def abandoned(self) -> int:
        """Threads that nobody waits for any more, and that still run."""
        return self._abandoned

    async def run(self, work: Callable[[], T], *, name: str) -> T:
        """Do ``work`` in a thread; cancelled, leave it to itself.

        Raises:
            ToolFailed: Every thread is held by a call that was given up.
            BaseException: What ``work`` raises, whatever it is.
        """
        clock = _clock.get()
        # A call's time begins with its thread. A loop that was long about others (a
        # thread takes a millisecond to start, on a busy machine ten) would else say
        # of a call that never ran that it took too long.
        with _clock_stopped(clock):
            await anyio.lowlevel.checkpoint()
            if self._running >= self.most:
                await self._wait_for_a_place()
            call = _Call(work, name)
            self._running += 1
            call.start(lambda: self._free(call))
        try:
            with outside_work(clock.left_s if clock else PATIENCE_S):
                await call.is_over.wait()
        finally:
            if not call.is_over.is_set():
                call.abandon()
                self._abandoned += 1
                self._ring()
        return call.outcome()

    async def _wait_for_a_place(self) -> None:
        while self._running >= self.most:
            if self._abandoned >= self.most:
                raise ToolFailed(
                    f"no thread is free: {self._abandoned} calls that were given up "
                    "still run; do without it"
                )
            bell = anyio.Event()
            self._waiting.append(bell)
            try:
                await bell.wait()
            finally:
                if bell in self._waiting:
                    self._waiting.remove(bell)
                else:
                    self._ring()  # rung for somebody who may have been cancelled

    def _ring(self) -> None:
        """Let the first who waits look again, or all where nothing will be free."""
        most = len(self._waiting) if self._abandoned >= self.most else 1
        for _ in range(min(most, len(self._waiting))):
            self._waiting.pop(0).set()

    def _free(self, call: _Call[Any]) -> None:
        self._running -= 1
        self._abandoned -= call.is_abandoned
        self._ring()


class _Call(Generic[T]):
    """One call, shared by the thread and the task that waits for it."""

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self._work = work
        self._name = name
        self._loop = Loop()
        self._context = contextvars.copy_context()
        self._returned: list[T] = []
        self._error: BaseException | None = None
        self._scope = anyio.CancelScope()
        self.is_over = anyio.Event()
        self.is_abandoned = False

    def start(self, free: Callable[[], None]) -> None:
        """Begin; ``free`` is called in the event loop once the thread has ended."""
        self._free = free
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            thread.start()
        except BaseException:
            free()
            raise

    def abandon(self) -> None:
        """Nobody waits for it any more; work that asks is told so."""
        self.is_abandoned = True
        self._scope.cancel("given up")

    def _run(self) -> None:
        try:
            self._loop.adopt_thread(self._scope, lambda: self.is_abandoned)
            self._returned.append(self._context.run(self._work))
        except BaseException as error:  # noqa: BLE001, ASYNC103  (kept for whoever waits)
            self._error = error
        finally:
            self._loop.call_soon(self._finish)

    def _finish(self) -> None:
        self._free()
        self.is_over.set()

    def outcome(self) -> T:
        """The work's return value.

        Raises:
            BaseException: The work has raised it.
        """
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # else it and its traceback hold each other
        return self._returned[0]


class CallClock:
    """The time that a call may take; it stands still while the call waits for a thread.

    Args:
        scope: Cancelled when the time is up.
        limit_s: Seconds.
    """

    __slots__ = ("_ends_at", "_left_s", "_scopes")

    def __init__(self, scope: anyio.CancelScope, limit_s: float) -> None:
        self._scopes = [scope]
        self._left_s = limit_s
        self.start()

    @property
    def left_s(self) -> float:
        """Seconds."""
        return self._ends_at - anyio.current_time()

    def also_ends(self, scope: anyio.CancelScope) -> None:
        """Cancel ``scope`` as well when the time is up."""
        scope.deadline = self._ends_at
        self._scopes.append(scope)

    def start(self) -> None:
        """Go on."""
        self._set(anyio.current_time() + self._left_s)

    def stop(self) -> None:
        """Stand still."""
        self._left_s = self.left_s
        self._set(math.inf)

    def _set(self, ends_at: float) -> None:
        self._ends_at = ends_at
        for scope in self._scopes:
            scope.deadline = ends_at

    @contextmanager
    def in_use(self) -> Generator[None]:
        """Be the clock of calls that begin in the block."""
        token = _clock.set(self)
        try:
            yield
        finally:
            _clock.reset(token)


@contextmanager
def _clock_stopped(clock: CallClock | None) -> Generator[None]:
    if clock is None:
        yield
        return
    clock.stop()
    try:
        yield
    finally:
        clock.start()


_clock: ContextVar[CallClock | None] = ContextVar("call clock", default=None)
_limit: ContextVar[ThreadLimit | None] = ContextVar("thread limit", default=None)
_common = anyio.lowlevel.RunVar[ThreadLimit]("common_thread_limit")


def use_thread_limit(limit: ThreadLimit) -> None:
    """Count the blocking calls of this task, and of those it starts, by ``limit``."""
    _limit.set(limit)


async def in_thread(work: Callable[[], T], *, name: str = "a blocking call") -> T:
    """Do ``work`` in a thread, counted as :func:`use_thread_limit` has said.

    Raises:
        ToolFailed: Every thread is held by a call that was given up.
        BaseException: What ``work`` raises.
    """
    limit = _limit.get()
    if limit is None:  # a tool that is used without an agent
        limit = _common.get(None)
        if limit is None:
            limit = ThreadLimit()
            _common.set(limit)
    return await limit.run(work, name=name)

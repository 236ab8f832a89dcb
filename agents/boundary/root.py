"""Tasks below the event loop's root: the one place that starts a task and may leave it.

All else runs in a task group, which waits for its children as long as they take. What
callers bring may shield itself, swallow its cancellation or never come back, and a
session's deadline must not wait for it. Such code runs in a :class:`RootTask`: its
owner cancels it, waits for a bounded time, and leaves it behind.

What is left behind is named in the log, counted (:func:`left_behind`), and goes on
below the loop's root: a commit that must not be broken off may end well. It is no
longer resumed when the loop ends, or once it has swallowed :data:`SWALLOWED_MOST`
cancellations, so a program ends when its main function does and nothing spins.

What differs between the event loops is here; what is private to them is fenced by
:mod:`agents.backends.transport.library_internals`. ``asyncio._unregister_task`` is
documented for makers of tasks ("Extending asyncio").
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, NoReturn, TypeVar

import anyio
import anyio.lowlevel

from agents.backends.transport.library_internals import (
    adopt_thread,
    close_trio_nurseries,
    wake_trio_task,
)
from agents.boundary.child_tasks import ChildTasks, runs_callers_code
from agents.boundary.guard import class_name
from agents.boundary.log_context import bound_logger
from agents.errors import ToolFailed

T = TypeVar("T")

SWALLOWED_MOST = 20
"""Cancellations that a task which was left behind may swallow before it is no longer
resumed: a loop around ``except BaseException`` would spin for ever."""
BLOCKS_S = 1.0
"""A step of a task that keeps the event loop for longer is named in the log."""

_CANCELLATIONS = ("CancelledError", "Cancelled")
_log = bound_logger("agents.boundary")
_left: set[RootTask[Any]] = set()
"""Left behind and not over yet. They are kept alive: collecting a suspended coroutine
would run its ``finally`` blocks wherever that happens."""
_watched = anyio.lowlevel.RunVar[bool]("boundary_watched")
_guard = anyio.lowlevel.RunVar[ChildTasks]("boundary_child_tasks")


class Loop:
    """The event loop that made this object, to be called from any thread."""

    __slots__ = ("_context", "_is_asyncio", "_native", "_thread", "_token")

    def __init__(self) -> None:
        self._thread = threading.get_ident()  # a loop never leaves its thread
        self._context = contextvars.copy_context()
        self._token = anyio.lowlevel.current_token()
        # An asyncio event loop or a TrioToken; neither is imported for its type alone.
        self._native: Any = self._token.native_token
        self._is_asyncio = _is_asyncio()

    @property
    def is_of_this_thread(self) -> bool:
        """Whether the caller's thread is the one that the loop runs in."""
        return self._thread == threading.get_ident()

    @property
    def is_running_here(self) -> bool:
        """Whether the caller runs in this very event loop."""
        if not self.is_of_this_thread:
            return False
        try:
            return anyio.lowlevel.current_token().native_token is self._native
        except anyio.NoEventLoopError:
            return False

    @property
    def has_real_clock(self) -> bool:
        """Whether its time is the machine's, and not a test's; asked in the loop."""
        if self._is_asyncio:
            return abs(self._native.time() - time.monotonic()) < 1.0
        import trio.lowlevel  # noqa: PLC0415

        return type(trio.lowlevel.current_clock()).__name__ == "SystemClock"

    def adopt_thread(
        self, scope: anyio.CancelScope, is_cancelled: Callable[[], bool]
    ) -> None:
        """Let this thread call back by ``anyio.from_thread`` and ``trio.from_thread``.

        Args:
            scope: What ``from_thread.check_cancelled`` asks on asyncio.
            is_cancelled: The same, on trio, whose scopes ask for the time.
        """
        adopt_thread(self._token, scope, _Cancelling(is_cancelled))

    def call_soon(self, callback: Callable[[], object]) -> bool:
        """Have the loop call ``callback``, which raises nothing.

        Returns:
            Whether it can: a loop that has ended calls nobody.
        """
        try:
            if self._is_asyncio:
                # In a context that knows its event loop, which a thread's does not.
                self._native.call_soon_threadsafe(callback, context=self._context)
            else:
                self._native.run_sync_soon(callback)
        except RuntimeError:  # asyncio: closed; trio: RunFinishedError
            return False
        return True


class _Cancelling:
    """The object that trio asks whether a thread's call has been cancelled."""

    def __init__(self, is_cancelled: Callable[[], bool]) -> None:
        self._is_cancelled = is_cancelled

    def __getitem__(self, _place: int) -> Callable[[], None] | None:
        return self._raise if self._is_cancelled() else None

    @staticmethod
    def _raise() -> None:
        raise ToolFailed("the call was given up")


class RootTask(Generic[T]):
    """A task of its own, which whoever starts it cancels, and leaves in the end.

    Args:
        name: For logs and debuggers.
        function: What it does; called in the task, with a copy of this context.
        on_end: Called once, in the event loop, when it is over; raises nothing.
        names_blocking: Whether a step that keeps the event loop is named in the log.
        is_callers: Whether code of a caller's runs in it, or in tasks that it starts.
    """

    __slots__ = (
        "_children",
        "_context",
        "_error",
        "_function",
        "_is_asyncio",
        "_is_cut",
        "_is_left",
        "_names_blocking",
        "_on_end",
        "_over",
        "_scope",
        "_swallowed",
        "_task",
        "_value",
        "name",
    )

    def __init__(
        self,
        name: str,
        function: Callable[[], Awaitable[T]],
        *,
        on_end: Callable[[RootTask[T]], None] | None = None,
        names_blocking: bool = False,
        is_callers: bool = True,
    ) -> None:
        self.name = name
        self._function = function
        self._on_end = on_end
        self._names_blocking = names_blocking
        self._over = anyio.Event()
        self._scope = anyio.CancelScope()
        self._value: T | None = None
        self._error: BaseException | None = None
        self._is_left = False
        self._is_cut = False
        self._swallowed = 0
        self._context = contextvars.copy_context()
        self._is_asyncio = _is_asyncio()
        self._children: ChildTasks | None = None
        if is_callers and self._is_asyncio:
            self._children = _child_tasks()
            self._children.begin()
            self._context.run(runs_callers_code.set, True)
        self._task: Any = self._spawned()

    def __repr__(self) -> str:
        state = "over" if self.is_over else "left" if self._is_left else "running"
        return f"<RootTask {self.name!r} {state}>"

    def _spawned(self) -> object:
        if self._is_asyncio:
            import asyncio  # noqa: PLC0415  (it runs)

            loop = asyncio.get_running_loop()
            return loop.create_task(self._run(), name=self.name, context=self._context)
        import trio.lowlevel  # noqa: PLC0415  (0.1 s that asyncio does without)

        return trio.lowlevel.spawn_system_task(
            self._run, name=self.name, context=self._context
        )

    @property
    def is_over(self) -> bool:
        """Whether it has an outcome."""
        return self._over.is_set()

    @property
    def is_cancelled(self) -> bool:
        """Whether its owner has cancelled it."""
        return self._scope.cancel_called

    @property
    def scope(self) -> anyio.CancelScope:
        """The scope that :meth:`cancel` cancels; its deadline is its owner's to set."""
        return self._scope

    @property
    def error(self) -> BaseException | None:
        """The exception that it raised; not its owner's cancellation."""
        return self._error

    @property
    def value(self) -> T | None:
        """Its return value; ``None`` also while it runs or has raised."""
        return self._value

    async def wait(self) -> None:
        """Wait until it is over."""
        await self._over.wait()

    def cancel(self, reason: str) -> None:
        """Ask it to end."""
        self._scope.cancel(reason)

    async def end(self, reason: str, grace_s: float) -> bool:
        """Cancel it, wait for at most ``grace_s`` seconds, then leave it behind.

        Shielded, and so to be called where its owner is cancelled as well.

        Returns:
            Whether it has ended.
        """
        self.cancel(reason)
        with anyio.move_on_after(grace_s, shield=True):
            await self._over.wait()
        if not self.is_over:
            self.leave(f"{grace_s:g} s after it was cancelled ({reason})")
        return self.is_over

    async def finish(self, grace_s: float) -> None:
        """Wait until it is over, but not for ever where whoever waits is cancelled.

        Then it is cancelled as well, may take ``grace_s`` seconds to end, and is left
        behind.
        """
        try:
            await self._over.wait()
        finally:
            if not self.is_over:
                await self.end("whoever waited for it was cancelled", grace_s)  # noqa: ASYNC102  (bounded, and shielded where it must be)

    async def end_after(self, limit_s: float) -> bool:
        """Wait for at most ``limit_s`` seconds, shielded, and then leave it behind."""
        with anyio.move_on_after(limit_s, shield=True):
            await self._over.wait()
        if not self.is_over:
            self.leave(f"after {limit_s:g} s")
        return self.is_over

    @property
    def is_left(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._is_left

    def leave(self, why: str) -> None:
        """Wait for it no longer: neither its owner nor the event loop does."""
        if self.is_over or self._is_left:
            return
        self._is_left = True
        self.cancel("left behind")
        _left.add(self)
        _log.warning("%s is left behind: it goes on %s", self.name, why)
        if self._is_asyncio:
            import asyncio  # noqa: PLC0415  (it runs)

            # asyncio.run() would cancel it once more, and wait for it.
            asyncio._unregister_task(self._task)  # noqa: SLF001  (see above)  # pyright: ignore[reportPrivateUsage]
        elif not _watched.get(False):
            _watched.set(True)
            RootTask("end of the event loop", _cut_in_the_end, is_callers=False)

    def cut(self) -> None:
        """Resume it no more; what it has open stays so until the program ends."""
        if self.is_over or self._is_cut:
            return
        self._is_cut = True
        task = self._task
        if self._is_asyncio:
            task.cancel()
        else:
            wake_trio_task(task, _raise_cut)

    async def _run(self) -> None:
        self._scope.__enter__()
        steps = _Steps(self, self._function)
        try:
            self._value = await steps
        except BaseException as error:  # noqa: BLE001, ASYNC103  (see the module's words)
            if self._has_nurseries:
                self._error = error
            else:
                self._take(error)
        else:
            if steps.is_whole and not self._has_nurseries:
                self._leave_scope()
            # Else scopes of the caller's stand open within ours, and no loop minds a
            # task that ends so, but all mind a scope that is closed too early.
        if steps.is_whole and self._has_nurseries:
            # trio takes a task that ends within a nursery for a mistake of its own, and
            # ends the program. It is closed here, once nobody waits for the task.
            task = self._task
            _log.warning("%s has left a task group open", self.name)
            self._end()
            await close_trio_nurseries(task)
            self._leave_scope()
            return
        self._end()

    def _end(self) -> None:
        """It has an outcome: nobody needs to wait for it any more."""
        self._over.set()
        _left.discard(self)
        if self._children is not None:
            self._children.end()
        on_end, self._on_end = self._on_end, None
        self._task = None  # they hold each other, and nobody asks an ended task
        del self._function, self._context
        if on_end is not None:
            on_end(self)

    @property
    def _has_nurseries(self) -> bool:
        """Whether trio knows of nurseries that the task has entered and not left."""
        return not self._is_asyncio and bool(self._task.child_nurseries)

    def _leave_scope(self) -> None:
        """Leave our scope behind a function that has returned."""
        try:
            self._scope.__exit__(None, None, None)
        except RuntimeError:
            # A scope within ours was never left: both loops say so, and leave it.
            _log.warning("%s has left a cancel scope open", self.name)

    def _take(self, error: BaseException) -> None:
        """Keep ``error`` as the outcome, unless it is the owner's cancellation."""
        try:
            if not self._scope.__exit__(type(error), error, error.__traceback__):
                self._error = error
        except BaseException as other:  # noqa: BLE001, ASYNC103  (the rest of a group)
            self._error = other

    def must_stop(self, resumed_by: object) -> bool:
        """Whether it is not to be resumed; asked each time that it would be.

        Args:
            resumed_by: What it would be resumed with.
        """
        if not self._is_left:
            return False
        # asyncio throws; trio sends an outcome that holds the error.
        error = getattr(resumed_by, "error", resumed_by)
        self._swallowed += class_name(error) in _CANCELLATIONS
        is_out = self._is_cut or self._swallowed > SWALLOWED_MOST
        # trio takes a task that ends within a nursery for a mistake of its own.
        return is_out and not self._has_nurseries

    @property
    def names_blocking(self) -> bool:
        """Whether a step that keeps the event loop is named in the log."""
        return self._names_blocking


class _Steps:
    """A coroutine, resumed step by step until it ends or must be resumed no more."""

    __slots__ = ("_function", "_owner", "is_whole")

    def __init__(
        self, owner: RootTask[Any], function: Callable[[], Awaitable[Any]]
    ) -> None:
        self._owner = owner
        self._function = function
        self.is_whole = True
        """Whether it has ended by itself."""

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._function().__await__()
        send, throw, owner, value = steps.send, steps.throw, self._owner, None
        if owner.names_blocking:
            send, throw = _timed(owner.name, send), _timed(owner.name, throw)
        error: BaseException | None = None
        try:
            while True:
                try:
                    trap = send(value) if error is None else throw(error)
                except StopIteration as done:
                    return done.value
                try:
                    value, error = (yield trap), None
                except BaseException as thrown:  # noqa: BLE001, ASYNC103  (handed on)
                    error = thrown
                if owner.must_stop(error or value):
                    self.is_whole = False
                    _keep_for_ever(steps)
                    return None
        finally:
            # Else they and this frame, which their traceback holds, hold each other,
            # and with them the task: every cancelled one would be garbage.
            value = error = None


def _timed(name: str, step: Callable[[Any], T]) -> Callable[[Any], T]:
    """``step``, told of in the log where it keeps the event loop for long."""

    def timed(value: object) -> T:
        began = time.perf_counter()
        try:
            return step(value)
        finally:
            took_s = time.perf_counter() - began
            if took_s >= BLOCKS_S:
                _log.warning(
                    "%s kept the event loop for %.1f s: nothing else ran, no deadline "
                    "rang; make it a plain function, which gets a thread",
                    name,
                    took_s,
                )

    return timed


def _keep_for_ever(steps: object) -> None:
    """Let nothing close what is not resumed any more: that would run the rest of it.

    A reference that nobody gives back also outlives the interpreter's last clearing.
    """
    _unfinished.append(steps)
    if sys.implementation.name == "cpython":
        import ctypes  # noqa: PLC0415  (5 ms, and hardly ever needed)

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(steps))


_unfinished: list[object] = []


def _child_tasks() -> ChildTasks:
    """The guard of this asyncio event loop."""
    import asyncio  # noqa: PLC0415  (it runs)

    guard = _guard.get(None)
    if guard is None:
        guard = ChildTasks(asyncio.get_running_loop())
        _guard.set(guard)
    return guard


async def _cut_in_the_end() -> None:
    """Let trio's loop end: it cancels what is below its root, and waits for it."""
    try:
        await anyio.sleep_forever()
    finally:
        for task in tuple(_left):
            if task._task in _siblings():  # noqa: SLF001  (of this module)  # pyright: ignore[reportPrivateUsage]
                task.cut()


def _siblings() -> frozenset[object]:
    import trio.lowlevel  # noqa: PLC0415

    nursery = trio.lowlevel.current_task().parent_nursery
    return nursery.child_tasks if nursery else frozenset()


class _Cut(BaseException):
    """Wakes a task that is not to be resumed."""


def _raise_cut() -> NoReturn:
    raise _Cut


def left_behind() -> tuple[str, ...]:
    """The names of tasks that were left behind and go on, of all event loops."""
    return tuple(sorted(task.name for task in tuple(_left)))


def is_cancelled_here() -> bool:
    """Whether somebody has cancelled the task that asks, from outside of what it calls.

    An ``asyncio.CancelledError`` alone does not tell: a helper task that was cancelled
    raises one in whoever awaits it. On trio there is no other way to it.
    """
    if not _is_asyncio():
        return True
    import asyncio  # noqa: PLC0415  (it runs)

    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _is_asyncio() -> bool:
    if "asyncio" not in sys.modules:
        return False  # and not loaded for that: trio does without its 25 ms
    import asyncio  # noqa: PLC0415  (see above)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

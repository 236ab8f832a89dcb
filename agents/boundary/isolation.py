"""Synchronous code of callers', called so that it cannot reach the task that calls it.

A property, a hook or a validator runs within a task of ours. It could cancel that task
(``asyncio.current_task().cancel()``), enter a cancel scope in it that nobody leaves, or
set a context variable, such as the one that says which event loop runs. So it is called
while the event loop knows of no current task, and with a copy of the context. The event
loop itself is there: it can be asked for, and new tasks can be started.

``asyncio._leave_task`` and ``_enter_task`` are documented for makers of tasks
("Extending asyncio"); trio's own are fenced.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from agents.backends.transport.library_internals import trio_run_context

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


def isolated(call: Callable[[], T]) -> T:
    """Call ``call`` in no task and in a context of its own.

    Raises:
        BaseException: What it raises.
    """
    return contextvars.copy_context().run(_in_no_task, call)


def _in_no_task(call: Callable[[], T]) -> T:
    if "asyncio" in sys.modules:  # and not loaded for that: trio does without
        import asyncio  # noqa: PLC0415  (see above)

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is not None:
            return _in_no_asyncio_task(call, loop)
    return _in_no_trio_task(call) if "trio" in sys.modules else call()


def _in_no_asyncio_task(call: Callable[[], T], loop: asyncio.AbstractEventLoop) -> T:
    import asyncio  # noqa: PLC0415  (it runs)

    task = asyncio.current_task(loop)
    if task is None:
        return call()
    asyncio._leave_task(loop, task)  # noqa: SLF001  (see the module's words)  # pyright: ignore[reportPrivateUsage]
    try:
        return call()
    finally:
        asyncio._enter_task(loop, task)  # noqa: SLF001  (as above)  # pyright: ignore[reportPrivateUsage]


def _in_no_trio_task(call: Callable[[], T]) -> T:
    here = trio_run_context()
    task: object = getattr(here, "task", None)
    if task is None:
        return call()
    del here.task
    try:
        return call()
    finally:
        here.task = task

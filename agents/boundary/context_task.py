"""A context manager whose inside lives in a task of its own.

Scopes and task groups must be left in the task that has entered them, and code around a
``yield`` cannot promise that: a generator that is broken out of, a test's fixture, an
object with ``open`` and ``close``. Entered through here, they are opened and closed by
one task below the loop's root, and whoever uses them may be in any.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Generic, TypeVar, cast

import anyio

from agents.boundary.root import RootTask

T = TypeVar("T")


class ContextTask(AbstractAsyncContextManager[T], Generic[T]):
    """Enters what ``make`` makes in a task of its own, and leaves it there.

    Args:
        name: For logs.
        make: Makes the context manager, in that task.
        grace_s: How long leaving may take; then the task is left behind.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], AbstractAsyncContextManager[T]],
        *,
        grace_s: float,
    ) -> None:
        self._name = name
        self._make = make
        self._grace_s = grace_s
        self._task: RootTask[None] | None = None
        self._entered: list[T] = []

    async def __aenter__(self) -> T:
        """Enter; what the context manager gives.

        Raises:
            BaseException: What entering raises.
        """
        if self._task is not None:
            raise RuntimeError(f"{self._name} can be entered once only")
        self._settled, self._leaving = anyio.Event(), anyio.Event()
        task = self._task = RootTask(
            self._name,
            self._hold,
            on_end=lambda _: self._settled.set(),
            is_callers=False,
        )
        try:
            await self._settled.wait()
        except BaseException:
            await task.end("whoever opened it was cancelled", self._grace_s)  # noqa: ASYNC102  (bounded, and shielded where it must be)
            raise
        if not self._entered:
            raise task.error or RuntimeError(f"{self._name} was not opened")
        return self._entered[0]

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave it, in whatever task; shielded and bounded.

        Raises:
            BaseException: What it has raised, or leaving raises; not where the block
                is cancelled.
        """
        task = cast("RootTask[None]", self._task)
        self._leaving.set()
        with anyio.move_on_after(self._grace_s, shield=True):
            await task.wait()
        if not task.is_over:
            task.cancel("it takes too long to close")
            task.leave(f"{self._grace_s:g} s after its block was left")
        elif task.error is not None and (error is None or isinstance(error, Exception)):
            raise task.error

    async def _hold(self) -> None:
        async with self._make() as entered:
            self._entered.append(entered)
            self._settled.set()
            await self._leaving.wait()

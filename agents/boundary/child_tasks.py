"""Tasks that callers' code starts on asyncio: their ``SystemExit`` stays theirs.

asyncio raises the ``SystemExit`` of any task out of its event loop, whoever waits for
that task: a tool whose task group runs a parser of arguments would end the program. In
trio it goes to the group, as every error does. So while code of callers' runs, tasks
that it starts in this event loop raise :class:`Exited` in its place.

Owns the event loop's task factory meanwhile, where the program has set none: anyio
knows asyncio's eager one by its code, and could not know it beneath another.
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from agents.boundary.guard import text_of

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

runs_callers_code: ContextVar[bool] = ContextVar("runs_callers_code", default=False)
"""Whether this task runs code of a caller's; the tasks that it starts inherit it."""


class Exited(Exception):
    """A task that a caller's code had started has raised ``SystemExit``."""


class ChildTasks:
    """Has the tasks that callers' code starts in ``loop`` raise no ``SystemExit``.

    Args:
        loop: The event loop that runs.
    """

    __slots__ = ("_loop", "_users")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._users = 0

    def begin(self) -> None:
        """One more task runs code of a caller's."""
        self._users += 1
        if self._users == 1 and self._loop.get_task_factory() is None:
            self._loop.set_task_factory(_make_task)

    def end(self) -> None:
        """One less; behind the last, the loop is as it was."""
        self._users -= 1
        if not self._users and self._loop.get_task_factory() is _make_task:
            self._loop.set_task_factory(None)


def _make_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Any,  # noqa: ANN401  (asyncio's)
    **options: Any,  # noqa: ANN401  (asyncio's)
) -> asyncio.Task[Any]:
    import asyncio  # noqa: PLC0415  (it runs)

    made = _Child(coroutine) if runs_callers_code.get() else coroutine
    return asyncio.Task(made, loop=loop, **options)


class _Child(Coroutine[Any, Any, Any]):
    """A coroutine that is another one in all but its ``SystemExit``.

    No ``async def``: a task that is cancelled before it begins would leave the other
    one without ever having awaited it.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (the coroutine's own)
        return getattr(self._coroutine, name)  # its name and state, for debuggers

    def __await__(self) -> Any:  # noqa: ANN401  (its steps)
        return self

    def send(self, value: Any) -> Any:  # noqa: ANN401
        try:
            return self._coroutine.send(value)
        except SystemExit as error:
            raise _exited(error) from error

    def throw(
        self,
        kind: Any,  # noqa: ANN401
        value: Any = None,  # noqa: ANN401
        traceback: TracebackType | None = None,
    ) -> Any:  # noqa: ANN401
        try:
            error = kind if value is None and traceback is None else value or kind()
            return self._coroutine.throw(error)
        except SystemExit as error:
            raise _exited(error) from error

    def close(self) -> None:
        self._coroutine.close()


def _exited(error: SystemExit) -> Exited:
    text = text_of(error)
    return Exited(f"a task that it had started has raised SystemExit: {text}")

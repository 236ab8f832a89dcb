"""Warnings of libraries where they are called: a line in the log, never an exception.

Under ``-W error`` a library's ``warnings.warn`` raises, in the middle of whatever the
library does for us; so an SDK that announces the end of a model ended a whole session.
Calls into libraries that may warn go through here. Where warnings are no errors nothing
is changed: they take Python's way, and the command and the displays hold them back.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")

LOG = logging.getLogger("agents.library_warnings")
# Without a handler of its own, Python would print over displays what nobody handles.
LOG.addHandler(logging.NullHandler())

_lock = threading.RLock()
"""Python keeps its filters for the whole process; two threads that change and restore
them in turns would leave them changed."""


@contextmanager
def warnings_logged() -> Generator[None]:
    """Log warnings of the block's that would be raised; do not wait inside it."""
    if not _may_raise():
        yield
        return
    caught: list[warnings.WarningMessage] = []
    try:
        with _lock, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        for warning in caught:
            _pass_on(warning)


def _may_raise() -> bool:
    return any(action == "error" for action, *_ in warnings.filters)


def _pass_on(warning: warnings.WarningMessage) -> None:
    """Treat ``warning`` as the filters say, but log it where they would raise it."""
    try:
        warnings.warn_explicit(
            warning.message, warning.category, warning.filename, warning.lineno
        )
    except Warning:
        LOG.warning("%s: %s", warning.category.__name__, warning.message)


async def with_warnings_logged(call: Awaitable[T]) -> T:
    """Await ``call``, each of its steps under :func:`warnings_logged`."""
    return await _Logged(call)


class _Logged(Generic[T]):
    """The awaitable that :func:`with_warnings_logged` returns."""

    def __init__(self, call: Awaitable[T]) -> None:
        self._call = call

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._call.__await__()
        # Asked once a call: a step costs nothing where warnings are no errors.
        return _Steps(steps) if _may_raise() else steps


class _Steps(Generator[Any, Any, T]):
    """The steps of a call, as the event loop takes them."""

    def __init__(self, steps: Generator[Any, Any, T]) -> None:
        self._steps = steps

    def send(self, value: Any, /) -> Any:  # noqa: ANN401  (the event loop's)
        with warnings_logged():
            return self._steps.send(value)

    def throw(self, *raised: Any) -> Any:  # noqa: ANN401  (one or three, as of old)
        with warnings_logged():
            return self._steps.throw(*raised)

    def close(self) -> None:
        self._steps.close()

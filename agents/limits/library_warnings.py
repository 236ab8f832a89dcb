"""Warnings of libraries where they are called: a line in the log, never an exception.

Under ``-W error`` a library's ``warnings.warn`` raises, in the middle of whatever the
library does for us; so an SDK that announces the end of a model ended a whole session.
Calls into libraries that may warn go through here. Where warnings are no errors nothing
is changed: they take Python's way, and the command and the displays hold them back.
"""

from __future__ import annotations

import logging
import threading
import types
import warnings
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

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
    if not any(action == "error" for action, *_ in warnings.filters):
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


def _pass_on(warning: warnings.WarningMessage) -> None:
    """Treat ``warning`` as the filters say, but log it where they would raise it."""
    try:
        warnings.warn_explicit(
            warning.message, warning.category, warning.filename, warning.lineno
        )
    except Warning:
        LOG.warning("%s: %s", warning.category.__name__, warning.message)


@types.coroutine
def with_warnings_logged(call: Awaitable[T]) -> Generator[Any, Any, T]:
    """Await ``call``, each of its steps under :func:`warnings_logged`."""
    steps: Generator[Any, Any, T] = call.__await__()
    value: Any = None
    raised: BaseException | None = None
    while True:
        try:
            with warnings_logged():
                wanted: Any = (
                    steps.send(value) if raised is None else steps.throw(raised)
                )
        except StopIteration as end:
            return end.value
        value, raised = None, None
        try:
            value = yield wanted
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as exc:  # noqa: BLE001  (the step's to handle, as in await)
            raised = exc

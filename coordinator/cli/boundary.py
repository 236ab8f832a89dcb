"""The boundary of the program: every error becomes a sentence and an exit code."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import cast

from coordinator.cli.exits import Exit, complain
from coordinator.errors import (
    ConfigInvalid,
    CoordinatorError,
    JournalCorrupt,
    JournalUnavailable,
)


def at_the_boundary(work: Callable[[], int]) -> int:
    """Do a command's work, and say in one sentence what went wrong.

    The boundary includes our own mistakes: those come with their traceback, for the
    report.

    Returns:
        The exit code.

    Raises:
        BrokenPipeError: Whoever read standard output has gone.
    """
    code: int = Exit.EXECUTION
    gone: BrokenPipeError | None = None
    try:
        code = work()
    except* (ConfigInvalid, JournalUnavailable, JournalCorrupt) as group:
        complain(str(_first(group)))
        code = Exit.CONFIGURATION
    except* CoordinatorError as group:
        complain(str(_first(group)))
    except* BrokenPipeError as group:
        gone = BrokenPipeError(str(_first(group)))
    except* KeyboardInterrupt:
        complain("interrupted")
        code = Exit.INTERRUPTED
    except* Exception as group:  # noqa: BLE001  (see the docstring)
        traceback.print_exception(_first(group))
        complain("this is a mistake of the program's; please report the lines above")
    if gone is not None:
        raise gone
    return code


def _first(group: BaseException) -> BaseException:
    """The first error in a group of groups: one sentence is enough."""
    if isinstance(group, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", group).exceptions[0])
    return group

"""The boundary of the program: every error becomes a sentence and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import cast

from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.notices import libraries_noticed
from coordinator.cli.telemetry import telemetry
from coordinator.errors import (
    ConfigInvalid,
    CoordinatorError,
    JournalCorrupt,
    JournalUnavailable,
)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def at_the_boundary(work: Callable[[], int]) -> int:
    """Do a command's work, and say in one sentence what went wrong.

    The boundary includes our own mistakes: those come with their traceback, for the
    report. A file that standard output goes to and that cannot grow is none of them.

    Returns:
        The exit code.

    Raises:
        BrokenPipeError: Whoever read standard output has gone.
    """
    code: int = Exit.EXECUTION
    gone: BrokenPipeError | None = None
    try:
        with telemetry(), libraries_noticed():
            code = work()
        sys.stdout.flush()  # here, where it can be said that there is no room for it
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
        code = explain(_first(group))
    if gone is not None:
        raise gone
    return code


def explain(trouble: BaseException) -> int:
    """Say what nobody has mapped: an output without room, or a mistake of ours."""
    if isinstance(trouble, OSError) and _is_without_room(trouble):
        why = os.strerror(trouble.errno or 0)
        complain(f"standard output: {why}; make room, or send it elsewhere")
        # What Python would flush at exit would fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return Exit.CONFIGURATION
    traceback.print_exception(trouble)
    complain("this is a mistake of the program's; please report the lines above")
    return Exit.EXECUTION


def _is_without_room(trouble: OSError) -> bool:
    """Whether standard output had no room; a file of ours is named in its error."""
    return not trouble.filename and trouble.errno in _NO_ROOM


def _first(group: BaseException) -> BaseException:
    """The first error in a group of groups: one sentence is enough."""
    if isinstance(group, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", group).exceptions[0])
    return group

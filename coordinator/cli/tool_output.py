"""Standard error for what tools print under the command, and the command's end.

Standard output is for what the command shows; a tool that prints would break its JSON,
or the screen. And the program ends when its session has, also where something that a
tool has begun does not: a thread that hangs would be waited for.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout, suppress

_OWNER = "agents.boundary.root"
"""The module that knows what was left behind; where nobody loaded it, nothing was."""


@contextmanager
def tools_print_to_stderr() -> Generator[None]:
    """Send what is printed in the block to standard error."""
    with redirect_stdout(sys.stderr):
        yield


def end_program(code: int) -> int:
    """End with ``code``; at once where something is left that does not end.

    Returns:
        ``code``, where nothing is.
    """
    with suppress(ValueError):  # not in the main thread
        # All is said: another Ctrl-C would only break Python's own leaving.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    threads = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.daemon
    ]
    owner = sys.modules.get(_OWNER)
    if not threads and not (owner and owner.left_behind()):
        return code
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)

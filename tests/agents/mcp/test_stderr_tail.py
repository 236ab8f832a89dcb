"""The last words of a server, read by the event loop or, on Windows, by a thread."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TextIO, TypeAlias

import anyio
import pytest

from agents.mcp.stderr_tail import StderrTail

Way: TypeAlias = Callable[[StderrTail], AbstractAsyncContextManager[TextIO]]


@pytest.mark.real_time
@pytest.mark.parametrize("way", [StderrTail.heard, StderrTail.heard_in_thread])
async def test_the_last_line_of_a_dead_process_is_kept(way: Way) -> None:
    tail = StderrTail()
    noise = "import sys; sys.stderr.write('x' * 200000 + '\\nno module named mine\\n')"
    with anyio.fail_after(20):
        async with way(tail) as stderr:
            await anyio.run_process(
                [sys.executable, "-c", noise], stderr=stderr, stdout=subprocess.DEVNULL
            )
    assert tail.said() == " (it said: no module named mine)"


@pytest.mark.real_time
async def test_a_grandchild_that_holds_the_pipe_holds_up_nobody() -> None:
    tail = StderrTail()
    with anyio.fail_after(5):
        async with tail.heard_in_thread() as stderr:
            child = subprocess.Popen(  # noqa: ASYNC220  (nothing waits for it)
                [sys.executable, "-c", "import time; time.sleep(60)"], stderr=stderr
            )
    child.kill()
    child.wait()
    for thread in threading.enumerate():
        if thread.name == "stderr":
            thread.join(5)

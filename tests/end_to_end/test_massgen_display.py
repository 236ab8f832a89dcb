"""MassGen's own displays draw a run of ours, in an environment that has MassGen.

What we need beside it is taken from the environment of these tests, behind its own.
"""

from __future__ import annotations

import json
import os
import re
import select
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

import coordinator
from tests.end_to_end.test_massgen_agents import PATIENCE_S, PYTHON

PROGRAM = Path(__file__).with_name("massgen_display_program.py")
FOLDERS = os.pathsep.join(
    str(folder)
    for folder in (
        Path(coordinator.__file__).parents[1],
        Path(anyio.__file__).parents[1],
    )
)

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.long,
    pytest.mark.skipif(
        not PYTHON,
        reason="NO MASSGEN: run `coordinator bench --peers massgen` once, or name the "
        "Python of its environment in COORDINATOR_TEST_MASSGEN",
    ),
]


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
async def test_massgens_simple_display_draws_a_run_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    with anyio.fail_after(PATIENCE_S):
        done = await anyio.run_process(
            [PYTHON, str(PROGRAM), FOLDERS, "simple", str(file)],
            check=False,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    check(json.loads(file.read_text()))
    drawn = done.stdout.decode()
    assert ANSWER in drawn
    assert "cleo" in drawn


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_massgens_rich_display_draws_a_run_of_ours_on_a_terminal(
    tmp_path: Path,
) -> None:
    """To its end: it asks what to inspect, is told to quit, and fails without that."""
    file = tmp_path / "result.json"
    command = [PYTHON, str(PROGRAM), FOLDERS, "rich_terminal", str(file)]
    drawn, code = on_a_terminal(command)
    assert code == 0, drawn[-2_000:]
    check(json.loads(file.read_text()))
    assert ANSWER in drawn
    assert all(agent in drawn for agent in ("ada", "ben", "cleo", "dan"))


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_massgens_textual_screen_draws_a_run_of_ours_on_a_terminal(
    tmp_path: Path,
) -> None:
    """Answers and votes too, which it takes from MassGen's event emitter alone."""
    file = tmp_path / "result.json"
    command = [PYTHON, str(PROGRAM), FOLDERS, "textual_terminal", str(file)]
    drawn, code = on_a_terminal(command)
    assert code == 0, drawn[-2_000:]
    check(json.loads(file.read_text()))
    words = STYLE.sub("", drawn)
    assert "New Answer from cleo" in words
    assert "voted for cleo" in words
    assert "22 times" in words


ANSWER = "22 times a day"
STYLE = re.compile(r"\x1b\[[\d;]*m")
MENU = "Enter your choice:"
SIZE = struct.pack("HHHH", 50, 160, 0, 0)


def check(result: dict[str, Any]) -> None:
    """The outcome of the demo."""
    assert ANSWER in result["answer"]
    assert result["status"]["selected_agent"] == "cleo"
    assert result["result"]["vote_results"]["vote_counts"]["cleo"] >= 3


def on_a_terminal(command: list[str]) -> tuple[str, int]:
    """Run on a pseudo-terminal, quitting each menu; what was drawn, and the code."""
    import pty  # noqa: PLC0415  (not everywhere)
    from fcntl import ioctl  # noqa: PLC0415  (likewise)
    from termios import TIOCSWINSZ  # noqa: PLC0415  (likewise)

    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, SIZE)
    drawn, menus = b"", 0
    deadline = time.monotonic() + PATIENCE_S
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(  # noqa: S603  (the Python that was named)
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            while time.monotonic() < deadline:
                if select.select([ours], [], [], 0.5)[0]:
                    try:
                        drawn += os.read(ours, 65_536)
                    except OSError:  # it has closed its end
                        break
                elif process.poll() is not None:
                    break
                if drawn.count(MENU.encode()) > menus:
                    menus += 1
                    os.write(ours, b"q\n")
            code = process.wait(10)
        finally:
            process.kill()
            os.close(ours)
    return drawn.decode("utf-8", "replace"), code

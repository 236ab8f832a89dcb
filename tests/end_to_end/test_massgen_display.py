"""MassGen's own displays draw a run of ours, in an environment that has MassGen.

What we need beside it is taken from the environment of these tests, behind its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

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


@pytest.mark.parametrize("display", ["simple", "rich_terminal"])
@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
async def test_a_display_of_massgens_draws_a_run_of_ours(display: str) -> None:
    with anyio.fail_after(PATIENCE_S):
        done = await anyio.run_process(
            [PYTHON, str(PROGRAM), FOLDERS, display],
            check=False,
            stderr=subprocess.PIPE,
        )
    told = done.stderr.decode()
    assert done.returncode == 0, told[-2_000:]
    (line,) = (each for each in told.splitlines() if each.startswith("RESULT "))
    result = json.loads(line.removeprefix("RESULT "))
    assert "22 times a day" in result["answer"]
    assert result["status"]["selected_agent"] == "cleo"
    assert result["result"]["vote_results"]["vote_counts"]["cleo"] >= 3
    drawn = done.stdout.decode()
    assert "22 times a day" in drawn
    assert "cleo" in drawn

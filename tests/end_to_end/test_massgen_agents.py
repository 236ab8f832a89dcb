"""MassGen's own Claude agents come to a final answer on the emulator, without a script.

MassGen is no part of what tests need (1.8 GB): its environment is the one that
``coordinator bench --peers massgen`` makes, or the one whose Python is named in
``COORDINATOR_TEST_MASSGEN``.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import anyio
import platformdirs
import pytest

from agents.emulator import sample_script, serve
from agents.emulator.improvisation import SAID
from coordinator.bench.massgen import VERSION

PROGRAM = Path(__file__).with_name("massgen_program.py")
PATIENCE_S = 240.0


def massgen() -> str:
    """The Python of an environment with MassGen; empty where there is none."""
    if named := os.environ.get("COORDINATOR_TEST_MASSGEN", ""):
        return named
    peers = platformdirs.user_cache_path("massgen-coordinator") / "peers"
    folder = peers / f"massgen-{VERSION}"
    return str(folder / "bin" / "python") if (folder / "installed").exists() else ""


PYTHON = massgen()

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
async def test_two_agents_of_massgens_come_to_their_final_answer() -> None:
    async with serve(sample_script()) as server:
        with anyio.fail_after(PATIENCE_S):
            done = await anyio.run_process(
                [PYTHON, "-I", str(PROGRAM), server.base_url, "2"],
                check=False,
                stderr=subprocess.PIPE,
            )
        assert done.returncode == 0, done.stderr.decode()[-2_000:]
        assert {each.status for each in server.requests} == {200}
    said: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each for each in said if "rror" in str(each.get("content"))] == []
    kinds = [each["type"] for each in said]
    presenting = kinds.index("final_presentation_start")
    presented = "".join(
        str(each.get("content", ""))
        for each in said[presenting:]
        if each["type"] == "content"
    )
    assert SAID in presented
    assert kinds[-1] == "done"

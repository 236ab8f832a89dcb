"""A tool's prints and leftovers are no trouble of the command's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = """
import threading, time
print("imported")
def slow(seconds: float) -> str:
    "A lookup whose socket has no timeout."
    print("noise of a tool")
    threading.Thread(target=time.sleep, args=(300,)).start()
    time.sleep(seconds)
    return "slept"
"""
TEAM = """
question: What now?
agents:
  - id: ada
    tools: ["noisy_tools:slow"]
    tool_timeout_s: 0.2
    script:
      turns:
        - when: {task: draft, call: 1}
          lines: [{tool: slow, input: {seconds: 300}}]
        - {when: {task: draft}, lines: [{answer: "Ada has an answer."}]}
        - {when: {task: review}, repeat: true, lines: [{vote: "Ada"}]}
final: reuse
"""


@pytest.mark.real_time
@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_prints_go_to_standard_error_and_the_program_ends(
    tmp_path: Path, runtime: str
) -> None:
    (tmp_path / "noisy_tools.py").write_text(TOOLS)
    (tmp_path / "team.yaml").write_text(TEAM)
    command = ["run", "-c", "team.yaml", "--json", "--no-journal"]
    done = subprocess.run(  # noqa: S603  (our own program)
        [sys.executable, "-m", "coordinator", *command, "--runtime", runtime],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answer"] == "Ada has an answer."
    assert {"imported", "noise of a tool"} <= {*done.stderr.splitlines()}
    assert "Traceback" not in done.stderr

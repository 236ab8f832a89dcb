"""A session that is killed amid its checks: nothing is left, and none is run twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is left"),
]

SLEEP = "4.7130517"
"""Seconds, and by this the check's command is known among all processes."""

TEAM = f"""
agents:
  - id: ada
    script: {{turns: [{{lines: [{{answer: it is 42}}]}}]}}
  - id: bob
    script: {{turns: [{{lines: [{{answer: it is 41}}]}}]}}
voting:
  policy: evidence
  checks:
    - function: noted:f
    - {{command: sleep {SLEEP}, name: slow, timeout_s: 30}}
final: reuse
"""
NOTED = """
from pathlib import Path

def f(answer):
    with Path(__file__).with_name("ran").open("a") as file:
        file.write(answer + "\\n")
"""


def asleep() -> list[int]:
    """The processes of the slow check, as far as anybody is asleep in them."""
    found: list[int] = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                words = (place / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].endswith(b"sleep") and SLEEP.encode() in words:
                found.append(int(place.name))
    return found


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_kill_amid_checks_leaves_no_process_and_runs_none_twice(
    tmp_path: Path, runtime: str
) -> None:
    (tmp_path / "team.yaml").write_text(TEAM)
    (tmp_path / "noted.py").write_text(NOTED)
    sessions = tmp_path / "J"
    with_journal = ("--journal", str(sessions), "--runtime", runtime)
    command = [sys.executable, "-m", "coordinator"]
    asked = ("run", "-c", "team.yaml", "How many?", "--display", "quiet")
    process = subprocess.Popen(  # noqa: S603  (our own program)
        [*command, *asked, *with_journal], cwd=tmp_path, stdout=subprocess.DEVNULL
    )

    def is_amid() -> bool:
        kept = b"".join(file.read_bytes() for file in sessions.glob("*.journal"))
        return len(asleep()) == 2 and kept.count(b'"check_ended"') == 2

    try:
        until(is_amid)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    until(lambda: not asleep())
    done = subprocess.run(  # noqa: S603  (our own program)
        [*command, "resume", "last", "--display", "quiet", *with_journal],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ran = sorted((tmp_path / "ran").read_text().splitlines())
    assert ran == ["it is 41", "it is 42"], "what had ended is not run again"
    assert asleep() == []

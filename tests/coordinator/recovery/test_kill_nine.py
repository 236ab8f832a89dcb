"""Real processes, really killed: a small run of the campaign in tests/bench."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

HERE = Path(__file__).resolve().parents[3]
CAMPAIGN = HERE / "tests" / "bench" / "kill_nine.py"


@pytest.mark.real_time
def test_two_dozen_kills_lose_nothing_and_buy_nothing_twice() -> None:
    words = [sys.executable, str(CAMPAIGN), "--kills", "24", "--seed", "20261123"]
    words += ["--late-s", "0.02"]
    done = subprocess.run(  # noqa: S603  (our own program)
        words,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    assert done.stdout, done.stderr.decode()[-2000:]
    told = json.loads(done.stdout)
    assert not told["trouble"]
    assert told["kills"] >= 20
    assert (told["events_lost"], told["calls_bought_again"]) == (0, 0)
    assert told["sessions"] == told["sessions_completed"] == told["same_answer"]
    assert told["events_acknowledged"] > 100
    # Three drafts of two calls each, three votes of which the last may come too late,
    # one presentation.
    assert 9 * told["sessions"] <= told["calls_finished"] <= 10 * told["sessions"]
    assert told["tools_run_twice"] == 0
    assert told["tools_run"] >= told["sessions"]
    assert done.returncode == 0

"""A user's script runs, and a type checker knows the types in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.user_script import City, asked, blocking, watched

ROOT = Path(__file__).parents[2]

MISTAKES = {
    "Rules(polici='slate')": "polici",
    "Rules(policy='slat')": "slat",
    "Rules(panel='three')": "panel",
    "Agent(id='ada', backend='claude-sonnet-5-5')": "backend",
    "run_sync('Which?', [])": "Team",
    "run_sync('Which?', Team(agents=[]), jounral=None)": "jounral",
    "run_sync('Which?', Team(agents=[], answer_type=int)).value.upper()": "upper",
}


async def test_a_structured_answer_comes_back_as_the_type_asked_for() -> None:
    result = await asked()
    assert result.value == City(name="Canberra", people=467_000)


async def test_a_session_is_watched_by_plain_names() -> None:
    voters, winner = await watched()
    assert set(voters) <= {"ada", "bob", "cy"}
    assert winner in {"ada", "bob", "cy"}


@pytest.mark.real_time
def test_a_script_without_async_gets_its_answer() -> None:
    assert blocking() is not None


@pytest.mark.long
def test_a_users_mistakes_are_red_in_the_editor(tmp_path: Path) -> None:
    lines = [
        "from agents import Agent",
        "from coordinator import Rules, Team, run_sync",
        *MISTAKES,
    ]
    script = tmp_path / "mistakes.py"
    script.write_text("\n".join(lines))
    done = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, str(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    for number, word in enumerate(MISTAKES.values(), 3):
        told = [line for line in done.stdout.splitlines() if f".py:{number}:" in line]
        assert any(word in line for line in told), (number, word, done.stdout)

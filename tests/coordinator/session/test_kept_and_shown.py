"""From Python as from the command line: sessions are kept, and shown when asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator import run
from coordinator.journal.index import list_sessions
from coordinator.team.builder import assemble, closing
from coordinator.team.reader import read_team

TEAM = """\
question: Is it so?
agents:
  - id: ada
    script:
      turns: [{when: {task: draft}, lines: [{answer: It is so.}]}]
final: reuse
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "team.yaml"
    path.write_text(TEAM)
    return path


async def test_a_session_is_kept_unless_it_is_to_be_kept_nowhere(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "sessions"
    monkeypatch.setenv("COORDINATOR_SESSIONS", str(root))
    async with closing(assemble(read_team(path))) as team:
        kept = await run("Is it so?", team)
        await run("Is it so?", team, journal=False)
    assert [summary.session for summary in list_sessions(root)] == [kept.session]


async def test_a_folder_that_cannot_be_made_costs_no_answer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COORDINATOR_SESSIONS", str(path / "in the way"))
    async with closing(assemble(read_team(path))) as team:
        assert (await run("Is it so?", team)).answer == "It is so."


async def test_a_session_is_shown_in_one_word(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with closing(assemble(read_team(path))) as team:
        await run("Is it so?", team, show=True)
    assert "ada ◆ answers: It is so." in capsys.readouterr().err


async def test_a_result_prints_as_a_person_reads_it(path: Path) -> None:
    async with closing(assemble(read_team(path))) as team:
        result = await run("Is it so?", team)
    lines = str(result).splitlines()
    assert lines[0] == "It is so."
    assert lines[2].startswith("— ada wins")
    assert f"session {result.session}" in lines[3]
    assert "| **ada** |" in getattr(result, "_repr_markdown_")()  # noqa: B009  (notebooks call it)

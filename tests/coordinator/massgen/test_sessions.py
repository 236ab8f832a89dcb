from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.cli.app import main
from coordinator.errors import ConfigInvalid
from coordinator.massgen.sessions import continued_from_massgen, massgen_session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path(".massgen/sessions/session_20251029_120000")
    for number, (task, answer) in enumerate(
        [("Which city?", "Paris."), ("How large?", "2.1 million.")], 1
    ):
        turn(folder, number, task)
        (folder / f"turn_{number}" / "answer.txt").write_text(answer)
    return folder


def turn(folder: Path, number: int, task: str, **more: object) -> Path:
    path = folder / f"turn_{number}"
    path.mkdir(parents=True)
    (path / "metadata.json").write_text(json.dumps({"task": task, **more}))
    return path


def test_questions_and_answers_are_read_in_order(session: Path) -> None:
    continued = continued_from_massgen(session)
    told = [(each.question, each.answer) for each in continued.earlier]
    assert told == [("Which city?", "Paris."), ("How large?", "2.1 million.")]
    assert continued.session == "session_20251029_120000"


def test_a_cancelled_turn_goes_on_from_what_there_was(session: Path) -> None:
    path = turn(session, 10, "And now?", status="incomplete")
    partial = {"a": {"answer": "Lyon."}, "b": {"answer": None}, "c": 3}
    (path / "partial_answers.json").write_text(json.dumps(partial))
    last = continued_from_massgen(session).earlier[-1]
    assert (last.question, last.answer) == ("And now?", "Lyon.")
    assert "cancelled" in last.agreed


def test_what_is_no_session_of_its_is_not_taken_for_one(session: Path) -> None:
    assert massgen_session(session.name) == session
    for name in ("nobody", "..", ".", "../sessions", ""):
        assert massgen_session(name) is None
    empty = session.with_name("empty")
    (empty / "turn_1").mkdir(parents=True)
    with pytest.raises(ConfigInvalid, match="no question with an answer"):
        continued_from_massgen(empty)


@pytest.mark.real_time
@pytest.mark.usefixtures("session")
def test_a_session_of_massgens_is_gone_on_with(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--session-id", "session_20251029_120000", "--model", "claude-haiku-4-5"]
    assert main([*words, "--emulate", "--json", "And who is mayor?"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["question"] == "And who is mayor?"
    again = ["--continue", result["session"], "--emulate", "--json", "Since when?"]
    assert main(again) == 0

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from coordinator.cli.app import main

TEAM = """\
shared: [{path: project, write: WRITE}]
defaults: {workspace: WORK, tools: [text_editor]}
voting: {policy: ensemble}
final: reuse
agents:
- id: ada
  backend: scripted
  script:
    turns:
    - when: {task: draft, call: 1}
      lines:
      - tool: str_replace_based_edit_tool
        input: {command: create, path: project/a.txt, file_text: "ada's\\n"}
    - when: {task: draft}
      lines: [{answer: "Done by ada."}]
    - {when: {task: review}, lines: [{vote: "ada"}]}
- id: bob
  backend: scripted
  script:
    turns:
    - {when: {task: draft}, lines: [{answer: "Nothing to do."}]}
    - when: {task: review, sees: "+ada's"}
      lines: [{vote: "ada"}]
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("project").mkdir()
    Path("project/a.txt").write_text("mine\n")


def run(write: str, *words: str) -> int:
    work = str(Path("work").absolute())
    Path("team.yaml").write_text(TEAM.replace("WORK", work).replace("WRITE", write))
    return main(["run", "-c", "team.yaml", "--no-journal", *words, "Improve it."])


@pytest.mark.real_time
def test_the_winners_changes_are_shown_and_not_written_where_nobody_can_be_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("ask", "--display", "plain") == 0
    out, err = capsys.readouterr()
    assert "-mine\n+ada's" in out
    assert "ada has changed project/a.txt; nothing is written" in err
    assert Path("project/a.txt").read_text() == "mine\n"


@pytest.mark.real_time
@pytest.mark.parametrize(("reply", "text"), [("y\n", "ada's\n"), ("\n", "mine\n")])
def test_a_person_is_asked_before_anything_is_written(
    reply: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(reply))
    assert run("ask", "--display", "plain") == 0
    assert "Write this to your files?" in capsys.readouterr().out
    assert Path("project/a.txt").read_text() == text


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("write", "words", "text"),
    [
        ("ask", ["--yes"], "ada's\n"),
        ("always", [], "ada's\n"),
        ("never", ["--yes"], "mine\n"),
    ],
)
def test_yes_or_the_file_says_that_they_are_written(
    write: str, words: list[str], text: str
) -> None:
    assert run(write, *words) == 0
    assert Path("project/a.txt").read_text() == text


def test_what_cannot_be_shared_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("team.yaml").write_text(
        "shared: [project]\nagents:\n"
        "- {id: a, backend: scripted, script: {turns: [{lines: [hi]}]}}\n"
    )
    assert main(["run", "-c", "team.yaml", "Why?"]) == 1
    assert "no agent can read it" in capsys.readouterr().err
    Path("project/a.txt").unlink()
    Path("project").rmdir()
    assert run("ask") == 1
    assert "project is not there" in capsys.readouterr().err

"""The inputs of a command line, and where its outputs are printed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from coordinator.cli.run import team_of_models
from coordinator.errors import ConfigInvalid
from coordinator.journal.index import list_sessions
from coordinator.journal.reader import read_session
from coordinator.team.team import Team, read_described
from tests.coordinator.recovery.test_changed_past import agent

Run: TypeAlias = Callable[..., tuple[int, str, str]]

TEAM = """\
question: Is it so?
attach: [notes.txt]
agents:
  - id: ada
    script: {turns: [{repeat: true, lines: [{answer: It is so.}]}]}
final: reuse
"""


@pytest.fixture
def team(tmp_path: Path) -> Path:
    path = tmp_path / "team.yaml"
    path.write_text(TEAM)
    (tmp_path / "notes.txt").write_text("what was read")
    return path


def test_one_json_object_is_all_on_standard_output_beside_json_lines(
    run: Run, team: Path, tmp_path: Path
) -> None:
    options = ("--json", "--display", "jsonl", "--journal", str(tmp_path / "j"))
    code, out, err = run("run", "-c", str(team), *options)
    assert code == 0, err
    assert json.loads(out)["answer"] == "It is so."
    assert '"kind":"conclude"' in err


def test_a_next_question_goes_without_the_files_of_the_one_before(
    run: Run, team: Path, tmp_path: Path
) -> None:
    journal = ("--journal", str(tmp_path / "j"), "--display", "none")
    assert run("run", "-c", str(team), *journal)[0] == 0
    (tmp_path / "notes.txt").unlink()
    first = list_sessions(tmp_path / "j")[0].session
    code, _, err = run("run", "And now?", "--continue", first, *journal)
    assert code == 0, err
    newest = read_session(tmp_path / "j", list_sessions(tmp_path / "j")[0].session)
    assert newest.opened.attached == ()


def test_an_added_file_brings_the_budgets_of_its_agents(
    run: Run, team: Path, tmp_path: Path
) -> None:
    more = tmp_path / "more.yaml"
    more.write_text(
        "agents: [{id: dan, budget_tokens: 150, "
        "script: {turns: [{repeat: true, lines: [{answer: No.}]}]}}]"
    )
    journal = ("--journal", str(tmp_path / "j"), "--display", "none")
    assert run("run", "-c", str(team), *journal)[0] == 0
    first = list_sessions(tmp_path / "j")[0].session
    run("resume", first, "--from", "1", "--add-agent", str(more), *journal)
    newest = next(s for s in list_sessions(tmp_path / "j") if s.session != first)
    opened = read_session(tmp_path / "j", newest.session).opened
    rules, _ = read_described(opened.team)
    assert rules.limits.budgets["dan"].tokens == 150


def test_no_agents_name_reads_like_a_label_of_anothers() -> None:
    names = [entry.id for entry in team_of_models(("m",), 20).agents]
    assert len(set(names)) == 20
    assert not [name for name in names if name.startswith("agent")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-c", "FILE", "--agents", "7"), "--agents 7 goes with --model"),
        (("--demo", "--agents", "7"), "--agents 7 goes with --model"),
        (("--continue", "last", "--agents", "7"), "--agents 7 goes with --model"),
        (
            ("--model", "m", "--backend", "openai", "--agents", "7"),
            "--backend makes one agent of each --model",
        ),
        (("-c", "FILE", "--backend", "openai"), "--backend openai goes with --model"),
        (("-c", "FILE", "--base-url", "http://x"), "--base-url goes with --backend"),
        (("--model", "m", "--base-url", "http://x"), "--base-url goes with --backend"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(
    run: Run, team: Path, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    journal = ("--journal", str(tmp_path / "j"), "--display", "none")
    assert run("run", "-c", str(team), *journal)[0] == 0
    given = [str(team) if word == "FILE" else word for word in words]
    code, out, err = run("run", "So?", *given, *journal)
    assert (code, out) == (1, "")
    assert told in err


def test_a_seed_of_the_command_line_is_told_afterwards(
    run: Run, team: Path, tmp_path: Path
) -> None:
    journal = ("--journal", str(tmp_path / "j"))
    code, out, err = run("run", "-c", str(team), "--seed", "7", "--json", *journal)
    assert code == 0, err
    assert json.loads(out)["seed"] == 7
    assert "seed      7\n" in run("sessions", "show", *journal)[1]


def test_a_seed_that_is_too_large_is_refused_at_once() -> None:
    with pytest.raises(ConfigInvalid, match="too large"):
        Team(agents=(agent("ada"),), seed=2**63)


@pytest.mark.real_time
def test_a_team_file_may_be_a_pipe_and_a_device_has_an_end(
    run: Run, team: str, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    text = Path(team).read_text("utf-8")
    threading.Thread(target=pipe.write_text, args=(text,), daemon=True).start()
    assert run("run", "-c", str(pipe), "--no-journal")[0] == 0
    code, _, err = run("run", "Why?", "-c", "/dev/zero", "--no-journal")
    assert code == 1
    assert "is larger than" in err

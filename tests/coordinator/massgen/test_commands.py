from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from coordinator.cli.app import main

THEIRS = """\
agents:
  - id: a
    backend: {type: openai, model: gpt-5-mini}
    system_message: Be brief.
  - id: b
    backend: {type: claude, model: claude-haiku-4-5}
orchestrator:
  coordination: {enable_subagents: true}
ui: {display_type: simple}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("their.yaml").write_text(THEIRS)


@pytest.mark.real_time
def test_a_command_line_of_theirs_runs_with_its_first_word_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--config", "their.yaml", "--emulate", "--no-journal", "Why is it so?"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "o model was asked" in out
    assert "not supported here: enable_subagents" in err


def test_validate_prints_what_becomes_of_each_key(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--config", "their.yaml", "--validate"]) == 0
    out, _ = capsys.readouterr()
    (line,) = (each for each in out.splitlines() if "enable_subagents" in each)
    assert "not supported" in line
    assert "1 not supported" in out


def test_validate_fails_with_what_keeps_a_team_from_being_made(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("their.yaml").write_text(THEIRS.replace("type: openai", "type: codex"))
    assert main(["--config", "their.yaml", "--validate"]) == 1
    assert "--as" in capsys.readouterr().out
    words = ["--config", "their.yaml", "--validate", "--as", "claude-haiku-4-5"]
    assert main(words) == 0
    capsys.readouterr()
    Path("their.yaml").write_text(THEIRS)
    assert main(words) == 1
    assert "each of these is; leave it out" in "".join(capsys.readouterr())


def test_a_converted_file_is_written_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["convert", "their.yaml", "-o", "ours.yaml"]) == 0
    assert "policy: massgen" in Path("ours.yaml").read_text()
    assert main(["convert", "their.yaml", "-o", "ours.yaml"]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["convert", "ours.yaml"]) == 1
    assert "no MassGen configuration" in capsys.readouterr().err


def test_a_stand_in_for_nobody_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    main(["convert", "their.yaml", "-o", "ours.yaml"])
    assert main(["run", "-c", "ours.yaml", "--as", "x", "Why?"]) == 1
    assert "is for agents of a MassGen configuration" in capsys.readouterr().err


def test_an_example_of_a_package_that_is_absent_is_said_to_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--config", "@examples/basic_multi", "Why is it so?"]) == 1
    assert "not installed" in capsys.readouterr().err


def test_a_kind_of_backend_that_is_not_here_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--backend", "codex", "--model", "gpt-5.4", "Why is it so?"]
    assert main(words) == 1
    assert "Codex runs in a program of its own" in capsys.readouterr().err


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("kind", "model"), [("groq", "llama-3.3-70b"), ("openai", "gpt-5.4")]
)
def test_a_backend_and_a_model_are_a_team_of_one(
    capsys: pytest.CaptureFixture[str], kind: str, model: str
) -> None:
    words = ["--backend", kind, "--model", model, "--emulate"]
    assert main([*words, "--no-display", "--no-journal", "Why is it so?"]) == 0
    assert "o model was asked" in capsys.readouterr().out


@pytest.mark.real_time
def test_automation_prints_what_programs_read_and_keeps_their_log_directory(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--automation", "--config", "their.yaml", "--emulate", "--no-journal"]
    assert main([*words, "--output-file", "answer.txt", "Why is it so?"]) == 0
    out, _ = capsys.readouterr()
    told = dict(line.split(": ", 1) for line in out.splitlines() if ": " in line)
    status = msgspec.json.decode(Path(told["STATUS"]).read_bytes())
    assert Path(told["LOG_DIR"]).parent == Path(".massgen/massgen_logs").absolute()
    assert (status["is_complete"], status["finish_reason"]) == (True, "completed")
    assert status["results"]["winner"] == told["WINNER"]
    assert status["agents"]["a"]["answer_count"] == 1
    assert sum(status["results"]["votes"].values()) == 2
    assert status["meta"]["log_dir"] == str(Path(told["STATUS"]).parent)
    answer = Path(told["ANSWER_FILE"]).read_text()
    assert Path(told["OUTPUT_FILE"]).read_text().strip() == answer.strip()
    events = Path(told["STATUS"]).with_name("events.jsonl").read_bytes().splitlines()
    kinds = [msgspec.json.decode(line)["event_type"] for line in events]
    assert kinds.count("answer_submitted") == 2
    assert kinds[-1] == "final_answer"
    assert len(out.splitlines()) < 15


@pytest.mark.real_time
def test_flags_of_theirs_without_effect_are_passed_over_and_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--config", "their.yaml", "--debug", "--skip-agent-selector", "--no-logs"]
    assert main([*words, "--emulate", "Why is it so?"]) == 0
    _, err = capsys.readouterr()
    assert "--debug has no effect here" in err
    assert "--skip-agent-selector has no effect here" in err
    assert not Path(".massgen").exists()

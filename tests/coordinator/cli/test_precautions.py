"""Questions, files and warnings before a run spends anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coordinator.cli.env_file import load_environment
from coordinator.cli.precautions import (
    check_cost,
    estimate_usd,
    way_out,
    with_known_models,
)
from coordinator.cli.run import team_of_models
from coordinator.cli.run_settings import TeamSettings, with_settings
from coordinator.errors import ConfigInvalid
from tests.coordinator.cli.conftest import Run

KEY = "ANTHROPIC_API_KEY"


def test_of_a_folders_env_only_keys_are_read_and_never_over_what_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    for name in (KEY, "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(name, "")
    (tmp_path / ".env").write_text(
        f"# keys\nexport {KEY}='sk \"1\"' # own\nANTHROPIC_BASE_URL=http://evil\n"
        "OPENAI_API_KEY=theirs\nnonsense\n"
    )
    load_environment(None)
    assert os.environ[KEY] == 'sk "1"'
    assert os.environ["OPENAI_API_KEY"] == "mine"
    assert not os.environ["ANTHROPIC_BASE_URL"]
    assert capsys.readouterr().err == f"coordinator: {KEY} is from .env\n"


def _commands() -> dict[str, tuple[str, ...]]:
    return {
        "models": ("models",),
        "sweep": ("sweep", "questions.jsonl", "-c", "team.yaml"),
        "measure": ("measure", "questions.jsonl", "-c", "team.yaml", "--yes"),
    }


@pytest.mark.parametrize("command", _commands())
def test_every_command_that_asks_a_model_reads_the_folders_keys(
    command: str, run: Run, team: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert team == str(tmp_path / "team.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOME_API_KEY", raising=False)
    (tmp_path / ".env").write_text("SOME_API_KEY=sk-1\n")
    line = '{"id": "a", "question": "Is it so?", "reference": "yes"}\n'
    (tmp_path / "questions.jsonl").write_text(line)
    _, _, err = run(*_commands()[command])
    assert "coordinator: SOME_API_KEY is from .env\n" in err
    monkeypatch.delenv("SOME_API_KEY")


def test_a_named_file_is_read_whole_and_must_be_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SETTING", "")
    path = tmp_path / "settings"
    with pytest.raises(ConfigInvalid, match="No such file"):
        load_environment(path)
    path.write_text("SOME_SETTING = on\n")
    load_environment(path)
    assert os.environ["SOME_SETTING"] == "on"
    path.write_text("what is this\n")
    with pytest.raises(ConfigInvalid, match="settings:1: write NAME=value"):
        load_environment(path)


@pytest.mark.parametrize(
    ("model", "agents", "is_asked"),
    [("claude-haiku-4-5", 3, False), ("claude-haiku-4-5", 13, True),
     ("claude-opus-5-5", 12, False), ("claude-opus-5-5", 300, True)],
)  # fmt: skip
def test_many_agents_and_dear_ones_are_asked_about(
    model: str, agents: int, *, is_asked: bool
) -> None:
    config = with_settings(
        team_of_models((model,), agents), TeamSettings(), has_default_budget=True
    )
    estimate = estimate_usd(config, "Why?")
    assert estimate is not None
    assert estimate > 0
    if is_asked:
        with pytest.raises(ConfigInvalid, match=rf"{agents} agents .* --yes goes on"):
            check_cost(config, "Why?", is_sure=False)
    else:
        check_cost(config, "Why?", is_sure=False)
    check_cost(config, "Why?", is_sure=True)


def test_a_misspelt_model_is_named_and_others_are_let_through() -> None:
    with pytest.raises(ConfigInvalid, match="did you mean 'claude-sonnet-5-5'"):
        with_known_models(("claude-sonet-5-5",), is_sure=False)
    fine = ("claude-haiku-4-5-20251001", "openai/gpt-5", "m", "our-own-model")
    assert with_known_models(fine, is_sure=False) == fine
    odd = ("claude-sonet-5-5",)
    assert with_known_models(odd, is_sure=True) == odd


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("gpt-4o", "openai/gpt-4o"),
        ("o3-mini", "openai/o3-mini"),
        ("grok-4.3", "grok/grok-4.3"),
        ("gemini-3.5-flash", "gemini/gemini-3.5-flash"),
    ],
)
def test_another_makers_model_is_sent_to_its_makers_api(
    model: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    assert with_known_models((model,), is_sure=False) == (named,)
    assert with_known_models((model,), is_sure=True) == (named,)
    # A gateway may speak Claude's API for any model.
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:4000")
    assert with_known_models((model,), is_sure=False) == (model,)


def test_a_model_that_many_serve_is_not_guessed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    with pytest.raises(ConfigInvalid, match="served by many; name whose"):
        with_known_models(("gpt-oss-120b",), is_sure=False)
    assert with_known_models(("gpt-oss-120b",), is_sure=True) == ("gpt-oss-120b",)


def test_a_failure_names_its_way_out() -> None:
    assert "doctor" in way_out("BackendRefused: 401 authentication_error: …")
    assert "models" in way_out("BackendRefused: 404 not_found_error: model: x")
    assert "network" in way_out("no connection to https://x: refused")
    assert way_out("something else") == ""


def test_the_demo_says_that_it_plays_its_own_question(run: Run) -> None:
    words = ("run", "Mine?", "--demo", "--deadline", "0.5", "--no-journal")
    _, _, err = run(*words, "--display", "quiet")
    assert "the demo plays its own question" in err.splitlines()[0]


def test_what_was_asked_is_asked_again_of_the_same_team(
    run: Run, team: str, root: Path
) -> None:
    at = ("--journal", str(root))
    assert run("run", "And then?", "-c", team, *at)[0] == 0
    code, out, _ = run("run", "--again", "last", *at)
    assert (code, out) == (0, "Yes, it is.\n")
    _, shown, _ = run("sessions", "list", "then", *at)
    assert shown.count("And then?") == 2
    code, _, err = run("run", "--again", "last", "Why?", *at)
    assert code == 1
    assert "name no other" in err

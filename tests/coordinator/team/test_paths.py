"""Paths of a team file are filled in, and variables refused where they mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.errors import ConfigInvalid
from coordinator.team.builder import assemble
from coordinator.team.reader import parse_team, read_team

SILENT = "{turns: [{lines: [{text: x}]}]}"


def test_home_and_variables_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WORK", "deep/er")
    (tmp_path / "s.yaml").write_text("turns: [{lines: [{text: x}]}]")
    text = "agents: [{id: ada, workspace: '~/$WORK', script: '~/s.yaml'}]"
    config = parse_team(text, Path("team.yaml"))
    assert config.agents[0].workspace == str(tmp_path / "deep" / "er")
    assert config.scripts["ada"].turns


def test_a_variable_that_is_not_set_is_named() -> None:
    text = f"agents: [{{id: ada, workspace: '$NO_SUCH_VARIABLE/x', script: {SILENT}}}]"
    with pytest.raises(ConfigInvalid, match="NO_SUCH_VARIABLE"):
        parse_team(text, Path("team.yaml"))


@pytest.mark.parametrize(
    "setting",
    [
        "model: '${MODEL}'",
        "model: claude-$VERSION",
        "system: '${PERSONA}'",
        "base_url: 'https://$HOST'",
        "fallback: ['$OTHER']",
    ],
)
def test_a_variable_is_refused_where_it_would_be_taken_as_it_stands(
    setting: str,
) -> None:
    named = "" if setting.startswith("model") else "model: m, "
    text = f"agents: [{{id: ada, {named}{setting}}}]"
    with pytest.raises(ConfigInvalid, match=r"is not filled in here"):
        parse_team(text, Path("team.yaml"))


def test_words_may_quote_a_shell() -> None:
    text = "agents: [{id: ada, model: m, system: 'Explain what ${HOME} is.'}]"
    assert parse_team(text, Path("team.yaml")).agents[0].system


def test_a_tools_module_is_found_beside_the_team_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_the_team.py").write_text(
        "def look(x: str) -> str:\n    'Looks.'\n    return x\n"
    )
    path = tmp_path / "team.yaml"
    path.write_text(
        f"agents: [{{id: ada, tools: ['beside_the_team:look'], script: {SILENT}}}]"
    )
    monkeypatch.chdir("/")
    team = assemble(read_team(path))
    assert [tool.name for tool in team.with_models[0].tools] == ["look"]

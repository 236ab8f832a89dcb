"""Instructions that stand in a file of their own: read once, kept with the session."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.errors import ConfigInvalid
from coordinator.team.reader import read_team
from coordinator.team.team_source import config_of, source_of

TEAM = """
defaults: {system: {file: $HOME/all.md}}
agents:
  - {id: ada, model: m, system: {file: personas/ada.md}}
  - {id: ben, model: m}
  - {id: cleo, model: m, system: Be brief.}
"""


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "personas").mkdir()
    (tmp_path / "personas" / "ada.md").write_bytes(b"\xef\xbb\xbfDoubt it.\n\nAll.\n")
    (tmp_path / "all.md").write_text("Help.\n")
    path = tmp_path / "team.yaml"
    path.write_text(TEAM)
    return path


def test_a_file_is_read_beside_the_team_and_kept_with_it(team: Path) -> None:
    config = read_team(team)
    texts = [agent.instructions for agent in config.agents]
    assert texts == ["Doubt it.\n\nAll.", "Help.", "Be brief."]
    source = source_of(config)
    (team.parent / "all.md").unlink()  # a session goes on without the file
    assert [agent.system for agent in config_of(source).agents] == texts


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{file: none.md}", r"team.yaml:4: agents\[0\].system.file: 'none.md' cannot"),
        ("{file: personas}", r"agents\[0\].system.file: 'personas' cannot be read"),
        ("{file: $NOT_SET/x}", "takes NOT_SET from the environment"),
        ("{flie: x}", "unknown key 'flie'; did you mean 'file'"),
        ("[x]", "expected"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_by_its_line(
    team: Path, written: str, words: str
) -> None:
    team.write_text(TEAM.replace("{file: personas/ada.md}", written))
    with pytest.raises(ConfigInvalid, match=words):
        read_team(team)


def test_a_file_that_is_no_text_is_refused(team: Path) -> None:
    (team.parent / "all.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigInvalid, match=r"all\.md' cannot be read"):
        read_team(team)

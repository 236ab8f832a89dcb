from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.cli import main

TEAM = """\
question: Is it so?
agents:
  - id: ada
    backend: claude
    model: claude-haiku-5-5
    api_key_env: NOT_SET_ANYWHERE
    script:
      turns: [{repeat: true, lines: [{text: "It is so."}]}]
"""


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_a_claude_team_is_emulated_without_a_key(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    runtime: str,
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    file = tmp_path / "team.yaml"
    file.write_text(TEAM)
    code = main(["run", "-c", str(file), "--emulate", "--json", "--runtime", runtime])
    assert code == 0
    assert json.loads(capsys.readouterr().out)["answer"] == "It is so."

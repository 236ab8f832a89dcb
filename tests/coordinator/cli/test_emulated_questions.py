"""A question of one's own, without a key: every team can be emulated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest

Run: TypeAlias = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.real_time

TYPED = """\
agents: [{id: ada}, {id: bob}]
defaults: {model: claude-haiku-5-5}
answer_schema:
  type: object
  required: [verdict, confidence]
  properties:
    verdict: {enum: [ship, wait]}
    confidence: {type: number, minimum: 0, maximum: 1}
"""


@pytest.mark.parametrize("named", [(), ("--model", "claude-opus-5-5", "--agents", "2")])
def test_a_question_alone_is_answered_by_a_vote(
    run: Run, named: tuple[str, ...]
) -> None:
    code, out, err = run("run", "Why is the sky blue?", "--emulate", "--json", *named)
    assert code == 0, err
    result = msgspec.json.decode(out)
    assert result["votes"]
    assert "no model was asked" in result["answer"]


def test_a_team_file_without_scripts_is_answered_in_its_form(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "team.yaml"
    file.write_text(TYPED)
    code, out, err = run("run", "Shall we?", "-c", str(file), "--emulate", "--json")
    assert code == 0, err
    assert msgspec.json.decode(out)["value"]["verdict"] == "ship"


def test_such_a_session_goes_on_in_another_process(run: Run, tmp_path: Path) -> None:
    folder = ("--journal", str(tmp_path))
    code, out, err = run("run", "Why?", "--emulate", "--json", *folder)
    assert code == 0, err
    session = msgspec.json.decode(out)["session"]
    code, out, err = run("run", "And then?", "--continue", session, "--json", *folder)
    assert code == 0, err
    assert msgspec.json.decode(out)["votes"]


def test_a_form_that_nothing_can_be_made_up_for_is_said_to_be_one(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "team.yaml"
    bound = "{type: string, pattern: '^[0-9a-f]{7}-x$'}"
    file.write_text(TYPED.replace("{enum: [ship, wait]}", bound))
    code, _, err = run("run", "Shall we?", "-c", str(file), "--emulate")
    assert code == 1
    assert "give 'ada' a 'script'" in err

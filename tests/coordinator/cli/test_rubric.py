"""``run --rubric``: criteria of one's own, or of a model's, shown and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.ballots.voting_rules import Score
from coordinator.consensus.rules import Rules
from coordinator.journal.lookup import find_session
from coordinator.journal.reader import read_session
from coordinator.team.team import read_described
from tests.coordinator.cli.conftest import Run

pytestmark = pytest.mark.real_time


def kept_rules(root: Path) -> Rules:
    opened = read_session(root, find_session(root, "last")).opened
    return read_described(opened.team)[0]


@pytest.mark.parametrize("rubric", ["right, short", "propose"])
def test_answers_are_scored_by_the_rubric_and_the_session_keeps_it(
    rubric: str, run: Run, tmp_path: Path
) -> None:
    words = ("run", "Which city?", "--emulate", "--rubric", rubric)
    code, _, err = run(*words, "--display", "plain", "--journal", str(tmp_path))
    assert code == 0, err
    voting = kept_rules(tmp_path).voting
    names = [each.name for each in voting.each_criterion()]
    assert isinstance(voting.rule, Score)
    assert voting.self_votes == "forbid"
    if rubric == "propose":
        assert "ada proposes this rubric" in err
        assert all(f"{name} (weight" in err for name in names)
        assert len(names) > 0
    else:
        assert names == ["right", "short"]


def test_a_rubric_that_cannot_be_is_refused_in_a_sentence(run: Run) -> None:
    words = ("run", "Which city?", "--emulate", "--no-journal", "--rubric")
    code, _, err = run(*words, "right, right")
    assert (code, "two criteria of 'rubric' have one name" in err) == (1, True)
    code, _, err = run("run", "Why?", "--demo", "--no-journal", "--rubric", "propose")
    assert (code, "has proposed no rubric" in err) == (1, True)

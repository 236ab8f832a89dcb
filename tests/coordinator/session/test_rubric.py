"""A rubric: criteria of the user's, scored by others than the author, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.errors import ToolFailed
from agents.protocol.chunks import Label
from agents.protocol.turns import BallotForm, Criterion
from agents.tools.submissions import graded
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.journal.reader import read_session
from coordinator.report.page import page
from coordinator.report.story import tell
from coordinator.team.team import Team

RUBRIC: list[Any] = [{"name": "clear", "weight": 3}, "short"]
FORM = BallotForm(
    kind="scores",
    labels=(Label("agent1.1"),),
    criteria=(Criterion(name="clear", weight=3), Criterion(name="short")),
)


def agent(name: str, says: str, other: str, grades: Any) -> Agent:
    script = parse_script(
        {
            "turns": [
                {"when": {"task": "draft"}, "lines": [{"answer": says}]},
                {"when": {"task": "review"}, "lines": [{"scores": {other: grades}}]},
            ]
        }
    )
    return Agent(id=name, backend=ScriptedBackend(script))


async def test_points_by_criterion_decide_and_are_shown(tmp_path: Path) -> None:
    rules = Rules(
        "slate", rule="score", self_votes="forbid", rubric=RUBRIC, final="reuse"
    )
    agents = (
        agent("ada", "Sieve", "Gobble", {"clear": 4, "short": 8}),
        agent("bob", "Gobble", "Sieve", 9),
    )
    result = await coordinator.run(
        "A name?", Team(agents=agents, rules=rules), journal=tmp_path, session_id="one"
    )
    assert result.winner == "ada"
    assert result.why is not None
    assert dict(result.why.standings) == {
        label: 9.0 if label == result.why.label else 5.0
        for label, _ in result.why.standings
    }
    clear, short = result.why.rubric
    assert (clear.criterion, clear.weight) == ("clear", 3)
    assert [points for _, points in clear.points] == [9, 4]
    assert [points for _, points in short.points] == [9, 8]
    told = page(tell(read_session(tmp_path, "one")))
    assert "gave it, on average: clear 9.0, short 9.0" in told
    assert "Points by criterion" in told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"clear": 4}, "no points for 'short'"),
        ({"clear": 4, "short": 11}, "11 points"),
        ({"clear": 4, "short": 1, "nice": 1}, "no criterion"),
    ],
)
def test_points_that_are_incomplete_are_sent_back(
    given: dict[str, int], words: str
) -> None:
    with pytest.raises(ToolFailed, match=words):
        graded({Label("agent1.1"): given}, FORM)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rule": "borda", "self_votes": "forbid"}, "rule: score"),
        ({"rule": "score"}, "self_votes: forbid"),
        ({"rule": "score", "self_votes": "forbid", "rubric": ["a", "a"]}, "one name"),
        ({"rule": "score", "self_votes": "forbid", "rubric": [" "]}, "no name"),
    ],
)
def test_a_rubric_that_makes_no_sense_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    settings: Any = {"rubric": RUBRIC, **changes}
    with pytest.raises(ConfigInvalid, match=words):
        Rules("slate", **settings)

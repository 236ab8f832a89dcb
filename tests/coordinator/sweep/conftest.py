"""Teams and questions that tests of sweeps share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coordinator.sweep.questions import Question
from coordinator.sweep.sweep import SweepOptions
from coordinator.team.reader import parse_team
from coordinator.team.team_file_schema import TeamConfig


def _script(answer: str, delay_s: float) -> str:
    draft = f'{{delay_s: {delay_s}, answer: "The answer is {answer}"}}'
    final = f'{{text: "The answer is {answer}"}}'
    return (
        f"{{turns: [{{when: {{task: draft}}, lines: [{draft}]}},"
        f'{{when: {{task: review}}, repeat: true, lines: [{{vote: "{answer}"}}]}},'
        f"{{when: {{task: present}}, lines: [{final}]}}]}}"
    )


@pytest.fixture
def make_team() -> Callable[..., TeamConfig]:
    """Two scripted agents that agree on an answer; each draft takes some seconds."""

    def make(answer: str = "41", delay_s: float = 0.0, more: str = "") -> TeamConfig:
        script = _script(answer, delay_s)
        agents = "".join(
            f"  - {{id: {name}, script: {script}}}\n" for name in ("ada", "bob")
        )
        return parse_team(f"agents:\n{agents}{more}", Path("team.yaml"))

    return make


@pytest.fixture
def team(make_team: Callable[..., TeamConfig]) -> TeamConfig:
    return make_team()


@pytest.fixture
def options(team: TeamConfig, tmp_path: Path) -> Any:
    """Make a sweep's options; what is not said is three questions of one team."""

    def make(**said: Any) -> SweepOptions:
        questions = [
            Question(id=f"q{n}", question=f"What is {n}?", reference=("41",))
            for n in range(said.pop("count", 3))
        ]
        usual: dict[str, Any] = {
            "questions": questions,
            "teams": {"team": team},
            "out": tmp_path / "out",
        }
        return SweepOptions(**(usual | said))

    return make

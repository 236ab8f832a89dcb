"""Every scenario file is a test, on both runtimes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from agents.backends.scripted.script import (
    Disconnect,
    Fail,
    Line,
    SetStopReason,
    Stall,
    Truncate,
)
from coordinator.ballots import VotingRule, every_rule
from coordinator.consensus.rules import SETTINGS, Rules
from coordinator.protocol.events import Decision, Output
from coordinator.scenarios.facts import Step, kind_of
from coordinator.scenarios.reader import Scenario, find_scenarios, read_scenario
from coordinator.scenarios.runner import Report, run_scenario
from coordinator.simulation.virtual_time import RUNTIMES, Runtime

ROOT = Path(__file__).parents[3]
FILES = tuple(find_scenarios([ROOT / "scenarios"]))
SCENARIOS = tuple(map(read_scenario, FILES))
by_name = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@by_name
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_scenario_comes_true(path: Path, runtime: Runtime) -> None:
    _assert_as_expected(run_scenario(path, runtime=runtime))


@by_name
def test_a_scenario_comes_true_in_another_order_of_tasks(path: Path) -> None:
    # trio shuffles what is ready together; no scenario may hang on one order of it.
    _assert_as_expected(run_scenario(path, runtime="trio", schedule=12345))


@by_name
def test_a_scenario_is_named_by_the_sentence_it_proves(path: Path) -> None:
    words = re.sub(
        r"[^a-z0-9]+", "_", read_scenario(path).name.lower().replace("'", "")
    )
    assert words.strip("_") == path.stem


# What the team fills in: no file says it.
_FILLED_IN = {"prices", "models", "makers", "people"}


@pytest.mark.parametrize(
    "setting",
    [
        x
        for x in ("policy", *SETTINGS)
        if x not in {"prices", "models", "makers", "people"}
    ],
)
def test_every_setting_of_the_rules_is_changed_in_a_scenario(setting: str) -> None:
    values = [_setting(read.config.rules, setting) for read in SCENARIOS]
    assert any(value != _setting(Rules(), setting) for value in values)


def _setting(rules: Rules, name: str) -> object:
    return rules.policy if name == "policy" else rules.settings()[name]


@pytest.mark.parametrize("rule", every_rule(), ids=lambda rule: rule.name)
def test_every_voting_rule_has_a_scenario(rule: VotingRule) -> None:
    assert any(read.config.rules.voting.rule.name == rule.name for read in SCENARIOS)


@pytest.mark.parametrize("decision", get_args(Decision))
def test_every_decision_is_expected_in_a_scenario(decision: type[Output]) -> None:
    tag = str(decision.__struct_config__.tag)
    assert any(kind_of(step) == tag for read in SCENARIOS for step in _steps(read))


@pytest.mark.parametrize("kind", [Fail, Stall, Truncate, Disconnect, SetStopReason])
def test_every_trouble_is_played_in_a_scenario(kind: type[Line]) -> None:
    played = (
        line
        for read in SCENARIOS
        for script in read.config.scripts.values()
        for turn in script.turns
        for line in turn.lines
    )
    assert any(isinstance(line, kind) for line in played)


def _steps(read: Scenario) -> tuple[Step, ...]:
    expect = read.file.expect
    return (*(expect.order or ()), *(expect.never or ()))


def _assert_as_expected(report: Report) -> None:
    told = "\n".join(report.differences)
    assert report.is_as_expected, f"{report.name} (seed {report.seed}):\n{told}"

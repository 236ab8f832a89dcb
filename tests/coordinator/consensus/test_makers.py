"""Judges are of different models first, and among those of different makers."""

from __future__ import annotations

from typing import Any

import pytest

from agents.protocol.chunks import Label
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import StartTurn
from tests.coordinator.consensus.conftest import Table

MODELS = {"ann": "opus", "bea": "haiku", "bob": "sonnet", "cat": "gpt", "dan": "gpt"}
MAKERS = {"ann": "a", "bea": "a", "bob": "a", "cat": "o", "dan": "o"}
SEEDS = range(8)


def _asked(names: str, seed: int, **changes: Any) -> Table:
    """Everybody has answered, and the first vote has begun."""
    rules = Rules("slate", shortlist=None, leader_first=None, **changes)
    table = Table(names, rules, seed).open()
    for agent in table.agents:
        table.answers(agent, f"the answer of {agent}")
    return table


def _judges(table: Table) -> list[str]:
    return [start.turn.agent for start in table.just(StartTurn)]


@pytest.mark.parametrize("seed", SEEDS)
def test_two_judges_are_of_two_makers_where_there_are_two(seed: int) -> None:
    table = _asked(" ".join(MODELS), seed, panel=2, models=MODELS, makers=MAKERS)
    assert {MAKERS[judge] for judge in _judges(table)} == {"a", "o"}


@pytest.mark.parametrize("seed", SEEDS)
def test_models_go_before_makers(seed: int) -> None:
    table = _asked(" ".join(MODELS), seed, panel=4, models=MODELS, makers=MAKERS)
    assert len({MODELS[judge] for judge in _judges(table)}) == 4


@pytest.mark.parametrize("seed", SEEDS)
def test_committees_are_judged_by_different_models_and_makers(seed: int) -> None:
    names = [f"a{i:02}" for i in range(16)]
    models = {name: f"m{i % 4}" for i, name in enumerate(names)}
    makers = {name: "ao"[i % 2] for i, name in enumerate(names)}
    table = _asked(
        " ".join(names),
        seed,
        committee_over=8,
        committee_size=8,
        judges=2,
        models=models,
        makers=makers,
    )
    judged: dict[tuple[Label, ...], list[str]] = {}
    for judge in _judges(table):
        labels = tuple(sorted(table.ballot(judge).labels))
        judged.setdefault(labels, []).append(judge)
    assert len(judged) == 2
    for judges in judged.values():
        assert {makers[judge] for judge in judges} == {"a", "o"}


@pytest.mark.parametrize("seed", SEEDS)
def test_makers_change_nothing_where_nobody_knows_them(seed: int) -> None:
    names = " ".join(MODELS)
    plain = _judges(_asked(names, seed, panel=2, models=MODELS))
    alike = dict.fromkeys(MODELS, "a")
    assert _judges(_asked(names, seed, panel=2, models=MODELS, makers=alike)) == plain

"""A dear model is asked only where the others do not agree."""

from __future__ import annotations

from typing import Any

import pytest

from agents.protocol.chunks import AgentId, AnswerProposed
from coordinator.consensus.rules import Escalate, Rules
from coordinator.consensus.team_growth import escalation_fault
from coordinator.errors import ConfigInvalid
from coordinator.protocol.events import Conclude, ResultsCounted, StartTurn, TeamGrown
from tests.coordinator.consensus.conftest import Seat, Table

MODELS = {"ada": "small", "bob": "small", "cy": "small", "dan": "large"}


def _table(seat: Seat, **changes: Any) -> Table:
    settings: dict[str, Any] = {
        "equal": "text",
        "models": MODELS,
        "escalate": Escalate(to="large"),
        "straggler": None,
        "final": "reuse",
        **changes,
    }
    return seat("ada bob cy dan", "evidence", **settings)


def _answers(table: Table, agent: str, result: str) -> None:
    stamp = table.pen(agent).stamp()
    said = f"{agent} comes to {result} by a way of {agent}"
    table.says(AnswerProposed(**stamp, content=said, result=result))


def _drafting(table: Table) -> set[str]:
    return {start.turn.agent for start in table.every(StartTurn)}


def test_it_is_not_asked_where_all_others_agree(seat: Seat) -> None:
    table = _table(seat)
    assert _drafting(table) == {"ada", "bob", "cy"}
    for agent in ("ada", "bob", "cy"):
        assert not table.is_over, "all are waited for"
        _answers(table, agent, "44")
    assert table.end.detail == "all 3 answers say 44"
    assert not table.every(TeamGrown)


def test_it_is_asked_where_one_other_disagrees_and_its_answer_counts(
    seat: Seat,
) -> None:
    table = _table(seat, panel=1)
    for agent, result in (("ada", "44"), ("bob", "46"), ("cy", "44")):
        _answers(table, agent, result)
    (grown,) = table.every(TeamGrown)
    assert grown.agents == (AgentId("dan"),)
    assert not table.every(ResultsCounted)
    _answers(table, "dan", "44")
    assert table.end.detail == "3 of 4 answers say 44"


def test_a_clear_count_is_enough_where_it_shall_be(seat: Seat) -> None:
    table = _table(seat, panel=1, escalate=Escalate(to="large", unless="clear"))
    _answers(table, "ada", "44")
    _answers(table, "bob", "46")
    assert not table.every(TeamGrown)
    _answers(table, "cy", "46")
    assert table.every(TeamGrown), "a voter could make it a tie"


def test_of_one_answer_nobody_knows_whether_it_is_agreed(seat: Seat) -> None:
    table = _table(seat)
    _answers(table, "ada", "44")
    table.fails("bob")
    table.fails("cy")
    (grown,) = table.every(TeamGrown)
    assert grown.reason == "one answer agrees with nobody"


def test_it_is_asked_where_nobody_else_has_answered(seat: Seat) -> None:
    table = _table(seat)
    for agent in ("ada", "bob", "cy"):
        table.fails(agent)
    assert not table.every(Conclude)
    _answers(table, "dan", "44")
    assert table.end.winner == "dan"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"equal": "none"}, "'escalate' compares results"),
        ({"adaptive": {"start": 2}}, "'escalate' and 'adaptive' each say who begins"),
        ({"escalate": {"to": " "}}, "'escalate.to' is empty"),
        ({"escalate": {"to": "x", "unless": "sunny"}}, "unless"),
        ({"escalate": {"too": "x"}}, "too"),
        ({"policy": "revision"}, "'equal: none'|compares results"),
    ],
)
def test_what_cannot_escalate_is_refused(settings: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"equal": "text", "escalate": {"to": "large"}, **settings}
    policy = given.pop("policy", "evidence")
    with pytest.raises(ConfigInvalid, match=words):
        Rules(policy, **given)


@pytest.mark.parametrize(
    ("models", "fault"),
    [
        ({"ada": "small", "dan": "large"}, ""),
        ({"ada": "small", "bob": "tiny"}, "no agent runs on that model; name one of"),
        ({"ada": "large", "dan": "large"}, "every agent runs on it"),
    ],
)
def test_a_model_to_escalate_to_is_one_of_several(
    models: dict[str, str], fault: str
) -> None:
    rules = Rules("evidence", escalate=Escalate(to="large"), models=models)
    assert fault in escalation_fault(rules)
    assert bool(fault) == bool(escalation_fault(rules))

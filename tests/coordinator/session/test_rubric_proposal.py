"""A rubric that a model proposes: usable criteria, or a sentence that says why not."""

from __future__ import annotations

from typing import Any

import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.turns import Criterion
from coordinator.errors import ConfigInvalid


def proposer(*lines: dict[str, Any]) -> Agent:
    turns = [{"lines": [line]} for line in lines]
    return Agent(id="ada", backend=ScriptedBackend(parse_script({"turns": turns})))


def proposal(*criteria: dict[str, Any]) -> dict[str, Any]:
    return {"answer": "See there.", "value": {"criteria": [*criteria]}}


async def test_what_a_model_proposes_is_a_rubric_for_the_team() -> None:
    ada = proposer(
        proposal(
            {"name": " right ", "about": "Is it so?", "weight": 3},
            {"name": "Right", "about": "Twice."},
            {"name": "short"},
        )
    )
    proposed = await coordinator.propose_rubric("Which city?", ada)
    assert proposed.criteria == (
        Criterion(name="right", about="Is it so?", weight=3),
        Criterion(name="short"),
    )
    rules = coordinator.Rules(
        "slate", rule="score", self_votes="forbid", rubric=proposed.criteria
    )
    assert rules.voting.each_criterion() == proposed.criteria


async def test_what_cannot_be_a_rubric_is_sent_back_and_asked_for_again() -> None:
    wrong = proposal({"name": "right", "weight": 9})
    ada = proposer(wrong, proposal({"name": "right"}))
    proposed = await coordinator.propose_rubric("Which city?", ada)
    assert proposed.criteria == (Criterion(name="right"),)


async def test_where_none_comes_the_way_out_is_named() -> None:
    failing = proposer({"error": {"status": 400, "message": "no"}})
    for ada in (failing, proposer(*[proposal()] * 9)):
        with pytest.raises(ConfigInvalid, match=r"'ada' has proposed no rubric .*name"):
            await coordinator.propose_rubric("Which city?", ada)

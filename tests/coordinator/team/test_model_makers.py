"""A team's rules know which voters share a model, and a maker."""

from __future__ import annotations

from agents.agent import Agent
from agents.backends.function.backend import FunctionBackend
from agents.protocol.chunks import AgentId
from coordinator.consensus.rules import Rules
from coordinator.team.team import Team

MODELS = {"ada": "claude-opus-5-5", "ben": "openai/gpt-5.6", "cy": "my-model"}


def _team(rules: Rules) -> Team:
    def answers(_messages: object, _tools: object) -> str:
        return "yes"

    return Team(
        agents=tuple(
            Agent(id=AgentId(name), backend=FunctionBackend(answers, model=model))
            for name, model in MODELS.items()
        ),
        rules=rules,
    )


def test_where_a_panel_is_drawn_by_models_makers_are_known() -> None:
    voting = _team(Rules("evidence")).rules.voting
    assert voting.models == MODELS
    assert voting.makers == {"ada": "anthropic", "ben": "openai", "cy": ""}


def test_where_it_is_not_rules_know_neither() -> None:
    voting = _team(Rules("slate")).rules.voting
    assert (voting.models, voting.makers) == ({}, {})

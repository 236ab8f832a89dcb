"""A team made in Python: what is wrong with it is said at once."""

from __future__ import annotations

from typing import Any

import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId
from coordinator.consensus.rules import Escalate, Rules
from coordinator.errors import ConfigInvalid
from coordinator.team.team import Team


def _ada() -> Agent:
    backend = ScriptedBackend(parse_script({"turns": []}))
    return Agent(id=AgentId("ada"), backend=backend)


@pytest.mark.parametrize(
    ("backend", "way_out"),
    [
        ("claude-sonnet-5-5", r"ClaudeBackend\(model='claude-sonnet-5-5'\)"),
        (ScriptedBackend, r"make one: ScriptedBackend\("),
        (None, "one of your own"),
    ],
)
def test_what_is_no_backend_is_refused_with_the_way_out(
    backend: Any, way_out: str
) -> None:
    with pytest.raises(TypeError, match=rf"agent 'ada': .* is no backend; .*{way_out}"):
        Agent(id=AgentId("ada"), backend=backend)
    with pytest.raises(TypeError, match="is no backend"):
        Agent(id=AgentId("ada"), backend=_ada().backend, fallbacks=(backend,))


@pytest.mark.parametrize(
    ("agents", "way_out"),
    [
        (_ada(), r"write agents=\[agent\]"),
        ("ada", "give a list of agents"),
        (["ada"], r"write Agent\(id=…, backend=…\)"),
        ([], "add one"),
    ],
)
def test_what_are_no_agents_is_refused_with_the_way_out(
    agents: Any, way_out: str
) -> None:
    with pytest.raises(ConfigInvalid, match=way_out):
        Team(agents=agents)


def test_what_are_no_rules_is_refused_with_the_way_out() -> None:
    rules: Any = "massgen"
    with pytest.raises(ConfigInvalid, match=r"write Rules\(policy='massgen'\)"):
        Team(agents=(_ada(),), rules=rules)


def test_a_list_of_agents_is_as_good_as_a_tuple() -> None:
    agents: Any = [_ada()]
    team = Team(agents=agents, rules=Rules(), seed=1)
    assert [agent.id for agent in team.agents] == ["ada"]
    assert isinstance(team.agents, tuple)


@pytest.mark.parametrize(
    ("question", "team", "way_out"),
    [
        ("Which?", [_ada()], r"of type list, .* write Team\(agents=\[…\]\)"),
        ("Which?", _ada(), r"write Team\(agents=\[agent\]\)"),
        ("Which?", "team.yaml", r"write load_team\('team.yaml'\)"),
        ("Which?", None, r"load_team\(path\)"),
        (Team(agents=(_ada(),)), "Which?", "before the team"),
        (" ", Team(agents=(_ada(),)), "say what the team shall answer"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_runs(
    question: Any, team: Any, way_out: str
) -> None:
    with pytest.raises(ConfigInvalid, match=way_out):
        coordinator.run_sync(question, team)


def test_no_synthesis_comes_with_the_value_of_another_answer() -> None:
    with pytest.raises(ConfigInvalid, match="words alone"):
        Team(agents=(_ada(),), answer_type=int, rules=Rules(final="synthesise"))


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (("small", "medium"), "no agent runs on that model; name one of medium, small"),
        (("large", "large"), "every agent runs on it"),
    ],
)
def test_an_escalation_to_a_model_that_cannot_be_is_refused(
    models: tuple[str, str], words: str
) -> None:
    agents = [
        Agent(
            id=f"a{at}",
            backend=ScriptedBackend(parse_script({"turns": []}), model=model),
        )
        for at, model in enumerate(models)
    ]
    with pytest.raises(ConfigInvalid, match=words):
        Team(agents=agents, rules=Rules(escalate=Escalate(to="large")))

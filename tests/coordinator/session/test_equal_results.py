"""Which answers are one result may be a program's own function."""

from __future__ import annotations

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from coordinator.consensus.rules import Rules
from coordinator.team.team import Team


def _agent(name: str, says: str) -> Agent:
    lines = [{"answer": says}]
    script = parse_script({"turns": [{"when": {"task": "draft"}, "lines": lines}]})
    return Agent(id=name, backend=ScriptedBackend(script))


def _team(equal: object) -> Team:
    agents = (
        _agent("ada", "Lutetia, on the Seine"),
        _agent("bob", "Paris, of course"),
        _agent("cy", "It is Paris"),
    )
    rules = Rules(panel=1, straggler=None, final="reuse")
    return Team(agents=agents, rules=rules, equal=equal)  # pyright: ignore[reportArgumentType]  (any function)


def _city(words: str) -> str:
    return "Paris" if "Paris" in words or "Lutetia" in words else words


def _breaks(words: str) -> str:
    if "Lutetia" in words:
        raise RuntimeError("no such city")
    return _city(words)


async def test_a_function_says_which_answers_are_one() -> None:
    result = await coordinator.run("The capital?", _team(_city), journal=None)
    assert result.detail == "all 3 answers say paris"
    assert result.why is not None
    assert not result.why.ballots


async def test_an_answer_that_the_function_cannot_read_has_no_result() -> None:
    result = await coordinator.run("The capital?", _team(_breaks), journal=None)
    assert result.status == "answered"
    assert result.why is not None
    assert sorted(len(draft.labels) for draft in result.why.drafts) == [1, 2]

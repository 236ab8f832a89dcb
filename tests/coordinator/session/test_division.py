"""A divided task, through actors and tools: divide, stop, integrate."""

from __future__ import annotations

from typing import Any

import pytest

import coordinator
from agents.protocol.chunks import AgentId, PartCompleted
from coordinator.consensus.rules import Division, Rules
from coordinator.team.team import Team
from tests.coordinator.session.conftest import presents, scripted


def divides(*titles: str) -> dict[str, Any]:
    parts = [{"title": title, "instructions": f"do the {title}"} for title in titles]
    line = {"tool": "divide", "input": {"parts": parts}, "delay_s": 1.0}
    return {"when": {"task": "divide"}, "lines": [line]}


def stops(summary: str, after_s: float = 1.0) -> dict[str, Any]:
    line = {"tool": "stop", "input": {"summary": summary, "complete": True}}
    return {"when": {"task": "work"}, "lines": [{**line, "delay_s": after_s}]}


def writes(summary: str) -> dict[str, Any]:
    return {"when": {"task": "work"}, "lines": [{"text": summary, "delay_s": 1.5}]}


async def test_a_team_divides_a_task_and_puts_it_together() -> None:
    team = Team(
        agents=(
            scripted("ada", [divides("walls", "roof"), presents("A house.")]),
            scripted("bob", [stops("the walls stand")]),
            scripted("cy", [writes("the roof is on")]),
        ),
        rules=Rules(division=Division()),
        seed=1,
    )
    async with coordinator.open_session("Build a house.", team) as session:
        chunks = [chunk async for chunk in session]
        result = await session.wait()
    done = {c.agent: c.summary for c in chunks if isinstance(c, PartCompleted)}
    assert done == {"bob": "the walls stand", "cy": "the roof is on"}
    assert (result.status, result.answer) == ("answered", "A house.")
    assert result.winner is None
    assert "2 of 2 parts" in result.detail
    assert result.elapsed_s == pytest.approx(1.0 + 1.5 + 1.0)


async def test_a_lead_that_forgets_a_title_is_told_so_by_its_tool() -> None:
    wrong = {"tool": "divide", "input": {"parts": [{"title": "", "instructions": "x"}]}}
    first = {"when": {"task": "divide", "call": 1}, "lines": [wrong]}
    again = divides("walls")
    again["when"] = {"task": "divide", "told": "no title"}
    team = Team(
        agents=(
            scripted("ada", [first, again, presents("A wall.")]),
            scripted("bob", [stops("the walls stand")]),
        ),
        rules=Rules(division=Division()),
        seed=1,
    )
    result = await coordinator.run("Build a wall.", team)
    assert result.answer == "A wall."
    assert result.agents[AgentId("bob")].turns == 1


async def test_parts_beyond_what_the_rules_allow_are_said_to_be_missing() -> None:
    team = Team(
        agents=(
            scripted("ada", [divides("walls", "roof", "garden"), presents("A house.")]),
            scripted("bob", [stops("the walls stand")]),
            scripted("cy", [writes("the roof is on")]),
        ),
        rules=Rules(division=Division(parts=2)),
        seed=1,
    )
    result = await coordinator.run("Build a house.", team)
    assert (result.status, result.answer) == ("answered", "A house.")
    assert "2 of 3 parts" in result.detail

"""A whole team against a third party's server, with its kinds of trouble among them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio
import pytest
from llmock.scenarios import Fail, Match, Reply, StreamFault, ToolCall
from llmock.testing import LLMockServer

import coordinator
from agents.agent import Agent
from agents.backends.claude.backend import ClaudeBackend
from agents.protocol.chunks import AgentId
from coordinator.consensus import Consensus
from coordinator.consensus.rules import Rules
from coordinator.team.team import Team

pytestmark = [pytest.mark.real_time, pytest.mark.anyio]

ANSWERS = {"ada": "Paris", "bob": "Lyon", "cy": "Nice"}
SEED = 5


class Llmock(Protocol):
    """The fixture of ``conftest.py``."""

    base_url: str
    server: LLMockServer

    def plays(self, model: str, answer: str, vote_for: str) -> None: ...


def model_of(agent: str) -> str:
    return f"claude-haiku-5-5-{agent}"


@asynccontextmanager
async def team_of(llmock: Llmock, idle_limit_s: float = 30.0) -> AsyncGenerator[Team]:
    """Three agents that all vote for ada; their connections are closed at the end."""
    rules = Rules("revision", deadline_s=60.0)
    agents = tuple(
        Agent(
            id=AgentId(name),
            backend=ClaudeBackend(
                model_of(name),
                api_key="sk-test",
                base_url=llmock.base_url,
                idle_limit_s=idle_limit_s,
            ),
        )
        for name in ANSWERS
    )
    ids = tuple(AgentId(agent.id) for agent in agents)
    number = Consensus.new(ids, "q", rules, seed=SEED).member(AgentId("ada")).number
    for name, answer in ANSWERS.items():
        llmock.plays(model_of(name), answer, f"agent{number}.1")
    try:
        yield Team(agents=agents, rules=rules, seed=SEED)
    finally:
        for agent in agents:
            await agent.backend.aclose()


async def tasks() -> int:
    await anyio.wait_all_tasks_blocked()
    return len(anyio.get_running_tasks())


async def test_three_claude_agents_reach_consensus_on_llmock(
    llmock_team: Llmock,
) -> None:
    before = await tasks()
    async with team_of(llmock_team) as team:
        result = await coordinator.run("The capital of France?", team)
    assert (result.status, result.winner) == ("answered", "ada"), result.detail
    assert result.answer == "Paris"
    assert {vote.choice for vote in result.votes} == {"ada"}
    assert await tasks() == before


TROUBLES: dict[str, Any] = {
    "ada": Fail(529, times=1, match=Match(model=model_of("ada"))),
    "bob": StreamFault(
        "truncate", after_chunks=3, times=1, match=Match(model=model_of("bob"))
    ),
    "cy": StreamFault(
        "stall",
        after_chunks=2,
        stall_seconds=3,
        times=1,
        match=Match(model=model_of("cy")),
    ),
}


async def test_overload_truncation_and_a_stall_on_llmock_delay_but_do_not_fail(
    llmock_team: Llmock,
) -> None:
    before = await tasks()
    # A fault of the stream spoils a reply, which is then used up: give one more each.
    spoilt = [
        Reply(
            tool_calls=(ToolCall("new_answer", {"content": ANSWERS[name]}),),
            match=Match(model=model_of(name)),
        )
        for name in ("bob", "cy")
    ]
    llmock_team.server.state.scenarios.add(*TROUBLES.values(), *spoilt)
    # The server is a thread of this process: a second, for a machine that is busy.
    async with team_of(llmock_team, idle_limit_s=1.0) as team:
        result = await coordinator.run("The capital of France?", team)
    assert (result.status, result.answer) == ("answered", "Paris"), result.detail
    assert {record.error for record in result.agents.values()} == {None}
    assert len(result.answers) == 3
    assert await tasks() == before

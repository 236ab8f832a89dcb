"""Teams of Claude agents over real HTTP, with everything that goes wrong there."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio import wait_all_tasks_blocked

import coordinator
from agents.agent import Agent
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.scripted.script import Script, parse_script
from agents.emulator import serve
from agents.emulator.server import Server
from agents.protocol.chunks import AgentId, TextDelta
from coordinator.consensus.rules import Rules
from coordinator.protocol.result import Result
from coordinator.team.team import Team

pytestmark = pytest.mark.real_time

MODEL = "claude-haiku-5-5"
IDLE_LIMIT_S = 0.3


def script(*turns: Mapping[str, Any]) -> Script:
    return parse_script({"model": MODEL, "turns": list(turns)})


def drafts(answer: str, *before: Mapping[str, Any]) -> dict[str, Any]:
    lines = [*before, {"thinking": "Let me see."}, {"answer": answer}]
    return {"when": {"task": "draft"}, "lines": lines}


def votes(choice: str) -> dict[str, Any]:
    lines = [{"vote": choice, "reason": f"{choice} it is"}]
    return {"when": {"task": "review"}, "repeat": True, "lines": lines}


def presents(text: str) -> dict[str, Any]:
    return {"when": {"task": "present"}, "repeat": True, "lines": [{"text": text}]}


def breaks(*lines: Mapping[str, Any]) -> dict[str, Any]:
    return {"lines": list(lines)}


RULES = Rules("revision", deadline_s=30.0)


@asynccontextmanager
async def team_of(server: Server, *names: str) -> AsyncGenerator[Team]:
    backends = {
        name: ClaudeBackend(
            MODEL,
            api_key="sk-test",
            base_url=server.base_url,
            idle_limit_s=IDLE_LIMIT_S,
        )
        for name in names
    }
    agents = tuple(Agent(id=AgentId(n), backend=b) for n, b in backends.items())
    try:
        yield Team(agents=agents, rules=RULES, seed=3)
    finally:
        for backend in backends.values():
            await backend.aclose()


async def asked(scripts: dict[str, Script]) -> tuple[Result, Server]:
    """Run a team against its scripts; nothing may be left when it is over."""
    async with serve(scripts) as server:
        before = await _tasks()
        async with team_of(server, *scripts) as team:
            result = await coordinator.run("The capital of France?", team)
        with anyio.fail_after(5):
            await server.all_closed()
        assert server.open_sockets == 0
        assert await _tasks() == before
    return result, server


async def _tasks() -> int:
    await wait_all_tasks_blocked()
    return len(anyio.get_running_tasks())


async def test_three_claude_agents_reach_consensus() -> None:
    result, server = await asked(
        {
            "ada": script(drafts("Paris"), votes("Paris"), presents("It is Paris.")),
            "bob": script(drafts("Lyon"), votes("Paris")),
            "cy": script(drafts("Nice"), votes("Paris")),
        }
    )
    assert (result.status, result.answer) == ("answered", "It is Paris.")
    assert result.winner == "ada"
    assert {vote.choice for vote in result.votes} == {"ada"}
    assert len(result.votes) >= 2
    assert result.cost_usd is not None
    assert result.cost_usd > 0
    assert not [r for r in server.requests if r.status == 400]


async def test_overload_truncation_and_a_stall_delay_but_do_not_fail() -> None:
    overloaded = breaks({"error": {"status": 529, "retry_after_s": 0.05}})
    truncated = breaks({"text": "Lyo"}, {"truncate": True})
    stalled = breaks({"text": "Ni"}, {"stall": True})
    result, _ = await asked(
        {
            "ada": script(
                overloaded, drafts("Paris"), votes("Paris"), presents("Paris.")
            ),
            "bob": script(truncated, drafts("Lyon"), votes("Paris")),
            "cy": script(stalled, drafts("Nice"), votes("Paris")),
        }
    )
    assert (result.status, result.answer) == ("answered", "Paris.")
    assert {record.error for record in result.agents.values()} == {None}
    assert {answer.content for answer in result.answers} == {"Paris", "Lyon", "Nice"}


async def test_a_session_leaves_no_thread_behind() -> None:
    # One agent, because the SDK asks for the platform in a thread, which the event loop
    # keeps for the next one: two at once may or may not need two.
    scripts = {"ada": script(drafts("Paris"))}
    await asked(scripts)
    threads = threading.active_count()
    await asked(scripts)
    assert threading.active_count() <= threads


async def test_an_agent_whose_key_is_refused_leaves_the_others_at_work() -> None:
    refused = breaks({"error": {"status": 401}})
    result, _ = await asked(
        {
            "ada": script(drafts("Paris"), votes("Paris"), presents("Paris.")),
            "bob": script(refused),
            "cy": script(drafts("Nice"), votes("Paris")),
        }
    )
    assert result.answer == "Paris."
    assert result.agents[AgentId("bob")].status == "failed"


async def test_an_interruption_closes_every_stream() -> None:
    slow = {"when": {"task": "draft"}, "lines": [{"text": "hm " * 9000, "rate": 100}]}
    async with (
        serve(dict.fromkeys("abc", script(slow))) as server,
        team_of(server, *"abc") as team,
    ):
        async with coordinator.open_session("q", team) as session:
            speaking: set[str] = set()
            async for chunk in session:
                if isinstance(chunk, TextDelta):
                    speaking.add(chunk.agent)
                if len(speaking) == 3:
                    break
            session.interrupt("enough")
            result = await session.wait()
        assert result.status == "interrupted"
        with anyio.fail_after(5):
            await server.all_closed()


async def test_a_slate_of_five_reads_one_cached_prefix() -> None:
    scripts = {
        name: script(
            drafts(f"{city} " * 900), votes("Paris"), presents("Paris, all agree.")
        )
        for name, city in zip(
            "abcde", ("Paris", "Lyon", "Nice", "Lille", "Brest"), strict=True
        )
    }
    async with serve(scripts) as server, team_of(server, *scripts) as team:
        slate = Team(agents=team.agents, rules=Rules(early=False), seed=1)
        result = await coordinator.run("The capital of France?", slate)
    assert result.answer == "Paris, all agree."
    assert (result.usage.cache_read_input_tokens or 0) > 0

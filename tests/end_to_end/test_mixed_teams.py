"""Teams of several makers vote over real HTTP, each asked in its own dialect."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from llmock.scenarios import Fail, Match, Reply, StreamFault, ToolCall
from llmock.testing import LLMockServer

import coordinator
from agents.agent import Agent
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.compatible.backend import CompatibleBackend
from agents.backends.gemini.backend import GeminiBackend
from agents.backends.grok.backend import GrokBackend
from agents.backends.openai.backend import OpenAIBackend
from agents.protocol.backend import Backend
from agents.protocol.chunks import AgentId, ThinkingDelta, ToolCalled, ToolReturned
from agents.tools.function import tool
from coordinator.consensus import Consensus
from coordinator.consensus.rules import Rules
from coordinator.team.builder import assemble, closing
from coordinator.team.emulation import NO_KEY, emulated
from coordinator.team.reader import parse_team
from coordinator.team.team import Team
from tests.agents.emulator.conftest import llmock as running_llmock

pytestmark = [pytest.mark.real_time, pytest.mark.anyio]

MODELS = {
    "ada": "claude-sonnet-5-5",
    "ben": "openai/gpt-5.6",
    "cy": "grok/grok-4.3",
    "dee": "gemini/gemini-3.5-flash",
    "eve": "ollama/qwen3:8b",
}
SCRIPT: dict[str, Any] = {
    "turns": [
        {
            "when": {"task": "draft"},
            "lines": [
                {"thinking": "Let me look that up."},
                {"tool": "memory", "input": {"command": "view", "path": "/memories"}},
            ],
        },
        {
            "when": {"task": "draft"},
            "lines": [{"thinking": "So that is it."}, {"answer": "Paris"}],
        },
        {
            "when": {"task": "review"},
            "lines": [{"thinking": "I weigh them."}, {"vote": "Paris"}],
        },
        {"when": {"task": "present"}, "lines": ["Paris it is."]},
    ]
}
FAULTS: dict[str, list[Any]] = {
    "ben": [{"error": {"status": 529}}],
    "cy": ["Par", {"truncate": True}],
    "dee": [{"error": {"status": 500}}],
    "eve": ["Par", {"disconnect": True}],
}


ANSWERS = {"ada": "Paris", "ben": "Lyon", "cy": "Nice", "dee": "Lille", "eve": "Metz"}
"""Different ones, or there would be nothing to vote on."""


def _scripts() -> dict[str, Any]:
    """Each looks something up, answers, and votes for ada's; thinking before each."""
    text = msgspec.json.encode(SCRIPT).decode()
    return {
        name: msgspec.json.decode(text.replace('"answer":"Paris"', f'"answer":"{own}"'))
        for name, own in ANSWERS.items()
    }


def _file(tmp_path: Path, scripts: dict[str, Any]) -> str:
    agents: list[dict[str, Any]] = [
        {"id": name, "model": model, "script": scripts[name]}
        for name, model in MODELS.items()
    ]
    agents[0]["backend"] = "claude"  # with a script alone it would be scripted
    defaults = {"tools": ["memory"], "workspace": str(tmp_path)}
    voting = {"policy": "ensemble"}  # everybody votes, once
    file = {"agents": agents, "defaults": defaults, "voting": voting, "deadline_s": 60}
    return msgspec.json.encode(file).decode()


class _Heard:
    """Each agent's thoughts and calls, from the chunks of its session."""

    def __init__(self) -> None:
        self.thoughts: dict[str, str] = {}
        self.called: dict[str, set[str]] = {}
        self.returned: dict[str, set[str]] = {}

    def hear(self, chunk: object) -> None:
        match chunk:
            case ThinkingDelta():
                before = self.thoughts.get(chunk.agent, "")
                self.thoughts[chunk.agent] = before + chunk.text
            case ToolCalled():
                self.called.setdefault(chunk.agent, set()).add(chunk.name)
            case ToolReturned():
                self.returned.setdefault(chunk.agent, set()).add(chunk.name)
            case _:
                pass


async def _ran(
    tmp_path: Path, scripts: dict[str, Any], heard: _Heard | None = None
) -> tuple[Any, list[str]]:
    config = parse_team(_file(tmp_path, scripts), tmp_path / "team.yaml")
    async with emulated(config) as (asking, server):
        async with (
            closing(assemble(asking, environment=NO_KEY)) as team,
            coordinator.open_session("The capital of France?", team) as session,
        ):
            async for chunk in session:
                if heard is not None:
                    heard.hear(chunk)
            result = session.result
        paths = sorted({record.path for record in server.requests})
    return result, paths


async def test_five_makers_think_call_tools_and_vote(tmp_path: Path) -> None:
    heard = _Heard()
    result, paths = await _ran(tmp_path, _scripts(), heard)
    assert result.status == "answered", result.detail
    thought = "Let me look that up.So that is it.I weigh them."
    assert heard.thoughts == dict.fromkeys(MODELS, thought)
    assert heard.called == {name: {"memory", "new_answer", "vote"} for name in MODELS}
    assert all("memory" in heard.returned[name] for name in MODELS)
    assert {vote.voter for vote in result.votes} == set(MODELS)
    assert {vote.choice for vote in result.votes} == {"ada"}
    assert {record.error for record in result.agents.values()} == {None}
    assert len(result.answers) == 5
    assert result.answer == "Paris it is."
    assert paths == [
        "/v1/chat/completions",
        "/v1/messages",
        "/v1/responses",
        "/v1beta/models/gemini-3.5-flash:streamGenerateContent",
    ]


async def test_faults_of_five_makers_delay_and_do_not_fail(tmp_path: Path) -> None:
    scripts = {
        name: {
            "turns": [
                *([{"lines": FAULTS[name]}] if name in FAULTS else []),
                *_scripts()[name]["turns"],
            ]
        }
        for name in MODELS
    }
    result, _ = await _ran(tmp_path, scripts)
    assert result.status == "answered", result.detail
    assert {record.error for record in result.agents.values()} == {None}
    assert len(result.answers) == 5


@tool
def look_up(city: str) -> str:
    """Look a city up.

    Args:
        city: Its name.
    """
    return f"{city} is a city"


KEY = "sk-test"
SEED = 5


@pytest.fixture
def llmock() -> Iterator[LLMockServer]:
    """Somebody else's server, in a thread, on a real socket."""
    with running_llmock() as server:
        yield server


def _backends(llmock: LLMockServer) -> dict[str, Backend]:
    """One of each maker, all on one foreign server."""
    claude, openai = llmock.base_url("anthropic"), llmock.base_url("openai")
    gemini = f"{llmock.base_url('gemini')}/v1beta"
    return {
        "ada": ClaudeBackend("model-ada", api_key=KEY, base_url=claude),
        "ben": OpenAIBackend("model-ben", api_key=KEY, base_url=openai),
        "cy": GrokBackend("model-cy", api_key=KEY, base_url=openai),
        "dee": GeminiBackend("model-dee", api_key=KEY, base_url=gemini),
        "eve": CompatibleBackend("model-eve", base_url=openai),
    }


@asynccontextmanager
async def _team(llmock: LLMockServer) -> AsyncGenerator[Team]:
    """Five agents that look a city up, answer, and all vote for ada."""
    rules = Rules("revision", deadline_s=60.0)
    agents = tuple(
        Agent(id=AgentId(name), backend=backend, tools=(look_up,))
        for name, backend in _backends(llmock).items()
    )
    ids = tuple(AgentId(agent.id) for agent in agents)
    number = Consensus.new(ids, "q", rules, seed=SEED).member(AgentId("ada")).number
    label = f"agent{number}.1"
    told = {
        "reason": "It is right.",
        "label": label,
        "labels": [label],
        "tiers": [[label]],
        "scores": {label: 10},
    }
    for name, answer in ANSWERS.items():
        match = Match(model=f"model-{name}")
        llmock.state.scenarios.add(
            Reply(
                text=answer,
                times=None,
                match=Match(model=f"model-{name}", tools=False),
            ),
            Reply(tool_calls=(ToolCall("look_up", {"city": answer}),), match=match),
            Reply(
                tool_calls=(ToolCall("new_answer", {"content": answer}),), match=match
            ),
            Reply(tool_calls=(ToolCall("vote", told),), times=None, match=match),
        )
    try:
        yield Team(agents=agents, rules=rules, seed=SEED)
    finally:
        for agent in agents:
            await agent.backend.aclose()


async def _tasks() -> int:
    await anyio.wait_all_tasks_blocked()
    return len(anyio.get_running_tasks())


async def test_five_makers_reach_consensus_on_somebody_elses_server(
    llmock: LLMockServer,
) -> None:
    before = await _tasks()
    async with _team(llmock) as team:
        result = await coordinator.run("The capital of France?", team)
    assert (result.status, result.winner) == ("answered", "ada"), result.detail
    assert {record.error for record in result.agents.values()} == {None}
    assert {vote.choice for vote in result.votes} == {"ada"}
    assert await _tasks() == before


async def test_trouble_on_somebody_elses_server_delays_and_does_not_fail(
    llmock: LLMockServer,
) -> None:
    troubles: dict[str, Any] = {
        "ben": Fail(429, times=1, match=Match(model="model-ben")),
        "cy": Fail(503, times=1, match=Match(model="model-cy")),
        "dee": StreamFault(
            "truncate", after_chunks=1, times=1, match=Match(model="model-dee")
        ),
        "eve": StreamFault(
            "disconnect", after_chunks=1, times=1, match=Match(model="model-eve")
        ),
    }
    # A fault of the stream spoils a reply, which is then used up: give one more each.
    spoilt = [
        Reply(
            tool_calls=(ToolCall("look_up", {"city": name}),),
            match=Match(model=f"model-{name}"),
        )
        for name in ("dee", "eve")
    ]
    llmock.state.scenarios.add(*troubles.values(), *spoilt)
    async with _team(llmock) as team:
        result = await coordinator.run("The capital of France?", team)
    assert result.status == "answered", result.detail
    assert {record.error for record in result.agents.values()} == {None}
    assert len(result.answers) == 5

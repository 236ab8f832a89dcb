"""Fixtures for tests of capabilities: teams of Claude agents and the emulator."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import msgspec
import pytest

import coordinator
from agents.backends.scripted.request_view import seen_in_body
from agents.backends.scripted.script import Script, parse_script
from agents.emulator import serve
from agents.emulator.server import Recorded, Server
from coordinator.displays.base import Cast
from coordinator.displays.plain import PlainDisplay
from coordinator.protocol.events import Event
from coordinator.protocol.result import Result
from coordinator.team.builder import assemble, closing
from coordinator.team.emulation import NO_KEY, emulated
from coordinator.team.reader import parse_team, read_team
from coordinator.team.team import Team

MODEL = "claude-haiku-5-5"
FOLDER = Path(__file__).parents[3] / "scenarios" / "capabilities"


SPY = """
import json, os, sys
known = os.environ.pop("SECRET", None) is not None
seen = f"{'a' if known else 'no'} secret in {dict(os.environ)}"
for line in sys.stdin:
    said = json.loads(line)
    result = {
        "initialize": {
            "protocolVersion": said.get("params", {}).get("protocolVersion"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "spy", "version": "1"},
        },
        "tools/list": {"tools": [{"name": "env", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": seen}]},
    }.get(said["method"])
    error = {"code": -32601, "message": "unknown"}
    answer = {"result": result} if result else {"error": error}
    if "id" in said:
        print(json.dumps({"jsonrpc": "2.0", "id": said["id"], **answer}), flush=True)
"""


@dataclass(kw_only=True)
class Ran:
    """A session that has run over HTTP, and what was seen of it."""

    result: Result
    events: list[Event]
    requests: list[Recorded]
    """Of ``/v1/messages``, in order."""
    counted: list[int] = field(default_factory=list[int])
    """Token counts of requests before they were made, in order."""

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


@dataclass
class Watching:
    """A display that keeps everything."""

    events: list[Event] = field(default_factory=list[Event])
    is_lossless = True

    async def show(self, events: Any) -> None:
        async for batch in events:
            self.events += batch

    def conclude(self, result: Result) -> None:
        pass


Lines: TypeAlias = list[Mapping[str, Any]]
Scripts: TypeAlias = Mapping[str, Mapping[str, Lines] | Script]


def _script(tasks: Mapping[str, Lines] | Script) -> Script:
    """A script: each task's lines, split at ``---`` into one response each."""
    if isinstance(tasks, Script):
        return tasks
    turns: list[dict[str, Any]] = []
    for task, lines in tasks.items():
        response: Lines = []
        for line in (*lines, {"next": True}):
            if "next" in line:
                turns.append({"when": {"task": task}, "lines": response})
                response = []
            else:
                response.append(line)
    return parse_script({"model": MODEL, "turns": turns})


def _team_text(agents: Scripts, base_url: str, more: str) -> str:
    head = f"defaults: {{model: {MODEL}, base_url: '{base_url}'}}\n"
    entries = "".join(f"  - id: {name}\n" for name in agents)
    return more if "agents:" in more else f"{head}agents:\n{entries}{more}"


@asynccontextmanager
async def _open_team(
    scripts: Scripts, more: str = "", **changes: Any
) -> AsyncGenerator[tuple[Team, Server]]:
    made = {name: _script(tasks) for name, tasks in scripts.items()}
    async with serve(made) as server:
        text = _team_text(scripts, server.base_url, more)
        config = parse_team(text.replace("BASE_URL", server.base_url), Path("t.yaml"))
        async with closing(assemble(config, environment={})) as team:
            yield _changed(team, changes), server


def _changed(team: Team, changes: Mapping[str, Any]) -> Team:
    if not changes:
        return team
    given: dict[str, Any] = {"agents": team.agents, "rules": team.rules, "seed": 1}
    return Team(**{**given, **changes})


async def _run(
    scripts: Scripts, more: str = "", *, allows_refusals: bool = False, **changes: Any
) -> Ran:
    watching = Watching()
    async with _open_team(scripts, more, **changes) as (team, server):
        result = await coordinator.run(
            "What is the capital of France?", team, displays=[watching]
        )
        requests = [r for r in server.requests if r.path.endswith("/messages")]
        counted = [
            seen_in_body(record.body or {}).input_tokens
            for record in server.requests
            if record.path.endswith("/count_tokens")
        ]
    refused = [r for r in server.requests if r.status == 400]
    assert allows_refusals or not refused, msgspec.json.encode(refused[0].body)
    return Ran(
        result=result, events=watching.events, requests=requests, counted=counted
    )


async def _run_file(name: str) -> tuple[Ran, str]:
    """A file of scenarios/capabilities, as it stands; and what plain lines said."""
    config = read_team(FOLDER / f"{name}.yaml")
    assert config.file.question is not None
    watching, said = Watching(), io.StringIO()
    async with emulated(config) as (pretended, server):
        async with closing(assemble(pretended, environment=NO_KEY)) as team:
            models = {agent.id: agent.backend.model for agent in team.with_models}
            cast = Cast(question=config.file.question, models=models)
            displays = (watching, PlainDisplay(said, cast))
            with anyio.fail_after(20):
                result = await coordinator.run(
                    config.file.question, team, displays=displays
                )
        requests = [r for r in server.requests if "messages" in (r.body or ())]
    ran = Ran(result=result, events=watching.events, requests=requests)
    return ran, said.getvalue()


RunTeam: TypeAlias = Callable[..., Any]
OpenTeam: TypeAlias = Callable[..., AbstractAsyncContextManager[tuple[Team, Server]]]


@pytest.fixture
def run_team() -> RunTeam:
    """Runs scripts, with YAML beside them, as Claude agents over HTTP."""
    return _run


@pytest.fixture
def run_file(monkeypatch: pytest.MonkeyPatch) -> RunTeam:
    """Runs a file of scenarios/capabilities against the emulator, as it stands."""
    monkeypatch.chdir(FOLDER.parents[1])  # as its own first lines say it is run
    return _run_file


@pytest.fixture
def open_team() -> OpenTeam:
    """The same team and server, not run yet."""
    return _open_team


@pytest.fixture
def spy() -> str:
    """An MCP server whose tool ``env`` tells its environment, but for ``SECRET``."""
    return SPY

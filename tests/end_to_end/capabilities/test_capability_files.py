"""Every file in scenarios/capabilities runs over real HTTP, as it stands.

A file there is a team file whose agents are Claude's and have scripts: what the
emulated API says. Here the files are run, and it is checked that what they declare has
reached the server. What a capability does in detail is tested elsewhere.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from agents.backends.claude.server_tools import server_tool
from agents.emulator import Server
from coordinator.displays.base import Cast
from coordinator.displays.jsonl import JsonLinesDisplay
from coordinator.displays.plain import PlainDisplay
from coordinator.protocol.result import Result
from coordinator.session.session import open_session
from coordinator.team.builder import assemble, closing
from coordinator.team.emulation import NO_KEY, emulated
from coordinator.team.reader import read_team
from coordinator.team.team_file_schema import AgentEntry, TeamConfig
from coordinator.team.validation import is_server_tool

pytestmark = pytest.mark.real_time

FOLDER = Path(__file__).parents[3] / "scenarios" / "capabilities"
FILES = sorted(FOLDER.glob("*.yaml"))
by_name = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@by_name
async def test_a_capability_is_shown_over_real_http(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER.parents[1])  # as its own first lines say it is run
    config = read_team(path)
    async with emulated(config) as (pretended, server):
        result = await _run(pretended)
        with anyio.fail_after(5):
            await server.all_closed()
        await wait_all_tasks_blocked()
    assert result.status == "answered", result.detail
    assert {agent: r.error for agent, r in result.agents.items() if r.error} == {}
    assert [r.path for r in server.requests if r.status in (400, 401, 404)] == []
    for entry in config.agents:
        if entry.backend == "claude":
            _assert_asked_as_written(entry, server)


@by_name
def test_a_capability_file_says_how_it_is_run(path: Path) -> None:
    head = path.read_text("utf-8").partition("\n\n")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert f"coordinator run -c scenarios/capabilities/{path.name} --emulate" in head


async def _run(config: TeamConfig) -> Result:
    question = config.file.question
    assert question is not None
    async with closing(assemble(config, environment=NO_KEY)) as team:
        models = {agent.id: agent.backend.model for agent in team.with_models}
        displays = (
            PlainDisplay(io.StringIO(), Cast(question=question, models=models)),
            JsonLinesDisplay(io.BytesIO()),
        )
        with anyio.fail_after(20):
            async with open_session(question, team, displays=displays) as session:
                return await session.wait()


def _assert_asked_as_written(entry: AgentEntry, server: Server) -> None:
    """Check that the agent's settings in the file stand in its requests."""
    bodies = [
        cast("dict[str, Any]", request.body)
        for request in server.requests
        if request.agent == entry.id and "messages" in (request.body or ())
    ]
    assert bodies, f"{entry.id} asked nothing"
    assert entry.model is not None
    asked: list[dict[str, Any]] = [
        tool for body in bodies for tool in body.get("tools", ())
    ]
    for tool in filter(is_server_tool, entry.tools):
        wanted = server_tool(tool, entry.model)
        bare = [{k: v for k, v in t.items() if k != "cache_control"} for t in asked]
        assert wanted in bare
    for named in entry.mcp_servers:
        assert all(named in body["mcp_servers"] for body in bodies)
    for name, value in entry.extra.items():
        if name != "context_management" or entry.compact_at_tokens is None:
            assert all(body[name] == value for body in bodies)
    _assert_thinks_as_written(entry, bodies)


def _assert_thinks_as_written(entry: AgentEntry, bodies: list[dict[str, Any]]) -> None:
    wanted: Any = entry.thinking
    if isinstance(wanted, int):
        wanted = {"type": "enabled", "budget_tokens": wanted}
    elif isinstance(wanted, str):
        wanted = {"type": wanted}
    # Models that bind their thinking are asked for summaries where nothing is said.
    usual = {"type": "adaptive", "display": "summarized"}
    for body in bodies:
        made = {**body["thinking"]} if "thinking" in body else None
        is_bound = made is not None and made.pop("block_binding", None) is not None
        assert made == ({**usual, **(wanted or {})} if is_bound else wanted)
    efforts = {body.get("output_config", {}).get("effort") for body in bodies}
    assert efforts == {entry.effort}

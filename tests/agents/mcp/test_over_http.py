"""MCP servers of Claude agents, over real HTTP: called, approved, cancelled, closed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import coordinator
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.scripted.script import parse_script
from agents.emulator import serve
from agents.emulator.server import Server
from agents.mcp import McpServer
from agents.mcp.toolbox import McpToolbox
from agents.protocol.chunks import AgentId, ToolCalled, ToolReturned
from agents.tools.approval import Approval, Approved, Refused, Verdict

pytestmark = pytest.mark.real_time

MODEL = "claude-haiku-5-5"


def calls(*tools: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    lines = [{"tool": name, "input": given} for name, given in tools]
    return [{"lines": lines}, {"lines": [{"answer": "It is 42."}]}]


@asynccontextmanager
async def team_of(
    turns: dict[str, list[dict[str, Any]]],
    *servers: McpServer,
    approval: Approval = Approval(),  # noqa: B008  (frozen)
) -> AsyncGenerator[tuple[coordinator.Team, Server]]:
    """Claude agents, of whom the first has the servers."""
    scripts = {
        name: parse_script({"model": MODEL, "turns": said})
        for name, said in turns.items()
    }
    async with serve(scripts) as server:
        backend = ClaudeBackend(MODEL, api_key="sk-test", base_url=server.base_url)
        agents = tuple(
            coordinator.Agent(
                id=AgentId(name),
                backend=backend,
                toolboxes=tuple(map(McpToolbox, servers)) if not number else (),
                approval=approval,
            )
            for number, name in enumerate(turns)
        )
        try:
            yield coordinator.Team(agents=agents, seed=1), server
        finally:
            await backend.aclose()


async def returned_in(team: coordinator.Team) -> list[tuple[str, bytes, bool]]:
    async with coordinator.open_session("How many?", team) as session:
        chunks = [chunk async for chunk in session]
        assert (await session.wait()).answer == "It is 42."
    return [
        (chunk.name, bytes(chunk.content), chunk.is_error)
        for chunk in chunks
        if isinstance(chunk, ToolReturned)
    ]


async def test_servers_of_both_kinds_are_called_by_one_agent(
    plain: Any, http_server: str
) -> None:
    turns = calls(("plain__echo", {"words": "42"}), ("sums__add", {"a": 19, "b": 23}))
    far = McpServer(name="sums", url=http_server)
    async with team_of({"ada": turns}, plain.server(), far) as (team, server):
        found = await returned_in(team)
    assert sorted(found) == [
        ("plain__echo", b'"42"', False),
        ("sums__add", b'"42"', False),
    ]
    assert not plain.is_running, "closed with the session"
    told = str(server.requests[1].body["messages"][-1])
    assert told.count("tool_result") == 2


async def test_a_servers_tool_may_need_a_yes(plain: Any) -> None:
    async def approver(_agent: AgentId, call: ToolCalled) -> Verdict:
        await anyio.lowlevel.checkpoint()
        return Approved() if b"42" in bytes(call.input) else Refused("too secret")

    turns = calls(("plain__echo", {"words": "42"}), ("plain__env", {}))
    approval = Approval(("plain__*",), approver)
    async with team_of({"ada": turns}, plain.server(), approval=approval) as (team, _):
        found = {name: (said, failed) for name, said, failed in await returned_in(team)}
    assert found["plain__echo"] == (b'"42"', False)
    assert found["plain__env"][1]
    assert b"too secret" in found["plain__env"][0]


async def test_a_call_under_way_is_cancelled_with_its_turn(plain: Any) -> None:
    turns = {
        "ada": calls(("plain__never", {})),
        "bob": [{"lines": [{"answer": "It is 42."}]}],
    }
    async with (
        team_of(turns, plain.server()) as (team, _),
        coordinator.open_session("How many?", team) as session,
    ):
        with anyio.fail_after(20):
            async for chunk in session:
                if isinstance(chunk, ToolCalled) and chunk.name == "plain__never":
                    break
            while "begun" not in plain.noted:  # noqa: ASYNC110  (a file has no events)
                await anyio.sleep(0.01)
            session.stop_agent(AgentId("ada"))
            result = await session.wait()
    assert result.answer == "It is 42."
    assert "cancelled" in plain.noted
    assert not plain.is_running

"""MCP servers of agents: what is refused, and an agent's life with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import coordinator
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.mcp import McpServer
from agents.mcp.toolbox import McpToolbox
from agents.protocol.chunks import StatusChanged, ToolReturned
from coordinator.errors import ConfigInvalid
from coordinator.team.builder import assemble
from coordinator.team.reader import parse_team
from coordinator.team.team_source import LEFT_OUT, source_of

TEAM = """\
agents:
  - id: ada
    script: {turns: [{lines: [{answer: yes}]}]}
    mcp: [SERVER]
"""


def team_with(server: str) -> Any:
    return parse_team(TEAM.replace("SERVER", server), Path("team.yaml"))


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("{name: x}", "either a 'command' or a 'url'"),
        ("{name: x, command: [a], url: 'http://b'}", "either a 'command' or a 'url'"),
        ("{name: a__b, url: 'http://b'}", "'a__b' is not usable"),
        ("{name: x, url: 'http://b', env: {A: b}}", "'headers' and no 'env'"),
        ("{name: x, url: 'ftp://b'}", "neither http nor https"),
        ("{name: x, comand: [a]}", "did you mean 'command'"),
        ("{name: x, command: no-such-program}", "expected"),
    ],
)
def test_a_server_that_makes_no_sense_is_refused_with_its_place(
    server: str, why: str
) -> None:
    with pytest.raises(ConfigInvalid, match=why) as refused:
        team_with(server)
    assert "team.yaml" in str(refused.value)


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("{name: x, command: [no-such-program]}", "no program 'no-such-program'"),
        ("{name: x, command: [./here]}", "give an absolute path"),
        ("{name: x, command: [sh], env: {A: $NOT_SET_AT_ALL}}", "NOT_SET_AT_ALL"),
        ("{name: x, command: [sh], env: {A: '$ 5'}}", "write '\\$\\$'"),
        ("{name: x, url: 'http://b'}, {name: x, url: 'http://c'}", "two MCP servers"),
    ],
)
def test_a_server_that_cannot_be_is_refused_before_anything_is_asked(
    server: str, why: str
) -> None:
    with pytest.raises(ConfigInvalid, match=f"agent 'ada'.*{why}"):
        assemble(team_with(server), environment={})


def test_a_journal_keeps_the_name_of_a_servers_secret_and_never_the_secret() -> None:
    kept = source_of(
        team_with(
            "{name: x, command: [sh], env: {API_KEY: $MINE, TOKEN: canary}}, "
            "{name: y, url: 'http://b', headers: {Authorization: Bearer $MINE}}"
        )
    ).decode()
    assert '"API_KEY":"$MINE"' in kept
    assert '"Authorization":"Bearer $MINE"' in kept
    assert f'"TOKEN":"{LEFT_OUT}"' in kept
    assert "canary" not in kept


def team_in_code(*servers: McpServer) -> coordinator.Team:
    script = parse_script(
        {
            "turns": [
                {"lines": [{"tool": "plain__echo", "input": {"words": "42"}}]},
                {"lines": [{"answer": "It is 42."}]},
            ]
        }
    )
    ada = coordinator.Agent(
        id=coordinator.AgentId("ada"),
        backend=ScriptedBackend(script),
        toolboxes=tuple(McpToolbox(server) for server in servers),
    )
    return coordinator.Team(agents=(ada,))


async def chunks_of(team: coordinator.Team) -> list[Any]:
    async with coordinator.open_session("How many?", team) as session:
        chunks = [chunk async for chunk in session]
        assert (await session.wait()).answer == "It is 42."
    return chunks


@pytest.mark.real_time
async def test_an_agent_has_its_server_for_the_session_and_no_longer(
    plain: Any,
) -> None:
    chunks = await chunks_of(team_in_code(plain.server()))
    returned = [chunk for chunk in chunks if isinstance(chunk, ToolReturned)]
    assert [(r.name, bytes(r.content), r.is_error) for r in returned] == [
        ("plain__echo", b'"42"', False)
    ]
    assert not plain.is_running


@pytest.mark.real_time
async def test_an_agent_whose_server_does_not_start_says_so_and_goes_on() -> None:
    broken = McpServer(name="plain", command=("sh", "-c", "echo no luck >&2"))
    chunks = await chunks_of(team_in_code(broken))
    statuses = [chunk for chunk in chunks if isinstance(chunk, StatusChanged)]
    missing = [status for status in statuses if status.status == "tools_missing"]
    assert len(missing) == 1
    assert "MCP server 'plain' cannot be used" in missing[0].detail
    assert "it said: no luck" in missing[0].detail
    returned = [chunk for chunk in chunks if isinstance(chunk, ToolReturned)]
    assert returned[0].is_error
    assert b"there is no tool 'plain__echo'" in bytes(returned[0].content)

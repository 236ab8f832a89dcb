"""Sessions with MCP servers: real processes, real sockets, nothing left of them."""

from __future__ import annotations

import json
from typing import Any

import anyio
import msgspec
import pytest

from agents.errors import ToolFailed, ToolsUnavailable
from agents.mcp import McpServer
from agents.mcp.toolbox import McpToolbox
from agents.protocol.backend import ToolSpec

pytestmark = pytest.mark.real_time

CANARY = "sk-ant-canary-in-a-server"


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


async def test_a_stdio_servers_tools_are_named_after_it_and_called(plain: Any) -> None:
    async with McpToolbox(plain.server()).open() as tools:
        named = {tool.name: tool for tool in tools}
        assert "plain__dots_and_slashes" in named
        spec = named["plain__echo"].spec
        assert isinstance(spec, ToolSpec)
        assert spec.description == "Does echo."
        assert await named["plain__echo"].call(raw({"words": "hi"})) == "hi"
        with pytest.raises(ToolFailed, match=r"^the moon is full$"):
            await named["plain__fail"].call(raw({}))
        with pytest.raises(ToolFailed, match="invalid input"):
            await named["plain__echo"].call(raw([]))
        image: Any = await named["plain__image"].call(raw({}))
        assert json.loads(bytes(image))[1]["source"]["media_type"] == "image/png"
    assert not plain.is_running


async def test_a_server_sees_no_key_of_ours(
    plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    monkeypatch.setenv("ITS_TOKEN", "its own")
    server = plain.server(env={"TOKEN": "$ITS_TOKEN"})
    async with McpToolbox(server).open() as tools:
        env = next(tool for tool in tools if tool.name == "plain__env")
        seen = json.loads(str(await env.call(raw({}))))
    assert seen.pop("TOKEN") == "its own"
    allowed = {"PATH", "HOME", "LANG", "LOGNAME", "SHELL", "TERM", "USER", "LC_CTYPE"}
    assert seen.keys() <= allowed  # the interpreter itself sets LC_CTYPE
    assert CANARY not in repr((server, McpToolbox(server), tools))
    assert "its own" not in repr((server, McpToolbox(server), tools))


async def test_only_tools_on_the_list_are_offered_and_they_must_exist(
    plain: Any,
) -> None:
    async with McpToolbox(plain.server(tools=("echo",))).open() as tools:
        assert [tool.name for tool in tools] == ["plain__echo"]
    with pytest.raises(ToolsUnavailable, match="no tool 'sing'; it offers die, dots"):
        async with McpToolbox(plain.server(tools=("sing",))).open():
            pass
    assert not plain.is_running


async def test_a_server_that_dies_fails_its_calls_and_says_why(plain: Any) -> None:
    async with McpToolbox(plain.server()).open() as tools:
        named = {tool.name: tool for tool in tools}
        with anyio.fail_after(5):
            with pytest.raises(ToolFailed, match=r"MCP server 'plain'.*out of memory"):
                await named["plain__die"].call(raw({}))
            answer = await named["plain__echo"].call(raw({"words": "hi"}))
            assert "hi" in str(answer), "it is started again, once"
            with pytest.raises(ToolFailed, match="out of memory"):
                await named["plain__die"].call(raw({}))
            with pytest.raises(ToolFailed, match="MCP server 'plain' is gone"):
                await named["plain__echo"].call(raw({"words": "hi"}))
    assert not plain.is_running


@pytest.mark.parametrize(
    ("code", "why"),
    [("raise ValueError('no config')", "ValueError: no config"), ("", "closed")],
)
async def test_a_server_that_does_not_start_is_one_clear_error(
    library_command: tuple[str, ...], code: str, why: str
) -> None:
    server = McpServer(name="broken", command=(*library_command[:2], code))
    with pytest.raises(ToolsUnavailable, match=f"'broken' cannot be used: .*{why}"):
        async with McpToolbox(server).open():
            pass


async def test_a_cancelled_call_tells_the_server_and_the_next_one_works(
    plain: Any,
) -> None:
    async with McpToolbox(plain.server()).open() as tools:
        named = {tool.name: tool for tool in tools}
        async with anyio.create_task_group() as group:
            group.start_soon(named["plain__never"].call, raw({}))
            with anyio.fail_after(5):
                while "begun" not in plain.noted:
                    assert await named["plain__echo"].call(raw({"words": "hi"})) == "hi"
            group.cancel_scope.cancel()
        # Requests are answered in order, so the notice has been read by now.
        assert await named["plain__echo"].call(raw({"words": "on"})) == "on"
        assert "cancelled" in plain.noted
    assert not plain.is_running


async def test_a_stubborn_server_is_killed_when_its_agent_is_cancelled(
    plain: Any,
) -> None:
    with anyio.CancelScope() as scope, anyio.fail_after(7):
        async with McpToolbox(plain.server("stubborn")).open():
            scope.cancel()
            await anyio.sleep_forever()
    assert not plain.is_running


async def test_a_server_of_the_library_works_over_stdio(
    library_command: tuple[str, ...],
) -> None:
    server = McpServer(name="sums", command=library_command)
    async with McpToolbox(server).open() as tools:
        assert await tools[0].call(raw({"a": 19, "b": 23})) == "42"


async def test_a_server_of_the_library_works_over_http(http_server: str) -> None:
    server = McpServer(name="sums", url=http_server, headers={"x-who": "ada"})
    async with McpToolbox(server).open() as tools:
        assert tools[0].name == "sums__add"
        assert await tools[0].call(raw({"a": 19, "b": 23})) == "42"
        with pytest.raises(ToolFailed, match="valid integer"):
            await tools[0].call(raw({"a": "many", "b": 23}))


async def test_an_address_where_nobody_listens_is_one_clear_error() -> None:
    server = McpServer(name="away", url="http://127.0.0.1:9/mcp")
    with pytest.raises(ToolsUnavailable, match=r"'away' cannot be used: .*connect"):
        async with McpToolbox(server).open():
            pass

"""Answers of a server that the library cannot read."""

from __future__ import annotations

import sys
from collections.abc import Callable

import anyio
import msgspec
import pytest

from agents.errors import ToolFailed
from agents.mcp import McpServer
from agents.mcp.toolbox import McpToolbox

pytestmark = pytest.mark.real_time

SERVER = r"""
import json, sys

mode = sys.argv[1]

def say(line):
    print(line, flush=True)

tool = {"name": "shot", "description": "d", "inputSchema": {"type": "object"}}
held = []
for line in sys.stdin:
    said = json.loads(line)
    id_, method = said.get("id"), said.get("method")
    begin = '{"jsonrpc":"2.0","id":%s,' % json.dumps(id_)
    if method == "initialize":
        version = said["params"]["protocolVersion"]
        info = {"name": "x", "version": "1"}
        result = {"protocolVersion": version, "serverInfo": info}
        result["capabilities"] = {"tools": {}}
        say(begin + '"result":' + json.dumps(result) + "}")
    elif method == "tools/list":
        words = r"A \ud83d" if mode == "description" else "d"
        if mode == "schemas":
            schema = {"type": "object", "properties": {"$filter": {"type": "string"}}}
            named = {**tool, "inputSchema": schema}
            nowhere = {"type": "object", "$ref": "#/$defs/nowhere"}
            bad = {**tool, "name": "bad", "inputSchema": nowhere}
            say(begin + '"result":' + json.dumps({"tools": [named, bad]}) + "}")
            continue
        listed = json.dumps({"tools": [tool]}).replace('"d"', '"%s"' % words)
        say(begin + '"result":' + listed + "}")
    elif method == "tools/call":
        text = r'{"type":"text","text":"cut \ud83d"}'
        if mode == "error":
            say(begin + r'"error":{"code":-32000,"message":"cut \ud83d"}}')
        elif mode == "is_error":
            say(begin + '"result":{"content":[' + text + '],"isError":true}}')
        elif mode == "broken":
            say(begin + '"result":{"content":[')
        elif mode == "log":
            say("I am working on it, {not} JSON")
            say('{"level":"info"}')
            say(begin + '"result":{"content":[{"type":"text","text":"well"}]}}')
        elif mode == "two":
            held.append(begin)
            if len(held) == 2:
                say(held[0] + '"result":{"content":[' + text + "]}}")
        elif mode == "schemas":
            said = json.dumps(said["params"]["arguments"])
            content = json.dumps([{"type": "text", "text": said}])
            say(begin + '"result":{"content":' + content + "}}")
        else:
            say(begin + '"result":{"content":[' + text + "]}}")
    elif id_ is not None:
        say(begin + '"error":{"code":-32601,"message":"no"}}')
"""


def box(mode: str) -> McpToolbox:
    command = (sys.executable, "-c", SERVER, mode)
    return McpToolbox(McpServer(name="demo", command=command))


GIVEN = msgspec.Raw(b"{}")


@pytest.mark.parametrize("mode", ["text", "description"])
async def test_half_an_emoji_is_mended(
    mode: str, told: Callable[[bytes | str], str]
) -> None:
    with anyio.fail_after(15):
        async with box(mode).open() as tools:
            assert told(await tools[0].call(GIVEN)) == "cut \ufffd"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("error", "cut \ufffd"),
        ("is_error", "cut \ufffd"),
        ("broken", "cannot be read"),
    ],
)
async def test_an_answer_that_cannot_be_mended_fails_the_call_at_once(
    mode: str, words: str
) -> None:
    with anyio.fail_after(15):
        async with box(mode).open() as tools:
            with pytest.raises(ToolFailed, match=words):
                await tools[0].call(GIVEN)


async def test_of_two_calls_none_gets_the_answer_of_the_other() -> None:
    problems: list[str] = []

    async def call(tools: object) -> None:
        try:
            await tools[0].call(GIVEN)  # type: ignore[index]
        except ToolFailed as error:
            problems.append(str(error))

    with anyio.fail_after(15):
        async with box("two").open() as tools, anyio.create_task_group() as group:
            group.start_soon(call, tools)
            group.start_soon(call, tools)
    assert len(problems) == 2
    assert all("cannot be read" in problem for problem in problems)


async def test_a_line_of_a_log_fails_no_call(
    told: Callable[[bytes | str], str],
) -> None:
    with anyio.fail_after(15):
        async with box("log").open() as tools:
            assert told(await tools[0].call(GIVEN)) == "well"


async def test_one_schema_beyond_mending_costs_its_tool_alone(
    told: Callable[[bytes | str], str],
) -> None:
    with anyio.fail_after(15):
        async with box("schemas").open() as tools:
            assert [tool.name for tool in tools] == ["demo__shot"]
            (problem,) = tools.problems  # type: ignore[attr-defined]
            assert "'bad'" in problem
            given = msgspec.Raw(b'{"_filter":"x"}')
            assert told(await tools[0].call(given)) == '{"$filter": "x"}'

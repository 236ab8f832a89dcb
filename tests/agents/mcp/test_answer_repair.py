"""Repair of a server's tools and results, one tool and one block at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import anyio
import msgspec
import pytest

from agents.errors import ToolFailed
from agents.mcp import McpServer
from agents.mcp.toolbox import McpToolbox

pytestmark = pytest.mark.real_time

SERVER = r"""
import json, sys

tools, results = json.loads(sys.argv[1]), json.loads(sys.argv[2])
for line in sys.stdin:
    said = json.loads(line)
    method, asked = said.get("method"), said.get("params", {})
    if "id" not in said:
        continue
    answer = {"error": {"code": -32601, "message": "no"}}
    if method == "initialize":
        info = {"name": "x", "version": "1"}
        version = asked["protocolVersion"]
        result = {"protocolVersion": version, "serverInfo": info}
        answer = {"result": {**result, "capabilities": {"tools": {}}}}
    elif method == "tools/list":
        answer = {"result": {"tools": tools}}
    elif method == "tools/call":
        answer = {"result": results[asked["arguments"]["n"]]}
    print(json.dumps({"jsonrpc": "2.0", "id": said["id"], **answer}), flush=True)
"""
OBJECT: dict[str, Any] = {"type": "object"}


def box(tools: list[Any], results: list[Any]) -> McpToolbox:
    told = (msgspec.json.encode(each).decode() for each in (tools, results))
    command = (sys.executable, "-c", SERVER, *told)
    return McpToolbox(McpServer(name="demo", command=command))


LISTED: list[tuple[dict[str, Any], str]] = [
    ({"inputSchema": {"properties": {"city": {"type": "string"}}}}, "city"),
    ({"inputSchema": {}}, ""),
    ({"inputSchema": None}, ""),
    ({}, ""),
    ({"inputSchema": {"type": ["object", "null"]}}, ""),
    ({"inputSchema": {**OBJECT, "properties": {"city": 5}}}, "city"),
    ({"inputSchema": {**OBJECT, "properties": None, "required": None}}, ""),
    ({"inputSchema": {**OBJECT, "required": "city"}}, ""),
    ({"inputSchema": OBJECT, "description": 5}, ""),
    ({"inputSchema": OBJECT, "annotations": {"readOnlyHint": "maybe"}}, ""),
    ({"inputSchema": OBJECT, "outputSchema": {"type": "array"}}, ""),
    ({"inputSchema": OBJECT, "icons": [{}], "_meta": 3, "title": []}, ""),
]
"""Tools that are not as the protocol has them, and the property they keep."""
HOPELESS: list[tuple[Any, str]] = [
    ({"name": "odd", "inputSchema": {"type": "string"}}, "'odd'"),
    ({"name": "odd", "inputSchema": []}, "'odd'"),
    ({"name": None, "inputSchema": OBJECT}, "a tool without a name"),
    ({"inputSchema": OBJECT}, "a tool without a name"),
    (5, "no tool: 5"),
    (None, "no tool: null"),
]


async def test_a_tool_that_is_not_as_the_protocol_has_it_costs_no_other() -> None:
    tools = [{"name": f"t{n}", **told} for n, (told, _) in enumerate(LISTED)]
    odd = [told for told, _ in HOPELESS]
    with anyio.fail_after(20):
        async with box([*tools, *odd], []).open() as offered:
            assert [tool.name for tool in offered] == [
                f"demo__t{n}" for n in range(len(LISTED))
            ]
            for tool, (_, kept) in zip(offered, LISTED, strict=True):
                schema = msgspec.json.decode(tool.spec.input_schema)  # type: ignore[union-attr]
                assert (schema["type"], kept in schema["properties"]) == (
                    "object",
                    bool(kept),
                )
            problems: tuple[str, ...] = tuple(offered.problems)  # type: ignore[attr-defined]
    for _, words in HOPELESS:
        assert any(words in problem for problem in problems), words


WELL = {"type": "text", "text": "well"}
RETURNED: list[tuple[dict[str, Any], str]] = [
    ({"content": [WELL]}, "well"),
    ({}, "(no output)"),
    ({"content": None}, "(no output)"),
    ({"content": "well"}, "well"),
    ({"content": WELL}, "well"),
    ({"content": ["well", {"text": "said"}]}, "well\nsaid"),
    ({"content": [WELL, {"type": "chart", "of": 1}]}, 'well\n{"type":"chart","of":1}'),
    ({"content": [{"type": "text", "text": None}, WELL]}, "well"),
    ({"content": [{**WELL, "annotations": {"audience": ["robot"]}}]}, "well"),
    ({"content": [WELL], "structuredContent": [1]}, "well"),
    ({"structuredContent": [1, 2]}, "[1,2]"),
    ({"content": [], "structuredContent": {"a": 1}}, '{"a":1}'),
    ({"content": [WELL], "isError": None, "_meta": None}, "well"),
    ({"content": [WELL], "isError": "false", "_meta": 3}, "well"),
    ({"toolResult": "of an old server"}, '{"toolResult":"of an old server"}'),
]
"""Results that the library refuses some of, and what the model is to read of them."""


@pytest.mark.parametrize("schema", [None, {"type": "object", "required": ["b"]}])
async def test_a_result_that_is_not_as_the_protocol_has_it_is_read_all_the_same(
    schema: object, told: Callable[[bytes | str], str]
) -> None:
    tool = {"name": "ask", "inputSchema": OBJECT, "outputSchema": schema}
    with anyio.fail_after(20):
        async with box([tool], [result for result, _ in RETURNED]).open() as tools:
            for number, (_, words) in enumerate(RETURNED):
                given = msgspec.Raw(f'{{"n":{number}}}'.encode())
                assert words in told(await tools[0].call(given)), number


async def test_an_error_is_one_however_it_is_said() -> None:
    tool = {"name": "ask", "inputSchema": OBJECT}
    failed = {"content": "the moon is full", "isError": "true"}
    with anyio.fail_after(20):
        async with box([tool], [failed]).open() as tools:
            with pytest.raises(ToolFailed, match="the moon is full"):
                await tools[0].call(msgspec.Raw(b'{"n":0}'))

"""Tools of ours over HTTP: made in code, of typed functions, and with a yes first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio.lowlevel
import msgspec
import pytest

import coordinator
from agents.protocol.chunks import AgentId, ToolCalled, ToolReturned
from agents.tools.approval import Approval, Approved, Refused, Verdict
from agents.tools.function import tool
from agents.tools.schema_tool import SchemaTool

pytestmark = pytest.mark.real_time


class Place(msgspec.Struct):
    city: str
    country: str = "FR"


@tool(strict=True, input_examples=({"of": {"city": "Paris"}},))
def population(of: Place) -> int:
    """How many people live there."""
    return {"Paris": 2_100_000}[of.city]


def looked_up(given: dict[str, Any]) -> dict[str, Any]:
    return {"found": given["name"].upper()}


lookup = SchemaTool(
    name="lookup",
    description="Look a name up.",
    input_schema={"type": "object", "properties": {"name": {"type": "string"}}},
    function=looked_up,
    options={"eager_input_streaming": True},
)

CALLS = [
    {"tool": "population", "input": {"of": {"city": "Paris"}}},
    {"tool": "lookup", "input": {"name": "Seine"}},
    {"next": True},
    {"answer": "Paris"},
]


async def ran_with(
    open_team: Any, lines: list[Any], **changes: Any
) -> tuple[list[Any], list[Any]]:
    """The chunks and the bodies of one agent that has been changed so."""
    async with open_team({"ada": {"draft": lines}}) as (team, server):
        ada = replace(team.agents[0], **changes)
        async with coordinator.open_session("?", replace(team, agents=(ada,))) as on:
            chunks = [chunk async for chunk in on]
            assert (await on.wait()).answer == "Paris"
        bodies = [request.body for request in server.requests]
        assert not [request for request in server.requests if request.status == 400]
    return chunks, bodies


def results_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The tool results in a request, as the model reads them."""
    last = body["messages"][-1]["content"]
    return [block for block in last if block["type"] == "tool_result"]


async def test_typed_functions_and_schemas_made_in_code_are_called(
    open_team: Any,
) -> None:
    _, bodies = await ran_with(open_team, CALLS, tools=(population, lookup))
    offered = {tool["name"]: tool for tool in bodies[0]["tools"]}
    assert offered["population"]["strict"] is True
    assert offered["population"]["input_examples"] == [{"of": {"city": "Paris"}}]
    assert offered["population"]["input_schema"]["$defs"].keys() == {"Place"}
    assert offered["lookup"]["eager_input_streaming"] is True
    told = [block["content"] for block in results_in(bodies[1])]
    assert [str(content) for content in told] == ["2100000", '{"found":"SEINE"}']


async def test_pydantic_models_in_a_signature_become_the_schema(open_team: Any) -> None:
    import pydantic  # noqa: PLC0415  (0.1 s)

    trip = pydantic.create_model("Trip", to=(str, ...), days=(int, 1))

    def plan(trip: Any) -> str:
        return f"{trip.days} days in {trip.to}"

    plan.__annotations__ = {"trip": trip, "return": str}
    lines = [
        {"tool": "plan", "input": {"trip": {"to": "Nice", "days": "three"}}},
        {"tool": "plan", "input": {"trip": {"to": "Nice", "days": 3}}},
        *CALLS[2:],
    ]
    _, bodies = await ran_with(open_team, lines, tools=(tool(plan),))
    wrong, right = results_in(bodies[1])
    assert wrong["is_error"]
    assert "days" in str(wrong["content"])
    assert right["content"] == "3 days in Nice"


async def test_a_tool_that_needs_a_yes_runs_after_it_and_not_without(
    open_team: Any,
) -> None:
    asked: list[tuple[str, str]] = []

    async def approver(agent: AgentId, call: ToolCalled) -> Verdict:
        await anyio.lowlevel.checkpoint()
        asked.append((agent, call.name))
        return Approved() if b"Seine" in bytes(call.input) else Refused("not today")

    chunks, bodies = await ran_with(
        open_team,
        CALLS,
        tools=(population, lookup),
        approval=Approval(("*",), approver),
    )
    assert sorted(asked) == [("ada", "lookup"), ("ada", "population")]
    returned = {c.name: c for c in chunks if isinstance(c, ToolReturned)}
    assert returned["population"].is_error
    assert not returned["lookup"].is_error
    refused, _ = results_in(bodies[1])
    assert "not today" in str(refused["content"]), "the model reads why"

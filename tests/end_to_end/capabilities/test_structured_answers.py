"""Structured answers: every agent hands in a value, and the result's is typed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId
from agents.tools.answer_schema import answer_form
from coordinator.cli.run import as_json
from coordinator.consensus.rules import Division
from coordinator.errors import ConfigInvalid
from coordinator.protocol.events import AnswerAccepted

pytestmark = pytest.mark.real_time


class Point(msgspec.Struct):
    lat: float
    lon: float


class City(msgspec.Struct):
    name: str
    at: Point


PARIS = {"name": "Paris", "at": {"lat": 48.9, "lon": 2.4}}

SCHEMA = """
answer_schema:
  type: object
  properties:
    name: {type: string}
    inhabitants: {$ref: '#/definitions/count'}
  required: [name, inhabitants]
  definitions:
    count: {type: integer, minimum: 0}
voting: {policy: revision}
"""


def told(requests: list[Any]) -> str:
    return msgspec.json.encode([r.body["messages"] for r in requests]).decode()


async def test_a_schema_in_the_team_file_reaches_the_result(run_team: Any) -> None:
    value = {"name": "Paris", "inhabitants": 2_100_000}
    ran = await run_team(
        {
            "ada": {
                "draft": [{"answer": "Paris.", "value": value}],
                "review": [{"vote": "Paris."}],
                "present": [{"text": "It is Paris."}],
            },
            "bo": {
                "draft": [{"answer": "Lyon.", "value": {**value, "name": "Lyon"}}],
                "review": [{"vote": "Paris."}],
            },
        },
        SCHEMA,
    )
    assert ran.result.answer == "It is Paris."
    assert ran.result.value == value
    tools = {tool["name"]: tool for tool in ran.requests[0].body["tools"]}
    shape = tools["new_answer"]["input_schema"]
    assert shape["required"] == ["content", "value"]
    reference = shape["properties"]["value"]["properties"]["inhabitants"]["$ref"]
    found = shape
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    assert found == {"type": "integer", "minimum": 0}
    # Voters judge the value too.
    assert r"value: {\"name\": \"Lyon\"" in told(ran.requests)


async def test_an_invalid_value_goes_back_with_its_reason(run_team: Any) -> None:
    wrong = {"name": "Paris", "inhabitants": -1}
    right = {"name": "Paris", "inhabitants": 2_100_000}
    ran = await run_team(
        {
            "ada": {
                "draft": [
                    {"answer": "Paris."},
                    {"next": True},
                    {"answer": "Paris.", "value": wrong},
                    {"next": True},
                    {"answer": "Paris.", "value": right},
                ]
            }
        },
        SCHEMA,
    )
    assert ran.result.value == right
    assert "value is missing" in told(ran.requests)
    assert "$.inhabitants: -1 is less than the minimum of 0" in told(ran.requests)
    accepted = [msgspec.json.decode(a.value) for a in ran.of(AnswerAccepted)]
    assert accepted == [right]


async def test_a_type_makes_the_result_typed(run_team: Any) -> None:
    ran = await run_team(
        {
            "ada": {
                "draft": [
                    {"answer": "Paris.", "value": {"name": "Paris"}},
                    {"next": True},
                    {"answer": "Paris.", "value": PARIS},
                ]
            }
        },
        answer_type=City,
    )
    assert ran.result.value == City(name="Paris", at=Point(lat=48.9, lon=2.4))
    assert "`at`" in told(ran.requests)
    tools = {tool["name"]: tool for tool in ran.requests[0].body["tools"]}
    schema = tools["new_answer"]["input_schema"]
    assert schema["$defs"].keys() == {"City", "Point"}
    assert msgspec.json.decode(as_json(ran.result))["value"] == PARIS


async def test_a_pydantic_model_makes_the_result_typed(run_team: Any) -> None:
    import pydantic  # noqa: PLC0415  (0.1 s)

    place = pydantic.create_model("Place", name=(str, ...), since=(int, ...))
    given = {"name": "Paris", "since": -250}
    ran = await run_team(
        {"ada": {"draft": [{"answer": "Paris.", "value": given}]}}, answer_type=place
    )
    assert ran.result.value == place(**given)
    assert msgspec.json.decode(as_json(ran.result))["value"] == given


async def test_answers_alike_in_words_but_not_in_value_both_stand(
    run_team: Any,
) -> None:
    here, there = {**PARIS}, {**PARIS, "name": "Paris, Texas"}
    ran = await run_team(
        {
            "ada": {
                "draft": [{"answer": "Paris.", "value": here}],
                "review": [{"rank": [{"own": True}]}],
                "present": [{"text": "Paris."}],
            },
            "bo": {
                "draft": [{"answer": "Paris.", "value": there}],
                "review": [{"rank": ["Texas", "Paris"]}],
                "present": [{"text": "Paris."}],
            },
        },
        answer_type=City,
    )
    assert len(ran.result.votes) > 0
    assert len(ran.result.answers) == 2


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="is no JSON Schema: type: 'objekt' is not"):
        answer_form({"type": "objekt"})


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"default": {"$ref": "#/$defs/none"}}},
        {"prefixItems": [{"$ref": "https://example.com/schema.json"}]},
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\$ref: '.*' leads to nothing"):
        answer_form(schema)


def test_a_default_may_look_like_a_reference() -> None:
    schema = {"properties": {"link": {"default": {"$ref": "#/none"}}}}
    assert answer_form(schema).check(msgspec.Raw(b"{}")) == {}


def test_a_divided_task_has_no_structured_answer() -> None:
    rules = coordinator.Rules(division=Division())
    backend = ScriptedBackend(parse_script({"turns": [{"lines": [{"text": "x"}]}]}))
    agent = Agent(id=AgentId("ada"), backend=backend)
    with pytest.raises(ConfigInvalid, match="no structured answer"):
        coordinator.Team(agents=(agent,), rules=rules, answer_type=int)

"""Schemas from elsewhere are mended, refused when a tool is made, or fit for strict."""

from __future__ import annotations

from typing import Annotated, Any

import jsonschema
import msgspec
import pytest

from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import Script
from agents.emulator.history_validation import Issued
from agents.emulator.request_validation import refusals
from agents.protocol.backend import ToolSpec
from agents.protocol.chunks import AgentId
from agents.tools.function import tool, tool_name
from agents.tools.schema_fit import mended, named_back
from agents.tools.schema_tool import SchemaTool

TEXT = {"type": "string"}


def faults(schema: object, **more: Any) -> list[str]:
    """The API's refusals of a tool with ``schema``."""
    body = {
        "model": "claude-haiku-5-5",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}],
        "tools": [{"name": "t", "input_schema": schema, **more}],
    }
    return [said for _, said in refusals(body, frozenset(), Issued())]


NEEDY: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {"a": TEXT, "b": TEXT},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    },
    {"oneOf": [{"type": "object", "properties": {"a": TEXT}}, {"properties": {}}]},
    {"allOf": [{"$ref": "#/$defs/A"}, {"required": ["b"]}], "$defs": {"A": {}}},
    {"$ref": "#/definitions/A", "definitions": {"A": {"anyOf": [{"required": []}]}}},
    {"type": "object", "properties": {"$filter": TEXT, "user name": TEXT, "é": TEXT}},
    {"type": "object", "properties": {"k" * 80: TEXT}},
    {"type": "object", "properties": None},
    {"type": "object"},
    {"properties": {"a": {"type": "int"}}},
    {"type": ["object", "null"], "properties": {"a": {"required": True, "type": "x"}}},
    {"properties": {"a": {"type": "array", "items": [TEXT, TEXT]}}},
    {"properties": {"a": {"type": "integer", "minimum": 1, "exclusiveMinimum": True}}},
    {"properties": {"a": {"enum": "x"}, "b": True, "c": None}, "required": True},
    {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
    {"properties": {"a": {"$ref": "https://example.org/s.json"}, "b": {"$ref": "#/x"}}},
    {"properties": {"a": {"minLength": "1", "pattern": 5, "title": None}}},
    {"properties": {"a": {"minItems": -1, "uniqueItems": 1, "multipleOf": "2"}}},
    {"properties": {"a": TEXT}, "dependentRequired": {"a": "b"}, "if": 5},
    {"properties": {"a": {"default": {"$ref": "#/x"}, "examples": "x"}}},
]


@pytest.mark.parametrize("schema", NEEDY)
def test_a_schema_that_the_api_refuses_is_mended(schema: dict[str, Any]) -> None:
    before = msgspec.json.encode(schema)
    fit = mended(schema).schema
    assert faults(fit) == []
    draft: Any = jsonschema.Draft202012Validator
    draft.check_schema(fit)
    assert msgspec.json.encode(schema) == before, "the server's own is left alone"


@pytest.mark.parametrize(
    "schema",
    [
        [],
        None,
        {"type": "string"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#"},
    ],
)
def test_a_schema_beyond_mending_is_refused_in_words(schema: object) -> None:
    with pytest.raises(ValueError, match="its"):
        mended(schema)


def test_a_schema_without_a_bottom_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5_000):
        deep = {"properties": {"a": deep}}
    with pytest.raises(ValueError, match="too deeply"):
        mended(deep)


def test_what_any_part_takes_is_taken_and_said() -> None:
    parts = [
        {"properties": {"a": TEXT, "c": TEXT}, "required": ["a", "c"]},
        {"properties": {"b": TEXT, "c": {"type": "integer"}}, "required": ["b", "c"]},
    ]
    fit = mended({"oneOf": parts})
    assert list(fit.schema["properties"]) == ["a", "c", "b"]
    assert fit.schema["required"] == ["c"]
    assert fit.schema["properties"]["c"]["anyOf"] == [TEXT, {"type": "integer"}]
    assert '"required":["a","c"]' in fit.note


def test_names_find_their_way_back() -> None:
    inner = {"type": "object", "properties": {"sort by": TEXT, "ok": TEXT}}
    fit = mended(
        {
            "properties": {
                "$filter": inner,
                "_filter": TEXT,
                "all of": {"type": "array", "items": inner},
            },
            "required": ["$filter"],
        }
    )
    assert list(fit.schema["properties"]) == ["_filter_2", "_filter", "all_of"]
    assert fit.schema["required"] == ["_filter_2"]
    assert (
        "originally '$filter'" in fit.schema["properties"]["_filter_2"]["description"]
    )
    given = {
        "_filter_2": {"sort_by": "x", "ok": "y"},
        "_filter": "z",
        "all_of": [{"sort_by": 1}, "no object"],
        "unheard of": 1,
    }
    assert named_back(given, fit.names) == {
        "$filter": {"sort by": "x", "ok": "y"},
        "_filter": "z",
        "all of": [{"sort by": 1}, "no object"],
        "unheard of": 1,
    }


def test_a_parameter_that_the_api_refuses_is_refused_when_the_tool_is_made() -> None:
    with pytest.raises(TypeError, match=r"'größe'.*letters"):

        @tool
        def size(größe: int) -> str:  # noqa: PLC2401  (the point)
            return str(größe)


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"type": "object", "anyOf": [{}]}, "anyOf"),
    ({"type": "object", "properties": {"$x": {}}}, r"\$x"),
    ({"type": "array"}, "'array'"),
    ({}, "None"),
]


@pytest.mark.parametrize(("schema", "words"), UNFIT)
def test_a_schema_given_in_code_is_refused_when_the_tool_is_made(
    schema: dict[str, Any], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        SchemaTool(name="t", description="", input_schema=schema, function=dict)


class _Own:
    """A tool of the caller's own kind."""

    def __init__(self, name: str, schema: bytes) -> None:
        self.name = name
        self.spec = ToolSpec(
            name=name, description="", input_schema=msgspec.Raw(schema)
        )

    async def call(self, given: msgspec.Raw) -> str:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("name", "schema", "words"),
    [
        ("t", b'{"type":"object","oneOf":[]}', "oneOf"),
        ("t.t", b'{"type":"object"}', "name"),
        ("t", b"{", "no JSON"),
    ],
)
def test_an_agent_takes_no_tool_that_the_api_refuses(
    name: str, schema: bytes, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Agent(
            id=AgentId("ada"),
            backend=ScriptedBackend(Script(turns=())),
            tools=(_Own(name, schema),),
        )


def test_an_agent_takes_no_tool_named_as_one_of_the_apis() -> None:
    class Serving(ScriptedBackend):
        server_tool_names = frozenset({"web_search"})

    @tool
    def web_search(query: str) -> str:
        """Search."""
        return query

    plain, serving = ScriptedBackend(Script(turns=())), Serving(Script(turns=()))
    for backends in ((serving,), (plain, serving)):
        first, *others = backends
        with pytest.raises(ValueError, match="'web_search'; rename yours"):
            Agent(
                id=AgentId("ada"),
                tools=(web_search,),
                backend=first,
                fallbacks=tuple(others),
            )


def test_a_long_name_keeps_what_sets_it_apart() -> None:
    names = {tool_name(f"server__{'x' * 80}{number}") for number in range(9)}
    assert len(names) == 9
    assert {len(name) for name in names} == {64}
    assert tool_name("a.b/c") == "a_b_c"


class Inner(msgspec.Struct):
    n: Annotated[int, msgspec.Meta(ge=1, le=9, description="How many.")]
    words: Annotated[str, msgspec.Meta(min_length=2, pattern=r"^(?=a).*$")]


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    tricks: tuple[str, ...]


class Node(msgspec.Struct):
    child: Node | None = None


def test_a_strict_tool_is_made_fit() -> None:
    @tool(strict=True)
    def look(
        of: Inner,
        pet: Cat | Dog,
        many: Annotated[list[Inner], msgspec.Meta(min_length=2, max_length=5)],
        q: str = "x",
    ) -> str:
        """Look."""
        return f"{of}{pet}{many}{q}"

    schema = msgspec.json.decode(look.spec.input_schema)
    assert faults(schema, strict=True) == []
    inner = schema["$defs"]["Inner"]["properties"]
    assert inner["n"]["description"] == "How many. (minimum: 1; maximum: 9)"
    assert "minLength: 2" in inner["words"]["description"]
    assert "maxItems: 5" in schema["properties"]["many"]["description"]


@pytest.mark.parametrize(
    "wanted",
    [dict[str, int], dict[str, Any], dict, tuple[int, str], Node, list[dict[str, int]]],
)
def test_what_strict_cannot_enforce_is_refused_when_the_tool_is_made(
    wanted: Any,
) -> None:
    def look(of: Any) -> str:
        return str(of)

    look.__annotations__["of"] = wanted
    with pytest.raises(TypeError, match=r"tool 'look'.*strict"):
        tool(strict=True)(look)
    tool(look)


def test_a_schema_given_in_code_is_made_fit_for_strict() -> None:
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "multipleOf": 5},
            "when": {"type": "string", "format": "stardate"},
        },
    }
    made = SchemaTool(
        name="t",
        description="",
        input_schema=schema,
        function=dict,
        options={"strict": True},
    )
    assert faults(msgspec.json.decode(made.spec.input_schema), strict=True) == []

"""Python functions as tools: the schema, the checks, and what comes of a call."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import anyio
import anyio.lowlevel
import msgspec
import pydantic
import pytest

from agents.errors import ToolFailed
from agents.protocol.backend import ToolSpec
from agents.protocol.chunks import Seq, ToolCalled, TurnNumber
from agents.tools.base import Tool
from agents.tools.execution import Returned, run_call
from agents.tools.function import as_result, tool
from agents.tools.result_blocks import RESULT_CHARS
from agents.tools.schema_tool import SchemaTool


class Place(pydantic.BaseModel):
    city: str
    country: str = "AU"


class Trip(pydantic.BaseModel):
    stops: list[Place]


class Point(msgspec.Struct):
    x: float
    y: float


@dataclass
class Span:
    begin: int
    end: int


def schema_of(made: Tool) -> Any:
    assert isinstance(made.spec, ToolSpec)
    return msgspec.json.decode(made.spec.input_schema)


def called(made: Tool, given: str, *, is_valid: bool = True) -> ToolCalled:
    return ToolCalled(
        agent="ada",  # pyright: ignore[reportArgumentType]  (any name will do)
        turn=TurnNumber(1),
        seq=Seq(0),
        at=0.0,
        block=0,
        id="toolu_1",
        name=made.name,
        input=msgspec.Raw(given.encode()),
        is_valid=is_valid,
    )


async def run(made: Tool, given: str, timeout_s: float = 10.0) -> tuple[Any, bool]:
    returned: Returned = await run_call(made, called(made, given), timeout_s)
    return msgspec.json.decode(returned.content), returned.is_error


def test_signature_and_docstring_become_the_tool() -> None:
    @tool
    def population(
        city: str,
        year: int = 2026,
        unit: Literal["people", "thousands"] = "people",
        near: Point | None = None,
    ) -> int:
        """Look up how many people live in a city.

        Only Australian cities are known.

        Args:
            city: The city's name,
                in English.
            year (int): Of the census.
            unit: What is counted.
            near: Where to look.

        Returns:
            A count.
        """
        del city, year, unit, near
        return 0

    assert population.name == "population"
    assert population.spec.description == (
        "Look up how many people live in a city.\n\nOnly Australian cities are known."
    )
    schema = schema_of(population)
    assert schema["type"] == "object"
    assert schema["required"] == ["city"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["city"] == {
        "type": "string",
        "description": "The city's name, in English.",
    }
    assert schema["properties"]["year"] == {
        "type": "integer",
        "description": "Of the census.",
        "default": 2026,
    }
    assert schema["properties"]["unit"]["enum"] == ["people", "thousands"]
    assert "Point" in schema["$defs"]


def test_a_decorator_with_settings_passes_them_on() -> None:
    @tool(
        name="add-up",
        description="Add.",
        strict=True,
        defer_loading=True,
        eager_input_streaming=True,
        input_examples=({"numbers": [1, 2]},),
    )
    def add(numbers: Annotated[list[int], msgspec.Meta(description="Which.")]) -> int:
        return sum(numbers)

    assert add.spec.name == "add-up"
    assert add.spec.strict
    assert add.spec.defer_loading
    assert add.spec.eager_input_streaming
    assert [bytes(x) for x in add.spec.input_examples] == [b'{"numbers":[1,2]}']
    assert schema_of(add)["properties"]["numbers"]["description"] == "Which."


async def test_a_function_gets_validated_values_and_its_own_defaults() -> None:
    default: list[int] = []

    @tool
    async def show(span: Span, points: list[Point], more: list[int] = default) -> str:
        await anyio.lowlevel.checkpoint()
        assert more is default
        return f"{span.begin}-{span.end} {points[0].x}"

    given = '{"span":{"begin":1,"end":2},"points":[{"x":0.5,"y":1}]}'
    assert await run(show, given) == ("1-2 0.5", False)


@pytest.mark.real_time
async def test_input_that_does_not_fit_is_told_in_words() -> None:
    @tool
    def show(count: int) -> str:
        return str(count)

    text, is_error = await run(show, '{"count":"many"}')
    assert is_error
    assert text.startswith("invalid input: ")
    assert "$.count" in text
    text, is_error = await run(show, '{"count":1,"size":2}')
    assert is_error
    assert "`size`" in text
    text, is_error = await run(show, "{}")
    assert "`count`" in text
    returned = await run_call(show, called(show, '"{"', is_valid=False), 1.0)
    assert returned.is_error


@pytest.mark.real_time
async def test_pydantic_models_are_taken_and_given() -> None:
    @tool
    def route(trip: Trip, home: Place | None = None) -> Place:
        assert home is None
        return trip.stops[-1]

    schema = schema_of(route)
    assert set(schema["$defs"]) == {"Place"}
    assert schema["properties"]["trip"]["properties"]["stops"]["items"] == {
        "$ref": "#/$defs/Place"
    }
    given = '{"trip":{"stops":[{"city":"Perth"},{"city":"Canberra"}]}}'
    text, is_error = await run(route, given)
    assert not is_error
    assert msgspec.json.decode(text) == {"city": "Canberra", "country": "AU"}
    text, is_error = await run(route, '{"trip":{"stops":[{}]}}')
    assert is_error
    assert "stops.0.city" in text


@pytest.mark.real_time
async def test_results_are_text_json_or_blocks() -> None:
    blocks = [{"type": "text", "text": "seen"}]

    @tool
    def give(what: str) -> object:
        given: dict[str, object] = {
            "text": "plain",
            "nothing": None,
            "object": {"a": [1, 2.5]},
            "blocks": msgspec.Raw(msgspec.json.encode(blocks)),
            "long": "x" * (RESULT_CHARS + 5),
            "odd": object(),
        }
        return given[what]

    assert await run(give, '{"what":"text"}') == ("plain", False)
    assert await run(give, '{"what":"nothing"}') == ("(no output)", False)
    assert await run(give, '{"what":"object"}') == ('{"a":[1,2.5]}', False)
    assert await run(give, '{"what":"blocks"}') == (blocks, False)
    text, _ = await run(give, '{"what":"long"}')
    assert text.endswith("[cut: 5 more characters]")
    text, is_error = await run(give, '{"what":"odd"}')
    assert is_error
    assert "object cannot be encoded" in text


@pytest.mark.real_time
async def test_an_exception_is_named_without_its_traceback() -> None:
    @tool
    def fail() -> None:
        raise KeyError("secret drawer")

    @tool
    async def refuse() -> None:
        await anyio.lowlevel.checkpoint()
        raise ToolFailed("not today")

    assert await run(fail, "{}") == ("KeyError: 'secret drawer'", True)
    assert await run(refuse, "{}") == ("not today", True)


async def test_a_tool_that_takes_too_long_is_stopped() -> None:
    @tool
    async def dawdle() -> None:
        await anyio.sleep(3600)

    @tool
    async def give_up() -> None:
        with anyio.fail_after(1):
            await anyio.sleep(2)

    assert await run(dawdle, "{}", 5.0) == (
        "dawdle took longer than 5 s and was stopped",
        True,
    )
    text, _ = await run(give_up, "{}", 5.0)
    assert text.startswith("TimeoutError")


@pytest.mark.real_time
async def test_a_blocking_function_runs_in_a_thread_and_may_be_abandoned() -> None:
    release = threading.Event()
    was_in = anyio.Event()

    @tool
    def block() -> str:
        anyio.from_thread.run_sync(was_in.set)
        release.wait(10)
        return threading.current_thread().name

    async with anyio.create_task_group() as group:
        group.start_soon(run, block, "{}")
        await was_in.wait()
        group.cancel_scope.cancel()
    release.set()
    text, is_error = await run(block, "{}")
    assert not is_error
    assert text != threading.current_thread().name


@pytest.mark.real_time
async def test_a_schema_tool_hands_on_the_object_as_it_came() -> None:
    def look(given: dict[str, Any]) -> str:
        return given["q"]

    async def look_later(given: dict[str, Any]) -> str:
        await anyio.lowlevel.checkpoint()
        return given["q"]

    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    for function in (look, look_later):
        made = SchemaTool(
            name="look", description="Look.", input_schema=schema, function=function
        )
        assert schema_of(made) == schema
        assert await run(made, '{"q":"up"}') == ("up", False)
        assert (await run(made, "[]"))[1]
    with pytest.raises(TypeError, match="tools take an 'object'"):
        SchemaTool(name="x", description="", input_schema={}, function=look)


def test_a_signature_that_is_no_schema_is_refused_by_name() -> None:
    def bare(x):  # noqa: ANN001, ANN202  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]
        return x  # pyright: ignore[reportUnknownVariableType]

    def positional(x: int, /) -> int:
        return x

    def starred(*x: int) -> int:
        return len(x)

    def odd(x: threading.Event) -> None:
        del x

    problems: list[tuple[Any, str]] = [
        (bare, "'x' has no type"),
        (positional, "cannot be given by name"),
        (starred, "cannot be given by name"),
        (odd, "has no JSON Schema"),
    ]
    for function, problem in problems:
        with pytest.raises(TypeError, match=problem):
            tool(function)
    with pytest.raises(TypeError, match="is not usable"):
        tool(name="a b")(positional)


NUMPY = """Add two numbers.

Parameters
----------
first : int
    The one.
second : int
    The other.
"""
SPHINX = """Add two numbers.

:param first: The one.
:param int second: The other.
"""


@pytest.mark.parametrize("written", [NUMPY, SPHINX])
def test_docstrings_of_numpys_and_sphinxs_style_are_read_too(written: str) -> None:
    def add(first: int, second: int) -> int:
        return first + second

    add.__doc__ = written
    made = tool(add)
    assert made.spec.description == "Add two numbers."
    properties = schema_of(made)["properties"]
    assert properties["first"]["description"] == "The one."
    assert properties["second"]["description"] == "The other."


@pytest.mark.parametrize(
    "written",
    ["", "Args:", "Add.\n\n    Args:\n        no colon here", ":param", ":param :"],
)
def test_a_docstring_that_breaks_its_styles_rules_still_makes_a_tool(
    written: str,
) -> None:
    def add(first: int) -> int:
        return first

    add.__doc__ = written
    assert tool(add).spec.name == "add"


PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01"
    b"\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
)


class _Drawing:
    def _repr_png_(self) -> bytes:
        return PNG


@pytest.mark.parametrize("drawn", [PNG, bytearray(PNG), _Drawing()])
def test_an_image_that_a_function_returns_is_an_image(drawn: object) -> None:
    blocks = msgspec.json.decode(cast("msgspec.Raw", as_result(["see:", drawn])))
    assert blocks[0] == {"type": "text", "text": "see:"}
    assert blocks[1]["type"] == "image"
    assert blocks[1]["source"]["media_type"] == "image/png"


def test_other_bytes_are_said_to_be_left_out_and_a_path_is_text() -> None:
    blocks = msgspec.json.decode(cast("msgspec.Raw", as_result(b"\0\1\2")))
    assert blocks == [{"type": "text", "text": "[3 bytes that are no image, left out]"}]
    assert as_result(Path("/tmp/x.png")) == "/tmp/x.png"  # noqa: S108  (a name)

"""One mistake has one sentence, with the place, the value and the way out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest

from coordinator.protocol.conversion import PlainInvalid, converted, spell, way_out


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    count: Annotated[int, msgspec.Meta(ge=1)] = 1


class _Round(msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="round"):
    width: float = 1.0


class _Square(
    msgspec.Struct, forbid_unknown_fields=True, tag_field="kind", tag="square"
):
    side: float = 1.0


class _Whole(msgspec.Struct, forbid_unknown_fields=True):
    first: _Part | None = None
    colour: Literal["red", "green"] = "red"
    parts: list[_Part] = []
    named: dict[str, _Part] = {}
    nested: dict[str, dict[str, int]] = {}
    shape: _Round | _Square | None = None
    several: int | list[int] = 1
    either: list[int] | dict[str, _Part] | None = None
    odd: Literal["all"] | int = "all"
    short: Annotated[str, msgspec.Meta(max_length=3)] = ""


@pytest.mark.parametrize(
    ("data", "where", "words"),
    [
        ({"firts": 1}, "firts", "unknown key 'firts'; did you mean 'first'?"),
        ({"zebra": 1}, "zebra", "unknown key 'zebra'; choose from first, colour"),
        ({"first": {}}, "first", "key 'name' is missing; add it"),
        (
            {"parts": [{"name": "a"}, {"name": "b", "count": 0}]},
            "parts[1].count",
            "0 will not do; use at least 1",
        ),
        (
            {"named": {"a": {"name": "x"}, "b": {"name": 7}}},
            "named.b.name",
            "7 will not do; expected text: put it in quotes, '7'",
        ),
        ({"named": {"a": {"name": "x", "cuont": 1}}}, "named.a.cuont", "'count'?"),
        ({"nested": {"a": {"b": 1}, "c": {"d": []}}}, "nested.c.d", "a list will not"),
        ({"colour": "gren"}, "colour", "unknown value 'gren'; did you mean 'green'?"),
        ({"shape": {"kind": "square", "sied": 1}}, "shape.sied", "mean 'side'?"),
        ({"shape": {"kind": "triangle"}}, "shape.kind", "unknown value 'triangle'"),
        ({"shape": {"width": 1}}, "shape", "key 'kind' is missing"),
        ({"several": ["x"]}, "several[0]", "'x' will not do; expected int"),
        ({"several": {}}, "several", "a mapping will not do; expected int | list"),
        ({"either": {"a": {"q": 1}}}, "either.a.q", "choose from name, count"),
        ({"either": [{"q": 1}]}, "either[0]", "a mapping will not do; expected int"),
        ({"odd": "none"}, "odd", "unknown value 'none'; choose from all"),
        ({"short": "long"}, "short", "'long' will not do: Expected `str` of length"),
        ({"first": {"name": True}}, "first.name", "put it in quotes, 'true'"),
        ({"first": {"name": None}}, "first.name", "nothing will not do; expected str"),
    ],
)
def test_a_mistake_is_said_with_its_place_and_the_way_out(
    data: Any, where: str, words: str
) -> None:
    with pytest.raises(PlainInvalid) as caught:
        converted(data, _Whole)
    assert spell(caught.value.where) == where
    assert words in caught.value.problem
    assert str(caught.value).startswith(f"{where}: ")


def test_a_mistake_at_the_top_has_no_place() -> None:
    with pytest.raises(PlainInvalid) as caught:
        converted([], _Whole)
    assert caught.value.where == ()
    assert str(caught.value) == "a list will not do; expected mapping"


def test_two_entries_with_one_fault_are_told_by_the_first() -> None:
    with pytest.raises(PlainInvalid) as caught:
        converted({"named": {"a": {"name": 1}, "b": {"name": 2}}}, _Whole)
    assert spell(caught.value.where) == "named.a.name"


def test_an_unknown_word_has_a_way_out_where_something_is_known() -> None:
    assert way_out("re", ["red", "green"]) == "; did you mean 'red'?"
    assert way_out("x", []) == ""


class _Inner(msgspec.Struct, forbid_unknown_fields=True):
    depth: int = 0


class _Outer(msgspec.Struct, forbid_unknown_fields=True):
    height: int = 0
    inner: _Inner | None = None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"depth": 1}, "unknown key 'depth'; it belongs under 'inner'"),
        ({"inner": {"height": 1}}, "unknown key 'height'; it belongs at the top"),
        ({"hight": 1}, "unknown key 'hight'; did you mean 'height'?"),
        ({"inner": {"x": 1}}, "unknown key 'x'; choose from depth"),
    ],
)
def test_a_key_in_the_wrong_place_is_told_its_own(data: Any, words: str) -> None:
    with pytest.raises(PlainInvalid) as caught:
        converted(data, _Outer)
    assert str(caught.value).partition(": ")[2] == words

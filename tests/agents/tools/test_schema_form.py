"""A tool's schema has one form, whichever version of a library has made it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest

from agents.tools.function import tool
from agents.tools.schema_form import stable

OLD: dict[str, Any] = {
    "properties": {
        "description": {"type": "string", "default": "x"},
        "tags": {"items": {"type": "string"}, "type": "array"},
    },
    "type": "object",
    "description": "A place.\n\n    On earth.",
}
NEW: dict[str, Any] = {
    "type": "object",
    "description": "A place.\n\nOn earth.",
    "properties": {
        "description": {"default": "x", "type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
    },
}


def test_what_libraries_write_otherwise_is_written_in_one_form() -> None:
    assert json.dumps(stable(OLD)) == json.dumps(stable(NEW))


@pytest.mark.parametrize("schema", [OLD, NEW])
def test_a_form_is_its_own(schema: dict[str, Any]) -> None:
    assert json.dumps(stable(stable(schema))) == json.dumps(stable(schema))


def test_names_that_are_keywords_are_names_still() -> None:
    schema: dict[str, Any] = {
        "properties": {"default": {"type": "array"}, "required": {"type": "object"}},
        "enum": [[], {}],
        "examples": [{"default": []}],
    }
    assert stable(schema) == schema


class Place(msgspec.Struct):
    """Somewhere.

    On earth.
    """

    name: str


@dataclasses.dataclass
class Trip:
    """A way."""

    stops: list[Place] = dataclasses.field(default_factory=list[Place])


def test_a_tools_schema_is_the_same_on_every_version_that_is_allowed() -> None:
    @tool
    def plan(trip: Trip) -> str:
        """Plan a trip.

        Args:
            trip: Where to go.
        """
        return str(trip)

    place: dict[str, Any] = {
        "title": "Place",
        "description": "Somewhere.\n\nOn earth.",
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    }
    trip: dict[str, Any] = {
        "title": "Trip",
        "description": "A way.",
        "type": "object",
        "properties": {"stops": {"type": "array", "items": {"$ref": "#/$defs/Place"}}},
        "required": [],
    }
    told = {"$ref": "#/$defs/Trip", "description": "Where to go."}
    schema = msgspec.json.decode(plan.spec.input_schema)
    assert schema["properties"]["trip"] == told
    assert json.dumps(schema["$defs"], sort_keys=True) == json.dumps(
        {"Place": place, "Trip": trip}, sort_keys=True
    )

"""The emulator's responses where nobody brings a script."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from agents.backends.scripted.script import Answer
from agents.emulator import team_scripts
from agents.emulator.schema_examples import example
from coordinator.consensus.similarity import similarity

SCHEMAS: list[dict[str, Any]] = [
    {"type": "string", "minLength": 9},
    {"type": "string", "maxLength": 2},
    {"enum": ["yes", "no"]},
    {"const": 7},
    {"type": "integer", "minimum": 3},
    {"type": "number", "exclusiveMinimum": 3},
    {"type": ["null", "string"]},
    {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
    {"type": "array", "minItems": 2, "items": {"type": "integer"}},
    {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    {"type": "object", "properties": {"a": {"type": "string"}}},
    {"type": "string", "pattern": "^[a-z]$"},
    {
        "type": "object",
        "required": ["city", "at"],
        "properties": {
            "city": {"type": "string"},
            "at": {"$ref": "#/$defs/Point"},
            "note": {"type": "string"},
        },
        "$defs": {
            "Point": {
                "type": "object",
                "required": ["lat"],
                "properties": {"lat": {"type": "number", "minimum": -90}},
                "additionalProperties": False,
            }
        },
    },
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_sample_fits_its_schema(schema: dict[str, Any]) -> None:
    check: Any = jsonschema.Draft202012Validator(schema)
    assert not list(check.iter_errors(example(schema, is_full=True)))


def test_agents_without_scripts_say_what_no_measure_takes_for_the_same() -> None:
    drafts: list[str] = []
    for script in team_scripts(["ada", "ben", "cleo", "dan", "eve"]).values():
        drafts += [x.answer for x in script.turns[0].lines if isinstance(x, Answer)]
    assert len(drafts) == 5
    pairs = [(a, b) for a in drafts for b in drafts if a is not b]
    assert max(similarity(a, b) for a, b in pairs) < 0.3

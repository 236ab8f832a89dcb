"""Checks as people write them: one thing to run, or a sentence on what is wrong."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agents.protocol.checks import Check


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "one of command, function, schema and pattern"),
        ({"command": "true", "pattern": "x"}, "one of command, function, schema"),
        ({"pattern": "x", "weight": 0}, "weight of a check is 0"),
        ({"pattern": "x", "weight": math.nan}, "weight of a check is nan"),
        ({"pattern": "x", "timeout_s": -1}, "'timeout_s' of a check is -1"),
        ({"pattern": "x", "sandbox": "off"}, "for a check with a command"),
        ({"command": " "}, "command of a check is empty"),
        ({"function": "module"}, "write module:function"),
        ({"function": ":function"}, "write module:function"),
        ({"pattern": "a\0b"}, "a pattern has no NUL in it"),
        ({"pattern": "("}, "is no regular expression"),
        ({"pattern": "a{99999999999}"}, "is no regular expression"),
    ],
)
def test_what_is_no_check_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Check(**fields)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"command": "pytest -q", "name": "tests"}, "tests"),
        ({"command": " pytest -q"}, "pytest -q"),
        ({"pattern": "^4"}, "matches ^4"),
        ({"function": "sums:is_even"}, "is_even"),
        ({"json_schema": {"type": "object"}}, "schema"),
    ],
)
def test_a_check_is_called_what_it_is_named_or_what_it_runs(
    fields: dict[str, Any], name: str
) -> None:
    assert Check(**fields).called == name

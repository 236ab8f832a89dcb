"""A pattern that takes for ever is given up, and the value refused."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest

from agents.tools import pattern_trial
from agents.tools.answer_schema import answer_form
from agents.tools.pattern_trial import patterns_of

SLOW = "^(a+)+$"
ENDLESS = msgspec.json.encode("a" * 60 + "!")


class Named(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(pattern=SLOW)]


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ({"type": "string", "pattern": SLOW}, ENDLESS),
        (Annotated[str, msgspec.Meta(pattern=SLOW)], ENDLESS),
        (Named, msgspec.json.encode({"name": "a" * 60 + "!"})),
        (
            {"type": "object", "patternProperties": {SLOW: {"type": "integer"}}},
            msgspec.json.encode({"a" * 60 + "!": 1}),
        ),
    ],
)
def test_a_value_that_takes_for_ever_is_refused(
    wanted: Any, value: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pattern_trial, "TRIAL_S", 0.2)
    with pytest.raises(ValueError, match="write shorter ones"):
        answer_form(wanted).check(msgspec.Raw(value))


@pytest.mark.parametrize(
    ("text", "fits"), [("a" * 40, True), ("aaa", True), ("b", False), ("a!" * 9, False)]
)
def test_a_value_that_takes_no_time_is_checked_as_ever(
    text: str, *, fits: bool
) -> None:
    check = answer_form({"type": "string", "pattern": SLOW}).check
    value = msgspec.Raw(msgspec.json.encode(text))
    if fits:
        assert check(value) == text
    else:
        with pytest.raises(ValueError, match="does not match"):
            check(value)


def test_patterns_are_found_wherever_they_stand() -> None:
    schema = {
        "properties": {"pattern": {"type": "string", "pattern": "a"}},
        "patternProperties": {"b": {"items": [{"pattern": "c"}, {"pattern": "a"}]}},
    }
    assert set(patterns_of(schema)) == {"a", "b", "c"}

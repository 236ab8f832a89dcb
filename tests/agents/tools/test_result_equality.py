"""Which answers are one answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tools.result_equality import result_key, value_result
from agents.tools.result_text import text_result


@pytest.mark.parametrize(
    "same",
    [
        ["42", " 42 ", "42.", "42.0", "**42**", "$42$", "\\boxed{42}", "4.2e1", "+42"],
        ["1,000", "1000", "1 000", "1_000", "1e3", "1'000", "1000.00"],
        ["1/2", "0.5", "\\frac{1}{2}", "\\dfrac{1}{2}", ".5", "50%", "50 percent"],
        ["1/3", "2/6", "\\frac{1}{3}"],
        ["5 km", "5,000 m", "5000 metres", "5 Kilometers.", "5km"],
        ["90 minutes", "1.5 h", "1.5 hours", "5400 s"],
        ["$5", "5 dollars", "5 USD", "500 cents"],
        ["{1, 2, 3}", "{3,2,1}", "{ 1,2,3,3 }", "\\{1, 2, 3\\}"],
        ["Paris", "paris", "  PARIS.", '"Paris"', "`Paris`", "“Paris”", "(paris)"],
        ["New  York", "new york"],
        ["-7", "\u22127", "-7.0"],
        ["B", "(B)", "b.", "\\text{B}"],
    ],
)
def test_equal_results_are_one_text(same: list[str]) -> None:
    assert len({text_result(text) for text in same}) == 1, {
        text: text_result(text) for text in same
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("41", "42"),
        ("42", "-42"),
        ("42", "42 km"),
        ("5 km", "5 kg"),
        ("5 apples", "5 pears"),
        ("1/3", "0.333"),
        ("{1, 2}", "{1, 2, 3}"),
        ("[1, 2]", "[2, 1]"),
        ("Paris", "Lyon"),
        ("1.000", "1,000"),
        ("12,34", "1234"),
        ("1/0", "0"),
        ("x = 2", "3"),
        ("1e999999999", "1e999999998"),
        ("", "0"),
    ],
)
def test_other_results_stay_apart(one: str, other: str) -> None:
    assert text_result(one) != text_result(other)


def test_values_are_equal_whatever_the_order_of_their_members() -> None:
    assert value_result({"b": 1.0, "a": "X "}) == value_result({"a": "x", "b": 1})
    assert value_result([1, 2]) != value_result([2, 1])
    assert value_result({1, 2}) == value_result({2, 1})
    assert value_result(True) != value_result(1)
    assert value_result("42") == value_result(42)


@pytest.mark.parametrize(
    ("equal", "value", "expected"),
    [
        ("value", {"n": 41}, '{"n":"41"}'),
        ("/n", {"n": 41.0, "why": "so"}, "41"),
        ("/list/1", {"list": [1, "Two"]}, "two"),
        ("/a~1b/~0", {"a/b": {"~": 5}}, "5"),
        ("/missing", {"n": 41}, ""),
        ("/n/deeper", {"n": 41}, ""),
        ("/n", {"n": None}, ""),
    ],
)
def test_a_pointer_leads_to_the_part_that_counts(
    equal: str, value: Any, expected: str
) -> None:
    key = result_key(equal)
    assert key is not None
    assert key("words", msgspec.Raw(msgspec.json.encode(value))) == expected
    assert key("words", msgspec.UNSET) == ""


def test_words_count_where_the_text_is_compared_and_nothing_where_nothing_is() -> None:
    key = result_key("text")
    assert key is not None
    assert key("42.", msgspec.UNSET) == "42"
    assert result_key("none") is None


def test_a_function_reads_the_value_or_the_words() -> None:
    def last_word(given: Any) -> str | int:
        return given.split()[-1] if isinstance(given, str) else given["n"]

    key = result_key(last_word)
    assert key is not None
    assert key("It is 42", msgspec.UNSET) == "42"
    assert key("It is 42", msgspec.Raw(b'{"n": 42}')) == "42"
    assert result_key(lambda _: None)("x", msgspec.UNSET) == ""  # type: ignore[misc]


def test_what_is_no_measure_of_sameness_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"'equal' is 'valeu'; use value, text, none"):
        result_key("valeu")


@given(st.text(max_size=60))
def test_a_result_is_the_result_of_itself(text: str) -> None:
    once = text_result(text)
    assert text_result(once) == once


@given(st.integers(), st.integers(min_value=0, max_value=12))
def test_numbers_are_equal_by_value(number: int, zeros: int) -> None:
    written = f"{number:,}." + "0" * zeros
    assert text_result(written) == text_result(str(number))

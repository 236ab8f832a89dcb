"""Which patterns are looked for in this process."""

from __future__ import annotations

import pytest

from agents.tools.pattern_cost import is_quick


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d+ (ms|s)",
        "(?i)paris",
        r"[+*?]{3}",
        r"a\+b\*c+",
        "^(yes|no)$",
        r"[^]+*]+ x",
    ],
)
def test_one_repetition_is_quick(pattern: str) -> None:
    assert is_quick(pattern, "It takes 20 ms.")


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa){30}$",
        "(a|a)*$",
        "a*a*b",
        "a?a?a?aaa",
        r"(a+)\1",
        "(?=a+)b",
        "(?:ab)*c",
        r"[a\]]+x+",
    ],
)
def test_what_may_take_for_ever_has_a_process_of_its_own(pattern: str) -> None:
    assert not is_quick(pattern, "aaa")


def test_a_long_text_has_a_process_of_its_own() -> None:
    assert is_quick(r"\d+", "x" * 300)
    assert not is_quick(r"\d+", "x" * 3_000)
    assert is_quick("ms", "x" * 100_000)

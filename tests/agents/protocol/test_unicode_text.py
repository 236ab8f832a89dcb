"""No text with half a character leaves."""

from __future__ import annotations

import pytest

from agents.protocol.unicode_text import whole_json, whole_text


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("café 😀", "café 😀"),
        ("cut \ud83d", "cut \ufffd"),
        ("\ude00 first", "\ufffd first"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_halves_are_marked_and_two_halves_are_one(text: str, whole: str) -> None:
    assert whole_text(text) == whole


def test_values_are_mended_all_the_way_down() -> None:
    value = {"\ud83d": ["\ud83d", ("\ude00", 7, None)]}
    assert whole_json(value) == {"\ufffd": ["\ufffd", ["\ufffd", 7, None]]}

"""Nothing that a model says reaches a terminal as anything but text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.displays.sanitizer import Cleaner, clean, one_line

OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]"
)


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("plain text, 1 < 2 & ünïcode 👩‍👩‍👧 שלום", None),
        ("two\nlines\tand a tab", None),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b]0;a new title\x07text", "text"),
        ("\x1b]52;c;cm0gLXJmIC8=\x1b\\text", "text"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP+q544e\x1b\\text", "text"),
        ("\x9b31mred", "red"),
        ("\x9d0;title\x9ctext", "text"),
        ("\x1bcreset", "reset"),
        ("\x1b(0box", "box"),
        ("an unfinished \x1b[31", "an unfinished [31"),
        ("an endless \x1b]0;title", "an endless ]0;title"),
        ("bell\x07 back\x08space null\x00", "bell backspace null"),
        ("over\rwrite", "over\nwrite"),
        ("windows\r\nline", "windows\nline"),
        ("left \u202eto right\u202c", "left to right"),
        ("hidden\U000e0041 tag", "hidden tag"),
        ("half a pair \ud800.", "half a pair ."),
    ],
)
def test_controls_are_removed_and_text_is_kept(said: str, printed: str | None) -> None:
    assert clean(said) == (said if printed is None else printed)


@given(st.text())
def test_what_is_printed_holds_no_control(said: str) -> None:
    assert OBEYED.search(clean(said)) is None


@given(
    st.lists(
        st.sampled_from(
            ["\x1b", "[", "]", "0;t", "31m", "\x07", "\\", "\r", "\n", "a", "\x9b", "é"]
        )
    ),
    st.data(),
)
def test_a_stream_cut_anywhere_prints_no_control(
    parts: list[str], data: st.DataObject
) -> None:
    said = "".join(parts)
    cleaner, printed = Cleaner(), ""
    while said:
        cut = data.draw(st.integers(1, len(said)))
        printed += cleaner.clean(said[:cut])
        said = said[cut:]
    assert OBEYED.search(printed + cleaner.flush()) is None


@pytest.mark.parametrize(
    "said",
    [
        "a \x1b[1;31mred\x1b[0m word",
        "a \x1b]0;title\x07 word",
        "a \x1b]8;;u\x1b\\link\x1b]8;;\x1b\\ word",
        "line\r\nline\rline",
    ],
)
def test_a_sequence_cut_in_two_is_removed_whole(said: str) -> None:
    for cut in range(len(said) + 1):
        cleaner = Cleaner()
        printed = cleaner.clean(said[:cut]) + cleaner.clean(said[cut:])
        assert printed + cleaner.flush() == clean(said)


def test_an_endless_sequence_is_not_waited_for() -> None:
    cleaner = Cleaner()
    printed = cleaner.clean("\x1b]0;" + "x" * 10_000)
    assert len(printed) > 9_000


def test_one_line_is_one_line_of_the_length_asked_for() -> None:
    assert one_line("a\n b\x1b[2J  c", 10) == "a b c"
    assert one_line("word " * 100, 10) == "word word…"
    assert len(one_line("x" * 1_000_000, 40)) == 40

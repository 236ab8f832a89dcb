"""JSON that goes to a terminal says the same, and holds nothing that one would obey."""

from __future__ import annotations

import io
import json

import pytest

from coordinator.displays.sanitizer import clean, escaped_json, for_output

EVIL = "a\x9b31mb\u202ec\u200bd\u2066e\U000e0041f\u206ag"


class _Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def test_controls_are_escaped_and_the_text_is_the_same() -> None:
    raw = json.dumps({"text": EVIL}, ensure_ascii=False).encode()
    escaped = escaped_json(raw)
    assert json.loads(escaped) == {"text": EVIL}
    for control in "\x9b\u202e\u200b\u2066\U000e0041\u206a":
        assert control not in escaped.decode()


def test_lines_for_a_program_stay_as_they_are() -> None:
    raw = f'{{"text":"{EVIL}"}}\n'.encode() * 2
    assert for_output(raw, io.BytesIO()) == raw
    shown = for_output(raw, _Terminal())
    assert shown.count(b"\n") == 2
    assert "\x9b" not in shown.decode()


@pytest.mark.parametrize("control", ["\u200b", "\u206a", "\u2063"])
def test_what_has_no_width_is_stripped(control: str) -> None:
    assert clean(f"a{control}b") == "ab"


def test_words_that_need_a_joiner_keep_it() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert clean(family) == family

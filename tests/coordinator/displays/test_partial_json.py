"""An answer can be read while its JSON is still being typed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.displays.partial_json import StringField


def _typed(text: str, cuts: list[int], *keys: str) -> str:
    field, seen, at = StringField(*keys), "", 0
    for cut in [*cuts, len(text)]:
        seen += field.feed(text[at:cut])
        at = cut
    return seen


@given(st.text(), st.data())
def test_the_string_is_read_whole_wherever_it_is_cut(
    content: str, data: st.DataObject
) -> None:
    text = msgspec.json.encode({"before": 1, "content": content, "z": "x"}).decode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    assert _typed(text, cuts, "content") == content


@pytest.mark.parametrize("cut", range(60))
def test_escapes_and_pairs_are_never_cut(cut: int) -> None:
    text = r'{"content": "a \"b\" \\ \u00e9 \ud83d\ude00 \n end\\"}'
    assert _typed(text, [cut], "content") == 'a "b" \\ é 😀 \n end\\'


def test_what_is_typed_so_far_is_there_at_once() -> None:
    field = StringField("content")
    assert field.feed('{"content": "The cap') == "The cap"
    assert field.feed("ital") == "ital"
    assert field.feed('", "content": "no') == ""


def test_an_object_without_the_key_is_given_up() -> None:
    field = StringField("content")
    assert field.feed('{"other": "' + "x" * 10_000) == ""
    assert field.feed('", "content": "late"') == ""


def test_broken_json_is_still_text() -> None:
    assert _typed(r'{"content": "a \q b"}', [], "content") == r"a \q b"

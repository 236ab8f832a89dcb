"""The form of a script, and the messages for faults in one."""

from __future__ import annotations

from typing import Any

import pytest

from agents.backends.scripted.script import (
    Answer,
    ScriptInvalid,
    Target,
    Text,
    Vote,
    parse_line,
    parse_script,
    parse_scripts,
)


def test_a_line_is_known_by_the_key_it_has() -> None:
    assert parse_line({"text": "Hi", "rate": 20}) == Text(text="Hi", rate=20.0)
    assert parse_line({"answer": "Paris"}) == Answer(answer="Paris")
    assert parse_line({"vote": {"own": True}}) == Vote(vote=Target(own=True))


def test_a_bare_string_is_a_line_of_text() -> None:
    assert parse_line("Hi") == Text(text="Hi")


MISTAKES: list[tuple[Any, str, str]] = [
    (3, "", "a script is a mapping, not int"),
    ({"turn": []}, "", "did you mean 'turns'"),
    ({"turns": {}}, "turns", "a list is wanted, not dict"),
    ({"turns": [{}]}, "turns[0]", "lines are missing"),
    ({"turns": [{"lines": [{"txt": ""}]}]}, "turns[0].lines[0]", "mean 'text'"),
    (
        {"turns": [{"lines": [{"text": "", "rat": 1}]}]},
        "turns[0].lines[0]",
        "a line of text has no 'rat'; did you mean 'rate'?",
    ),
    (
        {"turns": [{"lines": [{"text": "a", "thinking": "b"}]}]},
        "turns[0].lines[0]",
        "write two lines",
    ),
    (
        {"turns": [{"lines": [{"text": "a", "delay_s": -1}]}]},
        "turns[0].lines[0]",
        ">= 0",
    ),
    (
        {"turns": [{"lines": [{"vote": {"own": True, "first": True}}]}]},
        "turns[0].lines[0]",
        "give one of label",
    ),
    (
        {"turns": [{"when": {"tsk": "draft"}, "lines": []}]},
        "turns[0].when",
        "`tsk`",
    ),
    (
        {"turns": [{"wire": {"cut_bytes": 0}, "lines": []}]},
        "turns[0].wire",
        ">= 1",
    ),
]


@pytest.mark.parametrize(("data", "path", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_a_way_out(
    data: Any, path: str, words: str
) -> None:
    with pytest.raises(ScriptInvalid) as caught:
        parse_script(data)
    assert caught.value.path == path
    assert words in str(caught.value)


def test_a_file_of_scripts_has_one_for_each_agent() -> None:
    silent: Any = {"turns": []}
    scripts = parse_scripts({"scripts": {"ada": silent, "bob": silent}})
    assert isinstance(scripts, dict)
    assert list(scripts) == ["ada", "bob"]


def test_a_mistake_in_a_file_of_scripts_names_the_agent() -> None:
    empty: Any = {}
    with pytest.raises(ScriptInvalid, match=r"scripts\.ada\.turns\[0\]: lines"):
        parse_scripts({"scripts": {"ada": {"turns": [empty]}}})

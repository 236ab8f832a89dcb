"""Which entry is played, and what answers and votes amount to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.backends.scripted.player import Player
from agents.backends.scripted.request_match import Seen
from agents.backends.scripted.response_steps import (
    BlockCloses,
    Breaks,
    Deltas,
    MessageCloses,
    Move,
    Pause,
)
from agents.backends.scripted.script import parse_script
from agents.backends.scripted.tool_calls import ScriptStuck
from agents.protocol.chunks import Label
from agents.protocol.turns import VisibleAnswer

DRAFT = Seen(task="draft", offered=("new_answer",))
REVIEW = Seen(
    task="review",
    offered=("vote", "new_answer"),
    visible=(
        VisibleAnswer(label=Label("agent2.1"), content="Lyon"),
        VisibleAnswer(label=Label("agent1.1"), content="Paris"),
        VisibleAnswer(label=Label("agent3.1"), content="Paris?", is_own=True),
    ),
)


def player(*turns: Any) -> Player:
    return Player(parse_script({"turns": list(turns)}), "ada")


def text_of(moves: list[Move]) -> str:
    return "".join("".join(m.pieces) for m in moves if isinstance(m, Deltas))


def said(player: Player, seen: Seen) -> str:
    return text_of(list(player.begin(seen).moves))


def call_of(line: Any, seen: Seen = REVIEW) -> Any:
    moves = list(player({"lines": [line]}).begin(seen).moves)
    (typed,) = [move.typed for move in moves if isinstance(move, BlockCloses)]
    return msgspec.json.decode(typed)


def test_the_first_unused_entry_that_fits_is_played() -> None:
    ada = player(
        {"when": {"task": "review"}, "lines": ["third"]},
        {"lines": ["first"]},
        {"when": {"task": "draft"}, "lines": ["second"]},
    )
    assert [said(ada, seen) for seen in (DRAFT, DRAFT, REVIEW)] == [
        "first",
        "second",
        "third",
    ]


def test_an_entry_that_repeats_is_never_used_up() -> None:
    ada = player({"repeat": True, "lines": ["again"]})
    assert [said(ada, DRAFT) for _ in range(3)] == ["again"] * 3


def test_a_script_without_a_fitting_entry_says_what_is_missing() -> None:
    with pytest.raises(ScriptStuck, match="no unused entry for task draft, call 1"):
        player({"when": {"task": "review"}, "lines": []}).begin(DRAFT)


@pytest.mark.parametrize(
    ("when", "seen"),
    [
        ({"task": "draft"}, DRAFT),
        ({"sees": "Paris"}, REVIEW),
        ({"lacks": "Berlin"}, REVIEW),
        ({"call": 2}, msgspec.structs.replace(DRAFT, call=2)),
        ({"told": "42"}, msgspec.structs.replace(DRAFT, told="it is 42")),
        ({"offered": "vote"}, REVIEW),
        (
            {"after_tool_error": True},
            msgspec.structs.replace(DRAFT, has_tool_error=True),
        ),
        ({"after_error": False}, DRAFT),
    ],
)
def test_a_condition_holds_for_what_it_names_and_for_nothing_else(
    when: dict[str, Any], seen: Seen
) -> None:
    other = Seen(
        task="present",
        visible=(VisibleAnswer(label=Label("agent9.1"), content="Berlin"),),
    )
    ada = player({"when": when, "lines": ["yes"]})
    if when != {"after_error": False}:
        with pytest.raises(ScriptStuck):
            ada.begin(other)
    assert said(ada, seen) == "yes"


def test_after_error_fits_the_call_after_a_broken_one() -> None:
    ada = player(
        {"when": {"after_error": True}, "lines": ["sorry"]},
        {"lines": ["Par", {"disconnect": True}]},
    )
    assert isinstance(list(ada.begin(DRAFT).moves)[-1], Breaks)
    assert said(ada, DRAFT) == "sorry"


def test_a_vote_by_text_goes_to_the_first_visible_answer_with_it() -> None:
    assert call_of({"vote": "Paris", "reason": "true"}) == {
        "label": "agent1.1",
        "reason": "true",
    }


@pytest.mark.parametrize(
    ("target", "label"),
    [
        ({"own": True}, "agent3.1"),
        ({"first": True}, "agent1.1"),
        ({"label": "agent7.7"}, "agent7.7"),
    ],
)
def test_a_vote_may_be_meant_otherwise(target: Any, label: str) -> None:
    assert call_of({"vote": target})["label"] == label


def test_a_vote_for_an_answer_nobody_sees_is_the_authors_mistake() -> None:
    with pytest.raises(ScriptStuck, match="no visible answer is 'Rome'"):
        call_of({"vote": "Rome"})


@pytest.mark.parametrize(
    ("line", "ballot", "expected"),
    [
        ({"vote": "Lyon"}, "approval", {"labels": ["agent2.1"]}),
        ({"vote": "Lyon"}, "ranking", {"tiers": [["agent2.1"]]}),
        ({"vote": "Lyon"}, "scores", {"scores": {"agent2.1": 10}}),
        (
            {"rank": [{"own": True}, ["Lyon", "Paris"]]},
            "ranking",
            {"tiers": [["agent3.1"], ["agent2.1", "agent1.1"]]},
        ),
        ({"rank": ["Lyon", "Paris"]}, "choice", {"label": "agent2.1"}),
        (
            {"rank": ["Lyon", "Paris"]},
            "scores",
            {"scores": {"agent2.1": 10, "agent1.1": 9}},
        ),
        (
            {"approve": ["Lyon", "Paris"]},
            "approval",
            {"labels": ["agent2.1", "agent1.1"]},
        ),
        (
            {"scores": {"Lyon": 3, "Paris": 9}},
            "scores",
            {"scores": {"agent2.1": 3, "agent1.1": 9}},
        ),
        ({"scores": {"Lyon": 3, "Paris": 9}}, "choice", {"label": "agent1.1"}),
        ({"abstain": True}, "choice", {"label": "abstain"}),
        ({"abstain": True}, "approval", {"labels": []}),
    ],
)
def test_a_ballot_takes_the_shape_the_turn_asks_for(
    line: Any, ballot: Any, expected: dict[str, Any]
) -> None:
    seen = msgspec.structs.replace(REVIEW, ballot=ballot)
    assert call_of(line, seen) == {**expected, "reason": ""}


def test_a_rate_spreads_words_over_time() -> None:
    ada = player({"lines": [{"text": "one two", "rate": 2}]})
    moves = list(ada.begin(DRAFT).moves)
    assert [m.seconds for m in moves if isinstance(m, Pause)] == [1.5, 2.0]
    assert text_of(moves) == "one two"


def test_usage_is_estimated_unless_the_script_says_it() -> None:
    ada = player(
        {"lines": ["x" * 400, {"thinking": "y" * 40}, {"usage": {"input_tokens": 9}}]}
    )
    closing = list(ada.begin(DRAFT).moves)[-1]
    assert isinstance(closing, MessageCloses)
    assert closing.usage["input_tokens"] == 9
    assert closing.usage["output_tokens"] == 110
    assert closing.usage["output_tokens_details"] == {"thinking_tokens": 10}


def test_two_performances_of_a_script_are_the_same_to_the_last_id() -> None:
    turn = {"lines": ["a", {"tool": "look", "input": {"x": 1}}, {"answer": "b"}]}
    one, other = player(turn), player(turn)
    assert list(one.begin(DRAFT).moves) == list(other.begin(DRAFT).moves)

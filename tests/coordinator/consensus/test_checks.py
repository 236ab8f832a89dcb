"""Checks: who is told, what stands, and what is no longer waited for."""

from __future__ import annotations

from typing import Any

import pytest

from agents.protocol.checks import Check, CheckResult, Outcome
from agents.protocol.turns import Draft
from coordinator.consensus.rules import Rules
from coordinator.errors import ConfigInvalid
from coordinator.protocol.events import (
    AgentStopped,
    AnswerChecked,
    AnswerRefused,
    AnswerRestored,
    AnswerVetoed,
    CancelChecks,
    CheckEnded,
    RunChecks,
    SlateFrozen,
    StartTurn,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table

ONE = ({"pattern": "a", "name": "one"},)
TWO = (*ONE, {"pattern": "b", "name": "two", "weight": 2.5})


def check(table: Table, agent: str, *outcomes: Outcome, detail: str = "") -> None:
    """Bring what the checks of the agent's newest answer have found."""
    label = table.labels[agent]
    names = [x.called for x in table.machine.rules.drafting.each_check()]
    for name, outcome in zip(names, outcomes, strict=False):
        result = CheckResult(check=name, outcome=outcome, detail=detail)
        table.feed(CheckEnded(at=table.now, label=label, result=result))


@pytest.fixture
def checked(seat: Seat) -> Seat:
    def checked(names: str = "ada bob cy", **changes: Any) -> Table:
        return seat(names, **{"checks": TWO, "final": "reuse", **changes})

    return checked


def test_a_draft_is_in_when_all_its_checks_are_over(checked: Seat) -> None:
    table = checked("ada bob")
    table.answers("ada", "a b")
    table.answers("bob", "a, but b")
    assert [x.checks for x in table.every(RunChecks)] == [("one", "two")] * 2
    check(table, "ada", "passed", "passed")
    check(table, "bob", "passed")
    assert not table.every(SlateFrozen)
    result = CheckResult(check="two", outcome="passed")
    table.feed(CheckEnded(at=0.0, label=table.labels["bob"], result=result))
    assert table.every(SlateFrozen)
    assert [(x.passed, x.of) for x in table.every(AnswerChecked)] == [(3.5, 3.5)] * 2


def test_who_fails_is_told_once_what_failed_and_answers_again(checked: Seat) -> None:
    table = checked("ada", checks=ONE)
    table.answers("ada", "x")
    check(table, "ada", "failed", detail="no a in it")
    turn = table.turns["ada"]
    assert isinstance(turn.task, Draft)
    assert turn.continues
    assert "one: failed\nno a in it" in turn.note
    table.answers("ada", "y")
    check(table, "ada", "failed")
    assert table.is_over  # and not a third time
    assert table.end.detail == "only one answer stood; it passes 0 of 1 by its checks"


def test_of_two_tries_the_one_stands_that_passes_more(checked: Seat) -> None:
    table = checked("ada")
    table.answers("ada", "b")
    check(table, "ada", "failed", "passed")
    table.answers("ada", "a")
    check(table, "ada", "passed", "failed")
    assert [x.label for x in table.every(AnswerRestored)] == ["agent1.1"]
    assert table.end.answer == "b"


def test_a_try_that_comes_to_nothing_leaves_the_answer_before_it(checked: Seat) -> None:
    table = checked("ada", checks=ONE)
    table.answers("ada", "x")
    check(table, "ada", "failed")
    table.ends("ada")
    assert table.end.answer == "x"


def test_a_check_that_breaks_is_no_fault_of_the_author(checked: Seat) -> None:
    table = checked("ada")
    table.answers("ada", "x")
    check(table, "ada", "broken", "passed")
    assert table.end.detail.endswith("it passes 2.5 of 3.5 by its checks")


def test_one_check_that_breaks_for_all_decides_nothing(checked: Seat) -> None:
    table = checked()
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"{agent} says so")
        check(table, agent, "broken", "broken")
    (slate,) = table.every(SlateFrozen)
    assert len(slate.labels) == 3


def test_those_that_pass_most_stand_and_one_left_needs_no_vote(checked: Seat) -> None:
    table = checked(check_tries=1)
    found: dict[str, Outcome] = {"ada": "failed", "bob": "passed", "cy": "late"}
    for agent, outcome in found.items():
        table.answers(agent, f"{agent} says so")
        check(table, agent, "passed", outcome)
    assert {x.agent for x in table.every(AnswerRefused)} == {"ada", "cy"}
    assert table.end.winner == "bob"
    assert table.end.detail == "only one answer stood; it passes every check"


def test_equal_weights_are_equal_in_whatever_order_they_add_up(checked: Seat) -> None:
    three = tuple(
        {"pattern": x, "weight": w} for x, w in zip("abc", (0.1, 0.2, 0.3), strict=True)
    )
    table = checked("ada bob", checks=three, check_tries=1)
    table.answers("ada", "c")
    check(table, "ada", "failed", "failed", "passed")
    table.answers("bob", "a b")
    check(table, "bob", "passed", "passed", "failed")
    (slate,) = table.every(SlateFrozen)
    assert len(slate.labels) == 2


def test_stop_first_cancels_drafts_and_checks_of_the_others(checked: Seat) -> None:
    table = checked("ada bob cy", checks=ONE, stop="first")
    table.answers("ada", "x")
    table.answers("bob", "a")
    asked = len(table.every(StartTurn))
    check(table, "bob", "passed")
    assert table.cancelled == ["cy"]
    assert [x.label for x in table.every(CancelChecks)] == [table.labels["ada"]]
    assert table.end.winner == "bob"
    check(table, "ada", "passed")  # a late one changes nothing
    assert len(table.every(StartTurn)) == asked


def test_a_team_grows_until_an_answer_passes_and_no_further(checked: Seat) -> None:
    table = checked(
        "ada bob cy",
        checks=ONE,
        check_tries=1,
        stop="first",
        adaptive={"start": 1, "step": 1, "max": 3},
    )
    assert list(table.turns) == ["ada"]
    table.answers("ada", "x")
    check(table, "ada", "failed")
    assert list(table.turns) == ["ada", "bob"]
    table.answers("bob", "a")
    check(table, "bob", "passed")
    assert "cy" not in table.turns
    assert table.end.winner == "bob"


def test_equal_results_are_counted_among_those_that_pass_most(checked: Seat) -> None:
    table = checked("ada bob cy", checks=ONE, check_tries=1, equal="text", panel="auto")
    for agent, text in (("ada", "x"), ("bob", "x"), ("cy", "a")):
        table.answers(agent, text)
        check(table, agent, "passed" if text == "a" else "failed")
    assert table.end.winner == "cy"


def test_stragglers_are_cut_but_what_is_being_checked_is_waited_for(
    checked: Seat,
) -> None:
    table = checked("ada bob cy dan", checks=ONE, check_tries=1)
    table.now = 10.0
    for agent in ("ada", "bob"):
        table.answers(agent, f"{agent} says a")
        check(table, agent, "passed")
    table.answers("cy", "cy says a")
    table.answers("dan", "dan says a")
    check(table, "cy", "passed")  # three of four: the timer is armed
    table.rings("straggler", 15.0)
    assert not table.every(SlateFrozen)
    check(table, "dan", "passed")
    (slate,) = table.every(SlateFrozen)
    assert len(slate.labels) == 4


def test_voters_read_what_the_checks_have_found(checked: Seat) -> None:
    table = checked("ada bob cy", check_tries=1)
    found: dict[str, Outcome] = {"ada": "passed", "bob": "passed", "cy": "failed"}
    for agent, outcome in found.items():
        table.answers(agent, f"{agent} says so")
        check(table, agent, "failed", outcome)
    shown = {x.checks for x in table.review("cy").answers}
    assert shown == {"one: failed; two: passed"}


def test_a_veto_of_what_is_being_checked_ends_with_its_checks(checked: Seat) -> None:
    table = checked("ada bob", checks=ONE)
    table.answers("ada", "a")
    table.feed(AnswerVetoed(at=0.0, label=table.labels["ada"], reason="no"))
    check(table, "ada", "failed")
    assert table.turns["ada"].number == 1  # nobody mends what is ruled out
    table.answers("bob", "b, and a")
    check(table, "bob", "passed")
    assert table.end.winner == "bob"


def test_an_author_that_is_stopped_leaves_its_answer_to_be_checked(
    checked: Seat,
) -> None:
    table = checked("ada bob", checks=ONE)
    table.answers("ada", "x")
    table.feed(AgentStopped(at=0.0, agent=table.agents[0], reason="enough"))
    check(table, "ada", "failed")
    table.answers("bob", "a")
    check(table, "bob", "passed")
    (won,) = table.every(WinnerDecided)
    assert won.winner == "bob"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"checks": [{"name": "x"}]}, "exactly|one of command"),
        ({"checks": [{"pattern": "("}]}, "no regular expression"),
        ({"checks": [{"pattern": "a", "weight": 0}]}, "more than 0"),
        ({"checks": [{"pattern": "a", "timeout_s": -1}]}, "more than 0"),
        ({"checks": ["pytest", "pytest"]}, "name' of its own"),
        ({"checks": [" "]}, "empty"),
        ({"checks": [{"function": "f"}]}, "module:function"),
        ({"checks": [{"pattern": "a", "files": ["x"]}]}, "for a check with a command"),
        ({"checks": ["x"], "revise": True}, "revise"),
        ({"checks": ["x"], "challenge": "weak_margin"}, "challenge"),
        ({"checks": ["x"], "division": {}}, "divided"),
        ({"stop": "first"}, "needs 'checks'"),
        ({"checks": [len]}, "Team"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigInvalid, match=words):
        Rules("evidence", **changes)


def test_rules_with_checks_are_kept_and_read_again() -> None:
    rules = Rules("evidence", checks=["pytest -q", Check(pattern="a+", weight=2)])
    assert Rules.from_record(rules.record()) == rules
    assert [x.called for x in rules.drafting.each_check()] == [
        "pytest -q",
        "matches a+",
    ]


def test_what_a_check_says_twice_counts_once(checked: Seat) -> None:
    table = checked("ada bob")
    table.answers("ada", "a b")
    check(table, "ada", "passed")
    check(table, "ada", "failed")
    assert not table.last
    result = CheckResult(check="two", outcome="passed")
    table.feed(CheckEnded(at=0.0, label=table.labels["ada"], result=result))
    (over,) = table.just(AnswerChecked)
    assert over.passed == over.of

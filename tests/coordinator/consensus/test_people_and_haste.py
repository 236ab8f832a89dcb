"""People are waited for, and may end the waiting for others."""

from __future__ import annotations

import pytest

from coordinator.consensus.rules import Rules, Straggler
from coordinator.protocol.events import SlateFrozen, VoteForced, WinnerDecided
from tests.coordinator.consensus.conftest import Table

NOW = VoteForced(at=0.0, reason="that will do")


def _rules(**settings: object) -> Rules:
    return Rules("slate", rule="plurality", **settings)  # type: ignore[arg-type]


def test_a_forced_vote_is_on_the_answers_there_are() -> None:
    table = Table("ada ben cy", _rules(straggler=None)).open()
    table.answers("ada", "It is so.")
    table.answers("ben", "It is not so.")
    frozen = [x for x in table.feed(NOW) if isinstance(x, SlateFrozen)]
    assert [set(x.labels) for x in frozen] == [
        {table.labels["ada"], table.labels["ben"]}
    ]


def test_a_forced_vote_waits_while_nobody_has_answered() -> None:
    table = Table("ada ben", _rules(straggler=None)).open()
    assert table.feed(NOW) == ()


def test_a_forced_vote_is_counted_by_who_has_voted() -> None:
    table = Table("ada ben cy", _rules(early=False, leader_first=None)).open()
    for agent in table.agents:
        table.answers(agent, f"{agent} says something else entirely")
    assert table.feed(NOW) == ()  # nobody has voted yet
    table.votes("ada", "ben")
    (decided,) = [x for x in table.feed(NOW) if isinstance(x, WinnerDecided)]
    assert decided.winner == "ben"


@pytest.mark.parametrize("waits", [True, False])
def test_a_vote_is_not_decided_before_a_person_has_voted(*, waits: bool) -> None:
    rules = _rules(people=("you",), wait_for_people=waits, leader_first=None)
    table = Table("ada ben you", rules).open()
    for agent in table.agents:
        table.answers(agent, f"{agent} says something else entirely")
    table.votes("ada", "ben")
    table.votes("ben", "ben")
    decided = [x for x in table.log if isinstance(x, WinnerDecided)]
    assert bool(decided) is not waits
    if waits:
        table.votes("you", "ada")
        assert any(isinstance(x, WinnerDecided) for x in table.log)


def test_a_person_who_still_writes_is_no_straggler() -> None:
    for waits, is_armed in ((True, False), (False, True)):
        slow = Straggler(share=0.5, factor=3.0)
        rules = _rules(people=("you",), wait_for_people=waits, straggler=slow)
        table = Table("ada ben you", rules).open()
        table.now = 1.0
        table.answers("ada", "It is so.")
        table.answers("ben", "It is not so at all.")
        armed = [x for x in table.log if type(x).__name__ == "ArmTimer"]
        assert (len(armed) > 1) is is_armed

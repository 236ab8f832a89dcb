"""First answers: made alone, in parallel, each counted once."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import AgentId
from agents.protocol.turns import Draft
from coordinator.consensus import Consensus
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    AgentRetired,
    AnswerRefused,
    ArmTimer,
    CancelTurn,
    SlateFrozen,
    StartTurn,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table


def test_everybody_drafts_alone_at_once(seat: Seat) -> None:
    table = seat("ada bob cy")
    starts = table.just(StartTurn)
    assert [start.turn.agent for start in starts] == ["ada", "bob", "cy"]
    assert all(start.turn.task == Draft() for start in starts)


def test_nobody_reviews_before_all_drafts_are_in(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None)
    table.answers("ada", "Rome")
    table.answers("bob", "Oslo")
    assert not table.just(StartTurn)
    table.answers("cy", "Bern")
    assert len(table.just(StartTurn)) == 3
    (frozen,) = table.just(SlateFrozen)
    assert len(frozen.labels) == 3


def test_labels_say_nothing_about_names_or_team_order() -> None:
    team = (AgentId("ada"), AgentId("bob"), AgentId("cy"))
    numbers: set[tuple[int, ...]] = set()
    for seed in range(30):
        machine = Consensus.new(team, "q", Rules(), seed=seed)
        numbers.add(tuple(machine.member(agent).number for agent in team))
    assert len(numbers) == 6


def test_an_agent_that_fails_is_out_and_the_others_go_on(seat: Seat) -> None:
    table = seat("ada bob cy")
    table.fails("bob")
    assert [out.agent for out in table.just(AgentRetired)] == ["bob"]
    table.answers("ada", "Rome")
    table.answers("cy", "Bern")
    assert {start.turn.agent for start in table.just(StartTurn)} == {"ada", "cy"}


def test_an_agent_without_a_draft_still_votes(seat: Seat) -> None:
    table = seat("ada bob cy")
    table.ends("bob", "refused")
    table.answers("ada", "Rome")
    table.answers("cy", "Bern")
    assert {start.turn.agent for start in table.just(StartTurn)} == {"ada", "bob", "cy"}


def test_a_straggler_is_cut_after_half_as_long_again(seat: Seat) -> None:
    table = seat("ada bob cy dan")
    for at, agent in ((4.0, "ada"), (6.0, "bob"), (10.0, "cy")):
        table.now = at
        table.answers(agent, f"answer of {agent}")
    (timer,) = [t for t in table.just(ArmTimer) if t.timer == "straggler"]
    assert timer.at == 15.0
    table.rings("straggler", 15.0)
    assert [cancel.agent for cancel in table.just(CancelTurn)] == ["dan"]
    starts = table.just(StartTurn)
    assert [start.turn.agent for start in starts] == ["ada", "bob", "cy", "dan"]


def with_one_cut(seat: Seat, names: str = "ada bob cy dan", **changes: object) -> Table:
    """The last of ``names`` has brought no first answer; it is the tenth second."""
    table = seat(names, **{"early": False, **changes})
    *quick, slow = names.split()
    table.now = 5.0
    for agent in quick:
        table.answers(agent, f"the answer of {agent}")
    table.rings("straggler", 10.0)
    assert slow in table.cancelled
    return table


def test_who_was_cut_votes_where_there_are_too_few_others(seat: Seat) -> None:
    asked = {s.turn.agent for s in with_one_cut(seat).just(StartTurn)}
    assert asked == {"ada", "bob", "cy", "dan"}


@pytest.mark.parametrize("seed", range(5))
def test_who_was_cut_is_drawn_last(seat: Seat, seed: int) -> None:
    names = f"a{seed} b{seed} c{seed} dan"
    asked = {s.turn.agent for s in with_one_cut(seat, names, panel=3).just(StartTurn)}
    assert asked == {f"a{seed}", f"b{seed}", f"c{seed}"}


def test_who_was_cut_has_half_as_long_again_to_vote(seat: Seat) -> None:
    table = with_one_cut(seat)
    table.now = 14.0
    for agent in ("ada", "bob"):
        table.ranks(agent, "ada bob cy")
    assert not table.just(ArmTimer)
    table.ranks("cy", "cy ada bob")
    (timer,) = table.just(ArmTimer)
    assert timer.at == 10.0 + 1.5 * 4.0
    table.rings(timer.timer, timer.at)
    assert [cancel.agent for cancel in table.just(CancelTurn)] == ["dan"]
    assert table.every(WinnerDecided)[0].winner == "ada"


def test_a_late_vote_that_comes_in_time_counts(seat: Seat) -> None:
    table = with_one_cut(seat)
    table.now = 14.0
    for agent in ("ada", "bob", "cy"):
        table.ranks(agent, "ada bob cy")
    table.ranks("dan", "bob ada cy")
    assert table.counted == ["ada", "bob", "cy", "dan"]


def test_where_only_who_was_cut_can_vote_it_is_waited_for(seat: Seat) -> None:
    table = with_one_cut(seat)
    for agent in ("ada", "bob", "cy"):
        table.fails(agent)
    assert not table.just(ArmTimer)
    table.ranks("dan", "bob ada cy")
    assert table.end.label == table.labels["bob"]


def test_who_was_cut_and_answers_in_another_round_is_slow_no_more(seat: Seat) -> None:
    table = with_one_cut(seat, restarts=1, panel=3)
    for agent in ("ada", "bob", "cy"):
        table.ranks(agent, "ada bob cy")
    table.wants_more("ada")
    for agent in ("ada", "bob", "cy", "dan"):
        table.answers(agent, f"the new answer of {agent}")
    assert not table.machine.member(AgentId("dan")).was_cut


def test_what_a_cancelled_straggler_still_says_changes_nothing(seat: Seat) -> None:
    table = seat("ada bob cy dan")
    for agent in ("ada", "bob", "cy"):
        table.now += 1
        table.answers(agent, f"answer of {agent}")
    table.rings("straggler", 4.5)
    table.answers("dan", "too late", turn=1)
    assert table.last == ()


def test_an_empty_draft_is_refused_and_asked_for_again(seat: Seat) -> None:
    table = seat("ada bob", attempts=2)
    table.answers("ada", "  ")
    assert table.just(AnswerRefused)
    (again,) = table.just(StartTurn)
    assert again.turn.continues
    assert "empty" in again.turn.note
    table.answers("ada", "")
    assert not table.just(StartTurn)


def test_near_duplicates_stand_once_on_a_slate(seat: Seat) -> None:
    table = seat("ada bob cy")
    table.answers("ada", "The capital is Canberra")
    table.answers("bob", "the capital is canberra")
    table.answers("cy", "It is Sydney")
    (frozen,) = table.just(SlateFrozen)
    assert len(frozen.labels) == 2
    review = table.review("ada")
    assert len(review.answers) == 2


def test_answers_that_differ_in_a_number_are_no_duplicates(seat: Seat) -> None:
    table = seat("ada bob")
    table.answers("ada", "after all of these steps the result is 41")
    table.answers("bob", "after all of these steps the result is 42")
    (frozen,) = table.just(SlateFrozen)
    assert len(frozen.labels) == 2


def test_nobody_answers(seat: Seat) -> None:
    table = seat("ada bob")
    table.fails("ada")
    table.ends("bob", "silent")
    assert table.end.status == "failed"
    assert table.end.answer is None


def test_one_agent_alone_needs_no_vote(seat: Seat) -> None:
    table = seat("ada")
    table.answers("ada", "Rome")
    assert table.end.status == "answered"
    assert table.end.answer == "Rome"


def test_who_still_drafts_when_no_more_answers_are_taken_votes_instead(
    seat: Seat,
) -> None:
    table = seat("ada bob cy dan", "massgen", answers_total=3, coalesce_s=0.25)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    assert table.cancelled == ["dan"]
    table.rings("news", 0.25)
    assert {answer.label for answer in table.review("dan").answers} == {
        table.labels[agent] for agent in ("ada", "bob", "cy")
    }

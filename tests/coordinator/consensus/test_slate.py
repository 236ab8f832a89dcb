"""The default policy: a frozen slate, one ballot each, decided as early as possible."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import Choice, Label
from agents.protocol.turns import Present
from coordinator.ballots import (
    Majority,
    Plurality,
    Supermajority,
    Unanimity,
    VotingRule,
)
from coordinator.protocol.events import (
    CancelTurn,
    CommitteeDecided,
    StartTurn,
    VoteRejected,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table


def drafted(seat: Seat, names: str = "ada bob cy", **changes: object) -> Table:
    table = seat(names, **{"straggler": None, **changes})
    for agent in names.split():
        table.answers(agent, f"the answer of {agent}")
    return table


def test_every_voter_reads_the_same_prefix_and_its_own_order(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy dan eve")
    voters = ("ada", "bob", "cy")
    shown = {tuple(a.label for a in table.review(v).answers) for v in voters}
    assert len(shown) == 1
    assert len({table.ballot(voter).labels for voter in voters}) > 1


def test_a_majority_out_of_reach_waits_for_whom_its_fallback_needs(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy dan", rule=Majority(fallback=Plurality()))
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, voter)
    assert not table.every(WinnerDecided)
    table.votes("dan", "cy")
    (decided,) = table.every(WinnerDecided)
    assert (decided.winner, decided.rule) == ("cy", "plurality")


def test_a_majority_out_of_reach_without_a_fallback_waits_for_the_full_count(
    seat: Seat,
) -> None:
    table = drafted(seat, "ada bob cy dan", rule=Majority())
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, voter)
    assert table.cancelled == []
    table.votes("dan", "cy")
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "cy"


@pytest.mark.parametrize("rule", [Majority(), Supermajority(), Unanimity()], ids=str)
def test_a_deadlock_is_not_over_while_somebody_can_pass_the_leader(
    seat: Seat, rule: VotingRule
) -> None:
    table = drafted(seat, "ada bob cy dan eve", rule=rule)
    for voter, choice in (("ada", "ada"), ("bob", "bob"), ("cy", "ada")):
        table.votes(voter, choice)
    assert not table.every(WinnerDecided)  # dan and eve may lift bob above ada
    for voter in ("dan", "eve"):
        table.votes(voter, "bob")
    assert table.every(WinnerDecided)[0].winner == "bob"


def test_a_voters_own_answer_comes_last_in_its_order(seat: Seat) -> None:
    table = drafted(seat)
    for agent in ("ada", "bob", "cy"):
        assert table.ballot(agent).labels[-1] == table.labels[agent]


def test_the_winner_of_the_ballots_presents(seat: Seat) -> None:
    table = drafted(seat)
    table.ranks("ada", "bob cy ada")
    table.ranks("bob", "bob ada cy")
    table.ranks("cy", "bob cy ada")
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "bob"
    (present,) = [s for s in table.every(StartTurn) if isinstance(s.turn.task, Present)]
    assert present.turn.agent == "bob"
    table.presents("bob", "In short: bob's.")
    assert table.end.answer == "In short: bob's."
    assert table.end.winner == "bob"


def test_the_rest_is_cancelled_once_no_vote_can_change_the_winner(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy dan eve", rule=Plurality())
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "eve")
    assert [cancel.agent for cancel in table.every(CancelTurn)] == ["dan", "eve"]
    (decided,) = table.every(WinnerDecided)
    assert decided.is_early
    assert decided.winner == "eve"


def test_without_early_decision_every_ballot_is_waited_for(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy", rule=Plurality(), early=False)
    table.votes("ada", "cy")
    table.votes("bob", "cy")
    assert not table.every(WinnerDecided)
    table.votes("cy", "ada")
    assert table.every(WinnerDecided)[0].winner == "cy"


def test_a_ballot_for_nobody_is_rejected_and_asked_for_again(seat: Seat) -> None:
    table = drafted(seat)
    table.casts("ada", Choice(label=Label("agent9.9")))
    assert [r.voter for r in table.just(VoteRejected)] == ["ada"]
    (again,) = table.just(StartTurn)
    assert again.turn.agent == "ada"
    assert again.turn.continues
    assert "agent9.9" in again.turn.note


def test_a_voter_that_fails_abstains(seat: Seat) -> None:
    table = drafted(seat)
    table.ranks("ada", "bob ada cy")
    table.ranks("bob", "bob ada cy")
    table.fails("cy")
    assert table.every(WinnerDecided)[0].winner == "bob"


def test_when_nobody_votes_the_declared_order_decides(seat: Seat) -> None:
    table = drafted(seat)
    for agent in ("ada", "bob", "cy"):
        table.ends(agent)
    (decided,) = table.every(WinnerDecided)
    assert decided.winner in {"ada", "bob", "cy"}
    table.presents(decided.winner, "words")
    assert "no ballot" in table.end.detail


def test_a_winner_that_fails_to_present_is_quoted(seat: Seat) -> None:
    table = drafted(seat)
    for voter in ("ada", "bob"):
        table.ranks(voter, "bob ada cy")
    if not table.every(WinnerDecided):
        table.ranks("cy", "bob cy ada")
    table.fails("bob")
    assert table.end.status == "answered"
    assert table.end.answer == "the answer of bob"


def test_reuse_takes_the_answer_as_it_stands(seat: Seat) -> None:
    table = drafted(seat, final="reuse")
    for voter in ("ada", "bob", "cy"):
        if not table.is_over:
            table.ranks(voter, "cy ada bob")
    assert table.end.answer == "the answer of cy"


def test_a_small_panel_judges_a_middling_team(seat: Seat) -> None:
    table = drafted(seat, "a b c d e f g h", panel=5)
    reviewing = [s.turn.agent for s in table.just(StartTurn)]
    assert len(reviewing) == 5


@pytest.mark.parametrize("count", [3, 12, 40])
def test_without_a_panel_nobody_votes_and_the_order_of_ties_decides(
    seat: Seat, count: int
) -> None:
    names = " ".join(f"a{i}" for i in range(count))
    table = drafted(seat, names, panel=0, ties="listed", final="synthesise")
    (decided,) = table.every(WinnerDecided)
    assert (decided.winner, decided.rule) == ("a0", "")
    assert [start.turn.agent for start in table.just(StartTurn)] == ["a0"]
    assert len(table.present("a0").answers) == min(count, 5)
    table.presents("a0", "one answer of all")
    assert table.end.answer == "one answer of all"
    assert "no ballot was cast" in table.end.detail


def test_large_teams_vote_in_committees_judged_from_outside(seat: Seat) -> None:
    names = " ".join(f"a{i}" for i in range(12))
    table = drafted(seat, names, committee_over=8, committee_size=5)
    voters = [start.turn.agent for start in table.just(StartTurn)]
    assert len(voters) == 9
    for voter in voters:
        answers = table.review(voter).answers
        assert len(answers) <= 5
        assert not any(answer.is_own for answer in answers)


def test_committees_winners_meet_in_a_last_vote(seat: Seat) -> None:
    names = " ".join(f"a{i}" for i in range(12))
    table = drafted(seat, names, committee_over=8, committee_size=5, early=False)
    for start in table.just(StartTurn):
        voter = start.turn.agent
        offered = table.ballot(voter).labels
        table.ranks(voter, " ".join(a for a, x in table.labels.items() if x in offered))
    assert len(table.every(CommitteeDecided)) == 3
    last = [start.turn.agent for start in table.just(StartTurn)]
    assert len(last) == 5
    assert all(len(table.review(voter).answers) == 3 for voter in last)


def test_the_presenter_may_ask_for_another_round(seat: Seat) -> None:
    table = drafted(seat, restarts=1)
    for voter in ("ada", "bob", "cy"):
        if not table.every(WinnerDecided):
            table.ranks(voter, "ada bob cy")
    assert table.present("ada").may_restart
    table.wants_more("ada")
    starts = table.just(StartTurn)
    assert len(starts) == 3
    assert all("be bold" in s.turn.note for s in starts)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"bolder words of {agent}")
    assert {s.turn.agent for s in table.just(StartTurn)} == {"ada", "bob", "cy"}
    assert table.labels["ada"].endswith(".2")


def test_the_deadline_gives_the_best_answer_so_far(seat: Seat) -> None:
    table = drafted(seat, early=False)
    table.ranks("ada", "cy bob ada")
    table.ranks("bob", "cy bob ada")
    table.rings("deadline", 1800.0)
    assert table.end.status == "deadline"
    assert table.end.answer == "the answer of cy"
    assert "votes" in table.end.detail


def test_nothing_happens_after_the_conclusion(seat: Seat) -> None:
    table = drafted(seat, final="reuse")
    for voter in ("ada", "bob", "cy"):
        if not table.is_over:
            table.ranks(voter, "cy ada bob")
    before = len(table.log)
    table.ranks("cy", "ada bob cy")
    table.rings("deadline", 1800.0)
    assert len(table.log) == before

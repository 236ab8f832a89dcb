"""Judges in large teams, and teams that grow only while they disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from agents.protocol.chunks import AgentId, Choice, Label
from agents.protocol.turns import Draft, Present, Review
from coordinator.ballots import Plurality
from coordinator.consensus.rules import Adaptive, Rules, Topology
from coordinator.consensus.team_growth import posterior
from coordinator.protocol.events import (
    AgentStopped,
    CommitteeDecided,
    SlateFrozen,
    StartTurn,
    TeamGrown,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table


def names(count: int) -> str:
    return " ".join(f"a{number}" for number in range(count))


def drafted(seat: Seat, count: int, **changes: object) -> Table:
    table = seat(names(count), straggler=None, early=False, **changes)
    for agent in names(count).split():
        if agent in table.turns:
            table.answers(agent, f"the answer of {agent}")
    return table


def all_rank(table: Table, favourite: str = "a3") -> None:
    """Everybody who is asked ranks what is on the ballot, the favourite first."""
    for start in table.just(StartTurn):
        if isinstance(start.turn.task, Review):
            offered = table.ballot(start.turn.agent).labels
            authors = [a for a, label in table.labels.items() if label in offered]
            authors.sort(key=lambda author: (author != favourite, author))
            table.ranks(start.turn.agent, " ".join(authors))


def test_in_a_ring_each_reads_its_neighbours_and_is_read_as_often(seat: Seat) -> None:
    table = drafted(seat, 12, topology=Topology(ring=3))
    reviews = [s.turn for s in table.just(StartTurn)]
    assert len(reviews) == 12
    read: Counter[str] = Counter()
    for turn in reviews:
        answers = table.review(turn.agent).answers
        assert len(answers) == 3
        assert not any(answer.is_own for answer in answers)
        read.update(answer.label for answer in answers)
    assert set(read.values()) == {3}


def test_the_best_of_a_ring_meet_before_the_panel(seat: Seat) -> None:
    table = drafted(seat, 12, topology=Topology(ring=3))
    all_rank(table)
    final = [s.turn for s in table.just(StartTurn)]
    assert len(final) == 5
    for turn in final:
        assert len(table.review(turn.agent).answers) == 3
    all_rank(table)
    assert table.every(WinnerDecided)[0].winner == "a3"


def test_a_voter_of_the_final_begins_afresh(seat: Seat) -> None:
    table = drafted(seat, 12, topology=Topology(ring=3))
    all_rank(table)
    for start in table.just(StartTurn):
        assert not start.turn.continues
        assert not table.review(start.turn.agent).unseen


def test_whose_vote_in_the_final_was_void_goes_on_where_it_was(seat: Seat) -> None:
    table = drafted(seat, 12, topology=Topology(ring=3))
    all_rank(table)
    voter = table.just(StartTurn)[0].turn.agent
    table.casts(voter, Choice(label=Label("agent99.9")))
    again = table.just(StartTurn)[0].turn
    assert again.agent == voter
    assert again.continues
    assert not table.review(voter).unseen


def test_several_of_each_committee_go_on_but_never_all(seat: Seat) -> None:
    table = drafted(
        seat, 20, committee_over=8, committee_size=4, advance=2, shortlist=None
    )
    all_rank(table)
    decided = table.every(CommitteeDecided)
    assert len(decided) == 5
    assert all(len(committee.others) == 1 for committee in decided)
    slates = [len(frozen.labels) for frozen in table.every(SlateFrozen)]
    while not table.every(WinnerDecided):
        slates = [len(frozen.labels) for frozen in table.every(SlateFrozen)]
        all_rank(table)
    # Ten are more than eight, so they meet in committees of 4, 3 and 3 once more.
    assert slates == [20, 10, 6]
    assert table.every(WinnerDecided)[0].winner == "a3"


def test_a_stage_ends_with_fewer_than_it_began_with(seat: Seat) -> None:
    table = drafted(
        seat, 9, committee_over=1, committee_size=3, advance=2, judges=1, panel=1
    )
    slates = [9]
    while not table.every(WinnerDecided):
        all_rank(table)
        slates.append(len(table.every(SlateFrozen)[-1].labels))
    assert slates[:5] == [9, 6, 4, 2, 2]


def test_a_committee_that_sends_all_on_is_refused() -> None:
    with pytest.raises(ValueError, match="advance"):
        Rules(committee_size=3, advance=3)


def test_a_small_team_needs_no_ring(seat: Seat) -> None:
    table = drafted(seat, 4, topology=Topology(ring=3))
    assert all(len(table.review(a).answers) == 4 for a in names(4).split())


def test_committees_of_k_decide_and_their_winners_meet_at_once(seat: Seat) -> None:
    table = drafted(seat, 20, topology=Topology(committees=4), committee_over=None)
    for start in table.just(StartTurn):
        assert len(table.review(start.turn.agent).answers) == 4
    all_rank(table)
    assert len(table.every(CommitteeDecided)) == 5
    last = table.just(StartTurn)
    assert all(len(table.review(s.turn.agent).answers) == 5 for s in last)


def test_a_tournament_halves_the_field_until_one_is_left(seat: Seat) -> None:
    table = drafted(seat, 8, topology=Topology(tournament=2))
    sizes: list[int] = []
    while not table.every(WinnerDecided):
        sizes.append(len(table.just(SlateFrozen)[-1].labels))
        all_rank(table)
    assert sizes == [8, 4, 2]
    assert table.every(WinnerDecided)[0].winner == "a3"


def test_who_has_no_opponent_goes_on_without_a_vote(seat: Seat) -> None:
    table = drafted(seat, 3, topology=Topology(tournament=2), judges=1)
    assert len(table.just(StartTurn)) == 1
    all_rank(table)
    assert len(table.just(SlateFrozen)[-1].labels) == 2


@pytest.mark.parametrize(
    "wrong",
    [{}, {"ring": 3, "committees": 3}, {"ring": 1}, {"tournament": 1}],
)
def test_a_topology_is_one_shape_of_a_sensible_size(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="topology"):
        Topology(**wrong)


def small_start(seat: Seat, **changes: object) -> Table:
    settings = {"rule": Plurality(), "adaptive": Adaptive(start=3, step=2, max=6)}
    return drafted(seat, 9, **{**settings, **changes})


def drafting(table: Table) -> set[str]:
    return {
        s.turn.agent for s in table.just(StartTurn) if isinstance(s.turn.task, Draft)
    }


def test_a_team_begins_with_a_few(seat: Seat) -> None:
    table = small_start(seat)
    assert set(table.turns) == {"a0", "a1", "a2"}
    assert {s.turn.agent for s in table.just(StartTurn)} == {"a0", "a1", "a2"}


def test_where_they_agree_nobody_is_added(seat: Seat) -> None:
    table = small_start(seat)
    for voter in ("a0", "a1", "a2"):
        table.votes(voter, "a1")
    assert not table.every(TeamGrown)
    assert table.every(WinnerDecided)[0].winner == "a1"


def test_where_they_disagree_more_are_asked_up_to_the_most(seat: Seat) -> None:
    table = small_start(seat)
    for voter in ("a0", "a1", "a2"):
        table.votes(voter, voter)
    assert not table.every(WinnerDecided)
    assert drafting(table) == {"a3", "a4"}
    table.answers("a3", "the answer of a3")
    table.answers("a4", "the answer of a4")
    asked = {s.turn.agent for s in table.just(StartTurn)}
    assert asked == {"a0", "a1", "a2", "a3", "a4"}
    assert set(table.review("a0").unseen) == {table.labels["a3"], table.labels["a4"]}
    for voter in ("a0", "a1", "a2", "a3", "a4"):
        table.votes(voter, voter)
    assert drafting(table) == {"a5"}
    table.answers("a5", "the answer of a5")
    for number in range(6):
        table.votes(f"a{number}", f"a{number}")
    assert table.every(WinnerDecided)
    assert len(table.every(TeamGrown)) == 2


def test_by_the_posterior_three_of_one_mind_are_not_enough(seat: Seat) -> None:
    adaptive = Adaptive(start=3, step=2, max=9, stop="posterior")
    table = small_start(seat, adaptive=adaptive)
    for voter in ("a0", "a1", "a2"):
        table.votes(voter, "a1")
    assert drafting(table) == {"a3", "a4"}


def test_the_posterior_is_the_betas() -> None:
    # P(share > 1/2) under Beta(a + 1, b + 1); by hand for the first three.
    assert posterior(0, 0) == 0.5
    assert posterior(1, 0) == 0.75
    assert posterior(3, 0) == 0.9375
    assert posterior(2, 2) == 0.5
    assert posterior(0, 3) == pytest.approx(1 - posterior(3, 0))


def test_where_all_of_the_few_fail_others_take_their_place(seat: Seat) -> None:
    table = seat(names(9), straggler=None, adaptive=Adaptive(start=2, step=2, max=4))
    table.fails("a0")
    table.fails("a1")
    assert not table.is_over
    assert drafting(table) == {"a2", "a3"}


def test_who_is_stopped_in_reserve_is_never_asked(seat: Seat) -> None:
    table = small_start(seat)
    table.feed(AgentStopped(at=0.0, agent=AgentId("a3"), reason="no"))
    for voter in ("a0", "a1", "a2"):
        table.votes(voter, voter)
    assert drafting(table) == {"a4", "a5"}


def test_a_deadline_while_more_are_asked_gives_the_last_votes_winner(
    seat: Seat,
) -> None:
    table = small_start(seat, adaptive=Adaptive(start=3, step=2, max=6, sure=0.9))
    table.votes("a0", "a1")
    table.votes("a1", "a1")
    table.votes("a2", "a2")
    assert table.every(TeamGrown)
    table.rings("deadline", 1800.0)
    assert table.end.winner == "a1"
    assert not any(isinstance(t.task, Present) for t in table.turns.values())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Adaptive(start=0),
        lambda: Adaptive(step=0),
        lambda: Adaptive(start=5, max=3),
        lambda: Adaptive(sure=1.5),
    ],
)
def test_an_adaptive_team_makes_sense(wrong: Callable[[], Adaptive]) -> None:
    with pytest.raises(ValueError, match="adaptive"):
        wrong()


@pytest.mark.parametrize(
    "changes",
    [{"adaptive": Adaptive()}, {"topology": Topology(ring=3)}],
)
def test_open_ended_revision_has_everybody_see_everything(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match="revise"):
        Rules(revise=True, committee_over=None, **changes)

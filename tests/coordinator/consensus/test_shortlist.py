"""Many answers: a first look by few, then a vote by others on the best of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.protocol.chunks import AgentId
from agents.protocol.turns import Review
from coordinator.ballots import Plurality
from coordinator.consensus.rules import LeaderFirst, Rules, Shortlist, Topology
from coordinator.protocol.events import (
    AgentStopped,
    AnswerVetoed,
    Conclude,
    SlateFrozen,
    StartTurn,
    TimerRang,
    VotesVoided,
    WinnerDecided,
)
from coordinator.simulation.campaign import run_settings
from coordinator.simulation.generate import Setting, setting
from tests.coordinator.consensus.conftest import Seat, Table

LOOK = Shortlist(over=8, panel=2, keep=3, share=0.4)


def names(count: int) -> str:
    return " ".join(f"a{number}" for number in range(count))


def drafted(seat: Seat, count: int = 10, **changes: object) -> Table:
    settings: dict[str, object] = {
        "straggler": None,
        "early": False,
        "committee_over": None,
        "shortlist": LOOK,
    }
    table = seat(names(count), **{**settings, **changes})
    for agent in names(count).split():
        table.answers(agent, f"the answer of {agent}")
    return table


def asked(table: Table) -> list[str]:
    return [
        start.turn.agent
        for start in table.just(StartTurn)
        if isinstance(start.turn.task, Review)
    ]


def rank(table: Table, voters: list[str], order: str) -> None:
    """Let ``voters`` rank what they are offered in this order, then as it comes."""
    for voter in voters:
        offered = table.ballot(voter).labels
        authors = [a for a, label in table.labels.items() if label in offered]
        first = [author for author in order.split() if author in authors]
        rest = [author for author in sorted(authors) if author not in first]
        table.ranks(voter, " ".join((*first, *rest)))


def looked_at(seat: Seat, **changes: object) -> Table:
    """The first look is over: it has chosen these three."""
    table = drafted(seat, 10, **changes)
    rank(table, asked(table), "a4 a7 a2")
    return table


def test_few_look_at_all_and_others_at_the_best(seat: Seat) -> None:
    table = drafted(seat)
    first = asked(table)
    assert len(first) == 2
    assert all(len(table.review(voter).answers) == 10 for voter in first)
    rank(table, first, "a4 a7 a2")
    second = asked(table)
    assert len(second) == 4
    assert not set(first) & set(second)
    best = {table.labels[agent] for agent in ("a4", "a7", "a2")}
    for voter in second:
        assert {answer.label for answer in table.review(voter).answers} == best


def test_the_ballots_of_the_first_look_count_on(seat: Seat) -> None:
    table = looked_at(seat)
    voters = asked(table)
    rank(table, voters[:2], "a7 a4 a2")
    rank(table, voters[2:], "a4 a7 a2")
    # Of six ballots four have a4 first; without the first two there were a tie.
    (won,) = table.every(WinnerDecided)
    assert won.winner == "a4"
    assert not won.was_tie
    assert dict(won.standings)[table.labels["a4"]] == 4 * 2 + 2 * 1


def test_who_chose_an_answer_that_is_out_has_preferred_nobody(seat: Seat) -> None:
    table = drafted(
        seat, rule=Plurality(), shortlist=Shortlist(panel=3, keep=2, share=0.2)
    )
    for voter, author in zip(asked(table), ("a1", "a1", "a5"), strict=True):
        table.votes(voter, author)
    frozen = table.just(SlateFrozen)[-1]
    assert len(frozen.labels) == 2
    assert table.labels["a1"] in frozen.labels
    for voter in asked(table):
        table.votes(voter, "a1")
    assert dict(table.every(WinnerDecided)[0].standings)[table.labels["a1"]] == 4


def test_so_few_answers_need_no_first_look(seat: Seat) -> None:
    table = drafted(seat, 8)
    assert len(asked(table)) == Rules("slate").voting.panel


def test_where_answers_are_revised_nothing_is_shortened(seat: Seat) -> None:
    table = drafted(seat, revise=True)
    assert len(asked(table)) == Rules("slate").voting.panel


def test_the_winners_of_committees_are_shortened_too(seat: Seat) -> None:
    topology = Topology(committees=4)
    table = drafted(seat, 20, topology=topology, advance=2, judges=1)
    judges = asked(table)
    assert len(judges) == 5
    rank(table, judges, "")
    first = asked(table)
    assert len(first) == 2
    assert len(table.just(SlateFrozen)[-1].labels) == 10
    rank(table, first, "")
    second = asked(table)
    # Who has judged already is not asked again while there are others.
    assert len({*judges, *first, *second}) == 5 + 2 + 8


def test_the_leader_so_far_is_what_the_deadline_gives(seat: Seat) -> None:
    table = looked_at(seat, final="reuse")
    table.feed(TimerRang(at=2000.0, timer="deadline"))
    (end,) = table.every(Conclude)
    assert end.label == table.labels["a4"]


def test_a_carried_ballot_for_an_answer_that_is_vetoed_is_asked_for_again(
    seat: Seat,
) -> None:
    table = looked_at(seat)
    first = [v for v in names(10).split() if v in table.counted]
    second = asked(table)
    table.feed(AnswerVetoed(at=0.0, label=table.labels["a4"], reason="no"))
    (void,) = table.just(VotesVoided)
    assert set(void.voters) == set(first)
    assert set(asked(table)) == set(first)
    for voter in (*first, *second):
        table.ranks(voter, "a7 a2")
    assert table.every(WinnerDecided)[0].winner == "a7"


def test_a_first_look_without_a_ballot_is_left_to_the_lot(seat: Seat) -> None:
    table = drafted(seat)
    for voter in asked(table):
        table.fails(voter)
    second = asked(table)
    assert len(second) == 4
    rank(table, second, "")
    assert table.every(WinnerDecided)


def test_where_nobody_else_is_left_the_first_look_decides(seat: Seat) -> None:
    table = drafted(seat)
    first = asked(table)
    for agent in names(10).split():
        if agent not in first:
            table.feed(AgentStopped(at=0.0, agent=AgentId(agent), reason="no"))
    rank(table, first, "a4 a7 a2")
    assert table.every(WinnerDecided)[0].winner == "a4"


@pytest.mark.parametrize(
    "wrong",
    [{"panel": 0}, {"keep": 1}, {"keep": 9}, {"share": 0.0}, {"share": 1.5}],
)
def test_a_list_that_does_not_get_shorter_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shortlist"):
        Shortlist(**wrong)  # type: ignore[arg-type]


def shortened(seed: int) -> Setting:
    made = setting(seed)
    changes: dict[str, Any] = {
        "shortlist": Shortlist(
            over=3, panel=1 + seed % 3, keep=2 + seed % 2, share=0.5
        ),
        "leader_first": LeaderFirst(from_chars=0) if seed % 5 else None,
    }
    rules = made.rules.replace(**changes)
    return msgspec.structs.replace(made, rules=rules)


def test_random_sessions_with_shortlists_hold_every_invariant() -> None:
    report = run_settings(shortened(seed) for seed in range(600))
    assert report.failures == ()

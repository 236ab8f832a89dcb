"""A person rules answers out: whatever is left, the best of it is given."""

from __future__ import annotations

from agents.protocol.chunks import AgentId, Part, PartCompleted, TaskDivided
from agents.protocol.turns import Review
from coordinator.ballots import Plurality
from coordinator.consensus.rules import Division
from coordinator.protocol.events import (
    AgentStopped,
    AnswerVetoed,
    StartTurn,
    VotesVoided,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table


def test_a_veto_that_leaves_one_answer_waits_for_first_answers_to_come(
    seat: Seat,
) -> None:
    table = seat("ada bob cy", "massgen", coalesce_s=0.0, news="preempt")
    table.answers("ada", "the answer of ada")
    table.answers("bob", "the answer of bob")
    before = table.cancelled
    table.feed(AnswerVetoed(at=0.0, label=table.labels["bob"], reason="no"))
    assert table.cancelled == before
    table.answers("cy", "the answer of cy")
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "cy")
    assert table.present("cy")


def test_a_veto_of_all_that_stands_waits_for_first_answers_to_come(seat: Seat) -> None:
    table = seat("ada bob cy", "massgen", coalesce_s=0.0, news="preempt")
    table.answers("ada", "the answer of ada")
    table.feed(AnswerVetoed(at=0.0, label=table.labels["ada"], reason="no"))
    assert table.cancelled == ["ada"]
    table.answers("cy", "the answer of cy")
    table.answers("bob", "the answer of bob")
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "cy")
    assert table.present("cy")


def vetoes(table: Table, agent: str) -> None:
    table.feed(AnswerVetoed(at=table.now, label=table.labels[agent], reason="no"))


def test_a_veto_of_all_that_stood_for_election_leaves_one_that_lost(seat: Seat) -> None:
    names = [f"a{number}" for number in range(12)]
    table = seat(" ".join(names), straggler=None)
    for agent in names:
        table.answers(agent, f"the answer of {agent}")
    while not table.every(WinnerDecided):
        for voter in names:
            is_asked = isinstance(table.turns[voter].task, Review)
            if is_asked and not table.every(WinnerDecided):
                table.ranks(voter, _offered(table, voter))
    final = [label for label, _ in table.every(WinnerDecided)[0].standings]
    authors = {label: agent for agent, label in table.labels.items()}
    for label in final:
        vetoes(table, authors[label])
    table.rings("deadline", 1800.0)
    assert table.end.answer is not None
    assert table.end.label not in final


def _offered(table: Table, voter: str) -> str:
    offered = table.ballot(voter).labels
    return " ".join(a for a, label in table.labels.items() if label in offered)


def test_a_veto_of_everything_leaves_nothing(seat: Seat) -> None:
    table = seat("ada bob", straggler=None)
    for agent in ("ada", "bob"):
        table.answers(agent, f"the answer of {agent}")
    vetoes(table, "ada")
    vetoes(table, "bob")
    assert (table.end.status, table.end.answer) == ("failed", None)


def test_a_loser_that_is_vetoed_does_not_win_when_the_winner_is(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None, rule=Plurality())
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("ada", "ada")
    table.votes("bob", "ada")
    for agent in ("bob", "ada"):
        vetoes(table, agent)
    assert table.every(WinnerDecided)[-1].winner == "cy"


def test_an_only_answer_can_be_vetoed_while_it_is_presented(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, "all say the same")
    winner = table.every(WinnerDecided)[0].winner
    vetoes(table, winner)
    assert table.every(WinnerDecided)[-1].winner != winner
    assert not table.is_over


def test_a_part_that_is_vetoed_is_missing(seat: Seat) -> None:
    table = seat("ada bob", division=Division())
    parts = tuple(Part(title=title, instructions="do it") for title in ("roof", "wall"))
    table.says(TaskDivided(**table.pen("ada").stamp(), parts=parts))
    for summary in ("the roof is on", "the wall stands"):
        stamp = table.pen("bob").stamp()
        table.says(PartCompleted(**stamp, summary=summary, complete=True))
    assert len(table.present("ada").answers) == 2
    vetoes(table, "bob")
    assert [a.content for a in table.present("ada").answers] == ["the roof is on"]
    table.presents("ada", "A roof.")
    assert "missing: wall" in table.end.detail


def test_who_is_out_is_not_asked_again_when_its_choice_is_vetoed(seat: Seat) -> None:
    table = seat("ada bob cy dan", straggler=None, rule=Plurality(), early=False)
    for agent in ("ada", "bob", "cy", "dan"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("dan", "ada")
    table.feed(AgentStopped(at=0.0, agent=AgentId("dan"), reason="enough"))
    vetoes(table, "ada")
    assert not table.just(StartTurn)
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "bob")
    assert table.every(WinnerDecided)[0].winner == "bob"


def test_a_vote_that_waits_for_nobody_is_closed_by_a_veto(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None, rule=Plurality(), early=False)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("cy", "ada")
    for agent in ("cy", "ada"):
        table.feed(AgentStopped(at=0.0, agent=AgentId(agent), reason="enough"))
    table.votes("bob", "bob")
    assert table.every(WinnerDecided)


def test_a_new_answer_waits_for_nobody_who_is_out(seat: Seat) -> None:
    table = seat("ada bob cy", "revision", coalesce_s=0.0, early=False)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("cy", "ada")
    table.feed(AgentStopped(at=0.0, agent=AgentId("cy"), reason="enough"))
    table.answers("bob", "something better by far")
    table.votes("ada", "bob")
    table.votes("bob", "bob")
    assert table.every(WinnerDecided)[0].winner == "bob"


def test_a_veto_during_a_runoff_decides_once(seat: Seat) -> None:
    table = seat("ada bob cy dan", straggler=None, ties="runoff", early=False)
    for agent in ("ada", "bob", "cy", "dan"):
        table.answers(agent, f"the answer of {agent}")
    for voter, ranking in (
        ("ada", "ada bob cy dan"),
        ("bob", "bob ada cy dan"),
        ("cy", "ada bob cy dan"),
        ("dan", "bob ada cy dan"),
    ):
        table.ranks(voter, ranking)
    assert not table.every(WinnerDecided)
    table.ranks("cy", "bob ada")
    vetoes(table, "bob")
    assert len(table.every(WinnerDecided)) == 1
    assert table.present("ada")
    assert len(table.every(VotesVoided)) == 1

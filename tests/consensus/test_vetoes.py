"""A person rules answers out: whatever is left, the best of it is given."""

from __future__ import annotations

from agents.backend import Review
from coordinator.effects import AnswerVetoed, WinnerDecided
from tests.consensus.conftest import Seat, Table


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

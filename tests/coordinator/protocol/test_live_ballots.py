"""``Result.votes`` are the ballots that decided, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from agents.protocol.chunks import AgentId, Ranking, TurnEnded
from agents.protocol.turns import Review
from coordinator.ballots import Plurality
from coordinator.consensus.rules import PolicyName, Rules
from coordinator.consensus.settings import Adaptive, Shortlist
from coordinator.protocol.accounting import Ledger
from coordinator.protocol.events import AnswerVetoed, CommitteeDecided, WinnerDecided
from coordinator.protocol.result import Result
from tests.coordinator.consensus.conftest import Table


def table_of(names: str, policy: PolicyName = "slate", **changes: Any) -> Table:
    table = Table(names, Rules(policy, straggler=None, **changes)).open()
    for agent in names.split():
        if agent in table.turns:
            table.answers(agent, f"the answer of {agent}")
    return table


def result_of(table: Table) -> Result:
    ledger = Ledger(table.agents)
    for output in table.log:
        ledger.book(output)
    return ledger.result("s", "q", table.end, 1.0)


def vote_all(table: Table) -> None:
    """Everybody who owes a ballot casts one, in the order in which it was offered."""
    for agent in table.agents:
        turn = table.turns.get(agent)
        is_asked = turn is not None and isinstance(turn.task, Review)
        if is_asked and not table.every(WinnerDecided) and not table.is_over:
            form = table.review(agent).ballot
            if form is not None and table.machine.member(agent).activity == "reviewing":
                tiers = tuple((label,) for label in form.labels)
                table.casts(agent, Ranking(tiers=tiers))


def test_votes_of_the_round_before_are_history() -> None:
    table = table_of("ada bob cy", restarts=1, rule=Plurality(), early=False)
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "ada")
    table.wants_more("ada")
    table.rings("deadline", 1800.0)
    assert result_of(table).votes == ()


def test_votes_of_the_committees_are_not_those_of_the_final() -> None:
    names = " ".join(f"a{number}" for number in range(6))
    table = table_of(
        names, committee_over=2, committee_size=3, advance=1, judges=2, early=False
    )
    while not table.every(WinnerDecided):
        vote_all(table)
    assert table.every(CommitteeDecided)
    table.presents(table.every(WinnerDecided)[0].winner, "so be it")
    cast = int(table.end.detail.split(": ")[1].split(" of ")[0])
    assert len(result_of(table).votes) == cast


def test_a_first_look_counts_on_for_what_is_on_the_shortlist() -> None:
    names = " ".join(f"a{number}" for number in range(10))
    look = Shortlist(over=4, panel=3, keep=2)
    table = table_of(names, shortlist=look, early=False)
    while not table.every(WinnerDecided):
        vote_all(table)
    result_label = table.every(WinnerDecided)[0]
    table.presents(result_label.winner, "so be it")
    final = {label for label, _ in result_label.standings}
    votes = result_of(table).votes
    assert len(votes) > look.panel
    assert {vote.label for vote in votes} <= final


def test_votes_before_a_team_grew_are_history() -> None:
    table = table_of(
        "a b c d e", adaptive=Adaptive(start=3, step=2, max=5), rule=Plurality()
    )
    for voter in ("a", "b", "c"):
        table.votes(voter, voter)
    for agent in ("d", "e"):
        table.answers(agent, f"the answer of {agent}")
    for voter in table.agents:
        if not table.every(WinnerDecided):
            table.votes(voter, "d")
    table.presents("d", "so be it")
    assert {vote.choice for vote in result_of(table).votes} == {"d"}


def test_where_nobody_who_was_added_answers_nobody_votes_again() -> None:
    table = table_of(
        "a b c d e", adaptive=Adaptive(start=3, step=2, max=5), rule=Plurality()
    )
    for voter in ("a", "b", "c"):
        table.votes(voter, voter)
    for agent in ("d", "e"):
        table.fails(agent)
    (decided,) = table.every(WinnerDecided)
    assert table.present(decided.winner)
    assert len(table.counted) == 3
    table.presents(decided.winner, "so be it")
    assert len(result_of(table).votes) == 3


def test_votes_that_are_carried_name_the_answer_that_stands() -> None:
    words = "one two three four five six seven eight nine"
    table = table_of(
        "ada bob cy", "revision", coalesce_s=0.0, small_change_over=0.5, early=False
    )
    table.answers("ada", f"{words} ten")
    table.votes("bob", "ada")
    table.votes("cy", "ada")
    table.answers("ada", f"{words} eleven")
    table.votes("ada", "ada")
    winner = table.every(WinnerDecided)[0].label
    table.presents("ada", "so be it")
    assert {vote.label for vote in result_of(table).votes} == {winner}


def test_votes_for_a_vetoed_winner_are_listed_as_they_count() -> None:
    table = table_of("ada bob cy", early=False)
    for voter in ("ada", "bob", "cy"):
        table.ranks(voter, "ada bob cy")
    veto = AnswerVetoed(at=0.0, label=table.labels["ada"], reason="no")
    table.feed(veto)
    table.presents("bob", "so be it")
    assert [vote.choice for vote in result_of(table).votes] == ["bob"] * 3


@pytest.mark.parametrize("policy", ["revision", "massgen"])
def test_who_was_preempted_and_then_voted_is_done(policy: PolicyName) -> None:
    table = table_of("ada bob cy", policy, coalesce_s=0.0, news="preempt")
    ledger = Ledger(table.agents)
    table.answers("ada", "something altogether different")
    preempted = table.pen("bob", 2)
    for output in table.log:
        ledger.book(output)
    assert table.turns["bob"].number > 2
    ledger.book(TurnEnded(**preempted.stamp(), outcome="cancelled"))
    for voter in ("ada", "bob", "cy"):
        before = len(table.log)
        if not table.every(WinnerDecided):
            table.votes(voter, "ada")
        for output in table.log[before:]:
            ledger.book(output)
    table.presents("ada", "so be it")
    result = ledger.result("s", "q", table.end, 1.0)
    assert result.agents[AgentId("bob")].status == "done"

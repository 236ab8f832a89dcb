"""Deadlines, budgets, people: every run ends, with the best answer there is."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import (
    AgentId,
    Choice,
    Label,
    Part,
    PartCompleted,
    TaskDivided,
)
from coordinator.ballots import Plurality
from coordinator.consensus.rules import Division, Price, Rules
from coordinator.protocol.events import (
    AgentRetired,
    AgentStopped,
    AnswerAccepted,
    AnswerVetoed,
    Interrupted,
    PersonSaid,
    SlateFrozen,
    StartTurn,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table


def test_a_deadline_with_no_answer_says_so(seat: Seat) -> None:
    table = seat("ada bob")
    table.rings("deadline", 1800.0)
    assert table.end.status == "deadline"
    assert table.end.answer is None
    assert "nobody had answered" in table.end.detail


def test_a_deadline_while_drafting_gives_an_answer_that_is_in(seat: Seat) -> None:
    table = seat("ada bob cy")
    table.answers("bob", "Rome")
    table.rings("deadline", 1800.0)
    assert (table.end.winner, table.end.answer) == ("bob", "Rome")


def test_an_interruption_gives_the_best_answer_so_far(seat: Seat) -> None:
    table = seat("ada bob")
    table.answers("bob", "Rome")
    table.feed(Interrupted(at=1.0, reason="Ctrl-C"))
    assert table.end.status == "interrupted"
    assert table.end.answer == "Rome"


def test_a_spent_budget_ends_the_session(seat: Seat) -> None:
    table = seat("ada bob cy", budget_tokens=1000)
    table.answers("bob", "Rome")
    table.spends("ada", 600)
    assert not table.is_over
    table.spends("cy", 401)
    assert table.end.status == "answered"
    assert table.end.answer == "Rome"
    assert "1000 tokens" in table.end.detail


def test_cumulative_usage_of_one_response_is_counted_once(seat: Seat) -> None:
    table = seat("ada bob", budget_tokens=1000)
    for tokens in (300, 600, 900):
        table.spends("ada", tokens)
    assert table.machine.spent_tokens == 900
    assert not table.is_over


def test_a_budget_in_money_counts_every_response_once(seat: Seat) -> None:
    table = seat("ada bob", budget_usd=1.0)
    table.answers("bob", "Rome")
    for usd in (0.3, 0.6, 0.9):
        table.spends("ada", 10, usd)
    assert not table.is_over
    table.spends("bob", 10, 0.2)
    assert table.is_over


@pytest.mark.parametrize(("cached_usd", "begins"), [(1e-6, True), (None, False)])
def test_what_a_turn_reads_again_is_reckoned_at_the_caches_price(
    seat: Seat, cached_usd: float | None, *, begins: bool
) -> None:
    price = Price(input_usd=1e-5, output_usd=0.0, cached_usd=cached_usd)
    prices = {AgentId("ada"): price, AgentId("bob"): Price()}
    table = seat("ada bob", "revision", coalesce_s=0.0, budget_usd=0.5, prices=prices)
    table.answers("ada", "Rome")
    table.answers("bob", "Oslo")
    table.spends("ada", 100_000, 0.2)
    table.votes("ada", "bob")
    first = table.turns["ada"]
    table.answers("bob", "Bern")  # so that ada must look again
    assert (table.turns["ada"].number > first.number) == begins
    assert table.turns["ada"].continues == begins


def test_an_agent_over_its_own_budget_is_taken_out_and_its_answer_stands(
    seat: Seat,
) -> None:
    table = seat("ada bob cy", straggler=None, agent_budget_tokens=500)
    table.answers("ada", "Rome")
    table.spends("ada", 501)
    assert [out.agent for out in table.just(AgentRetired)] == ["ada"]
    table.answers("bob", "Oslo")
    table.answers("cy", "Bern")
    assert {s.turn.agent for s in table.just(StartTurn)} == {"bob", "cy"}
    assert table.labels["ada"] in table.ballot("bob").labels


def test_a_person_may_stop_an_agent(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None)
    table.feed(AgentStopped(at=1.0, agent=AgentId("cy"), reason="too chatty"))
    assert table.cancelled == ["cy"]
    table.answers("ada", "Rome")
    table.answers("bob", "Oslo")
    assert {s.turn.agent for s in table.just(StartTurn)} == {"ada", "bob"}


def test_what_a_person_says_is_read_with_the_next_turn(seat: Seat) -> None:
    table = seat("ada bob")
    table.feed(PersonSaid(at=1.0, text="mind the metric system"))
    table.answers("ada", "Rome")
    table.answers("bob", "Oslo")
    notes = [s.turn.note for s in table.just(StartTurn)]
    assert all("mind the metric system" in note for note in notes)


def test_a_vetoed_answer_cannot_win_and_its_voters_vote_again(seat: Seat) -> None:
    table = seat("ada bob cy dan", "revision", coalesce_s=0.0)
    for agent in ("ada", "bob", "cy", "dan"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("ada", "bob")
    table.feed(AnswerVetoed(at=1.0, label=table.labels["bob"], reason="wrong"))
    (again,) = table.just(StartTurn)
    assert again.turn.agent == "ada"
    table.votes("ada", "cy")
    table.votes("cy", "cy")
    table.votes("dan", "cy")
    assert table.every(WinnerDecided)[0].winner == "cy"


def test_the_last_draft_that_fails_closes_a_vote_nobody_else_can_cast(
    seat: Seat,
) -> None:
    table = seat("ada bob cy", "massgen", panel=1)
    table.answers("ada", "the answer of ada")
    for agent in ("bob", "cy"):
        table.fails(agent)
    if not table.every(WinnerDecided):
        table.votes("ada", "ada")
    assert table.every(WinnerDecided)[0].winner == "ada"


def test_who_is_stopped_before_it_is_asked_to_vote_again_is_not_waited_for(
    seat: Seat,
) -> None:
    table = seat("ada bob", "revision", coalesce_s=0.25)
    for agent in ("ada", "bob"):
        table.answers(agent, f"the answer of {agent}")
    table.answers("bob", "something better")
    table.feed(AgentStopped(at=0.1, agent=AgentId("bob"), reason="enough"))
    table.rings("news", 0.25)
    table.votes("ada", "bob")
    assert table.end.label == table.labels["bob"]


def test_a_cap_on_all_answers_binds_first_answers(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None, answers_total=1)
    table.answers("bob", "Rome")
    assert set(table.cancelled) >= {"ada", "cy"}
    assert table.present("bob")
    assert len(table.every(AnswerAccepted)) == 1


@pytest.mark.parametrize("policy", ["revision", "massgen"])
def test_who_writes_when_the_cap_is_reached_votes_instead(
    seat: Seat, policy: str
) -> None:
    quick = {"coalesce_s": 0.0, "news": "preempt"}
    table = seat("ada bob cy", policy, answers_total=2, early=False, **quick)
    table.answers("bob", "Rome")
    table.answers("ada", "Paris")
    assert "cy" in table.cancelled
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "ada")
    assert table.present("ada")


def test_caps_bind_another_round(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None, restarts=2, answers_per_agent=1)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    for voter in ("ada", "bob", "cy"):
        if not table.every(WinnerDecided):
            table.ranks(voter, "ada bob cy")
    # Nobody has an answer left, so there cannot be another round.
    assert not table.present("ada").may_restart
    table.wants_more("ada")
    assert table.end.winner == "ada"
    assert len(table.every(AnswerAccepted)) == 3


def test_after_vetoes_of_all_an_end_says_that_they_were_vetoed(seat: Seat) -> None:
    table = seat("ada bob", straggler=None)
    table.answers("ada", "Rome")
    table.feed(AnswerVetoed(at=0.0, label=table.labels["ada"], reason="no"))
    table.feed(Interrupted(at=1.0, reason="Ctrl-C"))
    assert "every answer was vetoed" in table.end.detail
    assert "nobody" not in table.end.detail


def test_words_are_told_beside_what_became_of_an_answer(seat: Seat) -> None:
    table = seat("ada bob", "revision", coalesce_s=0.0, news="finish", early=False)
    table.answers("ada", "the answer of ada")
    table.answers("bob", "the answer of bob")
    table.feed(PersonSaid(at=1.0, text="think of the sea"))
    table.answers("ada", "something altogether different")
    assert table.turns["ada"].note.startswith("Recorded as")
    assert "think of the sea" in table.turns["ada"].note


def test_words_survive_a_void_vote(seat: Seat) -> None:
    table = seat("ada bob", straggler=None)
    table.answers("ada", "the answer of ada")
    table.answers("bob", "the answer of bob")
    table.feed(PersonSaid(at=1.0, text="think of the sea"))
    table.casts("ada", Choice(label=Label("agent9.9")))
    assert "void" in table.turns["ada"].note
    assert "think of the sea" in table.turns["ada"].note


def test_words_said_while_the_winner_presents_are_read_in_another_round(
    seat: Seat,
) -> None:
    table = seat("ada bob", straggler=None, restarts=1, rule=Plurality())
    table.answers("ada", "the answer of ada")
    table.answers("bob", "the answer of bob")
    for voter in ("ada", "bob"):
        if not table.every(WinnerDecided):
            table.votes(voter, "ada")
    table.feed(PersonSaid(at=1.0, text="think of the sea"))
    table.wants_more("ada")
    for agent in ("ada", "bob"):
        assert "not good enough" in table.turns[agent].note
        assert "think of the sea" in table.turns[agent].note


def test_words_told_with_a_turn_that_is_withdrawn_are_told_again(seat: Seat) -> None:
    table = seat("ada bob cy", "revision", coalesce_s=0.0, news="preempt")
    table.answers("ada", "the answer of ada")
    table.answers("bob", "the answer of bob")
    table.feed(PersonSaid(at=1.0, text="think of the sea"))
    table.answers("cy", "the answer of cy")  # all begin to review: all are told
    assert "think of the sea" in table.turns["bob"].note
    table.answers("ada", "something altogether different")  # and bob is asked anew
    assert "bob" in table.cancelled
    assert "think of the sea" in table.turns["bob"].note
    table.votes("bob", "ada")
    table.answers("cy", "another thing again, not like it")
    assert "think of the sea" not in table.turns["bob"].note


def test_at_the_deadline_of_a_runoff_its_own_ballots_decide() -> None:
    names = "ada bob cy dan"
    for seed in range(6):
        rules = Rules("slate", ties="runoff", early=False, rule=Plurality())
        table = Table(names, rules, seed=seed).open()
        for agent in names.split():
            table.answers(agent, f"the answer of {agent}")
        for voter, choice in zip(
            names.split(), ("ada", "ada", "bob", "bob"), strict=True
        ):
            table.votes(voter, choice)
        for voter in ("ada", "bob", "cy"):
            table.votes(voter, "bob")
        table.rings("deadline", 1800.0)
        assert table.end.winner == "bob"


def test_the_tie_of_a_runoff_is_said_to_be_decided_by_lot(seat: Seat) -> None:
    table = seat("ada bob", straggler=None, ties="runoff", early=False)
    for agent in ("ada", "bob"):
        table.answers(agent, f"the answer of {agent}")
    for _ in range(2):
        for voter in ("ada", "bob"):
            table.ranks(voter, "ada bob" if voter == "ada" else "bob ada")
    winner = table.every(WinnerDecided)[0].winner
    table.presents(winner, "so be it")
    assert "a tie decided by lot" in table.end.detail


def test_nothing_is_said_to_be_synthesised_where_an_answer_is_reused(
    seat: Seat,
) -> None:
    table = seat("ada bob", straggler=None, ties="synthesise", final="reuse")
    for agent in ("ada", "bob"):
        table.answers(agent, f"the answer of {agent}")
    for voter in ("ada", "bob"):
        table.ranks(voter, "ada bob" if voter == "ada" else "bob ada")
    assert "a tie decided by lot" in table.end.detail


def test_answers_of_the_round_before_stand_while_the_first_writes_again(
    seat: Seat,
) -> None:
    quick = {"coalesce_s": 0.0, "news": "preempt"}
    table = seat("ada bob cy", "massgen", restarts=1, **quick)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "ada")
    table.wants_more("ada")
    table.answers("bob", "something altogether different")
    assert set(table.every(SlateFrozen)[-1].labels) == set(table.labels.values())


def test_parts_beyond_those_that_may_be_are_said_to_be_missing(seat: Seat) -> None:
    table = seat("ada bob", division=Division(parts=2))
    titles = ("roof", "wall", "floor")
    parts = tuple(Part(title=title, instructions="do it") for title in titles)
    table.says(TaskDivided(**table.pen("ada").stamp(), parts=parts))
    for _ in range(2):
        stamp = table.pen("bob").stamp()
        table.says(PartCompleted(**stamp, summary="it stands", complete=True))
    table.presents("ada", "A house.")
    assert "2 of 3 parts" in table.end.detail
    assert "missing: floor" in table.end.detail

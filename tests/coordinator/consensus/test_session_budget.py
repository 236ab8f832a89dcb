"""Grants of turns: together never more than there is, and never too little."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import AgentId
from agents.protocol.turns import LEAST_OUTPUT_TOKENS
from coordinator.consensus.rules import Price
from coordinator.protocol.events import AgentRetired, StartTurn
from tests.coordinator.consensus.conftest import Seat, Table

BILLED = Price(input_usd=1e-6, output_usd=1e-5, overhead_tokens=100)


def priced(names: str, price: Price = BILLED) -> dict[AgentId, Price]:
    return {AgentId(name): price for name in names.split()}


def granted(table: Table) -> dict[str, float | None]:
    """The grants in USD, by agent."""
    return {agent: turn.budget_usd for agent, turn in table.turns.items()}


def test_turns_that_begin_together_share_the_budget(seat: Seat) -> None:
    table = seat("ada bob", budget_usd=0.1, prices=priced("ada bob"))
    shares = granted(table)
    assert shares["ada"] == shares["bob"] == pytest.approx(0.05)
    assert {turn.budget_tokens for turn in table.turns.values()} == {None}
    assert {turn.output_tokens for turn in table.turns.values()} == {None}


def test_a_share_in_tokens_is_a_share_of_tokens(seat: Seat) -> None:
    table = seat("ada bob", budget_tokens=6_000, prices=priced("ada bob"))
    assert {turn.budget_tokens for turn in table.turns.values()} == {3_000}
    assert granted(table) == {"ada": None, "bob": None}


def test_a_grant_comes_back_when_its_turn_has_ended(seat: Seat) -> None:
    table = seat("ada bob", budget_usd=0.1, prices=priced("ada bob"), straggler=None)
    for agent in ("ada", "bob"):
        table.spends(agent, 100, 0.01)
        table.answers(agent, f"the answer of {agent}")
        table.ends(agent)
    begun = [x.turn.budget_usd for x in table.every(StartTurn)[2:]]
    assert len(begun) == 2
    assert sum(x or 0.0 for x in begun) == pytest.approx(0.08)


def test_a_turn_that_others_leave_too_little_beside_them_is_not_begun(
    seat: Seat,
) -> None:
    names = "ada bob cy dan"
    least = 100 * 1e-6 + LEAST_OUTPUT_TOKENS * 1e-5
    table = seat(names, budget_usd=5 * least, prices=priced(names))
    assert len(table.turns) < 4
    assert all(
        "too little beside the turns of others" in out.reason
        for out in table.every(AgentRetired)
    )
    assert sum(share or 0.0 for share in granted(table).values()) <= 5 * least


def test_a_model_without_overhead_is_told_how_much_it_may_write(seat: Seat) -> None:
    price = Price(input_usd=1e-6, output_usd=1e-5)
    table = seat("ada bob", budget_usd=0.1, prices=priced("ada bob", price))
    assert granted(table) == {"ada": None, "bob": None}
    tokens = table.turns["ada"].output_tokens
    assert tokens is not None
    assert 4_900 < tokens < 5_000 + LEAST_OUTPUT_TOKENS


def test_an_agent_that_spends_more_than_its_own_money_is_out(seat: Seat) -> None:
    table = seat("ada bob cy", agent_budget_usd=0.5, prices=priced("ada bob cy"))
    assert granted(table)["ada"] == 0.5
    table.spends("ada", 10, 0.51)
    (out,) = table.just(AgentRetired)
    assert (out.agent, out.reason) == ("ada", "its 0.5 USD are spent")


def test_a_turn_that_does_not_fit_into_an_agents_own_money_is_not_begun(
    seat: Seat,
) -> None:
    table = seat("ada bob", agent_budget_usd=1e-6, prices=priced("ada"))
    (out,) = table.every(AgentRetired)
    assert out.agent == "ada"
    assert "its budget of 1e-06 USD leaves 0.0000" in out.reason


def test_people_need_no_budget(seat: Seat) -> None:
    prices = {**priced("ada"), AgentId("pat"): Price(takes_tokens=False)}
    table = seat("ada pat", budget_usd=0.02, prices=prices)
    assert set(table.turns) == {"ada", "pat"}
    assert granted(table)["pat"] is None

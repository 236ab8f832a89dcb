"""Budgets over HTTP: what reaches the API of them, and who is stopped by them."""

from __future__ import annotations

from typing import Any

import pytest

from agents.protocol.chunks import TurnEnded
from coordinator.errors import ConfigInvalid
from coordinator.protocol.events import AgentRetired, CancelTurn
from coordinator.team.builder import assemble
from coordinator.team.reader import parse_team

pytestmark = pytest.mark.real_time

HEAD = "defaults: {model: claude-haiku-5-5, base_url: 'BASE_URL'}\n"


async def test_a_turn_may_write_no_more_than_its_budget_leaves(run_team: Any) -> None:
    ran = await run_team(
        {"ada": {"draft": [{"answer": "Paris"}], "present": [{"text": "Paris."}]}},
        HEAD + "agents: [{id: ada, budget_tokens: 3000}]\n",
    )
    assert ran.result.answer == "Paris"
    (request,) = ran.requests
    read = ran.counted[0]
    assert request.body["max_tokens"] == 3000 - (int(read * 1.01) + 1)


async def test_money_left_becomes_tokens_that_may_be_written(run_team: Any) -> None:
    ran = await run_team(
        {"ada": {"draft": [{"answer": "Paris"}]}},
        HEAD + "agents: [{id: ada}]\nlimits: {budget_usd: 0.001}\n",
    )
    # claude-haiku-5-5 writes a million tokens for 0.50 USD, and reads one that is
    # written to the cache for 0.125.
    left_usd = 0.001 - (int(ran.counted[0] * 1.01) + 1) * 0.125e-6
    assert ran.requests[0].body["max_tokens"] == int(left_usd / 0.5e-6)


async def test_a_call_that_would_have_nothing_left_to_write_is_not_made(
    run_team: Any,
) -> None:
    spent = {"usage": {"input_tokens": 10, "output_tokens": 2400}}
    cut = [{"text": "Well …"}, spent, {"stop_reason": "max_tokens"}]
    ran = await run_team(
        {"ada": {"draft": cut}},
        HEAD + "agents: [{id: ada, budget_tokens: 2500}]\nfinal: reuse\n",
    )
    assert len(ran.requests) == 1
    assert ran.result.status == "failed"
    assert [(end.outcome, end.detail) for end in ran.of(TurnEnded)] == [
        ("cut", "the budget leaves no room for another call")
    ]


async def test_a_turn_that_cannot_fit_is_not_begun_and_the_others_go_on(
    run_team: Any,
) -> None:
    spent = {"usage": {"input_tokens": 1500, "output_tokens": 300}}
    draft = [{"answer": "Paris"}, spent]
    ran = await run_team(
        {
            "ada": {"draft": draft, "review": [{"vote": "Lyon"}]},
            "bob": {"draft": [{"answer": "Lyon"}], "review": [{"vote": "Lyon"}]},
        },
        HEAD + "agents: [{id: ada, budget_tokens: 1850}, {id: bob}]\nfinal: reuse\n",
    )
    assert ran.result.status == "answered"
    assert len([r for r in ran.requests if r.agent == "ada"]) == 1, "no second turn"
    assert "Paris" in [answer.content for answer in ran.result.answers], "it stands"
    (out,) = ran.of(AgentRetired)
    assert out.agent == "ada"
    assert out.reason.startswith("its budget of 1850 tokens leaves 50")


async def test_a_running_turn_is_cut_at_the_report_that_crosses_the_line(
    run_team: Any,
) -> None:
    thinks = [
        {"usage": {"input_tokens": 5000}},
        {"text": "Well, let me think", "delay_s": 0.05},
        {"answer": "Lyon", "delay_s": 20},
    ]
    ran = await run_team(
        {"ada": {"draft": [{"answer": "Paris"}]}, "bob": {"draft": thinks}},
        HEAD + "agents: [{id: ada}, {id: bob, budget_tokens: 4000}]\nfinal: reuse\n",
    )
    assert (ran.result.status, ran.result.answer) == ("answered", "Paris")
    assert [each.agent for each in ran.of(CancelTurn)] == ["bob"]
    (out,) = ran.of(AgentRetired)
    assert out.reason == "its 4000 tokens are spent"
    assert ran.result.elapsed_s < 10


def test_a_budget_in_money_for_a_model_of_unknown_price_is_refused_at_the_start(
    tmp_path: Any,
) -> None:
    text = "agents: [{id: ada, model: claude-quux-9, budget_usd: 1}]\n"
    config = parse_team(text, tmp_path / "team.yaml")
    with pytest.raises(ConfigInvalid, match=r"price .* 'claude-quux-9' is unknown"):
        assemble(config, environment={"ANTHROPIC_API_KEY": "sk-test"})

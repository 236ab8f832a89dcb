"""Fallback models over HTTP: who takes over, with what, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.claude.errors import error_for
from agents.errors import ContextExceeded
from agents.protocol.chunks import AgentFailed, TurnEnded, TurnRestarted

pytestmark = pytest.mark.real_time

BIG, SMALL = "claude-opus-5-5", "claude-haiku-5-5"
ADA = f"  - {{id: ada, model: {BIG}, fallback: [{SMALL}]}}\n"
TEAM = f"defaults: {{base_url: 'BASE_URL'}}\nfinal: reuse\nagents:\n{ADA}"
REFUSES = [{"stop_reason": "refusal", "category": "cyber"}]
IS_FULL = [{"text": "I have read"}, {"stop_reason": "model_context_window_exceeded"}]


def models(ran: Any) -> list[str]:
    return [request.body["model"] for request in ran.requests]


async def test_a_refusal_goes_to_the_next_model_and_its_category_is_said(
    run_team: Any,
) -> None:
    lines = [*REFUSES, {"next": True}, {"answer": "Paris"}]
    ran = await run_team({"ada": {"draft": lines}}, TEAM)
    assert ran.result.answer == "Paris"
    assert models(ran) == [BIG, SMALL]
    (said,) = ran.of(TurnRestarted)
    assert (said.model, said.fallbacks) == (SMALL, 1)
    assert said.reason == f"{BIG} declined: cyber"


async def test_without_another_model_a_refusal_ends_the_turn_with_its_category(
    run_team: Any,
) -> None:
    lines = [*REFUSES, {"next": True}, *REFUSES]
    ran = await run_team({"ada": {"draft": lines}}, TEAM)
    assert ran.result.status == "failed"
    assert models(ran)[:2] == [BIG, SMALL]
    assert ran.of(TurnEnded)[0].detail == "cyber"


async def test_a_model_that_stays_overloaded_hands_over_after_its_tries(
    run_team: Any,
) -> None:
    down = {"error": {"status": 529, "retry_after_s": 0}}
    lines: list[Any] = []
    for _ in range(6):
        lines += [down, {"next": True}]
    ran = await run_team({"ada": {"draft": [*lines, {"answer": "Paris"}]}}, TEAM)
    assert ran.result.answer == "Paris"
    assert models(ran) == [BIG] * 6 + [SMALL]
    (said,) = ran.of(TurnRestarted)
    assert "529 overloaded_error" in said.reason
    assert not ran.of(AgentFailed)


async def test_a_full_context_window_goes_to_the_next_model_or_says_the_way_out(
    run_team: Any,
) -> None:
    lines = [*IS_FULL, {"next": True}, *IS_FULL]
    ran = await run_team({"ada": {"draft": lines}}, TEAM)
    assert models(ran)[:2] == [BIG, SMALL]
    assert f"the context window of {BIG} is full" in ran.of(TurnRestarted)[0].reason
    (end, *_) = ran.of(TurnEnded)
    assert end.outcome == "cut"
    assert f"of {SMALL} is full; set compact_at_tokens" in end.detail


async def test_a_conversation_that_is_too_long_goes_on_without_its_past(
    run_team: Any,
) -> None:
    too_long = {"status": 400, "message": "prompt is too long: 210000 tokens > 200000"}
    agents = {
        "ada": {
            "draft": [{"answer": "Paris"}],
            "review": [
                {"vote": "Paris", "reason": "So it is."},
                {"next": True},
                {"error": too_long},
                {"next": True},
                {"vote": "Paris, France", "reason": "Better."},
            ],
        },
        "bob": {
            "draft": [{"answer": "Lyon"}],
            "review": [
                {"answer": "Paris, France", "delay_s": 0.2},
                {"next": True},
                {"vote": "Paris, France", "reason": "Mine."},
            ],
        },
    }
    policy = "voting: {policy: revision, early: false, duplicate_over: 1}\n"
    ran = await run_team(agents, f"final: reuse\n{policy}", allows_refusals=True)
    assert ran.result.answer == "Paris, France"
    (said,) = ran.of(TurnRestarted)
    assert (said.agent, said.fallbacks) == ("ada", 0)
    of_ada = [r.body["messages"] for r in ran.requests if r.agent == "ada"]
    assert len(of_ada[-1]) < len(of_ada[-2]), "its past is left out"
    assert "Paris, France" in str(of_ada[-1][0]), "all that stands is shown again"


async def test_what_is_too_long_for_every_model_ends_in_a_clear_error(
    run_team: Any,
) -> None:
    error = {"error": {"status": 400, "message": "prompt is too long: 9 tokens > 8"}}
    ran = await run_team(
        {"ada": {"draft": [error, {"next": True}, error]}}, TEAM, allows_refusals=True
    )
    (failed,) = ran.of(AgentFailed)
    assert failed.error == "ContextExceeded"
    assert "prompt is too long" in failed.message


async def test_compaction_is_asked_for_and_its_block_goes_back(run_team: Any) -> None:
    block = {"type": "compaction", "content": "So far: nothing of note."}
    lines = [
        {"block": block},
        {"stop_reason": "compaction"},
        {"next": True},
        {"answer": "Paris"},
    ]
    ran = await run_team(
        {"ada": {"draft": lines}},
        TEAM.replace("fallback", "compact_at_tokens: 60000, fallback"),
    )
    assert ran.result.answer == "Paris"
    first, second = (request.body for request in ran.requests)
    (edit,) = first["context_management"]["edits"]
    assert edit["trigger"] == {"type": "input_tokens", "value": 60000}
    headers = ran.requests[0].headers
    assert "compact-2026-01-12" in headers["anthropic-beta"]
    assert block in second["messages"][1]["content"]


def test_compaction_below_the_apis_least_is_refused() -> None:
    with pytest.raises(ValueError, match="50000"):
        ClaudeBackend(SMALL, api_key="sk-test", compact_at_tokens=1000)


def test_a_prompt_that_is_too_long_is_an_error_of_its_own() -> None:
    body = {"error": {"type": "invalid_request_error", "message": "prompt is too long"}}
    assert isinstance(error_for(400, {}, body), ContextExceeded)

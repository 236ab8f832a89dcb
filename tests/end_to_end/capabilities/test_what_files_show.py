"""The purpose of each file in scenarios/capabilities is seen when it runs.

That every file runs is tested beside; here it is checked that a reader who runs one
sees what its first lines promise.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from rich.color import ColorSystem

from agents.protocol.chunks import AgentId, ToolCalled, TurnEnded, TurnRestarted
from coordinator.displays.base import Cast
from coordinator.displays.painting import Brush
from coordinator.displays.panes import Composer
from coordinator.displays.result_text import totals
from coordinator.displays.view import View

pytestmark = pytest.mark.real_time


def bodies_of(ran: Any, agent: str) -> list[dict[str, Any]]:
    return [request.body for request in ran.requests if request.agent == agent]


async def test_thoughts_go_back_sealed_to_their_author_and_to_nobody_else(
    run_file: Any,
) -> None:
    ran, said = await run_file("thinking")
    _, after_tool, *_ = bodies_of(ran, "bob")
    returned = after_tool["messages"][1]["content"]
    kinds = [block["type"] for block in returned]
    assert kinds == ["thinking", "redacted_thinking", "tool_use"]
    assert returned[1]["data"] == "EmwKAhgBEgy3va3pzix7ibEg"
    assert returned[0]["signature"]
    others = [r.body for r in ran.requests if r.agent != "bob"]
    assert b"From August to August" not in msgspec.json.encode(others)
    assert b"EmwKAhgBEgy3va3pzix7ibEg" not in msgspec.json.encode(others)
    assert "bob ┊ From August to August is 28 years." in " ".join(said.split(" "))


async def test_thoughts_and_typed_input_are_drawn_as_they_come_thoughts_dimmed(
    run_team: Any,
) -> None:
    lines = [
        {"thinking": "Older than Rome?", "size": 4, "rate": 4000},
        {"tool": "today", "input": {"of": "Paris"}, "size": 4, "rate": 4000},
        {"next": True},
        {"answer": "Paris"},
    ]
    events = (await run_team({"ada": {"draft": lines}})).events
    view = View({AgentId("ada"): "m"})
    drawn: list[str] = []
    for event in events:
        if isinstance(event, ToolCalled):
            break
        view.absorb([event])
        drawn.append(str(view.agents[AgentId("ada")].tail))
    assert "Older th" in drawn
    assert 'Older than Rome?\n{"of": "Pari' in drawn, "before it is whole"

    cast = Cast(question="?", models={AgentId("ada"): "m"})
    composer = Composer(view, cast, Brush(ColorSystem.STANDARD))
    picture = "".join(strip.text for strip in composer.compose(90, 30, 1.0))
    assert re.search(r"\x1b\[2;3m[^\x1b]*Older than Rome", picture), "dim italic"


async def test_only_an_older_model_on_a_budget_is_told_to_think_between_tools(
    run_file: Any,
) -> None:
    ran, _ = await run_file("thinking")
    told = {
        request.agent
        for request in ran.requests
        if "interleaved-thinking" in request.headers.get("anthropic-beta", "")
    }
    assert told == {"bob"}


async def test_an_invalid_value_is_mended_and_the_winners_is_the_results(
    run_file: Any,
) -> None:
    ran, _ = await run_file("structured_answers")
    assert ran.result.value == {"place": "Paris", "date": "1783-11-21", "minutes": 25}
    told = msgspec.json.encode(bodies_of(ran, "ada")[1]["messages"]).decode()
    assert "'twenty-five'" in told


async def test_voters_read_from_the_cache_and_what_that_saved_is_said(
    run_file: Any,
) -> None:
    ran, said = await run_file("prompt_caching")
    assert ran.result.cache.hit_ratio > 0.5
    assert ran.result.cache.saved_usd > 0.01
    assert totals(ran.result) in said
    assert "of prompts from the cache" in said


async def test_too_many_requests_hold_the_team_back_and_fail_nobody(
    run_file: Any,
) -> None:
    ran, _ = await run_file("limits")
    assert [request.status for request in ran.requests].count(429) == 2
    assert {record.error for record in ran.result.agents.values()} == {None}
    assert ran.result.elapsed_s >= 0.8, "each retry-after is heeded"


async def test_a_summary_takes_the_place_of_the_past_and_goes_back(
    run_file: Any,
) -> None:
    ran, said = await run_file("long_runs")
    first, second, *_ = bodies_of(ran, "ada")
    kinds = [edit["type"] for edit in first["context_management"]["edits"]]
    assert kinds == ["clear_tool_uses_20250919", "compact_20260112"]
    headers = next(r.headers for r in ran.requests if r.agent == "ada")
    betas = headers["anthropic-beta"]
    assert "compact-2026-01-12" in betas
    assert "context-management-2025-06-27" in betas
    assert [block["type"] for block in second["messages"][1]["content"]] == [
        "compaction"
    ]
    assert [c.model for c in ran.of(TurnRestarted)] == ["claude-sonnet-5-5"]
    assert "context window of claude-haiku-5-5 is full" in said
    assert "the past is summarised" in said


async def test_a_refusals_category_is_shown_and_the_others_go_on(run_file: Any) -> None:
    ran, said = await run_file("refusals")
    assert ("refused", "bio") in [(c.outcome, c.detail) for c in ran.of(TurnEnded)]
    assert "ada ! declined to go on: bio" in said
    assert ran.result.winner == "bob"


async def test_each_provider_is_asked_at_its_own_paths(run_file: Any) -> None:
    ran, _ = await run_file("providers")
    paths = {request.agent: request.path for request in ran.requests}
    vertex = "/projects/my-project/locations/europe-west1/publishers/anthropic/models"
    assert paths == {
        "ada": "/v1/messages",
        "bob": "/v1/messages",
        "cy": f"{vertex}/claude-haiku-4-5@20251001:streamRawPredict",
        "dan": "/v1/messages",
    }
    assert bodies_of(ran, "cy")[0]["model"] == "claude-haiku-4-5@20251001"

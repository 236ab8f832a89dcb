"""The prompt cache over HTTP: what turns share is sent alike, read and reported."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.protocol.chunks import UsageReported
from coordinator.displays.result_text import totals

pytestmark = pytest.mark.real_time

LONG = "Paris has been the capital for a long time. " * 150
"""Longer than the shortest prompt that is cached."""


def team(*names: str) -> dict[str, Any]:
    return {
        name: {
            "draft": [{"answer": f"{name} says Paris. {LONG}"}],
            "review": [{"rank": ["says Paris"], "reason": "It is."}],
            "present": [{"text": "Paris."}],
        }
        for name in names
    }


def prefix(body: dict[str, Any]) -> bytes:
    """Everything up to the breakpoint behind what all viewers share."""
    opening = body["messages"][0]["content"]
    last = max(n for n, block in enumerate(opening[:-1]) if "cache_control" in block)
    shared = [body["model"], body["tools"], body["system"], opening[: last + 1]]
    return msgspec.json.encode(shared)


def prompts_of(usages: list[Any]) -> list[tuple[str, int, int]]:
    """Reads from the cache and writes to it, by agent; a line a response."""
    first: dict[tuple[str, int], Any] = {}
    for said in usages:
        first.setdefault((said.agent, said.turn), said)
    return [
        (
            said.agent,
            said.usage.cache_read_input_tokens or 0,
            said.usage.cache_creation_input_tokens or 0,
        )
        for said in first.values()
    ]


async def test_agents_of_one_model_read_what_the_first_of_them_has_written(
    run_team: Any,
) -> None:
    ran = await run_team(team("ada", "bob", "cy"))
    reviews = [r for r in ran.requests if "All answers that stand" in str(r.body)]
    assert len({prefix(r.body) for r in reviews}) == 1
    wrote = [each for each in prompts_of(ran.of(UsageReported)) if each[2] > 4000]
    read = [each for each in prompts_of(ran.of(UsageReported)) if each[1] > 4000]
    assert len(wrote) == 1, "one agent writes the slate"
    assert {each[1] for each in read} == {wrote[0][2]}, "the others read all of it"


async def test_a_second_turn_reads_what_the_first_wrote(run_team: Any) -> None:
    late = {
        "draft": [{"answer": f"bob says Lyon. {LONG}"}],
        "review": [
            {"answer": f"Paris it must be, says bob. {LONG}", "delay_s": 0.2},
            {"next": True},
            {"vote": "Paris it must be", "reason": "Mine."},
        ],
        "present": [{"text": "Paris."}],
    }
    votes = [
        {"vote": "ada says", "reason": "It is."},
        {"next": True},
        {"vote": "Paris it must be", "reason": "Better."},
    ]
    voter = {"draft": [{"answer": f"ada says Paris. {LONG}"}], "review": votes}
    ran = await run_team(
        {"ada": voter, "bob": late},
        "voting: {policy: revision, early: false, duplicate_over: 1}\n",
    )
    asked = [r.body["messages"] for r in ran.requests if r.agent == "ada"]
    turns = [said for said in asked if "answers that stand" in str(said)]
    assert len(turns) >= 2
    first, second = (bare(each[: len(turns[0])]) for each in turns[:2])
    assert first == second, "what was sent once is sent again byte for byte"
    of_ada = [each for each in prompts_of(ran.of(UsageReported)) if each[0] == "ada"]
    wrote = next(each[2] for each in of_ada if each[2])
    assert any(each[1] >= wrote for each in of_ada)


def bare(messages: list[Any]) -> bytes:
    """Messages as the cache compares them: marks are no part of a prefix."""
    blocks = [
        (message["role"], {k: v for k, v in block.items() if k != "cache_control"})
        for message in messages
        for block in message["content"]
    ]
    return msgspec.json.encode(blocks)


async def test_the_hit_ratio_and_the_money_saved_are_reported(run_team: Any) -> None:
    result = (await run_team(team("ada", "bob", "cy"))).result
    usage = result.usage
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    everything = usage.input_tokens + read + written
    assert result.cache.hit_ratio == pytest.approx(read / everything)
    # claude-haiku-5-5, USD a million: input 0.10, read a tenth, write a quarter more.
    expected = (read * 0.09 - written * 0.025) / 1e6
    assert result.cache.saved_usd == pytest.approx(expected)
    parts = [record.cache.saved_usd for record in result.agents.values()]
    assert sum(parts) == pytest.approx(expected)
    assert f"{read / everything:.0%} of prompts from the cache" in totals(result)
    assert b'"hit_ratio":' in msgspec.json.encode(result)


async def test_without_breakpoints_nothing_is_read_or_saved(run_team: Any) -> None:
    agents = "agents: [{id: ada, cache: false}, {id: bob, cache: false}]\n"
    defaults = "defaults: {model: claude-haiku-5-5, base_url: 'BASE_URL'}\n"
    result = (await run_team(team("ada", "bob"), agents + defaults)).result
    assert not result.cache.hit_ratio
    assert result.cache.saved_usd == 0


async def test_a_review_reads_the_tools_that_the_draft_has_written(
    run_team: Any,
) -> None:
    text = f"Tells the date. {LONG}"
    tool = f"{{function: 'agents.tools.dates:today', description: '{text}'}}"
    agents = f"agents: [{{id: ada, tools: [{tool}]}}, {{id: bob, system: Terse.}}]\n"
    defaults = "defaults: {model: claude-haiku-5-5, base_url: 'BASE_URL'}\n"
    ran = await run_team(team("ada", "bob"), agents + defaults)
    asked = [each for each in prompts_of(ran.of(UsageReported)) if each[0] == "ada"]
    (_, _, wrote), (_, read, _), *_ = asked
    assert wrote > 1000
    assert read > 1000, "other tools hand in a vote, but those before are the same"

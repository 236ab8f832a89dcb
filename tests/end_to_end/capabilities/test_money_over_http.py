"""The cost of sessions over HTTP: by turn, agent and session, the API's tools included.

The models' prices are ``genai-prices``'s: claude-haiku-4-5 costs 1 USD a million tokens
of input and 5 of output, claude-haiku-5-5 a tenth of either.
"""

from __future__ import annotations

from typing import Any

import pytest

from agents.protocol.chunks import UsageReported
from coordinator.displays.result_text import totals

pytestmark = pytest.mark.real_time

OLD, NEW = "claude-haiku-4-5", "claude-haiku-5-5"
HEAD = "defaults: {base_url: 'BASE_URL'}\nfinal: reuse\n"
COUNTED = {"usage": {"input_tokens": 1000, "output_tokens": 200}}
TOKENS_USD = 0.001 + 0.001
"""Their cost at claude-haiku-4-5's prices."""
CODE = {
    "server_tool": "bash_code_execution",
    "input": {"command": "sleep 1"},
    "result": "done\n",
    "runs_s": 0.05,
}
LEAST_USD = 0.05 * 5 / 60
"""Five minutes of code at 0.05 USD an hour."""


def agents(*entries: str) -> str:
    return HEAD + "agents:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


async def test_turns_add_up_to_agents_and_agents_to_the_session(run_team: Any) -> None:
    said = {"draft": [{"answer": "Paris"}, COUNTED], "review": [{"vote": "Paris"}]}
    team = agents(f"id: ada, model: {OLD}", f"id: bob, model: {NEW}")
    ran = await run_team({"ada": said, "bob": said}, team)
    records = ran.result.agents
    last: dict[tuple[str, int], float] = {}
    for report in ran.of(UsageReported):
        last[report.agent, report.turn] = report.cost_usd
    for name in ("ada", "bob"):
        turns = [usd for (agent, _), usd in last.items() if agent == name]
        assert records[name].cost_usd == pytest.approx(sum(turns))
    assert last["ada", 1] == pytest.approx(TOKENS_USD)
    assert ran.result.cost_usd == pytest.approx(sum(last.values()))


async def test_searches_are_paid_for_by_the_piece(run_team: Any) -> None:
    search: dict[str, Any] = {
        "server_tool": "web_search",
        "input": {"query": "x"},
        "result": [],
    }
    draft: list[Any] = [search, search, {"answer": "Paris"}, COUNTED]
    team = agents(f"id: ada, model: {OLD}, tools: [web_search]")
    ran = await run_team({"ada": {"draft": draft}}, team)
    assert ran.result.usage.web_search_requests == 2
    assert ran.result.cost_usd == pytest.approx(TOKENS_USD + 0.02)


async def test_code_is_paid_for_by_five_minutes_of_a_container_at_least(
    run_team: Any,
) -> None:
    draft = [CODE, CODE, {"answer": "Paris"}, COUNTED, {"container": "container_1"}]
    again = [CODE, {"vote": "Paris"}, COUNTED]
    bob = {"draft": [{"answer": "Lyon"}], "review": [{"vote": "Paris"}]}
    team = agents(
        f"id: ada, model: {OLD}, tools: [code_execution]", f"id: bob, model: {NEW}"
    )
    ran = await run_team(
        {"ada": {"draft": draft, "review": again}, "bob": bob},
        team + "voting: {early: false}\n",
    )
    ada = ran.result.agents["ada"]
    counted = {
        report.turn: report.usage.code_execution_s
        for report in ran.of(UsageReported)
        if report.agent == "ada"
    }
    assert counted[1] == 300, "it was opened for two short calls"
    assert 0 < counted[2] < 60, "what runs in it later costs no five minutes again"
    assert ada.usage.code_execution_s == pytest.approx(sum(counted.values()))
    code_usd = sum(counted.values()) * 0.05 / 3600
    assert code_usd >= LEAST_USD
    assert ada.cost_usd == pytest.approx(2 * TOKENS_USD + code_usd)
    assert ran.result.agents["bob"].usage.code_execution_s is None


@pytest.mark.parametrize(
    ("web", "is_free"),
    [
        ("web_search_20260318", True),
        ("web_fetch_20260209", True),
        ("web_search_20250305", False),
    ],
)
async def test_code_is_free_beside_newer_web_tools(
    run_team: Any, web: str, *, is_free: bool
) -> None:
    tools = f"tools: [code_execution, {{type: {web}}}]"
    draft = [CODE, {"answer": "Paris"}, COUNTED]
    ran = await run_team(
        {"ada": {"draft": draft}}, agents(f"id: ada, model: {OLD}, {tools}")
    )
    assert (ran.result.usage.code_execution_s is None) == is_free
    usd = TOKENS_USD + (0 if is_free else LEAST_USD)
    assert ran.result.cost_usd == pytest.approx(usd)


async def test_what_is_unknown_is_not_nothing(run_team: Any) -> None:
    said = {"draft": [{"answer": "Paris"}, COUNTED], "review": [{"vote": "Paris"}]}
    team = agents("id: ada, model: claude-quux-9", f"id: bob, model: {NEW}")
    ran = await run_team({"ada": said, "bob": said}, team)
    records = ran.result.agents
    assert records["ada"].cost_usd is None
    assert records["bob"].cost_usd > 0
    assert ran.result.cost_usd is None, "a part of a sum is no sum"
    assert " · $0.0002 and an unknown price · " in totals(ran.result)
    # What the API did not say is not counted as nothing either.
    assert records["ada"].usage.web_search_requests is None
    assert records["ada"].usage.cache_read_input_tokens == 0

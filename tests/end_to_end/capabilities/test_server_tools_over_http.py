"""The API's own tools over HTTP: every version, all together, and seen as they work."""

from __future__ import annotations

from typing import Any

import pytest

from agents.protocol.chunks import ServerToolCalled, ToolInputDelta

pytestmark = pytest.mark.real_time

VERSIONS = (
    ("web_search_20250305", "web_search_20260209", "web_search_20260318"),
    (
        "web_fetch_20250910",
        "web_fetch_20260209",
        "web_fetch_20260309",
        "web_fetch_20260318",
    ),
    (
        "code_execution_20250522",
        "code_execution_20250825",
        "code_execution_20260120",
        "code_execution_20260521",
    ),
    ("tool_search_tool_bm25_20251119", "tool_search_tool_regex_20251119"),
    ("memory_20250818",),
    ("bash_20250124",),
    ("text_editor_20250124", "text_editor_20250429", "text_editor_20250728"),
    ("browser_toolset_20260801", "computer_toolset_20260801"),
    ("advisor_20260301",),
)
TOGETHER = [
    [family[n] for family in VERSIONS if n < len(family)] for n in range(4)
]  # each version once, beside as many others as there are
HEAD = "defaults: {model: claude-opus-5-5, base_url: 'BASE_URL'}\n"


@pytest.mark.parametrize("kinds", TOGETHER, ids=range(4))
async def test_every_version_can_be_named_and_all_combine_with_tools_of_ours(
    run_team: Any, kinds: list[str]
) -> None:
    tools = "".join(f"{{type: {kind}}}, " for kind in kinds)
    mcp = "mcp_servers: [{type: url, name: docs, url: 'https://docs.example.com'}]"
    agents = (
        f"agents: [{{id: ada, {mcp}, tools: [{tools}'agents.tools.dates:today']}}]\n"
    )
    ran = await run_team({"ada": {"draft": [{"answer": "Paris"}]}}, HEAD + agents)
    assert ran.result.answer == "Paris"
    asked = [tool.get("type") for tool in ran.requests[0].body["tools"]]
    assert asked[: len(kinds) + 1] == [*kinds, "mcp_toolset"]
    names = [tool.get("name") for tool in ran.requests[0].body["tools"]]
    assert "today" in names
    assert "new_answer" in names
    betas = ran.requests[0].headers["anthropic-beta"].split(",")
    wanted = {
        "code_execution_20250522": "code-execution-2025-05-22",
        "memory_20250818": "context-management-2025-06-27",
        "advisor_20260301": "advisor-tool-2026-03-01",
    }
    for kind, beta in wanted.items():
        assert (beta in betas) == (kind in kinds)
    assert "mcp-client-2025-11-20" in betas


async def test_code_is_seen_as_it_is_typed_and_then_what_came_of_it(
    run_file: Any,
) -> None:
    _, said = await run_file("code_execution")
    lines = [" ".join(line.split()[1:]) for line in said.splitlines()]
    shown = (
        "cy ┆ import statistics",
        "cy ┆ print(statistics.stdev(range(1, 11)))",
        "cy » return code 0",
        "cy 3.0276503540974917",
        "bob ┆ python3 stdev.py",
        "bob » return code 2",
        "bob ! python3: can't open file 'stdev.py'",
    )
    places = [lines.index(line) for line in shown]
    assert places[:4] == sorted(places[:4])
    assert places[4:] == sorted(places[4:])


async def test_code_comes_in_pieces_before_it_is_called(run_team: Any) -> None:
    code = "print(sum(n * n for n in range(1000)))"
    line = {"server_tool": "code_execution", "input": {"code": code}, "size": 4}
    draft = [{**line, "rate": 4000, "result": "332833500\n"}, {"answer": "332833500"}]
    agents = "agents: [{id: ada, tools: [{type: code_execution_20250522}]}]\n"
    ran = await run_team({"ada": {"draft": draft}}, HEAD + agents)
    called = next(
        n for n, e in enumerate(ran.events) if isinstance(e, ServerToolCalled)
    )
    typed = [e for e in ran.events[:called] if isinstance(e, ToolInputDelta)]
    assert len({piece.at for piece in typed}) > 3, "each when it came"
    assert code in "".join(piece.partial_json for piece in typed)


async def test_queries_are_seen_and_then_titles_with_addresses(run_file: Any) -> None:
    _, said = await run_file("web_search")
    for line in (
        "» searches the web for Eiffel Tower height",
        "» 2 results",
        "The Eiffel Tower — https://www.toureiffel.paris/en/the-monument",
        "» web_search failed: max_uses_exceeded",
    ):
        assert line in said


async def test_files_that_code_has_written_are_named_as_they_come(
    run_file: Any,
) -> None:
    ran, said = await run_file("files_out")
    assert "file file_chart" in said
    assert "file_chart was written, by ada" in said, "without a folder to put them"
    assert [each.id for each in ran.result.files] == ["file_chart", "file_data"]

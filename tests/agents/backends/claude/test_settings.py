"""What people may set, what it implies, and what is refused before any request."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.backends.claude.server_tools import server_tool
from agents.backends.claude.settings import ClaudeSettings, check
from agents.backends.dialects.messages.writer import AGENT_HEADER, parameters
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import AgentId, TurnNumber
from agents.protocol.turns import Draft, Turn

MODEL = "claude-opus-5-5"


def asked(content: object = "q", agent: str = "ada", **fields: Any) -> Request:
    turn = Turn(agent=AgentId(agent), number=TurnNumber(1), question="q", task=Draft())
    message = Message(role="user", content=msgspec.Raw(msgspec.json.encode(content)))
    return Request(turn=turn, messages=(message,), **fields)


def betas(request: Request | None = None, **settings: Any) -> list[str]:
    made = parameters(ClaudeSettings(model=MODEL, **settings), request or asked())
    return made.get("betas", [])


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("text_editor_20250728", "str_replace_based_edit_tool"),
        ("text_editor_20250124", "str_replace_editor"),
        ("bash_20250124", "bash"),
        ("tool_search_tool_regex_20251119", "tool_search_tool_regex"),
        ("memory_20250818", "memory"),
        ("browser_toolset_20260801", None),
        ("computer_toolset_20260801", None),
    ],
)
def test_a_version_brings_the_name_that_the_api_wants(
    tool: str, name: str | None
) -> None:
    assert server_tool(tool, MODEL).get("name") == name


def test_an_advisor_is_the_agents_own_model_unless_another_is_named() -> None:
    assert server_tool("advisor", MODEL)["model"] == MODEL
    named = {"type": "advisor", "model": "claude-fable-5-1"}
    assert server_tool(named, MODEL)["model"] == "claude-fable-5-1"


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        (
            "web_search_20260319",
            (
                "server tool 'web_search_20260319' is unknown; did you mean "
                "'web_search_20260318'? choose from web_search_20250305, "
                "web_search_20260209, web_search_20260318; or, if it is newer than "
                "this program, {type: web_search_20260319, name: web_search}"
            ),
        ),
        (
            {"type": "browser_toolset_20270101"},
            (
                "server tool 'browser_toolset_20270101' is unknown; did you mean "
                "'browser_toolset_20260801'? choose from browser_toolset_20260801; or, "
                "if it is newer than this program, {type: browser_toolset_20270101, "
                "name: null}"
            ),
        ),
        (
            {"type": "web_search", "max_uses": 0},
            (
                "web_search_20260318: max_uses: 0 will not do; give 1 or more, or "
                "leave the tool out"
            ),
        ),
        (
            {"type": "web_fetch", "max_uses": -1},
            (
                "web_fetch_20260318: max_uses: -1 will not do; give 1 or more, or "
                "leave the tool out"
            ),
        ),
        (
            {"type": "advisor", "max_uses": True},
            (
                "advisor_20260301: max_uses: True will not do; give 1 or more, or "
                "leave the tool out"
            ),
        ),
        (
            {
                "type": "web_search",
                "allowed_domains": ["a.org"],
                "blocked_domains": ["b.org"],
            },
            (
                "web_search_20260318: allowed_domains and blocked_domains exclude each "
                "other; keep one"
            ),
        ),
        (
            {"type": "web_search", "allowed_domains": "a.org"},
            "web_search_20260318: allowed_domains: 'a.org' is no list; write [a.org]",
        ),
        (
            {"type": "web_search", "user_location": {"country": "FR"}},
            ("web_search_20260318: user_location has no type; add 'type: approximate'"),
        ),
        (
            {"type": "web_search", "blocked_domains": ["https://b.org"]},
            (
                "web_search_20260318: blocked_domains: 'https://b.org' is an address; "
                "leave out what is before the domain"
            ),
        ),
    ],
)
def test_what_the_api_would_refuse_of_a_tool_is_refused_before_it_is_asked(
    tool: str | dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (the whole text is below)
        server_tool(tool, MODEL)
    assert str(caught.value) == said


def test_a_version_newer_than_this_program_is_taken_with_its_name() -> None:
    newer = {"type": "web_search_20270101", "name": "web_search", "max_uses": 2}
    assert server_tool(newer, MODEL) == newer
    nameless = {"type": "browser_toolset_20270101", "name": None}
    assert server_tool(nameless, MODEL) == {"type": "browser_toolset_20270101"}


def test_files_in_a_message_bring_their_beta() -> None:
    document = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
    assert betas(asked([document])) == ["files-api-2025-04-14"]
    assert betas() == []


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"container": {"skills": []}}, ["skills-2025-10-02"]),
        (
            {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
            ["context-management-2025-06-27"],
        ),
        (
            {"context_management": {"edits": [{"type": "compact_20260112"}]}},
            ["compact-2026-01-12"],
        ),
        ({"metadata": {"user_id": "u"}}, []),
    ],
)
def test_what_is_passed_on_brings_its_beta(
    extra: dict[str, Any], expected: list[str]
) -> None:
    assert betas(extra=extra) == expected


def test_another_version_of_the_mcp_connector_stands_alone() -> None:
    server = {"type": "url", "url": "https://example.com", "name": "wiki"}
    newest = "mcp-client-2026-09-15"
    assert betas(mcp_servers=(server,), betas=(newest,)) == [newest]
    first = ClaudeSettings(
        model=MODEL, mcp_servers=(server,), betas=("mcp-client-2025-04-04",)
    )
    assert "tools" not in parameters(first, asked())


def test_a_container_keeps_its_skills_when_it_is_used_again() -> None:
    settings = ClaudeSettings(model=MODEL, extra={"container": {"skills": ["pptx"]}})
    assert parameters(settings, asked())["container"] == {"skills": ["pptx"]}
    again = parameters(settings, asked(container="container_1"))
    assert again["container"] == {"skills": ["pptx"], "id": "container_1"}


def test_thinking_leaves_room_for_an_answer_where_a_budget_is_tight() -> None:
    settings = ClaudeSettings(model=MODEL, thinking=8_000)
    tight = parameters(settings, asked(max_tokens=2_000))
    assert tight["thinking"] == {"type": "enabled", "budget_tokens": 1_999}
    none = parameters(settings, asked(max_tokens=500))
    assert none["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"server_tools": ("web_serach",)}, "'web_serach' is unknown"),
        (
            {"server_tools": ("web_search", {"type": "web_search", "max_uses": 2})},
            "tool 'web_search' is given twice; keep one",
        ),
        ({"mcp_servers": ({"url": "https://a.example"},)}, "has no name"),
        (
            {"mcp_servers": ({"name": "a"}, {"name": "a"})},
            "MCP server 'a' is given twice; keep one",
        ),
        (
            {
                "mcp_servers": ({"name": "wiki"},),
                "server_tools": ({"type": "mcp_toolset", "mcp_server_name": "wikki"},),
            },
            "'wikki' is not among mcp_servers; there are wiki",
        ),
        ({"thinking": 100}, "at least 1024"),
        ({"thinking": 5_000, "max_tokens": 4_000}, "fewer than max_tokens, 4000"),
    ],
)
def test_what_can_never_be_asked_is_refused_at_once(
    settings: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        check(ClaudeSettings(model=MODEL, **settings))


@pytest.mark.parametrize(
    ("agent", "header"),
    [
        ("ada", "ada"),
        ("ada lovelace", "ada lovelace"),
        ("d\u00e9j\u00e0", "d%C3%A9j%C3%A0"),
        ("50%", "50%25"),
        ("a\nb", "a%0Ab"),
    ],
)
def test_any_name_of_an_agent_fits_its_header(agent: str, header: str) -> None:
    made = parameters(ClaudeSettings(model=MODEL), asked(agent=agent))
    assert made["extra_headers"] == {AGENT_HEADER: header}

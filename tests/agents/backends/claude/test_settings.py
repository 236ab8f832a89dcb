"""Settings of Claude: allowed values, implied ones, refusals before any request."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agents.backends.claude.server_tools import server_tool
from agents.backends.claude.settings import BINDING, ClaudeSettings, check
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
    return [beta for beta in made.get("betas", []) if beta != BINDING]


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
    assert tight["thinking"]["budget_tokens"] == 1_999
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
    made: dict[str, Any] = {"model": MODEL, **settings}
    with pytest.raises(ValueError, match=problem):
        check(ClaudeSettings(**made))


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


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"extra": {"max_tokens": 64_000}}, "extra: 'max_tokens' cannot stand there"),
        ({"extra": {"system": "Be brief."}}, "use 'system' of the agent"),
        ({"extra": {"tools": []}}, "use 'tools'"),
        ({"extra": {"stream": False}}, "every response is streamed"),
        ({"extra": {"thinking": {"type": "adaptive"}}}, "use 'thinking'"),
        ({"extra": {"timeout": 5}}, "idle_limit_s"),
        (
            {"effort": "high", "extra": {"output_config": {"effort": "low"}}},
            "output_config.effort is said twice",
        ),
        ({"speed": "fast", "extra": {"speed": "fast"}}, "speed is said twice"),
        ({"thinking": {"type": "enabled", "budget_tokens": 20_000}}, "fewer than"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2_000}}, "takes no budget"),
        ({"thinking": "disabled"}, "takes no 'disabled'"),
        ({"thinking": 2_000}, "takes no budget of tokens"),
        ({"extra": {"tool_choice": {"type": "any"}}}, "no forced tool_choice"),
        ({"max_tokens": 128_001}, "writes 128,000 tokens at most"),
        ({"model": "claude-haiku-4-5", "max_tokens": 64_001}, "64,000 tokens at most"),
    ],
)
def test_what_would_be_lost_or_refused_is_refused_as_it_is_read(
    settings: dict[str, Any], problem: str
) -> None:
    made: dict[str, Any] = {"model": MODEL, **settings}
    with pytest.raises(ValueError, match=problem):
        check(ClaudeSettings(**made))


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("claude-haiku-5-5", {"thinking": "disabled", "effort": "high"}),
        ("claude-haiku-5-5", {"thinking": 2_000}),
        ("claude-sonnet-5-5", {"thinking": "between_tools"}),
        (
            "claude-opus-4-5",
            {"thinking": 2_000, "extra": {"tool_choice": {"type": "any"}}},
        ),
        ("claude-opus-5-5", {"thinking": "adaptive", "effort": "max"}),
        ("somebody-elses", {"thinking": "disabled", "effort": "max"}),
    ],
)
def test_what_a_model_takes_is_taken(model: str, settings: dict[str, Any]) -> None:
    check(ClaudeSettings(model=model, **settings))


def test_effort_beyond_what_goes_without_thinking_is_refused() -> None:
    settings: dict[str, Any] = {"thinking": "disabled", "effort": "max"}
    with pytest.raises(ValueError, match="takes 'max' with thinking alone"):
        check(ClaudeSettings(model="claude-haiku-5-5", **settings))


def test_what_extra_says_is_sent_beside_what_we_say() -> None:
    settings = ClaudeSettings(
        model=MODEL,
        effort="high",
        betas=("mine-2026",),
        mcp_servers=({"type": "url", "url": "https://a.example", "name": "a"},),
        extra={
            "extra_headers": {"x-gateway-auth": "s3cret"},
            "output_config": {"task_budget": {"type": "tokens", "total": 9_000}},
            "betas": ["theirs-2026"],
            "mcp_servers": [{"type": "url", "url": "https://b.example", "name": "b"}],
            "metadata": {"user_id": "u1"},
            "inference_geo": "us",
        },
    )
    check(settings)
    made = parameters(settings, asked([]))
    assert made["extra_headers"] == {
        "x-gateway-auth": "s3cret",
        "x-coordinator-agent": "ada",
    }
    assert made["output_config"] == {
        "effort": "high",
        "task_budget": {"type": "tokens", "total": 9_000},
    }
    assert {"mine-2026", "theirs-2026", "task-budgets-2026-03-13"} <= set(made["betas"])
    assert [server["name"] for server in made["mcp_servers"]] == ["b", "a"]
    assert made["metadata"] == {"user_id": "u1"}
    assert made["inference_geo"] == "us"


@pytest.mark.parametrize(
    ("settings", "parameter", "value", "beta"),
    [
        ({"speed": "fast"}, "speed", "fast", "fast-mode-2026-02-01"),
        ({"service_tier": "standard_only"}, "service_tier", "standard_only", None),
        ({"inference_geo": "us"}, "inference_geo", "us", None),
        (
            {"task_budget": 50_000, "effort": "low"},
            "output_config",
            {"effort": "low", "task_budget": {"type": "tokens", "total": 50_000}},
            "task-budgets-2026-03-13",
        ),
        (
            {"skills": ("pptx",)},
            "container",
            {
                "skills": [
                    {"type": "anthropic", "skill_id": "pptx", "version": "latest"}
                ]
            },
            "skills-2025-10-02",
        ),
        (
            {"extra": {"diagnostics": {"previous_message_id": None}}},
            "diagnostics",
            {"previous_message_id": None},
            "cache-diagnosis-2026-04-07",
        ),
        (
            {"extra": {"fallbacks": [{"model": "claude-opus-5"}]}},
            "fallbacks",
            [{"model": "claude-opus-5"}],
            "server-side-fallback-2026-07-01",
        ),
    ],
)
def test_settings_of_today_are_sent_with_their_betas(
    settings: dict[str, Any], parameter: str, value: object, beta: str | None
) -> None:
    made = parameters(ClaudeSettings(model=MODEL, **settings), asked([]))
    assert made[parameter] == value
    assert beta is None or beta in made["betas"]


def test_skills_go_on_in_the_conversations_container() -> None:
    settings = ClaudeSettings(model=MODEL, skills=("pptx",))
    made = parameters(settings, replace(asked([]), container="c1"))
    assert made["container"]["id"] == "c1"
    assert len(made["container"]["skills"]) == 1


def test_a_budget_as_an_object_is_lowered_as_a_number_is() -> None:
    given = {"type": "enabled", "budget_tokens": 8_000, "display": "omitted"}
    settings = ClaudeSettings(model="claude-opus-4-5", thinking=given)
    made = parameters(settings, replace(asked([]), max_tokens=3_000))
    assert made["thinking"] == {**given, "budget_tokens": 2_999}
    none = parameters(settings, replace(asked([]), max_tokens=1_000))
    assert none["thinking"] == {"type": "disabled"}


BOUND = {
    "type": "adaptive",
    "display": "summarized",
    "block_binding": {"prefix_mismatch_behavior": "drop_block"},
}


@pytest.mark.parametrize(
    ("model", "thinking", "expected"),
    [
        ("claude-opus-5-5", None, BOUND),
        ("claude-fable-5-2", None, BOUND),
        ("claude-haiku-5-5", "adaptive", BOUND),
        ("claude-haiku-5-5", "disabled", {"type": "disabled"}),
        ("claude-sonnet-5-5", "between_tools", {"type": "between_tools"}),
        (
            "claude-opus-5-5",
            {"type": "adaptive", "display": "omitted"},
            {**BOUND, "display": "omitted"},
        ),
        ("claude-opus-5", None, None),
        ("claude-opus-4-5", "adaptive", {"type": "adaptive"}),
        ("anthropic.claude-opus-5-5-v1:0", None, None),
        ("claude-opus-5-5@20261015", None, None),
    ],
)
def test_models_that_bind_their_thinking_show_it_and_are_told_to_drop_it(
    model: str, thinking: Any, expected: object
) -> None:
    made = parameters(ClaudeSettings(model=model, thinking=thinking), asked([]))
    assert made.get("thinking") == expected
    is_bound = expected is not None and "block_binding" in made["thinking"]
    assert (BINDING in made.get("betas", [])) == is_bound

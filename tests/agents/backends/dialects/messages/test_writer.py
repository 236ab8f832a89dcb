"""From what an agent is asked to the parameters of one API call."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agents.backends.claude.server_tools import generation
from agents.backends.claude.settings import BINDING, ClaudeSettings
from agents.backends.dialects.messages.writer import parameters
from agents.emulator.content_validation import check_marks
from agents.protocol.backend import Message, Request, ToolSpec
from agents.protocol.chunks import AgentId, TurnNumber
from agents.protocol.turns import Draft, Turn

NEW, OLD = "claude-sonnet-5-5", "claude-sonnet-4-5-20250929"


def asked(*texts: str, **fields: Any) -> Request:
    turn = Turn(agent=AgentId("ada"), number=TurnNumber(1), question="q", task=Draft())
    blocks = [{"type": "text", "text": text} for text in texts]
    content = msgspec.Raw(msgspec.json.encode(blocks))
    message = Message(role="user", content=content)
    return Request(turn=turn, messages=(message,), **fields)


def spec(name: str, **fields: Any) -> ToolSpec:
    return ToolSpec(
        name=name, description="", input_schema=msgspec.Raw(b"{}"), **fields
    )


def made(settings: ClaudeSettings, request: Request | None = None) -> dict[str, Any]:
    return parameters(settings, request or asked("q"))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-opus-4-8", (4, 8)),
        ("claude-sonnet-4-20250514", (4, 0)),
        ("claude-sonnet-4-5-20250929", (4, 5)),
        ("claude-haiku-5-5", (5, 5)),
        ("claude-3-7-sonnet-20250219", (3, 7)),
        ("claude-3-opus-20240229", (3, 0)),
        ("anthropic.claude-sonnet-4-6-v1:0", (4, 6)),
        ("claude-latest", (99, 0)),
    ],
)
def test_a_models_generation_is_read_from_its_name(
    model: str, expected: tuple[int, int]
) -> None:
    assert generation(model) == expected


@pytest.mark.parametrize(
    ("tool", "model", "kind"),
    [
        ("web_search", NEW, "web_search_20260318"),
        ("web_search", OLD, "web_search_20250305"),
        ("web_fetch", OLD, "web_fetch_20250910"),
        ("code_execution", NEW, "code_execution_20260521"),
        ("code_execution", OLD, "code_execution_20250825"),
        ("code_execution_20250522", NEW, "code_execution_20250522"),
        ("tool_search", NEW, "tool_search_tool_bm25_20251119"),
        ({"type": "web_search", "max_uses": 3}, NEW, "web_search_20260318"),
    ],
)
def test_a_server_tool_named_plainly_is_the_newest_the_model_takes(
    tool: str | dict[str, Any], model: str, kind: str
) -> None:
    (tool_made,) = made(ClaudeSettings(model=model, server_tools=(tool,)))["tools"]
    assert tool_made["type"] == kind
    assert kind.startswith(tool_made["name"])


def test_an_unknown_server_tool_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'web_serach' is unknown.*web_search"):
        made(ClaudeSettings(model=NEW, server_tools=("web_serach",)))


def test_search_code_and_user_tools_share_one_request() -> None:
    spec = ToolSpec(name="f", description="d", input_schema=msgspec.Raw(b"{}"))
    settings = ClaudeSettings(
        model=NEW, server_tools=("web_search", "code_execution_20250522")
    )
    call = made(settings, asked("q", tools=(spec,)))
    assert [tool["name"] for tool in call["tools"]] == [
        "web_search",
        "code_execution",
        "f",
    ]
    assert call["betas"] == ["code-execution-2025-05-22", BINDING]


def test_mcp_servers_bring_a_toolset_and_their_beta() -> None:
    server = {"type": "url", "url": "https://example.com/sse", "name": "wiki"}
    call = made(ClaudeSettings(model=NEW, mcp_servers=(server,), cache=False))
    assert call["mcp_servers"] == [server]
    assert call["tools"] == [{"type": "mcp_toolset", "mcp_server_name": "wiki"}]
    assert call["betas"] == ["mcp-client-2025-11-20", BINDING]


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ("adaptive", {"type": "adaptive"}),
        ("between_tools", {"type": "between_tools"}),
        (2048, {"type": "enabled", "budget_tokens": 2048}),
        ({"type": "adaptive", "display": "summarized"},) * 2,
    ],
)
def test_thinking_has_every_mode(given: Any, parameter: dict[str, Any]) -> None:
    assert made(ClaudeSettings(model=OLD, thinking=given))["thinking"] == parameter


def test_older_models_get_the_header_for_thinking_between_tools() -> None:
    settings = ClaudeSettings(model=OLD, thinking=2048, server_tools=("web_search",))
    assert made(settings)["betas"] == ["interleaved-thinking-2025-05-14"]


def test_what_is_not_said_is_not_sent() -> None:
    assert set(made(ClaudeSettings(model=OLD))) == {
        "model",
        "max_tokens",
        "messages",
        "stream",
        "extra_headers",
    }


def test_a_tighter_budget_wins_over_the_settings_limit() -> None:
    settings = ClaudeSettings(model=NEW, max_tokens=1000)
    assert made(settings, asked("q", max_tokens=200))["max_tokens"] == 200
    assert made(settings, asked("q", max_tokens=5000))["max_tokens"] == 1000


def test_breakpoints_stand_after_what_viewers_share_and_nowhere_else() -> None:
    call = made(ClaudeSettings(model=NEW), asked("q", "answers", "own", system="s"))
    blocks = call["messages"][0]["content"]
    marked = [block["text"] for block in blocks if "cache_control" in block]
    assert marked == ["answers"]
    assert "cache_control" in call["system"][-1]


def test_a_breakpoint_stands_behind_the_last_tool_that_is_not_deferred() -> None:
    settings = ClaudeSettings(model=NEW, server_tools=("web_search",))
    tools = [spec("lookup"), spec("rare", defer_loading=True)]
    request = asked("q", system="s")
    call = made(settings, replace(request, tools=tuple(tools)))
    marked = [tool["name"] for tool in call["tools"] if "cache_control" in tool]
    assert marked == ["lookup"]


def test_what_a_person_has_marked_leaves_no_room_for_another_breakpoint() -> None:
    own = {"type": "web_search", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    request = asked("q", tools=(spec("lookup"),), system="s")
    call = made(ClaudeSettings(model=NEW, server_tools=(own,)), request)
    assert [tool for tool in call["tools"] if "cache_control" in tool] == [
        {**own, "name": "web_search", "type": "web_search_20260318"}
    ]


def test_two_agents_of_a_model_share_every_byte_up_to_the_breakpoint() -> None:
    settings = ClaudeSettings(model=NEW)
    one = made(settings, asked("q", "answers", "ada's own", system="s"))
    other = made(settings, asked("q", "answers", "bob's own", system="s"))
    assert one["system"] == other["system"]
    assert one["messages"][0]["content"][:2] == other["messages"][0]["content"][:2]


def test_caching_can_be_turned_off() -> None:
    call = made(ClaudeSettings(model=NEW, cache=False), asked("q", "a", system="s"))
    assert b"cache_control" not in msgspec.json.encode(call)


HOUR = {"type": "ephemeral", "ttl": "1h"}


@pytest.mark.parametrize(
    "more",
    [
        {"extra": {"cache_control": HOUR}},
        {"extra": {"cache_control": {"type": "ephemeral"}}},
        {"server_tools": ({"type": "web_search", "cache_control": HOUR},)},
        {
            "server_tools": tuple(
                {"type": kind, "cache_control": {"type": "ephemeral"}}
                for kind in ("web_search", "web_fetch")
            )
        },
        {
            "server_tools": tuple(
                {"type": kind, "cache_control": HOUR}
                for kind in ("web_search", "web_fetch", "code_execution")
            )
        },
        {},
    ],
)
def test_marks_of_ones_own_and_ours_are_what_the_api_takes(more: Any) -> None:
    request = asked("q", tools=(spec("lookup"),), system="s")
    said = (
        *request.messages,
        Message(role="assistant", content=msgspec.Raw(b'"Hm."')),
        Message(role="user", content=msgspec.Raw(b'"Go on."')),
    )
    request = msgspec.structs.replace(request, messages=said)
    call = made(ClaudeSettings(model=NEW, **more), request)
    body = {name: value for name, value in call.items() if name != "extra_headers"}
    check_marks(body)
    own = [tool for tool in more.get("server_tools", ()) if "cache_control" in tool]
    sent = [t.get("cache_control") for t in call["tools"] if t["name"] != "lookup"]
    assert sent == [tool["cache_control"] for tool in own]


def test_thinking_that_is_switched_off_amid_a_tool_loop_takes_its_thoughts_along() -> (
    None
):
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    call: Any = {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
    request = replace(
        asked("q"),
        messages=(
            *asked("q").messages,
            Message(role="assistant", content=raw([thought, call])),
            Message(role="user", content=raw([result])),
        ),
        max_tokens=900,
    )
    call_made = made(ClaudeSettings(model="claude-opus-4-5", thinking=2_000), request)
    assert call_made["thinking"] == {"type": "disabled"}
    kinds = [[b["type"] for b in m["content"]] for m in call_made["messages"]]
    assert kinds[1:] == [["tool_use"], ["tool_result"]]


def raw(blocks: list[Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(blocks))


def marked(call: dict[str, Any]) -> list[tuple[int, int]]:
    """Where marks stand in the messages."""
    return [
        (number, place)
        for number, message in enumerate(call["messages"])
        for place, block in enumerate(message["content"])
        if "cache_control" in block
    ]


def loop(results: int, steps: int) -> Request:
    """A conversation of tool steps, each of so many calls."""
    request = asked("q", "answers", "own", system="s", tools=(spec("lookup"),))
    messages = [*request.messages]
    for step in range(steps):
        ids = [f"toolu_{step}_{number}" for number in range(results)]
        calls: list[dict[str, Any]] = [
            {"type": "tool_use", "id": each, "name": "lookup", "input": {}}
            for each in ids
        ]
        told = [
            {"type": "tool_result", "tool_use_id": each, "content": "x"} for each in ids
        ]
        messages += [
            Message(role="assistant", content=msgspec.Raw(msgspec.json.encode(calls))),
            Message(role="user", content=msgspec.Raw(msgspec.json.encode(told))),
        ]
    return replace(request, messages=tuple(messages))


def test_the_mark_of_the_request_before_stays_where_much_has_come_since() -> None:
    call = made(ClaudeSettings(model=NEW), loop(results=12, steps=3))
    assert marked(call) == [(0, 1), (4, 11), (6, 11)]
    marks = msgspec.json.encode(call).count(b"cache_control")
    assert marks == 4, "the system's; what is behind the tools is read with it"


def test_few_blocks_need_no_second_mark_behind_the_conversation() -> None:
    call = made(ClaudeSettings(model=NEW), loop(results=9, steps=3))
    assert marked(call) == [(0, 1), (6, 8)]
    assert "cache_control" in call["tools"][-1]


def test_what_is_cached_can_live_for_an_hour() -> None:
    call = made(ClaudeSettings(model=NEW, cache="1h"), loop(results=12, steps=2))
    marks = [
        block["cache_control"]
        for blocks in (
            call["tools"],
            call["system"],
            *(m["content"] for m in call["messages"]),
        )
        for block in blocks
        if "cache_control" in block
    ]
    assert marks == [{"type": "ephemeral", "ttl": "1h"}] * 4


def test_an_hour_of_ours_is_not_put_behind_five_minutes_of_theirs() -> None:
    own = {"type": "web_search", "cache_control": {"type": "ephemeral"}}
    settings = ClaudeSettings(model=NEW, server_tools=(own,), cache="1h")
    call = made(settings, loop(results=12, steps=3))
    check_marks(
        {name: value for name, value in call.items() if name != "extra_headers"}
    )
    assert b"1h" not in msgspec.json.encode(call)


@pytest.mark.parametrize("count", range(5))
def test_there_are_never_more_than_four_marks(count: int) -> None:
    own = [
        {"type": kind, "cache_control": {"type": "ephemeral"}}
        for kind in ("web_search", "web_fetch", "code_execution", "memory_20250818")
    ][:count]
    settings = ClaudeSettings(model=NEW, server_tools=tuple(own))
    call = made(settings, loop(results=12, steps=3))
    assert msgspec.json.encode(call).count(b"cache_control") == 4

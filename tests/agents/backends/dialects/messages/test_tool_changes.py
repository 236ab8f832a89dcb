"""Tools that came and went: `tools` stay, and a message of the system's says it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.backends.claude.errors import refuses_beta
from agents.backends.claude.settings import (
    INLINE_TOOLS,
    TOOL_CHANGES,
    UNASKED,
    ClaudeSettings,
)
from agents.backends.dialects.messages.writer import parameters
from agents.conversation.tool_offers import Offer, change_of, read, recorded
from agents.emulator.history_validation import Issued, check_history
from agents.emulator.shape_validation import Invalid
from agents.errors import BackendRefused
from agents.protocol.backend import KnownTool, Message, Request, ToolSpec
from agents.protocol.chunks import AgentId, TurnNumber
from agents.protocol.turns import Draft, Turn

BINDS, DOES_NOT = "claude-fable-5-2", "claude-opus-4-6"


def tool(name: str, description: str = "") -> ToolSpec:
    schema = msgspec.Raw(b'{"type": "object"}')
    return ToolSpec(name=name, description=description, input_schema=schema)


A, B, C = tool("a"), tool("b"), tool("c")
SHELL = KnownTool(type="bash_20250124", name="bash")


def user(text: str, *tools: ToolSpec | KnownTool) -> Message:
    content = msgspec.json.encode([{"type": "text", "text": text}])
    return Message(role="user", content=msgspec.Raw(content), tools=tools)


def said(text: str) -> Message:
    content = msgspec.json.encode([{"type": "text", "text": text}])
    return Message(role="assistant", content=msgspec.Raw(content))


def sent(
    *messages: Message, now: Offer, model: str = BINDS, is_bare: bool = False
) -> dict[str, Any]:
    turn = Turn(
        agent=AgentId("ada"),
        number=TurnNumber(1),
        question="?",
        task=Draft(),
    )
    request = Request(turn=turn, messages=messages, tools=now)
    return parameters(ClaudeSettings(model=model), request, is_bare=is_bare)


def names(made: dict[str, Any]) -> list[str]:
    return [each["name"] for each in made.get("tools", ())]


def test_a_conversation_whose_tools_stay_is_sent_without_a_word_of_it() -> None:
    made = sent(user("1", A, B), said("2"), user("3"), now=(A, B))
    plain = sent(user("1"), said("2"), user("3"), now=(A, B))
    assert made == plain


def test_what_comes_and_goes_is_told_behind_the_message_from_which_it_holds() -> None:
    changed = (user("1", A, B), said("2"), user("3", A, C), said("4"), user("5"))
    made = sent(*changed, now=(A, C))
    assert names(made) == ["a", "b"]
    roles = [message["role"] for message in made["messages"]]
    assert roles == ["user", "assistant", "user", "system", "assistant", "user"]
    assert made["messages"][3]["content"] == [
        {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "b"}},
        {
            "type": "tool_addition",
            "tool": {
                "type": "tool_definition",
                "definition": {
                    "name": "c",
                    "description": "",
                    "input_schema": {"type": "object"},
                },
            },
        },
    ]
    assert {TOOL_CHANGES, INLINE_TOOLS} <= {*made["betas"]}
    check_history(made, Issued(), frozenset(made["betas"]))


def test_what_only_goes_or_comes_back_defines_nothing_and_asks_for_one_beta() -> None:
    changed = (user("1", A, B), said("2"), user("3", A), said("4"), user("5", A, B))
    made = sent(*changed, now=(A, B))
    (back,) = made["messages"][-1]["content"]
    assert back["tool"] == {"type": "tool_reference", "name": "b"}
    assert TOOL_CHANGES in made["betas"]
    assert INLINE_TOOLS not in made["betas"]
    check_history(made, Issued(), frozenset(made["betas"]))


def test_a_tool_that_is_described_anew_is_the_tool_the_model_knows() -> None:
    other = tool("a", "In other words.")
    assert change_of((A, B), (B, other)) == ((), ())
    made = sent(user("1", A, B), said("2"), user("3"), now=(other, B))
    assert made["tools"][0]["description"] == ""


@pytest.mark.parametrize(
    ("model", "is_bare"), [(DOES_NOT, False), (BINDS, True)], ids=["unbound", "bare"]
)
def test_where_it_cannot_be_told_the_model_is_given_the_tools_there_are(
    model: str, *, is_bare: bool
) -> None:
    changed = (user("1", A, B), said("2"), user("3", A, C))
    made = sent(*changed, now=(A, C), model=model, is_bare=is_bare)
    assert names(made) == ["a", "c"]
    assert [message["role"] for message in made["messages"]] == [
        "user",
        "assistant",
        "user",
    ]
    assert TOOL_CHANGES not in made.get("betas", ())


@pytest.mark.parametrize(
    "words",
    [
        "messages.3.content.0.tool_addition: Extra inputs are not permitted",
        'messages: Unexpected role "system". The Messages API accepts a top-level',
        "messages.3.role: Input should be 'user' or 'assistant'",
        f"Unexpected value(s) `{TOOL_CHANGES}` for the `anthropic-beta` header",
    ],
)
def test_a_server_that_does_not_know_it_is_asked_again_without(words: str) -> None:
    assert refuses_beta(BackendRefused(f"400 {words}"), UNASKED)


def test_an_offer_is_read_as_it_was_recorded() -> None:
    spread = msgspec.Raw(b'{\n "type": "object"\n}')
    offer = (A, SHELL, msgspec.structs.replace(B, input_schema=spread))
    kept = recorded(offer)
    assert not any(b"\n" in bytes(each) for each in kept)
    assert [each.name for each in read(kept)] == ["a", "bash", "b"]
    assert change_of(offer, read(kept)) == ((), ())
    assert read(kept)[:2] == offer[:2]


@pytest.mark.parametrize(
    ("block", "betas", "why"),
    [
        ({"type": "tool_removal", "tool": {}}, {INLINE_TOOLS}, "Extra inputs"),
        ({"type": "tool_removal"}, {TOOL_CHANGES}, "Field required"),
        (
            {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "z"}},
            {TOOL_CHANGES},
            "`z` is neither in `tools`",
        ),
        (
            {
                "type": "tool_addition",
                "tool": {"type": "tool_definition", "definition": {"name": "z"}},
            },
            {TOOL_CHANGES},
            "not permitted here",
        ),
        ({"type": "tool_addition", "tool": {"type": "x"}}, {TOOL_CHANGES}, "reference"),
    ],
)
def test_the_emulator_refuses_what_names_nothing_or_lacks_its_beta(
    block: dict[str, Any], betas: set[str], why: str
) -> None:
    body = {
        "model": BINDS,
        "tools": [{"name": "a"}],
        "messages": [
            {"role": "user", "content": "1"},
            {"role": "system", "content": [block]},
        ],
    }
    with pytest.raises(Invalid, match=why):
        check_history(body, Issued(), frozenset(betas))

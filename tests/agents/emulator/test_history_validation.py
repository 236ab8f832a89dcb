"""Histories that the emulator refuses, as the Messages API would."""

from __future__ import annotations

from typing import Any

import pytest

from agents.backends.scripted.api_objects import sign
from agents.emulator.history_validation import Issued
from agents.emulator.refusal import Invalid
from agents.emulator.request_validation import check

MODEL = "claude-haiku-5-5"
ASK: dict[str, Any] = {"role": "user", "content": "Which city?"}
CALL: dict[str, Any] = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}],
}
RESULT: dict[str, Any] = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}],
}
SEARCH: dict[str, Any] = {
    "type": "server_tool_use",
    "id": "s1",
    "name": "web_search",
    "input": {},
}
LOOK: dict[str, Any] = {"name": "look", "input_schema": {"type": "object"}}


def body(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 9, "messages": list(messages), **more}


def refusal(
    asked: dict[str, Any], *betas: str, issued: Issued | None = None
) -> str | None:
    try:
        check(asked, frozenset(betas), issued or Issued())
    except Invalid as invalid:
        return str(invalid)
    return None


def says(role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


VALID: list[dict[str, Any]] = [
    body(ASK),
    body(ASK, ASK),
    body(ASK, CALL, RESULT),
    body(
        ASK,
        CALL,
        says("user", *RESULT["content"], {"type": "text", "text": "And now?"}),
    ),
    body(
        ASK,
        says(
            "assistant",
            {
                "type": "thinking",
                "thinking": "Hm.",
                "signature": sign(MODEL, "Hm."),
            },
            *CALL["content"],
        ),
        RESULT,
    ),
    # A response that paused goes back as it is, its last call still open.
    body(
        ASK,
        says(
            "assistant",
            SEARCH,
        ),
    ),
]


@pytest.mark.parametrize("asked", VALID)
def test_a_history_that_a_model_took_part_in_is_accepted(asked: dict[str, Any]) -> None:
    assert refusal(asked) is None


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"model": MODEL, "messages": [ASK]}, "max_tokens: Field required"),
    ({"max_tokens": 9, "messages": [ASK]}, "model: Field required"),
    (body(ASK, max_tokens=0), "max_tokens: Input should be greater"),
    (body(ASK, temperature=1.0), "`temperature` is not supported"),
    (body(ASK, seed=1), "seed: Extra inputs are not permitted"),
    (body(), "at least one message is required"),
    (body({"role": "system", "content": "x"}), 'Unexpected role "system"'),
    (body({"role": "tool", "content": "x"}), "messages.0.role: Input should be"),
    (body({"role": "user"}), "messages.0.content: Field required"),
    (body({"role": "user", "content": ""}), "must have non-empty content"),
    (body(says("user", {"type": "text", "text": ""})), "blocks must be non-empty"),
    (body(CALL, RESULT), 'first message must use the "user" role'),
    (body(ASK, CALL), "without `tool_result` blocks immediately after: toolu_1"),
    (body(ASK, CALL, ASK), "without `tool_result` blocks"),
    (
        body(
            ASK,
            CALL,
            says("user", {"type": "text", "text": "first"}, *RESULT["content"]),
        ),
        "without `tool_result` blocks",
    ),
    (body(ASK, RESULT), "unexpected `tool_use_id`"),
    (
        body(ASK, CALL, says("user", *RESULT["content"], *RESULT["content"])),
        "each tool_use must have a single result",
    ),
    (body(ASK, CALL, RESULT, CALL, RESULT), "ids must be unique"),
    (
        body(ASK, says("assistant", {**CALL["content"][0], "input": "x"}), RESULT),
        "tool_use.input: Input should be an object",
    ),
    (
        body(
            ASK,
            says(
                "assistant",
                {"type": "thinking", "thinking": "Other.", "signature": "Eo"},
                *CALL["content"],
            ),
            RESULT,
        ),
        "messages.1.content.0: Invalid `signature`",
    ),
    (
        body(
            ASK,
            says(
                "assistant",
                SEARCH,
                {"type": "text", "text": "x"},
            ),
            ASK,
        ),
        "without a corresponding `web_search_tool_result`",
    ),
    (
        body(ASK, {"role": "assistant", "content": "The answer is"}),
        "does not support assistant message prefill",
    ),
    (body(ASK, tools=[LOOK, LOOK]), "Tool names must be unique"),
    (body(ASK, tools=[{"name": "look"}]), "input_schema: Field required"),
    (
        body(ASK, tools=[{"name": "look", "input_schema": {"type": "array"}}]),
        "Input should be 'object'",
    ),
    (
        body(ASK, tools=[{"name": "a b", "input_schema": {"type": "object"}}]),
        "should match pattern",
    ),
    (body(ASK, tools=[{"type": "web_surf_1", "name": "x"}]), "Input tag 'web_surf_1'"),
    (
        body(ASK, tools=[{"type": "code_execution_20250522", "name": "x"}]),
        "needs the beta `code-execution-2025-05-22`",
    ),
    (
        body(ASK, tools=[LOOK], tool_choice={"type": "tool", "name": "see"}),
        "Tool 'see' not found",
    ),
    (
        {
            **body(ASK, tools=[LOOK], tool_choice={"type": "any"}),
            "model": "claude-opus-5-5",
        },
        "`any` is not supported for this model",
    ),
    (
        body(ASK, thinking={"type": "enabled", "budget_tokens": 1}),
        "greater than or equal to 1024",
    ),
    (
        body(ASK, thinking={"type": "enabled", "budget_tokens": 1024}),
        "`max_tokens` must be greater than",
    ),
    (
        {
            **body(ASK, thinking={"type": "enabled", "budget_tokens": 1024}),
            "model": "claude-opus-5-5",
        },
        '"thinking.type.enabled" is not supported',
    ),
    (
        body(
            says(
                "user",
                *[{"type": "text", "text": "x", "cache_control": None}] * 5,
            )
        ),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    (body(ASK, mcp_servers=[{"name": "m"}]), "mcp_servers: Extra inputs"),
]


@pytest.mark.parametrize(("asked", "words"), FAULTS)
def test_a_fault_is_refused_in_the_apis_words(
    asked: dict[str, Any], words: str
) -> None:
    assert words in (refusal(asked) or "accepted")


def test_a_beta_opens_what_needs_it() -> None:
    tools = [{"type": "code_execution_20250522", "name": "code_execution"}]
    assert refusal(body(ASK, tools=tools), "code-execution-2025-05-22") is None
    servers = [{"name": "m", "type": "url", "url": "http://m"}]
    toolset = [{"type": "mcp_toolset", "mcp_server_name": "m"}]
    beta = "mcp-client-2025-11-20"
    assert refusal(body(ASK, mcp_servers=servers, tools=toolset), beta) is None
    assert "not referenced by any" in (
        refusal(body(ASK, mcp_servers=servers), beta) or ""
    )


def test_thoughts_that_went_with_a_call_must_come_back_with_it() -> None:
    issued = Issued()
    sealed = {"type": "redacted_thinking", "data": "x"}
    issued.remember([sealed, *CALL["content"]])
    whole = body(ASK, says("assistant", sealed, *CALL["content"]), RESULT)
    dropped = body(ASK, CALL, RESULT)
    assert refusal(whole, issued=issued) is None
    assert "cannot be modified" in (refusal(dropped, issued=issued) or "accepted")

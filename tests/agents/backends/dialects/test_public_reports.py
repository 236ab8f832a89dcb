"""Streams and conversations that other clients were reported to fail at.

Each names the public issue or change that it was read in (2026-12-01).
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

import msgspec
import pytest

from agents.backends.compatible.servers import SERVERS
from agents.backends.compatible.settings import CompatibleSettings, as_chat
from agents.backends.dialects.chat.settings import ChatSettings
from agents.backends.dialects.chat.writer import body as chat_body
from agents.backends.dialects.decoder import Dialect, summary
from agents.backends.dialects.gemini.settings import GeminiSettings
from agents.backends.dialects.gemini.writer import body as gemini_body
from agents.backends.dialects.messages.plain_body import plain_body
from agents.backends.dialects.responses.settings import ResponsesSettings
from agents.backends.dialects.responses.writer import body as responses_body
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import AgentId, TurnNumber
from agents.protocol.turns import Draft, Turn

Json: TypeAlias = dict[str, Any]
US = "us/model"
TURN = Turn(
    agent=AgentId("ada"),
    number=TurnNumber(1),
    question="What is it?",
    task=Draft(),
    nonce="n0nce",
)


def _sse(*events: Json) -> bytes:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


def _response(*events: Json, **end: Any) -> Json:
    created = {"type": "response.created", "response": {"id": "r", "model": "m"}}
    done = {"type": "response.completed", "response": {"status": "completed", **end}}
    return summary(_sse(created, *events, done), "responses")


def _added(kind: str, index: int | None = 0, **more: str) -> Json:
    told: Json = {"type": "response.output_item.added", "item": {"type": kind, **more}}
    return told if index is None else {**told, "output_index": index}


def _delta(kind: str, text: str, **more: Any) -> Json:
    return {"type": f"response.{kind}.delta", "delta": text, **more}


CALL: Json = {"call_id": "c1", "name": "vote"}
ARGUMENTS = '{"label": "a"}'


def _calls(told: Json) -> list[tuple[str, Any]]:
    return [(call["name"], call["input"]) for call in told["tool_calls"]]


# earendil-works/pi#9897, sgl-project/sglang#12652: no `output_item.done`
def test_items_that_nobody_says_are_done_are_taken_from_the_end() -> None:
    item = {"type": "function_call", **CALL, "arguments": ARGUMENTS}
    told = _response(
        _added("function_call", **CALL),
        _delta("function_call_arguments", ARGUMENTS[:5], output_index=0),
        output=[item],
    )
    assert _calls(told) == [("vote", {"label": "a"})]
    assert told["items"] == [item]


def test_or_from_what_was_streamed_where_the_end_has_none_of_them() -> None:
    other = {"type": "message", "content": [{"type": "output_text", "text": ""}]}
    told = _response(
        _added("message", 0),
        _delta("output_text", "It is ", output_index=0),
        _delta("output_text", "a.", output_index=0),
        _added("function_call", 1, **CALL),
        _delta("function_call_arguments", ARGUMENTS, output_index=1),
        output=[other],
    )
    assert told["content"] == "It is a."
    assert _calls(told) == [("vote", {"label": "a"})]
    message, call = told["items"]
    assert message["content"] == [
        {"type": "output_text", "text": "It is a.", "annotations": []}
    ]
    assert (call["call_id"], call["arguments"]) == ("c1", ARGUMENTS)


# Oaklight/llm-rosetta#56, BerriAI/litellm#21331: every item is number 0, or has none
@pytest.mark.parametrize("index", [0, None])
def test_items_of_one_number_are_told_apart(index: int | None) -> None:
    place: Json = {} if index is None else {"output_index": index}
    done = {"type": "response.output_item.done", **place}
    items: list[Json] = [
        {"type": "message", "content": [{"type": "output_text", "text": "It is a."}]},
        {"type": "function_call", **CALL, "arguments": ARGUMENTS},
        {"type": "function_call", **CALL, "call_id": "c2", "arguments": "{}"},
    ]
    told = _response(
        _added("message", index),
        _delta("output_text", "It is a.", **place),
        {**done, "item": items[0]},
        _added("function_call", index, **CALL),
        _delta("function_call_arguments", ARGUMENTS, **place),
        {**done, "item": items[1]},
        _added("function_call", index, **{**CALL, "call_id": "c2"}),
        {**done, "item": items[2]},
    )
    assert told["content"] == "It is a."
    assert [call["id"] for call in told["tool_calls"]] == ["c1", "c2"]
    assert told["items"] == items


# vercel/ai#20405: a call that the limit cut is done, and in progress
def test_a_call_that_the_limit_cut_is_a_cut_response() -> None:
    item = {
        "type": "function_call",
        **CALL,
        "arguments": '{"la',
        "status": "in_progress",
    }
    told = summary(
        _sse(
            {"type": "response.created", "response": {"id": "r", "model": "m"}},
            _added("function_call", **CALL),
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {
                "type": "response.incomplete",
                "response": {
                    "status": "incomplete",
                    "incomplete_details": {"reason": "max_output_tokens"},
                },
            },
        ),
        "responses",
    )
    assert told["why"] == "cut"
    assert [call["is_valid"] for call in told["tool_calls"]] == [False]


# langchain-ai/langchain#37625
def test_a_summary_that_only_the_done_item_has_is_shown() -> None:
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    assert _response(_added("reasoning"), done)["reasoning"] == "hm"


def _chat(*deltas: Json, reason: str | None = "stop", **more: Any) -> Json:
    chunks: list[Json] = [{"choices": [{"index": 0, "delta": d}]} for d in deltas]
    end: Json = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    return summary(_sse(*chunks, end | more), "chat")


def _part(index: int | None, **more: Any) -> Json:
    return {"tool_calls": [more if index is None else {"index": index, **more}]}


# lmstudio-bug-tracker#649, litellm#40040: a name that is empty in later pieces
def test_a_name_that_is_empty_later_is_no_other_name() -> None:
    told = _chat(
        _part(0, id="c1", function={"name": "vote", "arguments": ""}),
        _part(0, id=None, function={"name": "", "arguments": ARGUMENTS[:4]}),
        _part(0, id="", function={"name": None, "arguments": ARGUMENTS[4:]}),
    )
    assert _calls(told) == [("vote", {"label": "a"})]


# continuedev/continue#13235, langbot-app/LangBot#2262: an index and no id
def test_calls_without_ids_are_calls() -> None:
    told = _chat(
        _part(0, function={"name": "vote", "arguments": ARGUMENTS}),
        _part(1, function={"name": "note", "arguments": "{}"}),
    )
    assert [name for name, _ in _calls(told)] == ["vote", "note"]
    assert len({call["id"] for call in told["tool_calls"]}) == 2


# lmstudio-bug-tracker#759, BerriAI/litellm#21331: parallel calls, each of index 0
def test_parallel_calls_of_one_index_are_told_apart_by_their_ids() -> None:
    told = _chat(
        _part(0, id="c1", function={"name": "vote", "arguments": ARGUMENTS}),
        _part(0, id="c2", function={"name": "vote", "arguments": '{"label": "b"}'}),
    )
    assert _calls(told) == [("vote", {"label": "a"}), ("vote", {"label": "b"})]


# open-webui#16377, ollama#4357: a reason amid the stream, or an empty one in each chunk
def test_a_reason_amid_the_stream_does_not_end_it() -> None:
    chunks: list[Json] = [
        {"choices": [{"delta": {"reasoning_content": "hm"}, "finish_reason": "stop"}]},
        {"choices": [{"delta": {"content": "yes"}, "finish_reason": ""}]},
        {"choices": [{"delta": {"content": "!"}, "finish_reason": "stop"}]},
    ]
    told = summary(_sse(*chunks), "chat")
    assert (told["reasoning"], told["content"]) == ("hm", "yes!")


# 1CatAI/1Cat-vLLM#240: the name in each piece, as some clients need it
def test_a_name_that_is_repeated_is_one_name() -> None:
    told = _chat(
        _part(0, id="c1", function={"name": "vote", "arguments": ARGUMENTS[:4]}),
        _part(0, function={"name": "vote", "arguments": ARGUMENTS[4:8]}),
        _part(0, function={"name": "vote", "arguments": ARGUMENTS[8:]}),
    )
    assert _calls(told) == [("vote", {"label": "a"})]


# run-llama/llama_index#22464: the same call twice, neither with an id nor an index
def test_two_equal_calls_are_two() -> None:
    told = _chat(
        _part(None, function={"name": "roll", "arguments": "{}"}),
        _part(None, function={"name": "roll", "arguments": "{}"}),
    )
    assert [name for name, _ in _calls(told)] == ["roll", "roll"]


# router-for-me/CLIProxyAPI#5640: STOP on each part without content, also the first
def test_a_stop_before_the_text_does_not_end_it() -> None:
    def part(*texts: str, **end: str) -> Json:
        content = {"role": "model", "parts": [{"text": text} for text in texts]}
        return {"candidates": [{"content": content, **end}], "modelVersion": "m"}

    stop = part(finishReason="STOP")
    told = summary(_sse(stop, stop, part("Hel"), part("lo"), stop), "gemini")
    assert (told["content"], told["why"]) == ("Hello", "finished")


# pydantic/pydantic-ai#7185: sealed pieces keep the id that they were sealed with
def test_pieces_of_reasoning_with_other_ids_are_not_joined() -> None:
    def detail(**more: Any) -> Json:
        return {"reasoning_details": [more]}

    told = _chat(
        detail(type="reasoning.summary", summary="a", index=0, id="rs_1"),
        detail(type="reasoning.summary", summary="b", index=0, id="rs_1"),
        detail(type="reasoning.encrypted", data="x", index=0, id="rs_1"),
        detail(type="reasoning.summary", summary="c", index=0, id="rs_2"),
        detail(type="reasoning.encrypted", data="y", index=0, id="rs_2"),
        {"content": "yes"},
    )
    details = told["items"][0]["reasoning_details"]
    assert [(each["id"], each.get("summary")) for each in details] == [
        ("rs_1", "ab"),
        ("rs_1", None),
        ("rs_2", "c"),
        ("rs_2", None),
    ]


def test_a_response_of_thinking_alone_goes_back_with_text_that_is_no_null() -> None:
    item = _chat({"reasoning": "hm"})["items"][0]
    assert item["content"] == ""


def _asked(dialect: Dialect | str, *messages: tuple[str, Any]) -> list[Json]:
    request = Request(
        turn=TURN,
        messages=tuple(
            Message(role=role, content=msgspec.Raw(msgspec.json.encode(content)))  # pyright: ignore[reportArgumentType]
            for role, content in messages
        ),
    )
    match dialect:
        case "responses":
            return responses_body(ResponsesSettings(model="m"), request, US)["input"]
        case "gemini":
            return gemini_body(GeminiSettings(model="m"), request, US)["contents"]
        case "messages":
            made = plain_body(request, "m", max_tokens=None, extra={})
            return made["messages"]
        case "chat":
            return chat_body(ChatSettings(model="m"), request, US)["messages"]
        case server:
            chat = as_chat(CompatibleSettings(model="m"), SERVERS[server])
            return chat_body(chat, request, US)["messages"]


def _foreign(call_id: str) -> tuple[tuple[str, Any], ...]:
    """A call of another model's and its result, and something that was said since."""
    call: Json = {"type": "tool_use", "id": call_id, "name": "vote", "input": {}}
    result: Json = {"type": "tool_result", "tool_use_id": call_id, "content": "done"}
    more: Json = {"type": "text", "text": "go on"}
    return ("user", "What?"), ("assistant", [call]), ("user", [result, more])


ODD = ["functions.vote:0", "call_" + "x" * 90, "a b", "é"]


# moonshotai's ids at Claude; "string too long" at OpenAI: 64 in Responses, 40 in Chat
@pytest.mark.parametrize("call_id", ODD)
@pytest.mark.parametrize("dialect", ["responses", "chat", "messages"])
def test_another_makers_id_fits_everywhere_and_still_pairs(
    dialect: str, call_id: str
) -> None:
    said = json.dumps(_asked(dialect, *_foreign(call_id)), ensure_ascii=False)
    assert call_id not in said
    names = ("call_id", "id", "tool_call_id", "tool_use_id")
    ids = [value for name in names for value in _values(said, name)]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert len(ids[0]) <= (40 if dialect == "chat" else 64)
    assert ids[0].replace("_", "").isascii()
    assert ids[0].replace("_", "").isalnum()


def _values(text: str, name: str) -> list[str]:
    found: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
                if key == name and isinstance(inner, str):
                    found.append(inner)
                look(inner)
        elif isinstance(value, list):
            for inner in value:  # pyright: ignore[reportUnknownVariableType]
                look(inner)

    look(json.loads(text))
    return found


# opencode#1680, langchain#24668, eca#233, ironclaw#1241, mistral-vibe#1075
def test_mistral_is_given_ids_of_nine_letters() -> None:
    _, call, result, *_ = _asked("mistral", *_foreign("toolu_01abc"))
    own = call["tool_calls"][0]["id"]
    assert result["tool_call_id"] == own
    assert len(own) == 9
    assert own.isalnum()
    kept = _asked("mistral", *_foreign("abc123XYZ"))
    assert kept[1]["tool_calls"][0]["id"] == "abc123XYZ"


# pydantic-ai: "Unexpected role 'user' after role 'tool'"
def test_at_mistral_nobody_speaks_right_behind_a_tool_but_the_model() -> None:
    roles = [m["role"] for m in _asked("mistral", *_foreign("abc123XYZ"))]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]
    plain = [m["role"] for m in _asked("groq", *_foreign("abc123XYZ"))]
    assert plain == ["user", "assistant", "tool", "user"]


# continuedev/continue#10193, langchain#34166, decolua/9router#355
def test_deepseek_is_given_what_was_thought_of_every_call() -> None:
    _, call, *_ = _asked("deepseek", *_foreign("c1"))
    assert call["reasoning_content"] == ""
    assert "reasoning_content" not in _asked("groq", *_foreign("c1"))[1]


@pytest.mark.parametrize("dialect", ["responses", "chat", "gemini"])
def test_a_message_of_which_nothing_can_be_said_elsewhere_is_left_out(
    dialect: str,
) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    said = _asked(
        dialect, ("user", "What?"), ("assistant", [thought]), ("user", "Go on.")
    )
    assert [each["role"] for each in said] == ["user", "user"]


# adk-java#511, AIClient2API#157, smallnest/pigo#65
def test_gemini_parts_have_text_and_signature_in_one() -> None:
    parts: list[Json] = [
        {"text": "hm", "thought": True},
        {"text": "yes", "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "vote", "args": {"label": "a"}}},
    ]
    chunks: list[Json] = [
        *({"candidates": [{"content": {"parts": [part]}}]} for part in parts),
        {"candidates": [{"content": {}, "finishReason": "STOP"}]},
        {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {}},
    ]
    told = summary(_sse(*chunks), "gemini")
    assert (told["reasoning"], told["content"]) == ("hm", "yes")
    assert _calls(told) == [("vote", {"label": "a"})]
    assert told["why"] == "calls"
    assert told["items"] == parts


# js-genai#1275, pipecat#3420: calls that came together go back together
def test_results_of_parallel_calls_are_one_content() -> None:
    calls: list[Json] = [
        {"type": "tool_use", "id": f"c{i}", "name": "vote", "input": {}} for i in "12"
    ]
    results = [
        {"type": "tool_result", "tool_use_id": f"c{i}", "content": "done"} for i in "12"
    ]
    said = _asked("gemini", ("user", "?"), ("assistant", calls), ("user", results))
    assert [each["role"] for each in said] == ["user", "model", "user"]
    assert len(said[2]["parts"]) == 2

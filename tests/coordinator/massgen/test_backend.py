from __future__ import annotations

from contextlib import aclosing
from typing import Any

from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.limits.retry import RetryPolicy
from agents.protocol.chunks import UsageReported
from coordinator.massgen.backend import Exchange
from coordinator.massgen.history import GO_ON, NOT_RUN, whole_history

ASKED: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Which city?"},
]


def tool(name: str, *needs: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {need: {"type": "string"} for need in needs},
        "required": list(needs),
    }
    return {"type": "function", "function": {"name": name, "parameters": schema}}


TOOLS = [tool("new_answer", "content"), tool("vote", "agent_id", "reason")]


class Recording(ScriptedBackend):
    """A scripted backend that keeps what it was asked."""

    asked: tuple[list[dict[str, Any]], ...] = ()

    def stream_with_tools(self, messages: Any, tools: Any, **options: Any) -> Any:
        self.asked = (*self.asked, [*messages])
        return super().stream_with_tools(messages, tools, **options)


def scripted(*turns: list[Any]) -> Recording:
    return Recording(parse_script({"turns": [{"lines": lines} for lines in turns]}))


async def exchanged(
    backend: Recording, **options: Any
) -> tuple[list[dict[str, Any]], list[UsageReported]]:
    reports: list[UsageReported] = []
    exchange = Exchange(
        backend,
        whole_history(ASKED),
        TOOLS,
        {"agent_id": "ada", "session_id": "s", **options},
        retry=RetryPolicy(),
        on_usage=reports.append,
    )
    async with aclosing(exchange.chunks()) as chunks:
        return [chunk async for chunk in chunks], reports


def kinds(chunks: list[dict[str, Any]]) -> list[str]:
    return [chunk["type"] for chunk in chunks]


async def test_a_call_is_handed_over_once_and_the_whole_message_goes_back() -> None:
    backend = scripted([{"thinking": "Hm."}, "Look: ", {"answer": "Paris"}])
    chunks, reports = await exchanged(backend)
    assert kinds(chunks) == [
        "reasoning",
        "content",
        "tool_calls",
        "complete_message",
        "done",
    ]
    (call,) = chunks[2]["tool_calls"]
    assert call["function"]["name"] == "new_answer"
    assert call["function"]["arguments"] == '{"content":"Paris"}'
    blocks = chunks[3]["complete_message"]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use"]
    assert blocks[0]["signature"]
    assert reports[0].usage.output_tokens > 0


async def test_an_answer_that_the_output_limit_cut_is_asked_for_again() -> None:
    cut = {"tool": "new_answer", "input_text": '{"content": "Par'}
    backend = scripted(
        ["The answer:", cut, {"stop_reason": "max_tokens"}], [{"answer": "Paris"}]
    )
    chunks, reports = await exchanged(backend)
    (calls,) = (each["tool_calls"] for each in chunks if each["type"] == "tool_calls")
    assert [each["function"]["arguments"] for each in calls] == ['{"content":"Paris"}']
    assert "output limit" in backend.asked[1][-1]["content"]
    assert len(reports) == 2


async def test_a_try_that_breaks_off_is_paid_for_and_said_to_be_an_estimate() -> None:
    long = "The answer is Paris, as everybody knows. " * 20
    backend = scripted([long, {"disconnect": True}], [{"answer": "Paris"}])
    chunks, reports = await exchanged(backend)
    assert kinds(chunks)[-1] == "done"
    broken, whole = reports
    assert broken.usage.output_tokens > 100
    assert broken.estimated
    assert not whole.estimated


async def test_a_response_that_is_left_amid_its_words_is_paid_for() -> None:
    backend = scripted(["The answer is Paris. " * 20, {"answer": "Paris"}])
    reports: list[UsageReported] = []
    exchange = Exchange(
        backend,
        whole_history(ASKED),
        TOOLS,
        {"agent_id": "ada", "session_id": "s"},
        retry=RetryPolicy(),
        on_usage=reports.append,
    )
    async with aclosing(exchange.chunks()) as chunks:
        async for chunk in chunks:
            if chunk["type"] == "content":
                break
    (report,) = reports
    assert report.estimated


async def test_a_call_without_what_it_needs_is_answered_and_made_again() -> None:
    backend = scripted(
        [{"thinking": "Hm."}, {"tool": "new_answer"}, {"tool": "vote", "input": {}}],
        [{"tool": "vote", "input": {"agent_id": "agent1", "reason": "so"}}],
    )
    chunks, _ = await exchanged(backend)
    *_, said, first, second = backend.asked[1]
    assert said["content"][0]["type"] == "thinking"
    assert "has no 'content'" in first["content"]
    assert "has no 'agent_id'" in second["content"]
    assert kinds(chunks).count("tool_calls") == 1


async def test_responses_of_no_use_end_the_turn_with_the_reason() -> None:
    backend = scripted(*[["So", {"stop_reason": "max_tokens"}]] * 3)
    chunks, _ = await exchanged(backend)
    assert chunks[-1]["status"] == "fatal"
    assert "hit the output limit" in chunks[-1]["error"]


async def test_a_refusal_is_told_and_not_asked_again() -> None:
    backend = scripted(["I", {"stop_reason": "refusal", "category": "cyber"}])
    chunks, _ = await exchanged(backend)
    assert chunks[-1]["error"] == "the model declined: cyber"
    assert len(backend.asked) == 1


async def test_what_code_wrote_is_shown_and_a_pause_is_gone_on_with() -> None:
    code = {
        "server_tool": "bash_code_execution",
        "input": {"command": "echo 42"},
        "result": {"stdout": "42\n", "return_code": 0},
    }
    backend = scripted(
        [code, {"container": "c1"}, {"stop_reason": "pause_turn"}], ["It is 42."]
    )
    chunks, _ = await exchanged(backend)
    shown = "\n".join(x["content"] for x in chunks if x["type"] == "mcp_status")
    assert "Results for Calling bash_code_execution: return code 0\n42" in shown
    assert backend.asked[1][-1]["role"] == "assistant"
    assert chunks[-1]["type"] == "done"


async def test_sources_stand_under_a_text_and_in_an_answer() -> None:
    source = {
        "type": "web_search_result_location",
        "url": "https://example.org/paris",
        "title": "Paris",
        "cited_text": "It is the capital.",
        "encrypted_index": "x",
    }
    cited = {"text": "Paris is the capital of France.", "citations": [source]}
    chunks, _ = await exchanged(scripted([cited]))
    assert "https://example.org/paris" in chunks[-3]["content"]
    chunks, _ = await exchanged(scripted([cited, {"answer": "It is Paris."}]))
    (call,) = chunks[-3]["tool_calls"]
    assert "https://example.org/paris" in call["function"]["arguments"]


async def test_a_busy_server_is_asked_again_and_a_bad_request_is_not() -> None:
    busy = {"error": {"status": 529}}
    chunks, _ = await exchanged(scripted([busy], ["Paris."]))
    assert [x.get("status") for x in chunks] == ["retrying", None, None, "end_turn"]
    chunks, _ = await exchanged(scripted([{"error": {"status": 400}}]))
    assert chunks[-1]["status"] == "fatal"


async def test_what_only_massgens_backends_run_is_refused_by_name() -> None:
    chunks, _ = await exchanged(scripted(["Paris."]), mcp_servers=[{}])
    assert "'mcp_servers' is run by MassGen's own backends" in chunks[-1]["error"]
    chunks, _ = await exchanged(scripted(["Paris."]), enable_telepathy=True)
    assert "enable_telepathy" in chunks[-1]["error"]


def used(*ids: str) -> dict[str, Any]:
    call: dict[str, Any] = {"type": "tool_use", "name": "vote", "input": {}}
    return {"role": "assistant", "content": [{**call, "id": x} for x in ids]}


def result(id_: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": "no"}


def test_each_call_gets_one_result_and_each_result_has_its_call() -> None:
    news = {"role": "user", "content": "There is news."}
    *_, first, one, other, told = whole_history([*ASKED, used("a", "b"), news])
    assert first == used("a", "b")
    assert [one["tool_call_id"], other["tool_call_id"]] == ["a", "b"]
    assert one["content"] == NOT_RUN
    assert told == news
    made = whole_history([*ASKED, used("a"), result("a"), result("a"), result("x")])
    assert [each["role"] for each in made[3:]] == ["tool", "user", "user"]
    assert made[4]["content"] == "A tool returned: no"


def test_results_in_blocks_are_taken_as_those_of_a_tool() -> None:
    block = {"type": "tool_result", "tool_use_id": "a", "content": "no"}
    told = {"role": "user", "content": [block]}
    made = whole_history([*ASKED, used("a", "b"), told])
    assert made[3] == told
    assert made[4]["tool_call_id"] == "b"
    stray = whole_history([*ASKED, told])
    assert stray[-1]["content"] == [{"type": "text", "text": "A tool returned: no"}]


def test_the_user_speaks_first_and_last() -> None:
    made = whole_history([{"role": "assistant", "content": "Error: x"}])
    assert [each["content"] for each in made] == [GO_ON, "Error: x", GO_ON]
    called = {"role": "assistant", "content": "", "tool_calls": [{"id": "c"}]}
    assert whole_history([*ASKED, called])[-1]["tool_call_id"] == "c"

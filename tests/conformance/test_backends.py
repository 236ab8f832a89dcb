"""The promises of every backend, proved on each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, TypeAlias

import anyio
import msgspec
import pytest

from agents.backends.scripted.script import Script, parse_script
from agents.conversation.accumulator import Transcript
from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    ContextExceeded,
    StreamMalformed,
)
from agents.protocol.backend import Backend, Request
from agents.protocol.chunks import (
    ResponseEnded,
    ResponseStarted,
    StreamChunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
)
from agents.protocol.frames import decode_frame, encode_frame
from agents.protocol.stamper import Pen
from agents.protocol.turns import Present, Review

pytestmark = pytest.mark.anyio

Stage: TypeAlias = Callable[..., AbstractAsyncContextManager[Backend]]
ScriptOf: TypeAlias = Callable[..., Script]
RequestFor: TypeAlias = Callable[..., Request]

STALL: dict[str, Any] = {"stall": True}
ALL_KINDS: list[Any] = [
    {"thinking": "Let me see: é…", "size": 3},
    {"redacted_thinking": "b3BhcXVl"},
    "Before I answer, ",
    {
        "server_tool": "web_search",
        "input": {"query": "capital of France"},
        "result": ["https://example.org/paris"],
        "size": 7,
    },
    {
        "text": "Paris is the capital.",
        "citations": [{"type": "web_search_result_location", "cited_text": "Paris"}],
        "size": 5,
    },
    {"server_tool": "web_fetch", "input": {"url": "https://x"}, "result": "a page"},
    {"server_tool": "web_fetch", "input": {}, "error_code": "url_not_accessible"},
    {"server_tool": "code_execution", "input": {"code": "1"}, "result": "1\n"},
    {"server_tool": "bash_code_execution", "input": {"command": "ls"}},
    {"server_tool": "text_editor_code_execution", "input": {"command": "create"}},
    {"server_tool": "tool_search_tool_regex", "result": ["look"]},
    {"mcp_tool": "ask", "server": "wiki", "input": {"q": 1}, "result": "said"},
    {"mcp_tool": "ask", "server": "wiki", "result": "no", "is_error": True},
    {"block": {"type": "container_upload", "file_id": "file_1"}},
    {"ping": True},
    {"tool": "look", "input": {"at": ["x", {"y": 1.5}], "é": None}, "size": 4},
    {"tool": "look"},
    {"tool": "look", "input_text": '{"at": "x'},
    {"repeat_text": {"text": "tok ", "times": 100, "batch": 7}},
    {"container": "container_1"},
    {"answer": "Paris", "rate": 1000},
    {
        "usage": {
            "input_tokens": 900,
            "cache_read_input_tokens": 80,
            "cache_creation_input_tokens": 7,
            "output_tokens": 60,
            "output_tokens_details": {"thinking_tokens": 5},
            "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 2},
        }
    },
]
"""A response with everything in it that a script can say."""


def pen_for(request: Request) -> Pen:
    return Pen(request.turn.agent, request.turn.number, at=-1.0)


async def played(backend: Backend, request: Request) -> list[StreamChunk]:
    with anyio.fail_after(20):
        async with backend.open_stream(request, pen_for(request)) as stream:
            return [chunk async for chunks in stream for chunk in chunks]


async def test_a_response_begins_ends_and_counts_its_chunks(
    stage: Stage, script_of: ScriptOf, request_for: RequestFor
) -> None:
    async with stage(script_of(*ALL_KINDS)) as backend:
        began_at = anyio.current_time()
        chunks = await played(backend, request_for())
    assert any(isinstance(chunk, ResponseStarted) for chunk in chunks)
    assert isinstance(chunks[-1], ResponseEnded)
    assert chunks[-1].why == "calls"
    assert [chunk.seq for chunk in chunks] == list(range(len(chunks)))
    assert {(chunk.agent, chunk.turn) for chunk in chunks} == {("ada", 1)}
    times = [chunk.at for chunk in chunks]
    assert times == sorted(times)
    assert times[0] >= began_at


async def test_what_is_said_fits_a_frame(
    stage: Stage, script_of: ScriptOf, request_for: RequestFor
) -> None:
    async with stage(script_of(*ALL_KINDS)) as backend:
        chunks = await played(backend, request_for())
    assert list(decode_frame(encode_frame(chunks))) == chunks


def _comparable(chunks: Sequence[StreamChunk]) -> list[dict[str, Any]]:
    """Chunks without what must differ: place, time and the server's ids."""
    plain = [msgspec.json.decode(msgspec.json.encode(chunk)) for chunk in chunks]
    for chunk in plain:
        for key in ("seq", "at", "request_id", "limits"):
            chunk.pop(key, None)
    return plain


@pytest.mark.parametrize("cut_bytes", [None, 13])
async def test_the_same_script_says_the_same_in_claudes_dialect(
    claude_stage: Stage,
    in_process: Stage,
    script_of: ScriptOf,
    request_for: RequestFor,
    cut_bytes: int | None,
) -> None:
    script = script_of(*ALL_KINDS, wire={"cut_bytes": cut_bytes, "crlf": True})
    async with claude_stage(script) as backend, in_process(script) as reference:
        here = await played(backend, request_for())
        there = await played(reference, request_for())
    assert _comparable(here) == _comparable(there)


SAID_BY_ALL: list[Any] = [
    {"thinking": "Let me see: é…", "size": 3},
    {"redacted_thinking": "b3BhcXVl"},
    {"text": "Paris is the capital.", "size": 5},
    {"ping": True},
    {"tool": "look", "input": {"at": ["x", {"y": 1.5}], "é": None}, "size": 4},
    {"tool": "look"},
    {"answer": "Paris", "rate": 1000},
    {
        "usage": {
            "input_tokens": 900,
            "cache_read_input_tokens": 80,
            "output_tokens": 60,
            "output_tokens_details": {"thinking_tokens": 5},
        }
    },
]
"""Lines that every provider's dialect can express."""


def _meant(chunks: Sequence[StreamChunk]) -> dict[str, Any]:
    """The content of chunks, in whichever words and pieces they came."""
    transcript = Transcript()
    transcript.absorb(chunks)
    usage = transcript.usage
    return {
        "text": transcript.text,
        "thoughts": "".join(c.text for c in chunks if isinstance(c, ThinkingDelta)),
        "calls": [
            (call.name, msgspec.json.decode(call.input), call.is_valid)
            for call in transcript.tool_calls
        ],
        "why": transcript.why,
        "read": (usage.input_tokens, usage.cache_read_input_tokens),
        "written": (usage.output_tokens, usage.thinking_tokens),
    }


@pytest.mark.parametrize("cut_bytes", [None, 13])
async def test_the_same_script_means_the_same_in_every_dialect(
    stage: Stage,
    in_process: Stage,
    script_of: ScriptOf,
    request_for: RequestFor,
    cut_bytes: int | None,
) -> None:
    script = script_of(*SAID_BY_ALL, wire={"cut_bytes": cut_bytes, "crlf": True})
    async with stage(script) as backend, in_process(script) as reference:
        here = await played(backend, request_for())
        there = await played(reference, request_for())
    assert _meant(here) == _meant(there)


async def test_estimated_usage_is_the_same_everywhere(
    stage: Stage, in_process: Stage, script_of: ScriptOf, request_for: RequestFor
) -> None:
    async with stage(script_of("Hi")) as one, in_process(script_of("Hi")) as other:
        here = _comparable(await played(one, request_for()))
        there = _comparable(await played(other, request_for()))
    assert here[-2]["usage"]["output_tokens"] == there[-2]["usage"]["output_tokens"]


async def test_the_task_and_the_answers_are_seen_everywhere(
    stage: Stage, request_for: RequestFor, review: Review, presentation: Present
) -> None:
    script = parse_script(
        {
            "turns": [
                {
                    "when": {"task": "review", "sees": "Lyon"},
                    "lines": [{"vote": "Par"}],
                },
                {"when": {"task": "review"}, "lines": [{"vote": {"own": True}}]},
                {"when": {"task": "draft"}, "lines": ["a draft"]},
                {"when": {"task": "present"}, "lines": ["the end"]},
            ]
        }
    )
    async with stage(script) as backend:
        first = await played(backend, request_for(review))
        second = await played(backend, request_for(review))
        draft = await played(backend, request_for())
        end = await played(backend, request_for(presentation))
    calls = [c for c in (*first, *second) if isinstance(c, ToolCalled)]
    assert [msgspec.json.decode(call.input)["label"] for call in calls] == [
        "agent1.1",
        "agent2.1",
    ]
    texts = [c.text for c in (*draft, *end) if isinstance(c, TextDelta)]
    assert texts == ["a draft", "the end"]


async def test_a_stream_cancelled_in_the_middle_leaves_nothing(
    stage: Stage, script_of: ScriptOf, request_for: RequestFor
) -> None:
    async with stage(script_of("Par", STALL)) as backend:
        request = request_for()
        with anyio.CancelScope() as scope:
            async with backend.open_stream(request, pen_for(request)) as stream:
                async for chunks in stream:
                    assert chunks
                    scope.cancel("outvoted")
        assert scope.cancelled_caught


async def test_a_stream_cancelled_while_it_waits_leaves_nothing(
    stage: Stage, script_of: ScriptOf, request_for: RequestFor
) -> None:
    async with stage(script_of({"text": "late", "delay_s": 0.1})) as backend:
        with anyio.move_on_after(0.01) as scope:
            await played(backend, request_for())
        assert scope.cancelled_caught


async def test_a_stream_entered_already_cancelled_never_opens(
    stage: Stage, script_of: ScriptOf, request_for: RequestFor
) -> None:
    async with stage(script_of("Paris")) as backend:
        opened = False
        request = request_for()
        with anyio.CancelScope() as scope:
            scope.cancel("too late")
            async with backend.open_stream(request, pen_for(request)):
                opened = True
        assert scope.cancelled_caught
        assert not opened


class _Consumer(Exception):
    """A consumer's own trouble."""


async def test_a_consumers_error_passes_through_and_leaves_nothing(
    stage: Stage, script_of: ScriptOf, request_for: RequestFor
) -> None:
    async with stage(script_of("Par", STALL)) as backend:
        request = request_for()

        async def consume() -> None:
            async with backend.open_stream(request, pen_for(request)) as stream:
                async for chunks in stream:
                    raise _Consumer(chunks)

        with pytest.raises(_Consumer):
            await consume()


async def test_a_stream_that_is_left_unread_leaves_nothing(
    stage: Stage, script_of: ScriptOf, request_for: RequestFor
) -> None:
    async with stage(script_of("Par", STALL)) as backend:
        request = request_for()
        async with backend.open_stream(request, pen_for(request)) as stream:
            assert isinstance(stream, AsyncIterator)


async def test_a_backend_closes_twice(stage: Stage, script_of: ScriptOf) -> None:
    async with stage(script_of("Paris")) as backend:
        await backend.aclose()
        await backend.aclose()


async def test_agents_may_share_a_backend(
    stage: Stage, request_for: RequestFor
) -> None:
    turns = [{"lines": ["one"]}, {"lines": ["two"]}]
    said: dict[str, list[str]] = {"ada": [], "bob": [], "eve": []}
    async with stage(parse_script({"turns": turns})) as backend:

        async def speak(name: str) -> None:
            for _ in turns:
                for chunk in await played(backend, request_for(agent=name)):
                    if isinstance(chunk, TextDelta):
                        said[name].append(chunk.text)

        async with anyio.create_task_group() as group:
            for name in said:
                group.start_soon(speak, name)
    assert said == {name: ["one", "two"] for name in said}


TROUBLES: list[tuple[list[Any], type[AgentError]]] = [
    ([{"error": {"status": 429, "retry_after_s": 7}}], BackendUnavailable),
    ([{"error": {"status": 408}}], BackendUnavailable),
    ([{"error": {"status": 409}}], BackendUnavailable),
    ([{"error": {"status": 500}}], BackendUnavailable),
    ([{"error": {"status": 503}}], BackendUnavailable),
    ([{"error": {"status": 529}}], BackendUnavailable),
    ([{"error": {"status": 400}}], BackendRefused),
    ([{"error": {"status": 401}}], BackendRefused),
    ([{"error": {"status": 403}}], BackendRefused),
    ([{"error": {"status": 404}}], BackendRefused),
    ([{"error": {"status": 413}}], ContextExceeded),
    (["Par", {"error": {"status": 529}}], BackendUnavailable),
    (["Par", {"error": {"status": 500}}], BackendUnavailable),
    (["Par", {"error": {"status": 429}}], BackendUnavailable),
    (["Par", {"error": {"status": 400}}], BackendRefused),
    ([{"truncate": True}], StreamMalformed),
    (["Par", {"truncate": True}], StreamMalformed),
    ([{"answer": "Paris"}, {"truncate": True}], StreamMalformed),
    ([{"disconnect": True}], BackendUnavailable),
    (["Par", {"disconnect": True}], BackendUnavailable),
    ([STALL], BackendUnavailable),
    (["Par", STALL], BackendUnavailable),
]


def _is_rate_limit(lines: list[Any]) -> bool:
    return bool(lines[-1].get("error", {}).get("status") == 429)


@pytest.mark.parametrize(("lines", "error"), TROUBLES)
async def test_trouble_is_sorted_by_what_may_be_done(
    stage: Stage,
    script_of: ScriptOf,
    request_for: RequestFor,
    lines: list[Any],
    error: type[AgentError],
) -> None:
    idle_limit_s = 0.2 if STALL in lines else 60.0
    async with stage(script_of(*lines), idle_limit_s) as backend:
        with pytest.raises(AgentError) as caught:
            await played(backend, request_for())
    assert type(caught.value) is error
    assert "sk-test" not in str(caught.value)
    if isinstance(caught.value, BackendUnavailable):
        assert caught.value.is_rate_limit == _is_rate_limit(lines)
        is_told = lines[0] == TROUBLES[0][0][0]
        assert caught.value.retry_after_s == (7 if is_told else None)


async def test_what_came_before_the_trouble_was_handed_over(
    stage: Stage, script_of: ScriptOf, request_for: RequestFor
) -> None:
    said: list[str] = []
    request = request_for()
    async with stage(script_of("Par", {"truncate": True})) as backend:

        async def listen() -> None:
            async with backend.open_stream(request, pen_for(request)) as stream:
                async for chunks in stream:
                    said.extend(c.text for c in chunks if isinstance(c, TextDelta))

        with pytest.raises(StreamMalformed):
            await listen()
    assert said == ["Par"]


async def test_after_trouble_the_backend_can_be_asked_again(
    stage: Stage, request_for: RequestFor
) -> None:
    turns = [
        {"lines": ["Par", {"disconnect": True}]},
        {"when": {"after_error": True}, "lines": ["Paris"]},
    ]
    async with stage(parse_script({"turns": turns})) as backend:
        with pytest.raises(BackendUnavailable):
            await played(backend, request_for())
        again = await played(backend, request_for())
    assert [c.text for c in again if isinstance(c, TextDelta)] == ["Paris"]


async def test_a_script_without_words_for_it_refuses(
    stage: Stage, request_for: RequestFor, review: Review
) -> None:
    turns = [{"when": {"task": "draft"}, "lines": ["a draft"]}]
    async with stage(parse_script({"turns": turns})) as backend:
        with pytest.raises(BackendRefused, match="no unused entry for task review"):
            await played(backend, request_for(review))


QUESTION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Which city?"},
]
FUNCTION: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks.",
        "parameters": {"type": "object", "properties": {}},
    },
}


async def test_massgens_surface_gives_one_chunk_an_item(
    stage: Stage, script_of: ScriptOf, runs_tools: bool
) -> None:
    async with stage(script_of("Paris", {"tool": "look"})) as backend:
        options: dict[str, Any] = {"enable_web_search": runs_tools}
        stream = backend.stream_with_tools(QUESTION, [FUNCTION], **options)
        async with aclosing(stream):
            chunks = [chunk async for chunk in stream]
    assert [c.text for c in chunks if isinstance(c, TextDelta)] == ["Paris"]
    assert [c.name for c in chunks if isinstance(c, ToolCalled)] == ["look"]
    assert isinstance(chunks[-1], ResponseEnded)


async def test_massgens_surface_left_early_leaves_nothing(
    stage: Stage, script_of: ScriptOf
) -> None:
    async with stage(script_of("Par", STALL)) as backend:
        stream = backend.stream_with_tools(QUESTION, [])
        async with aclosing(stream):
            async for chunk in stream:
                assert chunk.seq == 0
                break


async def test_massgens_surface_refuses_an_option_it_does_not_know(
    stage: Stage, script_of: ScriptOf
) -> None:
    async with stage(script_of("Paris")) as backend:
        stream = backend.stream_with_tools(QUESTION, [], enable_web_serch=True)
        async with aclosing(stream):
            with pytest.raises(TypeError, match="enable_web_serch"):
                await anext(stream)

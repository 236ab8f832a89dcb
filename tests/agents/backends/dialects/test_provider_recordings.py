"""282 real streams of other makers decode, and amount to what their oracles say.

The recordings stand beside the checkout, not in it; where they are absent these tests
are skipped, and say so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any, TypeAlias

import pytest

from agents.backends.dialects.decoder import (
    RECORDED,
    decode_stream,
    guessed,
    reader_of,
    summary,
)
from agents.backends.dialects.event_stream import Splitter
from agents.conversation.accumulator import Transcript
from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    StreamMalformed,
)
from agents.protocol.chunks import StreamChunk, TurnNumber
from agents.protocol.frames import decode_frame, encode_frame
from agents.protocol.stamper import Pen
from tests.agents.backends.dialects.provider_recordings import (
    FOLDER,
    REASON,
    Recording,
    recordings,
)

Json: TypeAlias = dict[str, Any]
NONE: Json = {}
ALL = recordings()
pytestmark = pytest.mark.skipif(not ALL, reason=REASON)

BROKEN: dict[str, type[AgentError]] = {
    # The server breaks the response off in its stream; that is an error here.
    "openai-chat/genai-go__openaichat-gpt-audio-GenStream-Stop": BackendRefused,
    "gemini/vertexai-data__vertexai-streaming-failure-error-mid-stream": (
        BackendUnavailable
    ),
    "compatible/req_llm__openrouter-google_gemini_2_5_flash_lite-object_streaming-2": (
        BackendUnavailable
    ),
    "compatible/req_llm__groq-meta_llama_llama_4_scout_17b_16e_instruct-"
    "object_streaming": StreamMalformed,
    "compatible/genai-go__US-qwen3-vl-flash-GenStreamMultiModal-Image-gif-URL": (
        BackendRefused
    ),
    "compatible/pydantic-ai__test_openrouter-test_openrouter_stream_error": (
        BackendRefused
    ),
    "compatible/pydantic-ai__test_groq-test_tool_use_failed_error_streaming_with_text_0"
    "": StreamMalformed,
}

EXCEPTIONS = {
    "openai-responses/vercel-ai__openai-openai-shell-tool.1": (
        "two responses in one file; the first one's end ends it here"
    ),
    "compatible/pydantic-ai__test_snowflake-test_snowflake_thinking_streaming": (
        "thinking stands in reasoning_details alone, which the oracle does not read, "
        "and [DONE] comes without a finish reason"
    ),
    "openai-chat/genai-go__openaichat-gpt-audio-GenStream-Tools-SquareRoot-1": (
        "[DONE] comes without a finish reason"
    ),
    "openai-chat/genai-go__openaichat-gpt-audio-GenStream-MaxTokens": (
        "[DONE] comes without a finish reason"
    ),
    "compatible/genai-go__groq-compound_thinking-GenStream-JSON": (
        "usage stands in x_groq alone, which the oracle does not read"
    ),
    "gemini/vertexai-data__vertexai-streaming-failure-prompt-blocked-safety": (
        "no candidate: the block reason is the stop reason here"
    ),
    "gemini/vertexai-data__googleai-streaming-failure-prompt-blocked-safety": (
        "no candidate: the block reason is the stop reason here"
    ),
    "gemini/vertexai-data__vertexai-streaming-failure-prompt-blocked-safety-with-"
    "message": "no candidate: the block reason is the stop reason here",
    "gemini/vercel-ai__google-google-stream-tool-call-arguments": (
        "arguments in pieces, which the oracle does not put together"
    ),
    "gemini/vercel-ai__google-google-vertex-stream-tool-call-arguments-nested.1": (
        "arguments in pieces, which the oracle does not put together"
    ),
    "gemini/vercel-ai__google-google-stream-no-args-tool-call": (
        "arguments in pieces, which the oracle does not put together"
    ),
}
"""Where the oracle is not what a reader should make of a stream, and why."""


def _json(text: object) -> Any:
    """Arguments as JSON, or as the text that they are."""
    try:
        return json.loads(str(text or "{}"))
    except ValueError:
        return text


def _total(told: Json) -> int:
    usage = told["usage"]
    cached = usage["cache_read_input_tokens"] or 0
    written = usage["cache_creation_input_tokens"] or 0
    return usage["input_tokens"] + usage["output_tokens"] + cached + written


def _calls(told: Json) -> list[tuple[str, Any]]:
    return [(call["name"], call["input"]) for call in told["tool_calls"]]


def _of_chat(told: Json, oracle: Json) -> list[tuple[Any, Any]]:
    plain = oracle["plain"]
    choices: list[Json] = plain.get("choices", [])
    choice = next((c for c in choices if c.get("index", 0) == 0), NONE)
    reasoning = choice.get("reasoning") or choice.get("reasoning_content") or ""
    calls = [
        (call["name"], _json(call.get("arguments")))
        for call in choice.get("tool_calls") or ()
    ]
    usage = plain.get("usage") or {"total_tokens": 0}
    return [
        (told["content"], choice.get("content") or ""),
        (told["reasoning"], reasoning),
        (told["stop_reason"], choice.get("finish_reason")),
        (_calls(told), calls),
        (_total(told), usage["total_tokens"]),
        (told["model"], plain.get("model") or ""),
    ]


def _of_responses(told: Json, oracle: Json) -> list[tuple[Any, Any]]:
    response = oracle["response"]
    items: list[Json] = oracle.get("items") or response["output"]
    messages = [item for item in items if item["type"] == "message"]
    thoughts = [item for item in items if item["type"] == "reasoning"]
    calls = [item for item in items if item["type"] == "function_call"]
    texts = [p.get("text", "") for message in messages for p in message["content"]]
    thought = [
        part["text"]
        for item in thoughts
        for part in [*(item.get("summary") or ()), *(item.get("content") or ())]
    ]
    usage = response.get("usage") or {"total_tokens": 0}
    return [
        (told["items"], items),
        (told["content"], "".join(texts)),
        (told["reasoning"], "".join(thought)),
        ([call["id"] for call in told["tool_calls"]], [c["call_id"] for c in calls]),
        (_calls(told), [(call["name"], _json(call["arguments"])) for call in calls]),
        (_total(told), usage["total_tokens"]),
        (told["model"], response["model"]),
    ]


def _of_gemini(told: Json, oracle: Json) -> list[tuple[Any, Any]]:
    candidates: list[Json] = oracle.get("candidates") or [{}]
    first = candidates[0]
    calls = [
        (call.get("name"), call.get("args") or NONE)
        for call in first.get("function_calls") or ()
    ]
    compared: list[tuple[Any, Any]] = [
        (told["content"], first.get("text") or ""),
        (told["reasoning"], first.get("thoughts") or ""),
        (told["stop_reason"], first.get("finishReason")),
        (_calls(told), calls),
        (_parts(told["items"]), _parts(first.get("parts") or [])),
    ]
    usage: Json = oracle.get("usageMetadata") or NONE
    if "totalTokenCount" in usage:
        compared.append((_total(told), usage["totalTokenCount"]))
    return compared


def _parts(parts: Sequence[Json]) -> list[Json]:
    """Parts, with runs of text without a signature joined and empty ones left out."""
    joined: list[Json] = []
    for part in parts:
        is_plain = not part.keys() - {"text", "thought"}
        if is_plain and not part.get("text"):
            continue
        last = joined[-1] if joined else {"functionCall": None}
        same = last.get("thought") == part.get("thought")
        if is_plain and same and not last.keys() - {"text", "thought"}:
            joined[-1] = {**last, "text": last["text"] + part["text"]}
        else:
            joined.append(part)
    return joined


def _compared(one: Recording, told: Json) -> list[tuple[Any, Any]]:
    of = {"chat": _of_chat, "responses": _of_responses, "gemini": _of_gemini}
    return of[one.dialect](told, one.oracle)


def test_all_recordings_are_here() -> None:
    assert len(ALL) == 282


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_a_recorded_stream_amounts_to_what_its_oracle_says(one: Recording) -> None:
    if one.name in BROKEN:
        with pytest.raises(BROKEN[one.name]):
            summary(one.data, one.dialect)
        return
    told = summary(one.data, one.dialect)
    differing = [pair for pair in _compared(one, told) if pair[0] != pair[1]]
    assert bool(differing) == (one.name in EXCEPTIONS), differing
    assert told["why"]


def test_the_dialect_of_every_recording_is_guessed() -> None:
    assert [one.name for one in ALL if guessed(one.data) != one.dialect] == []


def test_arguments_in_pieces_are_put_together() -> None:
    named = {one.name: one for one in ALL}
    pieces = named["gemini/vercel-ai__google-google-stream-tool-call-arguments"]
    assert _calls(summary(pieces.data)) == [
        ("getWeather", {"location": "Boston"}),
        ("getWeather", {"location": "San Francisco"}),
    ]
    nested = named[
        "gemini/vercel-ai__google-google-vertex-stream-tool-call-arguments-nested.1"
    ]
    ((_, given),) = _calls(summary(nested.data))
    assert given["recipe"]["ingredients"][0] == {
        "amount": "16 oz",
        "name": "Lasagna noodles",
    }


def test_sealed_reasoning_goes_back_as_it_came() -> None:
    sealed = 0
    for one in ALL:
        if one.name in BROKEN or "sealed" in one.name:
            continue
        kept = json.dumps(summary(one.data, one.dialect)["items"])
        sealed += "encrypted_content" in kept or "thoughtSignature" in kept
        sealed += '"reasoning.encrypted"' in kept or '"signature"' in kept
    assert sealed >= 41  # the README's count


def _said(one: Recording, sizes: Sequence[int]) -> tuple[list[StreamChunk], str]:
    """The chunks where reads have ``sizes``, and the error that ended them."""
    splitter = Splitter()
    reader = reader_of(one.dialect, Pen(RECORDED, TurnNumber(1), 0.0))
    said: list[StreamChunk] = []
    start = 0
    try:
        for size in (*sizes, len(one.data)):
            said += reader.translate(splitter.feed(one.data[start : start + size]))
            start += size
        said += reader.translate(splitter.finish())
        said += reader.finish()
    except AgentError as error:
        return said, str(error)
    return said, ""


def test_chunks_do_not_depend_on_how_the_network_cut_the_bytes() -> None:
    chance = Random(7)  # noqa: S311 (cuts, no secret)
    for one in ALL:
        whole = _said(one, [])
        cuts = [chance.randint(1, 90) for _ in range(len(one.data) // 40 + 1)]
        assert _said(one, cuts) == whole, one.name
        sizes = one.told.get("chunk_sizes")
        if sizes:
            assert _said(one, sizes) == whole, one.name


def test_core_recordings_are_the_same_at_every_single_cut() -> None:
    names: list[str] = json.loads((FOLDER / "core.json").read_text())
    core = {name.removesuffix(".sse") for name in names}
    small = [one for one in ALL if one.name in core and len(one.data) < 4_000]
    assert len(small) > 20
    for one in small:
        whole = _said(one, [])
        for cut in range(1, len(one.data)):
            assert _said(one, [cut]) == whole, (one.name, cut)


def test_line_ends_of_the_other_kinds_change_nothing() -> None:
    for one in ALL[::8]:
        if b"\r" in one.data:
            continue
        whole = _said(one, [])
        for line_end in (b"\r\n", b"\r"):
            other = one._replace(data=one.data.replace(b"\n", line_end))
            assert _said(other, [31] * len(other.data)) == whole, one.name


def test_frames_carry_every_recording() -> None:
    for one in ALL:
        if one.name in BROKEN:
            continue
        chunks = list(decode_stream(one.data, one.dialect))
        assert list(decode_frame(encode_frame(chunks))) == chunks, one.name
        assert [chunk.seq for chunk in chunks] == list(range(len(chunks)))
        transcript = Transcript()
        transcript.absorb(chunks)
        assert transcript.is_complete


def test_a_stream_cut_anywhere_is_no_answer() -> None:
    """But for what follows the end: [DONE], usage in a chunk of its own."""
    chance = Random(3)  # noqa: S311 (cuts, no secret)
    for one in ALL:
        if one.name in BROKEN | EXCEPTIONS.keys() or len(one.data) > 30_000:
            continue
        whole, _ = _said(one, [])
        for _ in range(4):
            cut = chance.randrange(len(one.data) // 2)
            said, error = _said(one._replace(data=one.data[:cut]), [])
            if not error:  # the end itself stood before the cut
                assert said[-1].__class__ is whole[-1].__class__, (one.name, cut)

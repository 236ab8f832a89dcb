"""Every dialect against aimock, which others have written (npm, where Node is).

Skipped unless ``aimock`` is on the path or COORDINATOR_TEST_AIMOCK=install.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.compatible.backend import CompatibleBackend
from agents.backends.gemini.backend import GeminiBackend
from agents.backends.grok.backend import GrokBackend
from agents.backends.openai.backend import OpenAIBackend
from agents.errors import AgentError, BackendRefused, BackendUnavailable
from agents.protocol.backend import Backend
from agents.protocol.chunks import (
    ResponseEnded,
    StreamChunk,
    TextDelta,
    ToolCalled,
    UsageReported,
)
from tests.agents.emulator.test_peers import aimock

pytestmark = [pytest.mark.real_time, pytest.mark.anyio]

KEY = "unneeded"
Make = Callable[[str], Backend]
MAKERS: dict[str, Make] = {
    "claude": lambda url: ClaudeBackend("claude-x", api_key=KEY, base_url=url),
    "openai": lambda url: OpenAIBackend("m", api_key=KEY, base_url=f"{url}/v1"),
    "openai-chat": lambda url: OpenAIBackend(
        "m", api_key=KEY, base_url=f"{url}/v1", api="chat"
    ),
    "grok": lambda url: GrokBackend("grok-m", api_key=KEY, base_url=f"{url}/v1"),
    "gemini": lambda url: GeminiBackend("gm", api_key=KEY, base_url=f"{url}/v1beta"),
    "compatible": lambda url: CompatibleBackend("m", base_url=f"{url}/v1"),
}
TOOL = {
    "name": "look_up",
    "description": "Look a city up.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Make:
    return MAKERS[request.param]


async def _said(backend: Backend) -> list[StreamChunk]:
    messages = [{"role": "user", "content": "Which city?"}]
    try:
        async with aclosing(backend.stream_with_tools(messages, [TOOL])) as stream:
            return [chunk async for chunk in stream]
    finally:
        await backend.aclose()


async def test_words_and_usage_arrive(make: Make, tmp_path: Path) -> None:
    fixtures: list[Mapping[str, Any]] = [
        {"match": {"userMessage": "Which"}, "response": {"content": "Paris it is."}}
    ]
    async with aimock(fixtures, tmp_path) as url:
        chunks = await _said(make(url))
    assert "".join(x.text for x in chunks if isinstance(x, TextDelta)) == "Paris it is."
    assert any(isinstance(x, UsageReported) for x in chunks)
    assert isinstance(chunks[-1], ResponseEnded)
    assert chunks[-1].why == "finished"


async def test_parallel_calls_arrive_whole(make: Make, tmp_path: Path) -> None:
    calls = [
        {"name": "look_up", "arguments": '{"city": "Oslo"}'},
        {"name": "look_up", "arguments": '{"city": "Bern"}'},
    ]
    fixtures: list[Mapping[str, Any]] = [
        {"match": {"userMessage": "Which"}, "response": {"toolCalls": calls}}
    ]
    async with aimock(fixtures, tmp_path) as url:
        chunks = await _said(make(url))
    called = [x for x in chunks if isinstance(x, ToolCalled)]
    assert [x.name for x in called] == ["look_up", "look_up"]
    assert b"Oslo" in bytes(called[0].input)
    assert b"Bern" in bytes(called[1].input)
    assert len({x.id for x in called}) == 2
    assert isinstance(chunks[-1], ResponseEnded)
    assert chunks[-1].why == "calls"


@pytest.mark.parametrize(
    ("status", "kind"), [(503, BackendUnavailable), (401, BackendRefused)]
)
async def test_refusals_are_told_by_what_to_do(
    make: Make, tmp_path: Path, status: int, kind: type[AgentError]
) -> None:
    error = {"message": "No.", "type": "an_error"}
    fixtures: list[Mapping[str, Any]] = [
        {
            "match": {"userMessage": "Which"},
            "response": {"error": error, "status": status},
        }
    ]
    async with aimock(fixtures, tmp_path) as url:
        with pytest.raises(kind):
            await _said(make(url))


async def test_a_cut_stream_is_no_response(make: Make, tmp_path: Path) -> None:
    fixtures: list[Mapping[str, Any]] = [
        {
            "match": {"userMessage": "Which"},
            "response": {"content": "Paris it is, and no other."},
            "chunkSize": 3,
            "truncateAfterChunks": 3,
        }
    ]
    async with aimock(fixtures, tmp_path) as url:
        with pytest.raises(BackendUnavailable):
            await _said(make(url))

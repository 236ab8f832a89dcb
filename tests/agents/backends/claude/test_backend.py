"""The real SDK over real loopback HTTP."""

from __future__ import annotations

import traceback
from contextlib import aclosing
from typing import Any

import anyio
import msgspec
import pytest
from anyio.from_thread import start_blocking_portal

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.claude.settings import BINDING
from agents.backends.scripted.script import parse_script
from agents.conversation.accumulator import Transcript
from agents.emulator import serve
from agents.errors import AgentError, BackendRefused, BackendUnavailable
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import AgentId, ResponseOpened, StreamChunk, TurnNumber
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn

pytestmark = pytest.mark.real_time

KEY = "sk-ant-canary-3f9a"
MODEL = "claude-haiku-5-5"


def says(*lines: dict[str, Any]) -> Any:
    return parse_script({"turns": [{"repeat": True, "lines": list(lines)}]})


def request() -> Request:
    turn = Turn(agent=AgentId("ada"), number=TurnNumber(1), question="q", task=Draft())

    return Request(
        turn=turn,
        messages=(Message(role="user", content=msgspec.Raw(b'"q"')),),
    )


async def played(backend: ClaudeBackend) -> list[StreamChunk]:
    pen = Pen(AgentId("ada"), TurnNumber(1), 0.0)
    said: list[StreamChunk] = []
    async with backend.open_stream(request(), pen) as stream:
        async for batch in stream:
            said += batch
    return said


async def test_the_agents_name_and_the_betas_reach_the_server() -> None:
    async with serve(says({"text": "hi"})) as server:
        backend = ClaudeBackend(
            MODEL,
            api_key=KEY,
            base_url=server.base_url,
            server_tools=("code_execution_20250522", "web_search"),
        )
        said = await played(backend)
        await backend.aclose()
        (taken,) = server.requests
        assert taken.headers["x-coordinator-agent"] == "ada"
        betas = taken.headers["anthropic-beta"].split(",")
        assert betas == ["code-execution-2025-05-22", BINDING]
        assert isinstance(said[0], ResponseOpened)
        assert said[0].request_id


async def test_massgens_surface_combines_search_code_and_user_tools() -> None:
    tool = {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object"}},
    }
    async with serve(says({"text": "hi"})) as server:
        backend = ClaudeBackend(MODEL, api_key=KEY, base_url=server.base_url)
        stream = backend.stream_with_tools(
            [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
            [tool],
            enable_web_search=True,
            enable_code_execution=True,
            max_tokens=77,
        )
        async with aclosing(stream) as chunks:
            transcript = Transcript()
            transcript.absorb([chunk async for chunk in chunks])
        await backend.aclose()
        assert transcript.text == "hi"
        body = server.requests[0].body
        assert [t["name"] for t in body["tools"]] == [
            "web_search",
            "code_execution",
            "f",
        ]
        assert body["max_tokens"] == 77


async def test_massgens_surface_refuses_an_option_it_does_not_know() -> None:
    backend = ClaudeBackend(MODEL, api_key=KEY, base_url="http://127.0.0.1:9")
    chunks = backend.stream_with_tools([], [], enable_telepathy=True)
    with pytest.raises(TypeError, match="enable_telepathy"):
        await anext(chunks)
    await backend.aclose()


@pytest.mark.parametrize(
    ("status", "error", "retry_after_s"),
    [
        (400, BackendRefused, None),
        (401, BackendRefused, None),
        (403, BackendRefused, None),
        (404, BackendRefused, None),
        (413, BackendRefused, None),
        (408, BackendUnavailable, 3.0),
        (409, BackendUnavailable, 3.0),
        (429, BackendUnavailable, 3.0),
        (500, BackendUnavailable, 3.0),
        (529, BackendUnavailable, 3.0),
    ],
)
async def test_statuses_are_sorted_into_passing_and_final(
    status: int, error: type[AgentError], retry_after_s: float | None
) -> None:
    line = {"error": {"status": status, "retry_after_s": 3.0}}
    async with serve(says(line)) as server:
        backend = ClaudeBackend(MODEL, api_key=KEY, base_url=server.base_url)
        with pytest.raises(error, match=str(status)) as caught:
            await played(backend)
        await backend.aclose()
    if isinstance(caught.value, BackendUnavailable):
        assert caught.value.retry_after_s == retry_after_s
        assert caught.value.is_rate_limit == (status == 429)


async def test_no_connection_is_trouble_that_may_pass() -> None:
    backend = ClaudeBackend(MODEL, api_key=KEY, base_url="http://127.0.0.1:9")
    with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1:9"):
        await played(backend)
    await backend.aclose()


async def test_a_missing_key_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    backend = ClaudeBackend(MODEL, base_url="http://127.0.0.1:9")
    with pytest.raises(BackendRefused, match="cannot be made"):
        await played(backend)
    await backend.aclose()


async def test_a_key_appears_in_no_repr_error_or_traceback() -> None:
    line = {"error": {"status": 401, "message": f"invalid key {KEY}"}}
    async with serve(says(line)) as server:
        backend = ClaudeBackend(MODEL, api_key=KEY, base_url=server.base_url)
        with pytest.raises(BackendRefused) as caught:
            await played(backend)
        await backend.aclose()
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown
    assert KEY not in repr(backend) + backend.limit_key


async def test_a_connection_is_used_again_after_a_whole_response() -> None:
    async with serve(says({"text": "hi"})) as server:
        backend = ClaudeBackend(MODEL, api_key=KEY, base_url=server.base_url)
        for _ in range(3):
            await played(backend)
        assert server.open_sockets == 1
        await backend.aclose()
        with anyio.fail_after(5):
            await server.all_closed()


async def test_a_closed_backend_opens_again() -> None:
    async with serve(says({"text": "hi"})) as server:
        backend = ClaudeBackend(MODEL, api_key=KEY, base_url=server.base_url)
        for _ in range(2):
            assert await played(backend)
            await backend.aclose()
            with anyio.fail_after(5):
                await server.all_closed()


def test_a_backend_may_be_used_in_one_event_loop_after_another() -> None:
    with start_blocking_portal() as portal:
        served = portal.wrap_async_context_manager(serve(says({"text": "hi"})))
        with served as server:
            backend = ClaudeBackend(MODEL, api_key=KEY, base_url=server.base_url)

            async def once() -> None:
                assert await played(backend)
                await backend.aclose()

            for loop in ("asyncio", "trio", "asyncio"):
                anyio.run(once, backend=loop)

"""Claude's backend against other people's idea of the Messages API.

``llmock`` runs in a thread of the tests. ``@copilotkit/aimock`` needs Node: it is used
where ``aimock`` is on the path, or installed into a temporary folder where
``COORDINATOR_TEST_AIMOCK=install`` says so, and skipped otherwise.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import anyio
import msgspec
import pytest
from llmock.scenarios import Fail, StreamFault, ToolFault
from llmock.testing import LLMockServer

from agents.backends.claude.backend import ClaudeBackend
from agents.errors import (
    AgentError,
    BackendRefused,
    BackendUnavailable,
    StreamMalformed,
)
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import (
    AgentId,
    ResponseEnded,
    StreamChunk,
    TextDelta,
    ToolCalled,
    TurnNumber,
)
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Task, Turn
from agents.tools.workflow import workflow_tools

pytestmark = [pytest.mark.real_time, pytest.mark.anyio]

MODEL = "claude-haiku-5-5"
AIMOCK = "@copilotkit/aimock@1.43.0"


class Team(Protocol):
    """The fixture of ``conftest.py``."""

    base_url: str
    server: LLMockServer

    def plays(self, model: str, answer: str, vote_for: str) -> None: ...


@asynccontextmanager
async def claude(
    base_url: str, idle_limit_s: float = 60.0
) -> AsyncGenerator[ClaudeBackend]:
    backend = ClaudeBackend(
        MODEL, api_key="sk-test", base_url=base_url, idle_limit_s=idle_limit_s
    )
    try:
        yield backend
    finally:
        await backend.aclose()


def request_for(task: Task | None = None) -> Request:
    turn = Turn(
        agent=AgentId("ada"),
        number=TurnNumber(1),
        question="Which city?",
        task=task or Draft(),
    )
    content = msgspec.Raw(msgspec.json.encode("Which city?"))
    return Request(
        turn=turn,
        messages=(Message(role="user", content=content),),
        tools=workflow_tools(turn.task),
    )


async def asked(backend: ClaudeBackend, **changes: Any) -> list[StreamChunk]:
    request = msgspec.structs.replace(request_for(), **changes)
    pen = Pen(request.turn.agent, request.turn.number, at=0.0)
    with anyio.fail_after(30):
        async with backend.open_stream(request, pen) as stream:
            return [chunk async for chunks in stream for chunk in chunks]


def call_in(chunks: list[StreamChunk]) -> tuple[str, Any]:
    (call,) = [chunk for chunk in chunks if isinstance(chunk, ToolCalled)]
    return call.name, msgspec.json.decode(call.input)


async def test_llmocks_answers_and_votes_arrive(llmock_team: Team) -> None:
    llmock_team.plays(MODEL, "Paris", "agent1.1")
    async with claude(llmock_team.base_url) as backend:
        draft = await asked(backend)
        votes = [await asked(backend) for _ in range(2)]
        presented = await asked(backend, tools=())
    assert call_in(draft) == ("new_answer", {"content": "Paris"})
    names, ballots = zip(*map(call_in, votes), strict=True)
    assert names == ("vote", "vote")
    assert [ballot["label"] for ballot in ballots] == ["agent1.1"] * 2
    text = "".join(c.text for c in presented if isinstance(c, TextDelta))
    assert text == "Paris"
    assert isinstance(presented[-1], ResponseEnded)


TROUBLES: list[tuple[Any, type[AgentError]]] = [
    (Fail(429, retry_after=3), BackendUnavailable),
    (Fail(529), BackendUnavailable),
    (Fail(503), BackendUnavailable),
    (Fail(400), BackendRefused),
    (Fail(401), BackendRefused),
    (StreamFault("truncate", after_chunks=3), StreamMalformed),
    (StreamFault("malformed", after_chunks=2), StreamMalformed),
    (StreamFault("stall", after_chunks=2, stall_seconds=1), BackendUnavailable),
]


@pytest.mark.parametrize(("fault", "error"), TROUBLES)
async def test_llmocks_troubles_are_sorted(
    llmock_team: Team, fault: Any, error: type[AgentError]
) -> None:
    llmock_team.server.state.scenarios.add(fault)
    idle_limit_s = 0.3 if "stall" in repr(fault) else 60.0
    async with claude(llmock_team.base_url, idle_limit_s) as backend:
        with pytest.raises(AgentError) as caught:
            await asked(backend)
    assert type(caught.value) is error
    if isinstance(caught.value, BackendUnavailable) and isinstance(fault, Fail):
        # Where it is not told, llmock itself asks for a second's wait.
        assert caught.value.retry_after_s == (fault.retry_after or 1)
        assert caught.value.is_rate_limit == (fault.status == 429)


async def test_llmocks_broken_connection_is_no_answer(llmock_team: Team) -> None:
    llmock_team.server.state.scenarios.add(StreamFault("disconnect", after_chunks=3))
    async with claude(llmock_team.base_url) as backend:
        with pytest.raises(BackendUnavailable):
            await asked(backend)


async def test_llmocks_broken_tool_input_is_called_invalid(llmock_team: Team) -> None:
    llmock_team.server.state.scenarios.add(ToolFault("malformed_arguments"))
    async with claude(llmock_team.base_url) as backend:
        chunks = await asked(backend)
    calls = [chunk for chunk in chunks if isinstance(chunk, ToolCalled)]
    assert [call.is_valid for call in calls] == [False]


@asynccontextmanager
async def aimock(
    fixtures: list[Mapping[str, Any]], folder: Path
) -> AsyncGenerator[str]:
    """Runs aimock and gives its address; skips the test where it is not there."""
    file = folder / "aimock.json"
    file.write_text(json.dumps({"fixtures": fixtures}))
    command = [str(await _aimock_command(folder)), "-p", "0", "-f", str(file)]
    async with await anyio.open_process(command) as process:
        assert process.stdout is not None
        try:
            with anyio.fail_after(30):
                said = b""
                while b"listening on http" not in said or not said.endswith(b"\n"):
                    said += await process.stdout.receive()
            yield said.partition(b"listening on ")[2].split()[0].decode()
        finally:
            process.terminate()


async def _aimock_command(folder: Path) -> Path:
    """Find the server's command; its package also names it ``llmock``."""
    found = shutil.which("aimock")
    if found:
        return Path(found).with_name("llmock")
    if os.environ.get("COORDINATOR_TEST_AIMOCK") != "install":
        pytest.skip("aimock is not on the path, nor COORDINATOR_TEST_AIMOCK=install")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("aimock needs Node, and npm is not on the path")
    await anyio.run_process([npm, "install", "--silent", "--prefix", folder, AIMOCK])
    return folder / "node_modules" / ".bin" / "llmock"


async def test_aimocks_thinking_answer_and_vote_arrive(tmp_path: Path) -> None:
    vote = {"name": "vote", "arguments": {"label": "agent1.1", "reason": "é"}}
    answer = {"name": "new_answer", "arguments": {"content": "Paris"}}
    fixtures: list[Mapping[str, Any]] = [
        {"match": {"toolName": "vote"}, "response": {"toolCalls": [vote]}},
        {"match": {"toolName": "new_answer"}, "response": {"toolCalls": [answer]}},
        {
            "match": {"model": MODEL},
            "response": {"content": "It is Paris.", "reasoning": "Hm."},
        },
    ]
    async with aimock(fixtures, tmp_path) as base_url, claude(base_url) as backend:
        draft = await asked(backend)
        presented = await asked(backend, tools=())
    assert call_in(draft) == ("new_answer", {"content": "Paris"})
    text = "".join(c.text for c in presented if isinstance(c, TextDelta))
    assert text == "It is Paris."
    assert isinstance(presented[-1], ResponseEnded)


async def test_aimocks_truncated_stream_is_no_answer(tmp_path: Path) -> None:
    fixtures: list[Mapping[str, Any]] = [
        {
            "match": {"model": MODEL},
            "response": {"content": "It is Paris, I think."},
            "chunkSize": 3,
            "truncateAfterChunks": 3,
        }
    ]
    async with aimock(fixtures, tmp_path) as base_url, claude(base_url) as backend:
        with pytest.raises(BackendUnavailable):
            await asked(backend)

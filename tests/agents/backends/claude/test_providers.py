"""Bedrock, Vertex and Foundry by the SDK's clients over loopback, and their keys."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import msgspec
import pytest

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.claude.providers import Place
from agents.errors import BackendRefused
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import AgentId, StreamChunk, TextDelta, TurnNumber
from agents.protocol.frames import encode_frame
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn
from coordinator.errors import ConfigInvalid
from coordinator.team.builder import assemble
from coordinator.team.reader import parse_team

pytestmark = pytest.mark.real_time

CANARY = "canary-sk-4f1d9c77"
PLACES = {
    "bedrock": Place(provider="bedrock", region="eu-west-1"),
    "vertex": Place(provider="vertex", region="europe-west1", project="mine"),
    "foundry": Place(provider="foundry", resource="mine"),
}
EVENTS = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":'
    b'"message","role":"assistant","model":"claude-haiku-5-5","content":[],'
    b'"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"Paris"}}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":'
    b'"end_turn"},"usage":{"output_tokens":2}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


@asynccontextmanager
async def served(status: int, body: bytes) -> AsyncGenerator[tuple[str, list[bytes]]]:
    """A server that answers every request alike; its address, and what came."""
    came: list[bytes] = []
    kind = b"text/event-stream" if status == 200 else b"application/json"

    async def handle(stream: Any) -> None:
        async with stream:
            came.append(await stream.receive(65_536))
            await stream.send(
                b"HTTP/1.1 %d X\r\ncontent-type: %b\r\ncontent-length: %d\r\n"
                b"connection: close\r\n\r\n%b" % (status, kind, len(body), body)
            )

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610  (no Django here)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield f"http://127.0.0.1:{port}", came
        group.cancel_scope.cancel()


def request() -> Request:
    turn = Turn(agent=AgentId("ada"), number=TurnNumber(1), question="?", task=Draft())
    message = Message(role="user", content=msgspec.Raw(b'"Hello"'))
    return Request(turn=turn, messages=(message,))


async def asked(backend: ClaudeBackend) -> list[StreamChunk]:
    pen = Pen(AgentId("ada"), TurnNumber(1), 0.0)
    said: list[StreamChunk] = []
    async with backend.open_stream(request(), pen) as stream:
        async for batch in stream:
            said += batch
    return said


@pytest.mark.parametrize("name", PLACES)
async def test_a_provider_streams_as_the_api_does(name: str) -> None:
    async with served(200, EVENTS) as (url, came):
        backend = ClaudeBackend(
            "claude-haiku-5-5", api_key=CANARY, base_url=url, place=PLACES[name]
        )
        said = await asked(backend)
        await backend.aclose()
    assert [c.text for c in said if isinstance(c, TextDelta)] == ["Paris"]
    assert CANARY.encode() in came[0], "the key is sent"
    assert CANARY not in encode_frame(said).decode() + repr(backend)


@pytest.mark.parametrize("name", PLACES)
async def test_a_providers_key_appears_nowhere_but_on_the_wire(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = b'{"error":{"type":"authentication_error","message":"bad %b"}}'
    async with served(401, told % CANARY.encode()) as (url, _):
        backend = ClaudeBackend(
            "claude-haiku-5-5", api_key=CANARY, base_url=url, place=PLACES[name]
        )
        with pytest.raises(BackendRefused) as caught:
            await asked(backend)
        await backend.aclose()
    trace = "".join(traceback.format_exception(caught.value))
    assert "authentication_error" in trace
    assert CANARY not in trace + repr(backend) + backend.limit_key + caplog.text


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("provider: vertex, region: x, project: y", "pip install 'anthropic[vertex]'"),
        ("provider: bedrock, region: x", "pip install 'anthropic[bedrock]'"),
        (
            "provider: foundry, api_key_env: KEY",
            (
                "agent 'ada': provider foundry needs a resource; add 'resource: …', or "
                "set ANTHROPIC_FOUNDRY_RESOURCE"
            ),
        ),
        (
            "provider: foundry, resource: x",
            (
                "agent 'ada': provider foundry needs a key; add 'api_key_env: …', or "
                "set ANTHROPIC_FOUNDRY_API_KEY"
            ),
        ),
        (
            "provider: vertex, region: x, api_key_env: KEY",
            "needs a project; add 'project: …', or set ANTHROPIC_VERTEX_PROJECT_ID",
        ),
        (
            "provider: bedrock, api_key_env: KEY",
            "needs a region; add 'region: …', or set AWS_REGION",
        ),
        ("resource: x", "provider anthropic has none; foundry and azure have"),
        ("provider: quux", "quux"),
    ],
)
def test_what_a_provider_lacks_is_said_in_one_sentence(
    settings: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_installed(module: str) -> bool:
        return not module

    monkeypatch.setattr("agents.backends.claude.providers._is_installed", is_installed)
    text = f"agents: [{{id: ada, model: claude-haiku-5-5, {settings}}}]\n"
    with pytest.raises(ConfigInvalid) as caught:
        assemble(parse_team(text, Path("team.yaml")), environment={"KEY": CANARY})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)

"""Sign-in by tokens that change, over loopback: each request has one that is good."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from agents.backends.openai.backend import OpenAIBackend
from agents.backends.openai.sign_in import SignIn, workload_sign_in
from agents.errors import AgentError, BackendRefused, BackendUnavailable
from agents.protocol.chunks import StreamChunk, TextDelta

pytestmark = [pytest.mark.real_time, pytest.mark.anyio]

SAID: list[dict[str, Any]] = [
    {"type": "response.created", "response": {"id": "r", "model": "m"}},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"type": "message", "id": "i", "content": [], "role": "assistant"},
    },
    {"type": "response.output_text.delta", "output_index": 0, "delta": "Paris"},
    {
        "type": "response.output_item.done",
        "output_index": 0,
        "item": {
            "type": "message",
            "id": "i",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Paris"}],
        },
    },
    {
        "type": "response.completed",
        "response": {"id": "r", "model": "m", "status": "completed", "output": []},
    },
]
STREAM = "".join(
    f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in SAID
).encode()


@asynccontextmanager
async def _server(
    answer: Callable[[str, bytes], tuple[int, str, bytes]],
) -> AsyncGenerator[str]:
    """Serve loopback: request head and body → status, content type, body."""

    async def handle(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                data += await stream.receive()
            head, _, body = data.partition(b"\r\n\r\n")
            told = head.decode().lower()
            length = int(told.partition("content-length:")[2].split("\r\n")[0] or 0)
            while len(body) < length:
                body += await stream.receive()
            status, kind, said = answer(head.decode(), body)
            await stream.send(
                f"HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\n"
                f"content-length: {len(said)}\r\nconnection: close\r\n\r\n".encode()
                + said
            )

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    attribute = anyio.abc.SocketAttribute.local_port
    port = listener.extra(attribute)  # noqa: S610  (no database)
    async with anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield f"http://127.0.0.1:{port}"
        group.cancel_scope.cancel()
    await listener.aclose()


def _bearer(head: str) -> str:
    return head.partition("uthorization: Bearer ")[2].partition("\r\n")[0]


async def _said(backend: OpenAIBackend) -> str:
    chunks: list[StreamChunk] = []
    messages = [{"role": "user", "content": "Which city?"}]
    async with aclosing(backend.stream_with_tools(messages, [])) as stream:
        chunks += [chunk async for chunk in stream]
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextDelta))


async def test_each_request_asks_azure_with_a_token_that_is_good_now() -> None:
    seen: list[str] = []

    def answer(head: str, _body: bytes) -> tuple[int, str, bytes]:
        seen.append(_bearer(head))
        assert "api-key" not in head.lower()
        return 200, "text/event-stream", STREAM

    tokens = iter(["first", "second"])
    async with _server(answer) as url:
        backend = OpenAIBackend(
            "deployment",
            base_url=f"{url}/openai/v1",
            resource="mine",
            token_provider=lambda: next(tokens),
        )
        assert await _said(backend) == "Paris"
        assert await _said(backend) == "Paris"
        await backend.aclose()
    assert seen == ["first", "second"]


async def test_a_token_of_a_coroutine_function_is_never_quoted() -> None:
    async def provider() -> str:
        await anyio.lowlevel.checkpoint()
        return "tok-123456789"

    def answer(_head: str, _body: bytes) -> tuple[int, str, bytes]:
        told = {"error": {"message": "bad token tok-123456789", "code": "x"}}
        return 401, "application/json", json.dumps(told).encode()

    async with _server(answer) as url:
        backend = OpenAIBackend("m", base_url=url, token_provider=provider)
        with pytest.raises(BackendRefused) as caught:
            await _said(backend)
        await backend.aclose()
    assert "tok-123456789" not in str(caught.value)


async def test_a_provider_that_fails_refuses_and_one_that_cannot_connect_may_pass() -> (
    None
):
    def fails() -> str:
        raise LookupError("no such account")

    def is_down() -> str:
        raise ConnectionRefusedError("nobody there")

    with pytest.raises(BackendRefused, match="no such account"):
        await SignIn(fails).headers()
    with pytest.raises(BackendUnavailable, match="nobody there"):
        await SignIn(is_down).headers()


@pytest.mark.needs("openai")
async def test_a_workload_signs_in_by_the_token_that_its_cloud_has_mounted(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text("subject\n")
    exchanged: list[Any] = []

    def answer(head: str, body: bytes) -> tuple[int, str, bytes]:
        if "/oauth/token" in head:
            exchanged.append(json.loads(body))
            told = {
                "access_token": f"t{len(exchanged)}",
                "expires_in": 3600,
                "token_type": "Bearer",
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            }
            return 200, "application/json", json.dumps(told).encode()
        return (200, "text/plain", b"") if _bearer(head) else (401, "text/plain", b"")

    identity = {
        "identity_provider_id": "idp",
        "service_account_id": "sa",
        "provider": str(tmp_path / "token"),
    }
    async with _server(answer) as url:
        signs = workload_sign_in(identity, f"{url}/oauth/token")
        assert await signs.headers() == {"authorization": "Bearer t1"}
        assert await signs.headers() == {"authorization": "Bearer t1"}
        signs.refused()
        assert await signs.headers() == {"authorization": "Bearer t2"}
    told = exchanged[0]
    assert (told["subject_token"], told["service_account_id"]) == ("subject", "sa")


@pytest.mark.needs("openai")
async def test_what_is_missing_of_an_identity_is_named() -> None:
    with pytest.raises(ValueError, match="service_account_id is missing"):
        workload_sign_in({"identity_provider_id": "i", "provider": "/f"})


@pytest.mark.needs("openai")
async def test_an_exchange_that_refuses_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("subject")

    def answer(_head: str, _body: bytes) -> tuple[int, str, bytes]:
        return 400, "application/json", b'{"error": "invalid_grant"}'

    identity = {
        "identity_provider_id": "idp",
        "service_account_id": "sa",
        "provider": str(tmp_path / "token"),
    }
    async with _server(answer) as url:
        with pytest.raises(AgentError, match="sign-in gave no token"):
            await workload_sign_in(identity, url).headers()

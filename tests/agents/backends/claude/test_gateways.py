"""Gateways and platforms that refuse what no setting has asked for: they get less."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.claude.errors import refuses_beta
from agents.backends.claude.settings import BINDING, INTERLEAVED, UNASKED
from agents.errors import BackendRefused, ContextExceeded
from tests.agents.backends.claude.test_raw_server import ANSWER, asked, text_of

pytestmark = pytest.mark.real_time

OK = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n"
    % len(ANSWER)
) + ANSWER
BEDROCK = {"message": "invalid beta flag"}
VERTEX = {
    "type": "error",
    "error": {
        "type": "invalid_request_error",
        "message": f"Unexpected value(s) `{BINDING}` for the `anthropic-beta` header. "
        "Please consult our documentation at docs.anthropic.com or try again without "
        "the header.",
    },
}
DROPPED = {
    "type": "error",
    "error": {
        "type": "invalid_request_error",
        "message": "thinking.adaptive.block_binding: Extra inputs are not permitted",
    },
}


class Gateway:
    """Refuses requests that name a beta, bind their thoughts or want too much."""

    def __init__(self, refusal: Any, most_tokens: int) -> None:
        self._refusal = json.dumps(refusal).encode()
        self._most_tokens = most_tokens
        self.requests: list[tuple[list[str], dict[str, Any]]] = []

    async def answer(self, stream: SocketStream) -> None:
        async with stream:
            while True:
                try:
                    head, body = await _request(stream)
                except anyio.EndOfStream:
                    return
                listed = re.search(r"(?i)anthropic-beta: (.*)\r", head)
                betas = listed[1].split(",") if listed else []
                self.requests.append((betas, body))
                is_known = not UNASKED.intersection(betas)
                is_known &= "block_binding" not in body.get("thinking", {})
                is_known &= body["max_tokens"] <= self._most_tokens
                await stream.send(OK if is_known else self._refused())

    def _refused(self) -> bytes:
        head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
        length = f"content-length: {len(self._refusal)}\r\n\r\n"
        return (head + length).encode() + self._refusal


async def _request(stream: SocketStream) -> tuple[str, dict[str, Any]]:
    came = b""
    while b"\r\n\r\n" not in came:
        came += await stream.receive()
    head, _, body = came.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while len(body) < (int(length[1]) if length else 0):
        body += await stream.receive()
    return head.decode() + "\r\n", json.loads(body)


@asynccontextmanager
async def asking(
    refusal: Any,
    model: str = "claude-opus-5-5",
    *,
    most_tokens: int = 64_000,
    **settings: Any,
) -> AsyncGenerator[tuple[Gateway, ClaudeBackend]]:
    gateway = Gateway(refusal, most_tokens)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  (not Django's)
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, gateway.answer)
            url = f"http://127.0.0.1:{port}"
            backend = ClaudeBackend(model, api_key="sk-test", base_url=url, **settings)
            try:
                with anyio.fail_after(20):
                    yield gateway, backend
            finally:
                await backend.aclose()
            group.cancel_scope.cancel("the test is over")


@pytest.mark.parametrize("refusal", [BEDROCK, VERTEX, DROPPED])
async def test_an_unasked_beta_that_is_refused_is_left_out_from_then_on(
    refusal: Any,
) -> None:
    async with asking(refusal) as (gateway, backend):
        assert text_of(await asked(backend)) == "Paris"
        assert text_of(await asked(backend)) == "Paris"
    assert [betas for betas, _ in gateway.requests] == [[BINDING], [], []]
    # All else is as it was, so that no prefix changes.
    (_, first), (_, second), _ = gateway.requests
    assert second == {**first, "thinking": second["thinking"]}
    assert second["thinking"] == {"type": "adaptive", "display": "summarized"}


async def test_thinking_between_tools_is_one_of_them() -> None:
    settings: dict[str, Any] = {"thinking": 2_000, "server_tools": ("web_search",)}
    model = "claude-opus-4-5"
    async with asking(BEDROCK, model, **settings) as (gateway, backend):
        assert text_of(await asked(backend)) == "Paris"
    assert [INTERLEAVED in betas for betas, _ in gateway.requests] == [True, False]


async def test_a_beta_that_a_setting_asks_for_stays_and_is_refused() -> None:
    async with asking(BEDROCK, betas=(BINDING,)) as (gateway, backend):
        with pytest.raises(BackendRefused, match="invalid beta flag"):
            await asked(backend)
    assert len(gateway.requests) == 2


@pytest.mark.parametrize(
    ("said", "is_ours"),
    [
        ("400 invalid beta flag", True),
        ("400 anthropic_beta: unknown", True),
        (f"422 Unexpected value(s) `{BINDING}` for the `anthropic-beta` header", True),
        (
            "400 Unexpected value(s) `x-2026-01-01` for the `anthropic-beta` header",
            False,
        ),
        ("400 the alphabeta is wrong", False),
        ("401 invalid beta flag", False),
        ("400 messages: text content blocks must be non-empty", False),
    ],
)
def test_a_refused_beta_is_told_by_its_words(said: str, *, is_ours: bool) -> None:
    assert refuses_beta(BackendRefused(said), UNASKED) == is_ours


def refused(words: str) -> dict[str, Any]:
    return {"error": {"type": "invalid_request_error", "message": words}}


async def test_fewer_tokens_are_asked_for_where_the_model_has_fewer() -> None:
    words = (
        "max_tokens: 16000 > 4096, which is the maximum allowed number of output "
        "tokens for claude-3-opus-20240229"
    )
    model = "claude-3-opus-20240229"
    async with asking(refused(words), model, most_tokens=4_096) as (gateway, backend):
        assert text_of(await asked(backend)) == "Paris"
        assert text_of(await asked(backend)) == "Paris"
    wanted = [body["max_tokens"] for _, body in gateway.requests]
    assert wanted == [16_000, 4_096, 4_096]


async def test_a_response_is_squeezed_into_what_is_left_of_the_window() -> None:
    words = (
        "input length and `max_tokens` exceed context limit: 190000 + 16000 > 200000, "
        "decrease input length or `max_tokens` and try again"
    )
    model = "claude-opus-4-1"
    async with asking(refused(words), model, most_tokens=10_000) as (gateway, backend):
        assert text_of(await asked(backend)) == "Paris"
    assert [body["max_tokens"] for _, body in gateway.requests] == [16_000, 10_000]


async def test_a_window_without_room_for_a_response_is_full() -> None:
    words = (
        "input length and `max_tokens` exceed context limit: 199990 + 16000 > 200000"
    )
    async with asking(refused(words), "claude-opus-4-1", most_tokens=1) as (_, backend):
        with pytest.raises(ContextExceeded):
            await asked(backend)


async def test_a_gateway_that_refuses_one_thing_after_the_other_is_asked_thrice() -> (
    None
):
    words = f"anthropic-beta and max_tokens: 16000 > 9, {BINDING}"
    async with asking(refused(words), most_tokens=1) as (gateway, backend):
        with pytest.raises(BackendRefused):
            await asked(backend)
    assert len(gateway.requests) == 3

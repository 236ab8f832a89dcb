"""The Messages API on loopback, asked by a plain HTTP client."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest

from agents.backends.scripted.script import Script, parse_script
from agents.emulator import Server, sample_script, serve

if TYPE_CHECKING:
    from anyio.abc import SocketStream

pytestmark = [pytest.mark.real_time, pytest.mark.anyio]

ScriptOf = Callable[..., Script]
BodyOf = Callable[..., dict[str, Any]]
HEADERS = {"x-api-key": "test", "anthropic-version": "2026-10-21"}


@asynccontextmanager
async def client(server: Server, **headers: str) -> AsyncGenerator[httpx2.AsyncClient]:
    with anyio.fail_after(30):
        async with httpx2.AsyncClient(
            base_url=server.base_url, headers={**HEADERS, **headers}, timeout=None
        ) as http:
            yield http


@asynccontextmanager
async def raw_call(
    server: Server, body: dict[str, Any]
) -> AsyncGenerator[SocketStream]:
    data = json.dumps(body).encode()
    head = (
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\n"
        f"anthropic-version: 2026-10-21\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    port = int(server.base_url.rpartition(":")[2])
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(head.encode() + data)
        yield stream


async def read_until(stream: SocketStream, mark: bytes) -> None:
    said = b""
    while mark not in said:
        said += await stream.receive()


def events_of(text: str) -> list[dict[str, Any]]:
    lines = text.replace("\r\n", "\n").split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def types_of(text: str) -> list[str]:
    return [event["type"] for event in events_of(text)]


async def test_a_stream_has_the_events_of_a_recorded_one(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    async with serve(script_of("Hi")) as server, client(server) as http:
        response = await http.post("/v1/messages", json=body_of(stream=True))
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert types_of(response.text) == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_a_whole_message_holds_what_the_stream_would_have_brought(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    script = script_of(
        {"thinking": "Hm."},
        {"text": "See", "citations": [{"type": "char_location", "cited_text": "x"}]},
        {"server_tool": "web_search", "input": {"query": "q"}, "result": ["http://a"]},
        {"tool": "look", "input": {"at": "é"}},
    )
    async with serve(script) as server, client(server) as http:
        message = (await http.post("/v1/messages", json=body_of())).json()
    assert [block["type"] for block in message["content"]] == [
        "thinking",
        "text",
        "server_tool_use",
        "web_search_tool_result",
        "tool_use",
    ]
    thinking, text, search, found, tool = message["content"]
    assert thinking["thinking"] == "Hm."
    assert thinking["signature"]
    assert text["citations"] == [{"type": "char_location", "cited_text": "x"}]
    assert search["input"] == {"query": "q"}
    assert found["tool_use_id"] == search["id"]
    assert found["content"][0]["url"] == "http://a"
    assert tool["input"] == {"at": "é"}
    assert message["stop_reason"] == "tool_use"
    assert message["usage"]["server_tool_use"]["web_search_requests"] == 1


async def test_bytes_are_cut_where_the_script_says(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    script = script_of("Grüße", wire={"cut_bytes": 3, "crlf": True})
    pieces: list[bytes] = []
    async with (
        serve(script) as server,
        client(server) as http,
        http.stream("POST", "/v1/messages", json=body_of(stream=True)) as response,
    ):
        pieces.extend([piece async for piece in response.aiter_raw()])
    assert {len(piece) for piece in pieces[:-1]} == {3}
    text = b"".join(pieces).decode()
    assert text.count("\r\n") == text.count("\n")
    assert events_of(text)[3]["delta"]["text"] == "Grüße"


async def test_an_error_before_the_stream_is_a_status(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    script = script_of({"error": {"status": 529, "retry_after_s": 2}})
    async with serve(script) as server, client(server) as http:
        response = await http.post("/v1/messages", json=body_of(stream=True))
        assert server.calls_bought == 0
    assert response.status_code == 529
    assert response.headers["retry-after"] == "2"
    assert response.json()["error"]["type"] == "overloaded_error"
    assert response.json()["request_id"] == response.headers["request-id"]


async def test_an_error_in_the_stream_is_an_event(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    script = script_of("Par", {"error": {"status": 529}})
    async with serve(script) as server, client(server) as http:
        response = await http.post("/v1/messages", json=body_of(stream=True))
    assert response.status_code == 200
    last = events_of(response.text)[-1]
    assert last["error"] == {
        "details": None,
        "type": "overloaded_error",
        "message": "Overloaded",
    }


async def test_a_truncated_stream_ends_cleanly_and_too_early(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    async with (
        serve(script_of("Par", {"truncate": True})) as server,
        client(server) as http,
    ):
        response = await http.post("/v1/messages", json=body_of(stream=True))
    assert types_of(response.text)[-1] == "content_block_stop"


async def test_a_broken_connection_is_a_transport_error(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    async with (
        serve(script_of("Par", {"disconnect": True})) as server,
        client(server) as http,
    ):
        with pytest.raises(httpx2.TransportError):
            await http.post("/v1/messages", json=body_of(stream=True))
        await server.all_closed()


async def test_a_client_that_leaves_a_stalled_stream_is_noticed(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    with anyio.fail_after(30):
        async with serve(script_of("Par", {"stall": True})) as server:
            async with raw_call(server, body_of(stream=True)) as stream:
                await read_until(stream, b"content_block_stop")
                assert server.open_sockets == 1
            await server.all_closed()
    (request,) = server.requests
    assert request.status == 200
    assert not request.is_complete


async def test_raw_text_goes_on_the_wire_as_it_is(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    raw = 'event: future\ndata: {"type":"future"}\n\n'
    async with serve(script_of("Hi", {"raw": raw})) as server, client(server) as http:
        response = await http.post("/v1/messages", json=body_of(stream=True))
    assert raw in response.text


async def test_many_deltas_come_without_being_kept_apart(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    script = script_of({"repeat_text": {"text": "tok ", "times": 1001, "batch": 10}})
    async with serve(script) as server, client(server) as http:
        response = await http.post("/v1/messages", json=body_of(stream=True))
    assert types_of(response.text).count("content_block_delta") == 1001


async def test_requests_past_the_limit_are_told_when_to_come_again(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    async with (
        serve(script_of("Hi"), requests_per_minute=2) as server,
        client(server) as http,
    ):
        answers = [await http.post("/v1/messages", json=body_of()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["retry-after"]) <= 30
    assert answers[0].headers["anthropic-ratelimit-requests-limit"] == "2"
    assert answers[0].headers["anthropic-ratelimit-requests-remaining"] == "1"


async def test_tokens_past_the_limit_are_told_when_to_come_again(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    body = body_of(messages=[{"role": "user", "content": "word " * 2_000}])
    async with (
        serve(script_of("Hi"), input_tokens_per_minute=3_000) as server,
        client(server) as http,
    ):
        answers = [await http.post("/v1/messages", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert "input tokens per minute" in answers[1].json()["error"]["message"]
    for answer in answers:
        told = answer.headers["anthropic-ratelimit-input-tokens-remaining"]
        assert 0 < int(told) < 1_500
    assert 0 < int(answers[1].headers["retry-after"]) <= 60


async def test_each_agent_plays_its_own_script(body_of: BodyOf) -> None:
    def says(text: str) -> Script:
        return parse_script({"turns": [{"repeat": True, "lines": [text]}]})

    scripts = {"ada": says("A"), "bob": says("B"), "claude-opus-5-5": says("C")}
    async with serve(scripts) as server, client(server) as http:

        async def said(body: dict[str, Any], **headers: str) -> str:
            answer = await http.post("/v1/messages", json=body, headers=headers)
            return answer.json()["content"][0]["text"]

        body = body_of()
        assert await said(body, **{"x-coordinator-agent": "bob"}) == "B"
        assert await said({**body, "metadata": {"user_id": "ada"}}) == "A"
        assert await said({**body, "model": "claude-opus-5-5"}) == "C"
        assert server.requests[0].agent == "bob"


async def test_a_script_that_is_used_up_is_an_invalid_request(body_of: BodyOf) -> None:
    script = parse_script({"turns": [{"lines": ["once"]}]})
    async with serve(script) as server, client(server) as http:
        first = await http.post("/v1/messages", json=body_of())
        second = await http.post("/v1/messages", json=body_of())
    assert (first.status_code, second.status_code) == (200, 400)
    assert "has no unused entry" in second.json()["error"]["message"]


async def test_models_are_listed_and_tokens_counted(body_of: BodyOf) -> None:
    async with serve(sample_script()) as server, client(server) as http:
        models = (await http.get("/v1/models")).json()
        one = (await http.get("/v1/models/claude-opus-5-5")).json()
        body = body_of([{"role": "user", "content": "x" * 400}])
        del body["max_tokens"]
        counted = (await http.post("/v1/messages/count_tokens", json=body)).json()
        nowhere = await http.get("/v1/nowhere")
    assert models["data"][0]["id"] == "scripted"
    assert one["id"] == "claude-opus-5-5"
    assert counted == {"input_tokens": 100}
    assert nowhere.status_code == 404


async def test_a_request_needs_a_key_and_a_version_and_keys_are_not_kept(
    body_of: BodyOf,
) -> None:
    async with serve(sample_script()) as server, httpx2.AsyncClient() as http:
        url = f"{server.base_url}/v1/messages"
        nobody = await http.post(url, json=body_of())
        old = await http.post(url, json=body_of(), headers={"x-api-key": "s3cret"})
        assert "s3cret" not in repr(server.requests)
    assert nobody.status_code == 401
    assert old.status_code == 400


async def test_a_body_that_is_no_json_is_refused() -> None:
    async with serve(sample_script()) as server, client(server) as http:
        response = await http.post("/v1/messages", content=b"{")
    assert response.status_code == 400


@pytest.mark.long
async def test_a_thousand_streams_are_held_at_once(
    script_of: ScriptOf, body_of: BodyOf
) -> None:
    streams = 1000
    body = body_of(stream=True)
    heard: list[int] = []
    all_heard = anyio.Event()

    async def ask() -> None:
        async with raw_call(server, body) as stream:
            await read_until(stream, b"content_block_stop")
            heard.append(1)
            if len(heard) == streams:
                all_heard.set()
            await all_heard.wait()

    with anyio.fail_after(60):
        async with serve(script_of("Hi", {"stall": True})) as server:
            async with anyio.create_task_group() as group:
                for _ in range(streams):
                    group.start_soon(ask)
            await server.all_closed()
    assert server.most_open_sockets == streams
    assert server.calls_bought == streams


@pytest.mark.parametrize(
    ("expires_at", "named", "words"),
    [
        ("2030-01-01T00:00:00Z", "c1", ""),
        ("2030-01-01T00:00:00Z", {"id": "c1"}, ""),
        ("2030-01-01T00:00:00Z", "c2", "Container c2 was not found"),
        ("2030-01-01T00:00:00Z", {"id": "c2"}, "Container c2 was not found"),
        ("2020-01-01T00:00:00+02:00", "c1", "Container c1 has expired"),
    ],
)
async def test_a_container_is_taken_while_there_is_one(
    expires_at: str,
    named: object,
    words: str,
    script_of: ScriptOf,
    body_of: BodyOf,
) -> None:
    ran = {"container": "c1", "expires_at": expires_at}
    script = script_of(ran, {"text": "Done."})
    async with serve(script) as server, client(server) as http:
        await http.post("/v1/messages", json=body_of())
        answer = await http.post("/v1/messages", json=body_of(container=named))
    assert answer.status_code == (400 if words else 200)
    assert words in answer.text

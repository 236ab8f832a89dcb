"""No request ends the emulator, whatever it holds, in whatever dialect.

A seeded campaign mutates good requests. Larger ones: ``CASES=5000 pytest -k hostile``.
"""

from __future__ import annotations

import copy
import json
import os
from itertools import product
from random import Random
from typing import Any

import anyio
import httpx2
import pytest

from agents.emulator.http import Connection
from tests.agents.emulator.test_refusals import (
    OBJECT,
    QUESTION,
    REFUSED,
    TAKEN,
    asking,
    body,
    tool,
)

pytestmark = pytest.mark.real_time

CASES = int(os.environ.get("CASES", "60"))

NONSENSE: list[Any] = [
    {"messages": json.loads("[" * 900 + "]" * 900)},
    {"messages": [[]]},
    {"messages": [{"role": ["user"], "content": {}}]},
    {"messages": [{"role": "user", "content": [[]]}]},
    {"messages": [{"role": "user", "content": [{"type": {}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]},
    {"messages": [{"role": "user", "content": [{"type": "image", "source": 1}]}]},
    {"messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}]},
    {"messages": "x"},
    {"messages": None},
    {"messages": 7, "system": 8, "tools": 9},
    {"system": [1], "messages": []},
    {"tools": [1]},
    {"tools": {"a": 1}},
    {"tools": [{"type": 5}]},
    {"tools": [{"name": 5}]},
    {"tools": [tool({**OBJECT, "properties": {"type": OBJECT, "file_id": {}}})]},
    {"tools": [tool({**OBJECT, "properties": {"a": {"enum": 5, "maximum": "x"}}})]},
    {"tools": [{**tool(), "name": "vote", "input_schema": {**OBJECT, "enum": 7}}]},
    {"tool_choice": 7},
    {"tool_choice": {"type": []}},
    {"thinking": 7},
    {"thinking": {"type": []}},
    {"thinking": {"type": "enabled", "budget_tokens": "x"}},
    {"metadata": {"user_id": []}},
    {"metadata": [1]},
    {"max_tokens": "x"},
    {"max_tokens": True},
    {"model": []},
    {"mcp_servers": [1]},
    {"betas": 7, "container": 7, "output_config": 7},
    {"output_config": {"format": {"schema": {"properties": 7}}}},
    {"cache_control": []},
]


async def test_no_request_ends_the_server() -> None:
    async with asking() as (_, http):
        for told in NONSENSE:
            answer = await http.post("/v1/messages", json={**body(), **told})
            assert answer.status_code in {200, 400}, told
            assert answer.json().get("error") or answer.status_code == 200
        for raw in (
            b"[" * 100_000,
            *(
                b'{"max_tokens":9,"model":"m","messages":' + nested + b"}"
                for depth in (5_000, 100_000)
                for nested in (
                    b"[" * depth + b"]" * depth,
                    b'[{"content":' * depth + b"1" + b"}]" * depth,
                )
            ),
            b"{",
            b"",
            b"\xff",
            b"[1]",
            b"null",
            b'{"a":"\xe9"}',
        ):
            answer = await http.post("/v1/messages", content=raw)
            assert answer.status_code == 400
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            assert (await http.post(path, json=body())).status_code == 200
        for path in ("/v1/files", "/v1/files/x", "/%ff", "//", "/v1/models/x"):
            await http.get(path)


async def test_bytes_that_are_no_http_cost_their_connection_alone() -> None:
    async with asking() as (server, http):
        host, port = server.base_url.removeprefix("http://").split(":")
        for raw in (
            b"\x16\x03\x01\x02\x00",
            b"GET /\xff HTTP/1.1\r\nhost: \xff\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ):
            async with await anyio.connect_tcp(host, int(port)) as stream:
                await stream.send(raw)
                await stream.send_eof()
                with anyio.move_on_after(5):
                    while True:
                        try:
                            await stream.receive()
                        except (anyio.EndOfStream, anyio.BrokenResourceError):
                            break
        assert (await http.post("/v1/messages", json=body())).status_code == 200


async def test_a_head_request_gets_a_head_and_no_body() -> None:
    async with asking() as (_, http):
        for path in ("/v1/models", "/v1/messages", "/", "/v1/files"):
            answer = await http.head(path)
            assert (answer.status_code, answer.content) == (404, b"")
            assert int(answer.headers["content-length"]) > 0
        assert (await http.post("/v1/messages", json=body())).status_code == 200


async def test_nonsense_in_another_dialect_is_refused_in_a_sentence() -> None:
    paths = (
        "/v1/chat/completions",
        "/v1/responses",
        "/v1beta/models/gemini-3:generateContent",
    )
    asked: dict[str, Any] = {"model": "m", "messages": [QUESTION], "input": "Where?"}
    values: list[Any] = [1.5, [1], [[]], {"a": 1}, ["x"], [{"role": []}]]
    async with asking() as (_, http):
        for path, key, value in product(
            paths, ("messages", "input", "contents", "tools"), values
        ):
            answer = await http.post(path, json={**asked, key: value})
            assert answer.status_code in {200, 400}, (path, key, value)
            assert answer.status_code == 200 or answer.json()["error"]["message"]
        vertex = "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict"
        for path, raw in product(
            (*paths, vertex), (b"[" * 100_000, b'{"input":' + b"[" * 50_000, b"\xff")
        ):
            answer = await http.post(path, content=raw)
            assert answer.status_code in {400, 404}


async def test_neighbours_of_one_role_are_one_message_however_many() -> None:
    asked = body(*[QUESTION] * 3_000)
    told = {"model": "m", "messages": asked["messages"]}
    async with asking() as (_, http):
        for path, sent in (("/v1/messages", asked), ("/v1/chat/completions", told)):
            answer = await http.post(path, json=sent)
            assert answer.status_code == 200


async def test_a_connection_that_breaks_ends_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    really, faults = Connection.respond, [RuntimeError("half a header")]

    async def respond(self: Connection, *told: Any) -> None:
        if faults:
            raise faults.pop()
        await really(self, *told)

    monkeypatch.setattr(Connection, "respond", respond)
    async with asking() as (_, http):
        with pytest.raises(httpx2.RemoteProtocolError):
            await http.get("/nowhere")
        assert (await http.post("/v1/messages", json=body())).status_code == 200
    assert "a connection broke" in caplog.text


GOOD = [asked for asked, _ in (*REFUSED, *TAKEN) if len(json.dumps(asked)) < 20_000]
ODD: list[Any] = [
    *(None, True, -1, 1.5, 10**30, "", " ", "x", "a" * 5_000, "\x00", "\ud83d"),
    *([], [[]], {}, [None], ["a"], {"": ""}, [{"type": []}], {"type": None}),
    *({"type": "text"}, {"type": "base64", "data": 5}, {"$ref": "#"}),
    {"allOf": [{"$ref": "#/properties/a"}]},
]
KEYS = ("type", "content", "tools", "source", "id", "name", "items", "cache_control")
BETAS = "mid-conversation-tool-changes-2026-07-01, files-api-2025-04-14"


def keys_of(owner: Any) -> list[Any]:
    return [*range(len(owner))] if isinstance(owner, list) else [*owner]  # pyright: ignore[reportUnknownArgumentType]  (JSON)


def mutated(random: Random) -> Any:
    """A request of which some parts are others, or gone."""
    asked = copy.deepcopy(random.choice(GOOD))
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        owner: Any = asked
        is_object = True
        while True:
            keys = keys_of(owner)
            if not keys:
                break
            key = random.choice(keys)
            part: Any = owner[key]
            is_leaf = type(part) not in {dict, list}
            if is_leaf or random.random() < 0.3:
                owner[key] = copy.deepcopy(random.choice(ODD))
                if random.random() < 0.2:
                    del owner[key]
                break
            owner, is_object = part, type(part) is dict
        if is_object and random.random() < 0.3:
            owner[random.choice(KEYS)] = copy.deepcopy(random.choice(ODD))
    return asked


def encoded(random: Random) -> bytes:
    data = json.dumps(mutated(random), ensure_ascii=random.random() < 0.5)
    raw = bytearray(data.encode("utf-8", "surrogatepass"))
    damage = random.random()
    if damage < 0.05:
        del raw[random.randrange(len(raw)) :]
    elif damage < 0.1:
        for _ in range(random.randint(1, 8)):
            raw[random.randrange(len(raw))] = random.randrange(256)
    return bytes(raw)


async def test_hostile_requests_are_answered(caplog: pytest.LogCaptureFixture) -> None:
    paths = (
        *("/v1/messages", "/v1/messages", "/v1/messages/count_tokens", "/v1/files"),
        *("/v1/chat/completions", "/v1/responses", "/v1beta/models/g:generateContent"),
    )
    async with asking() as (_, http):
        for seed in range(CASES):
            random = Random(seed)  # noqa: S311  (repeatable, not secret)
            answer = await http.post(
                random.choice(paths),
                content=encoded(random),
                headers={"anthropic-beta": random.choice(("", BETAS))},
            )
            assert answer.status_code in {200, 400, 404}, seed
        assert (await http.post("/v1/messages", json=body())).status_code == 200
    assert caplog.text == ""

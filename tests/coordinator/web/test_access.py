"""Access to the page."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra [web]")

from starlette.responses import PlainTextResponse

from coordinator.web.access import LOCAL_NAMES, Access, is_local

TOKEN = "abc"  # noqa: S105  (of this test)
HERE = {"host": "127.0.0.1:8400"}
ORIGIN = {**HERE, "origin": "http://127.0.0.1:8400"}


async def ask(
    headers: dict[str, str],
    *,
    method: str = "GET",
    path: str = "/",
    query: str = "",
    names: frozenset[str] | None = LOCAL_NAMES,
    token: str | None = None,
) -> tuple[int, dict[str, str]]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    app = Access(PlainTextResponse("in"), names=names, token=token, port=8400)
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "scheme": "http",
        "server": ("127.0.0.1", 8400),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }
    await app(scope, receive, send)
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", HERE, 200),
        ("GET", {"host": "localhost:9999"}, 200),  # through a forwarded port
        ("GET", {"host": "[::1]:8400"}, 200),
        ("GET", {"host": "evil.example:8400"}, 403),  # a name pointed here
        ("GET", {"host": "127.0.0.1.evil.example"}, 403),
        ("GET", {}, 403),
        ("GET", {"host": "[::1"}, 403),
        ("GET", {**HERE, "sec-fetch-site": "cross-site"}, 403),
        ("GET", {**HERE, "sec-fetch-site": "same-site"}, 403),  # another port's page
        (
            "GET",
            {**HERE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
            200,
        ),
        ("POST", ORIGIN, 200),
        ("POST", HERE, 403),
        ("POST", {**HERE, "origin": "null"}, 403),
        ("POST", {**HERE, "origin": "http://evil.example"}, 403),
        ("POST", {**HERE, "origin": "http://127.0.0.1:3000"}, 403),
        (
            "POST",
            {**ORIGIN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
            403,
        ),
        ("DELETE", HERE, 403),
    ],
)
async def test_only_the_page_itself_may_ask(
    method: str, headers: dict[str, str], status: int
) -> None:
    answer, _ = await ask(headers, method=method)
    assert answer == status


async def test_every_answer_has_a_policy_refusals_too() -> None:
    for headers in (HERE, {"host": "evil.example"}):
        _, given = await ask(headers)
        assert "default-src 'none'" in given["content-security-policy"]
        assert given["x-content-type-options"] == "nosniff"
        assert given["cache-control"] == "no-store"


async def test_a_token_in_the_address_becomes_a_cookie_no_script_can_read() -> None:
    status, given = await ask(
        HERE, query="token=abc&x=1", path="/sessions", token=TOKEN
    )
    assert (status, given["location"]) == (303, "/sessions?x=1")
    cookie = given["set-cookie"]
    assert cookie.startswith("coordinator_8400=abc;")
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({}, 401),
        ({"cookie": "coordinator_8400=abd"}, 401),
        ({"cookie": "coordinator_8400="}, 401),
        ({"cookie": "coordinator_8400=\xe9"}, 401),
        ({"cookie": "coordinator_8400=abc"}, 200),
        ({"authorization": "Bearer abc"}, 200),
    ],
)
async def test_without_the_token_nothing_is_given(
    extra: dict[str, str], status: int
) -> None:
    assert (await ask({**HERE, **extra}, token=TOKEN))[0] == status
    assert (await ask(HERE, token=TOKEN, query="token=wrong"))[0] == 401


async def test_whoever_listens_everywhere_is_called_by_an_address_not_a_name() -> None:
    assert (await ask({"host": "192.0.2.7:8400"}, names=None))[0] == 200
    assert (await ask({"host": "evil.example"}, names=None))[0] == 403


def test_which_addresses_are_this_machines_alone() -> None:
    assert all(map(is_local, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_local, ("0.0.0.0", "::", "192.0.2.7", "example.org")))  # noqa: S104

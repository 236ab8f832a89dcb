"""Claude behind a proxy, and behind a certificate of one's own, over real sockets."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

import coordinator
from agents.agent import Agent
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.scripted.script import parse_script
from agents.backends.transport.body_reader import Tap
from agents.backends.transport.library_internals import is_plain
from agents.emulator import serve
from agents.emulator.server import Server
from agents.errors import BackendRefused, BackendUnavailable
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import AgentId, TextDelta, TurnNumber
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn
from coordinator.errors import ConfigInvalid
from coordinator.team.builder import assemble, closing
from coordinator.team.reader import parse_team, read_team
from coordinator.team.team import Team

pytestmark = pytest.mark.real_time

MODEL = "claude-haiku-5-5"
WORDS = "Paris has been the capital of France for a long time, and will be. "
LONG = WORDS * 300
SCRIPT = parse_script(
    {
        "model": MODEL,
        "turns": [
            {
                "repeat": True,
                "lines": [
                    {"thinking": "Let me see.", "size": 3},
                    {"text": "So. ", "delay_s": 0.02},
                    {"text": LONG, "size": 7, "delay_s": 0.02},
                ],
            }
        ],
    }
)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def tapped(monkeypatch: pytest.MonkeyPatch) -> list[Tap]:
    """The connections whose bodies were read past the transport."""
    found: list[Tap] = []
    body = Tap.body

    def noted(tap: Tap, *given: Any) -> Any:
        found.append(tap)
        return body(tap, *given)

    monkeypatch.setattr(Tap, "body", noted)
    return found


@asynccontextmanager
async def backend_of(server: Server) -> AsyncGenerator[ClaudeBackend]:
    backend = ClaudeBackend(MODEL, api_key="sk-test", base_url=server.base_url)
    try:
        yield backend
    finally:
        await backend.aclose()


async def said(backend: ClaudeBackend) -> tuple[str, int]:
    """Claude's text, and the number of moments at which some of it came."""
    turn = Turn(agent=AgentId("ada"), number=TurnNumber(1), question="?", task=Draft())
    message = Message(role="user", content=msgspec.Raw(b'"Hello"'))
    request = Request(turn=turn, messages=(message,))
    text, moments = "", set[float]()
    pen = Pen(turn.agent, turn.number, 0.0)
    with anyio.fail_after(10):
        async with backend.open_stream(request, pen) as stream:
            async for batch in stream:
                for chunk in batch:
                    if isinstance(chunk, TextDelta):
                        text += chunk.text
                        moments.add(chunk.at)
    return text, len(moments)


async def test_a_team_asks_through_a_proxy(
    proxy: Any, monkeypatch: pytest.MonkeyPatch, tapped: list[Tap]
) -> None:
    async with proxy() as passes, serve(SCRIPT) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://{passes.url}")
        async with backend_of(server) as backend:
            agents = tuple(
                Agent(id=AgentId(name), backend=backend) for name in ("ada", "bob")
            )
            result = await coordinator.run("The capital?", Team(agents=agents, seed=1))
        assert LONG.strip() in (result.answer or "")
        asked = {line.split()[1] for line in passes.asked}
        assert asked == {f"{server.base_url}/v1/messages"}
        assert len(tapped) == (0 if is_plain() else len(server.requests))


async def test_a_stream_through_a_tunnel_under_a_ca_of_ones_own_arrives_as_it_comes(
    proxy: Any, authority: Any, monkeypatch: pytest.MonkeyPatch, tapped: list[Tap]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with proxy() as passes, serve(SCRIPT, tls=authority.context) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{passes.url}")
        async with backend_of(server) as backend:
            text, moments = await said(backend)
            again, _ = await said(backend)
        assert text == again == f"So. {LONG}"
        assert moments > 1, "what comes first is shown first"
        host = server.base_url.removeprefix("https://")
        # One tunnel carries both: its connection is used again.
        assert passes.asked == [f"CONNECT {host} HTTP/1.1"]
    assert len(tapped) == (0 if is_plain() else 2)


async def test_a_stream_under_a_ca_of_ones_own_needs_no_proxy(
    authority: Any, monkeypatch: pytest.MonkeyPatch, tapped: list[Tap]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with (
        serve(SCRIPT, tls=authority.context) as server,
        backend_of(server) as backend,
    ):
        assert (await said(backend))[0] == f"So. {LONG}"
    assert len(tapped) == (0 if is_plain() else 1)


async def test_each_agent_has_a_proxy_and_a_ca_of_its_own(
    proxy: Any, authority: Any, tapped: list[Tap], tmp_path: Path
) -> None:
    certificate = authority.file.read_bytes()
    (tmp_path / "ca.pem").write_bytes(certificate)
    async with (
        proxy() as first,
        proxy() as second,
        serve(SCRIPT, tls=authority.context) as server,
    ):
        text = (
            f"defaults: {{model: {MODEL}, base_url: {server.base_url}, "
            "ca_file: ca.pem, api_key_env: KEY}\n"
            f"agents: [{{id: ada, proxy: 'http://{first.url}'}}, "
            "{id: bob, proxy: $BOBS}]\n"
        )
        config = parse_team(text, tmp_path / "team.yaml")
        keys = {"KEY": "sk-test", "BOBS": f"http://me:pw@{second.url}"}
        async with closing(assemble(config, environment=keys)) as team:
            result = await coordinator.run("The capital?", team)
        assert LONG.strip() in (result.answer or "")
        host = server.base_url.removeprefix("https://")
        for passes in (first, second):
            assert set(passes.asked) == {f"CONNECT {host} HTTP/1.1"}
        assert first.signed_in[0] == ""
        assert second.signed_in[0] == "basic bwu6chc="  # me:pw, in lower case
    assert len(tapped) == (0 if is_plain() else len(server.requests))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("proxy: 'http://me:canary@a'", "proxy: a password has no place in a file"),
        ("proxy: 'a:canary'", "proxy: a proxy is http://host:port, or $VARIABLE"),
        ("proxy: $SOCKS", "a SOCKS proxy needs socksio; pip install socksio"),
        ("proxy: $NONE", "takes its proxy from NONE, which is not set; set it"),
        ("proxy: $ODD", "agent 'ada': proxy is no URL; write http://host:port"),
        ("ca_file: none.pem, proxy: 'http://a'", "none.pem' cannot be used: "),
        ("ca_file: none.pem", "none.pem' cannot be used: "),
        ("ca_file: team.yaml", "team.yaml' cannot be used: "),
    ],
)
def test_a_proxy_or_ca_that_cannot_be_is_said_before_anything_is_asked(
    settings: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "team.yaml"
    file.write_text(f"agents: [{{id: ada, model: {MODEL}, {settings}}}]")
    keys = {"ANTHROPIC_API_KEY": "sk-test", "ODD": "me:canary@a"}
    keys["SOCKS"] = "socks5://me:canary@127.0.0.1:9"
    with pytest.raises(ConfigInvalid) as caught:
        assemble(read_team(file), environment=keys)
    assert said in str(caught.value)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


async def test_a_ca_that_is_not_known_is_said_and_not_tried_again(
    authority: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    async with (
        serve(SCRIPT, tls=authority.context) as server,
        backend_of(server) as backend,
    ):
        with pytest.raises(BackendRefused, match=r"certificate.*SSL_CERT_FILE"):
            await said(backend)


async def test_an_address_that_no_proxy_names_is_asked_directly(
    proxy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy() as passes, serve(SCRIPT) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://{passes.url}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with backend_of(server) as backend:
            assert (await said(backend))[0] == f"So. {LONG}"
        assert passes.asked == []


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_a_proxys_password_is_sent_to_it_and_shown_nowhere(
    proxy: Any,
    authority: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    is_encrypted: bool,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    tls = authority.context if is_encrypted else None
    caplog.set_level(logging.DEBUG)
    async with proxy(refuses=True) as passes, serve(SCRIPT, tls=tls) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://me:canary-77@{passes.url}")
        async with backend_of(server) as backend:
            with pytest.raises(BackendRefused, match="407") as caught:
                await said(backend)
        given = base64.b64encode(b"me:canary-77").decode()
        assert passes.signed_in[0].lower() == f"basic {given}".lower()
    trace = "".join(traceback.format_exception(caught.value))
    told = f"{trace}{backend!r}{caplog.text}"
    assert "canary-77" not in told
    assert given not in told


async def test_a_proxy_that_is_down_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serve(SCRIPT) as server:
        monkeypatch.setenv("HTTP_PROXY", "http://me:canary-77@127.0.0.1:9")
        async with backend_of(server) as backend:
            with pytest.raises(BackendUnavailable, match="no connection") as caught:
                await said(backend)
    assert "canary-77" not in "".join(traceback.format_exception(caught.value))

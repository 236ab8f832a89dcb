"""A secret that a server or tool quotes reaches no reader and no journal."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.backends.claude.backend import ClaudeBackend
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.errors import BackendRefused
from agents.protocol.backend import Request
from agents.protocol.chunks import AgentId, StreamChunk
from agents.protocol.stamper import Pen
from agents.tools.function import tool
from coordinator import Agent, Team, open_session

KEY = "sk-canary-0123456789"


class _Quoting(ScriptedBackend):
    """A server that quotes the key in its refusal."""

    secrets = (KEY,)

    @asynccontextmanager
    async def open_stream(
        self,
        request: Request,  # noqa: ARG002
        pen: Pen,  # noqa: ARG002
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        raise BackendRefused(f"bad key {KEY}")
        yield


@tool
def look(x: str) -> str:
    """Look.

    Args:
        x: At what.
    """
    raise ValueError(f"{x} is not for {KEY}")


def _script(line: dict[str, Any]) -> Any:
    return parse_script({"turns": [{"repeat": True, "lines": [line]}]})


@pytest.mark.real_time
async def test_no_error_and_no_result_brings_a_key_of_the_team(tmp_path: Path) -> None:
    call = {"tool": "look", "input": {"x": "it"}}
    calls: list[dict[str, Any]] = [
        {"when": {"call": 1, "task": "draft"}, "lines": [call]},
        {"repeat": True, "lines": [{"answer": "so be it"}]},
    ]
    ada = ScriptedBackend(parse_script({"turns": calls}))
    team = Team(
        agents=(
            Agent(id=AgentId("ada"), backend=ada, tools=(look,)),
            Agent(id=AgentId("ben"), backend=_Quoting(_script({"text": "x"}))),
        )
    )
    seen: list[bytes] = []
    async with open_session("q", team, journal=tmp_path / "j") as session:
        seen.extend([msgspec.json.encode(batch) async for batch in session.events()])
        result = await session.wait()
    assert result.answer is not None
    assert "[secret]" in (result.agents[AgentId("ben")].error or "")
    assert b"not for [secret]" in b"".join(seen)
    assert KEY.encode() not in b"".join(seen)
    for path in (tmp_path / "j").iterdir():
        assert KEY.encode() not in path.read_bytes()


@pytest.mark.real_time
async def test_a_redirect_to_another_host_gets_no_question() -> None:
    asked: list[str] = []

    class Redirects(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.headers["host"].partition(":")[0])
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(307)
            self.send_header("location", f"http://127.0.0.2:{ports[0]}/v1/messages")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    ports: list[int] = []
    server = ThreadingHTTPServer(("0.0.0.0", 0), Redirects)  # noqa: S104
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    ports.append(server.server_address[1])
    backend = ClaudeBackend(
        "claude-haiku-5-5", api_key=KEY, base_url=f"http://127.0.0.1:{ports[0]}"
    )
    try:
        team = Team(agents=(Agent(id=AgentId("ada"), backend=backend),))
        async with open_session("q", team) as session:
            result = await session.wait()
    finally:
        await backend.aclose()
        server.shutdown()
        server.server_close()
        thread.join()
    assert result.status == "failed"
    assert set(asked) == {"127.0.0.1"}
    assert "307" in (result.agents[AgentId("ada")].error or "")

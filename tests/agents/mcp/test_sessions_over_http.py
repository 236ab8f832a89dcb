"""A server over HTTP that forgets a session, or restarts, is reached again."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anyio
import msgspec
import pytest

from agents.errors import ToolFailed
from agents.mcp import McpServer
from agents.mcp.toolbox import McpToolbox

pytestmark = pytest.mark.real_time

PLAIN_404 = (404, "text/plain", b"no such session")
TOLD_404 = (
    404,
    "application/json",
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"unknown session"}}',
)

TOLD_400 = (400, "text/plain", b"Bad Request: No valid session ID provided")


class Stateful:
    """Streamable HTTP with sessions, in plain Python; notes the calls it makes."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.begun = 0
        self.done: list[str] = []
        self.unknown: tuple[int, str, bytes] = PLAIN_404
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/mcp"

    def start(self) -> None:
        told = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                session = self.headers.get("mcp-session-id", "")
                self._reply(*told.answer(json.loads(body), session))

            def do_GET(self) -> None:
                self._reply(405, "text/plain", b"", "")

            do_DELETE = do_GET  # noqa: N815  (as http.server calls it)

            def _reply(self, code: int, kind: str, body: bytes, session: str) -> None:
                self.send_response(code)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                if session:
                    self.send_header("mcp-session-id", session)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any, **__: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self.sessions.clear()

    def answer(
        self, asked: dict[str, Any], session: str
    ) -> tuple[int, str, bytes, str]:
        method = asked.get("method")
        if method == "initialize":
            self.begun += 1
            session = f"s{self.begun}"
            self.sessions.add(session)
            version = asked["params"]["protocolVersion"]
            result: dict[str, Any] = {
                "protocolVersion": min(version, "2025-06-18"),
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "stateful", "version": "1"},
            }
        elif session and session not in self.sessions:
            return (*self.unknown, "")
        elif "id" not in asked:
            return 202, "application/json", b"", ""
        elif method == "tools/list":
            result = {"tools": [{"name": "pay", "inputSchema": {"type": "object"}}]}
        elif method == "tools/call":
            self.done.append(session)
            result = {"content": [{"type": "text", "text": f"paid in {session}"}]}
        else:
            error = {"code": -32601, "message": "unknown method"}
            body = {"jsonrpc": "2.0", "id": asked["id"], "error": error}
            return 200, "application/json", json.dumps(body).encode(), ""
        body = {"jsonrpc": "2.0", "id": asked["id"], "result": result}
        return 200, "application/json", json.dumps(body).encode(), session


@pytest.fixture
def server() -> Generator[Stateful]:
    server = Stateful()
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("unknown", [PLAIN_404, TOLD_404, TOLD_400])
async def test_a_session_that_has_expired_is_begun_again_and_the_call_made_once(
    server: Stateful, unknown: tuple[int, str, bytes]
) -> None:
    server.unknown = unknown
    box = McpToolbox(McpServer(name="shop", url=server.url))
    with anyio.fail_after(30):
        async with box.open() as tools:
            for number in range(1, 4):  # again and again, as in a long session
                said = await tools[0].call(msgspec.Raw(b"{}"))
                assert said == f"paid in s{number}"
                server.sessions.clear()
    assert server.done == ["s1", "s2", "s3"]


async def test_calls_that_meet_an_expired_session_together_begin_one(
    server: Stateful,
) -> None:
    box = McpToolbox(McpServer(name="shop", url=server.url))
    said: list[object] = []
    with anyio.fail_after(30):
        async with box.open() as tools:
            server.sessions.clear()

            async def call() -> None:
                said.append(await tools[0].call(msgspec.Raw(b"{}")))

            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(call)
    assert said == ["paid in s2"] * 5
    assert server.begun == 2


async def test_a_server_that_restarts_twice_is_reached_twice(server: Stateful) -> None:
    box = McpToolbox(McpServer(name="shop", url=server.url))
    with anyio.fail_after(60):
        async with box.open() as tools:
            for number in range(2):
                assert "paid" in str(await tools[0].call(msgspec.Raw(b"{}")))
                server.stop()
                with pytest.raises(ToolFailed):
                    await tools[0].call(msgspec.Raw(b"{}"))
                with pytest.raises(ToolFailed, match="a call starts it again"):
                    await tools[0].call(msgspec.Raw(b"{}"))
                server.start()
                assert number == len(server.done) - 1
            assert "paid" in str(await tools[0].call(msgspec.Raw(b"{}")))
    assert len(server.done) == 3

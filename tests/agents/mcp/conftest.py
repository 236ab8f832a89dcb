"""MCP servers for tests: one in plain Python, which starts fast, and the library's."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.mcp import McpServer
from tests.pictures import png

# Speaks JSON-RPC on its standard streams, and writes down what happens to it.
PLAIN = """
import json, os, sys, time

notes = sys.argv[1]
picture = "PICTURE"

def note(line):
    with open(notes, "a") as file:
        file.write(line + "\\n")

def tool(name):
    schema = {"type": "object"}
    return {"name": name, "description": f"Does {name}.", "inputSchema": schema}

def text(words, **more):
    return {"content": [{"type": "text", "text": words}], **more}

note(f"pid {os.getpid()}")
for line in sys.stdin:
    said = json.loads(line)
    method, asked = said.get("method"), said.get("params", {})
    if method == "notifications/cancelled":
        note("cancelled")
    if "id" not in said:
        continue
    result = error = None
    if method == "initialize":
        result = {
            "protocolVersion": asked["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "plain", "version": "1"},
        }
    elif method == "tools/list":
        names = ("echo", "env", "fail", "image", "never", "die", "dots.and/slashes")
        result = {"tools": [tool(name) for name in names]}
    elif method == "tools/call":
        name = asked["name"]
        if name == "echo":
            result = text(asked["arguments"]["words"])
        elif name == "env":
            result = text(json.dumps(dict(os.environ)))
        elif name == "fail":
            result = text("the moon is full", isError=True)
        elif name == "image":
            image = {"type": "image", "data": picture, "mimeType": "image/png"}
            result = {"content": [{"type": "text", "text": "look"}, image]}
        elif name == "never":
            note("begun")
            continue
        elif name == "die":
            sys.stderr.write("I am out of memory\\n")
            sys.stderr.flush()
            os._exit(3)
    if result is None:
        error = {"code": -32601, "message": f"unknown: {method}"}
    answer = {"error": error} if error else {"result": result}
    print(json.dumps({"jsonrpc": "2.0", "id": said["id"], **answer}), flush=True)
if "stubborn" in sys.argv:
    time.sleep(60)
""".replace("PICTURE", b64encode(png()).decode())

OF_THE_LIBRARY = """
import sys
from mcp.server import MCPServer

server = MCPServer("sums")

@server.tool()
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b

if len(sys.argv) > 1:
    server.run(transport="streamable-http", port=int(sys.argv[1]))
else:
    server.run()
"""


@dataclass(kw_only=True)
class Plain:
    """A stdio server to be started, and what it noted."""

    notes: Path

    def server(self, *words: str, **more: object) -> McpServer:
        command = (sys.executable, "-c", PLAIN, str(self.notes), *words)
        return McpServer(name="plain", command=command, **more)  # pyright: ignore[reportArgumentType]  (whatever a test sets)

    @property
    def noted(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    @property
    def is_running(self) -> bool:
        """Whether a process that was started still lives."""
        alive = False
        for line in self.noted:
            if line.startswith("pid "):
                with suppress(ProcessLookupError):
                    os.kill(int(line[4:]), 0)
                    alive = True
        return alive


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    return Plain(notes=tmp_path / "notes")


@pytest.fixture
def library_command() -> tuple[str, ...]:
    """Runs a server made with the ``mcp`` library, on its standard streams."""
    return (sys.executable, "-c", OF_THE_LIBRARY)


@pytest.fixture(scope="session")
def http_server() -> Generator[str]:
    """The address of a streamable HTTP server, in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603  (our own words)
        [sys.executable, "-c", OF_THE_LIBRARY, str(port)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "running on" in line:
            break
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def told() -> Callable[[bytes | str], str]:
    """A tool's result as text."""
    return lambda result: result if isinstance(result, str) else bytes(result).decode()

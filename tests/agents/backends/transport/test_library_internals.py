"""The fence around what libraries do not promise: it fails here where it has moved."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpcore2
import httpx2
import pytest
import trio

from agents.backends.transport.body_reader import Tap, tap
from agents.backends.transport.library_internals import (
    PLAIN_VARIABLE,
    anyio_backend,
    asyncio_transport,
    stream_beneath,
    trio_scheduler,
    trio_threads,
    wrap_networks,
)

ROOT = Path(__file__).parents[4]
FENCE = ROOT / "agents/backends/transport/library_internals.py"
FENCED = ("anyio", "httpcore2", "httpx2", "trio")

_PRIVATE = re.compile(
    r"""getattr\([^)]*,\s*"_[a-z]|vars\([a-z_.]+\)\["_[a-z]|import_module\(f?"[a-z.]*\._"""
)


@pytest.fixture
def client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient()


@pytest.mark.parametrize("library", FENCED)
def test_a_library_is_bounded_by_its_next_minor_version(library: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (wanted,) = (
        each for each in project["dependencies"] if re.match(rf"{library}\b", each)
    )
    major, minor, *_ = version(library).split(".")
    assert wanted.endswith(f"<{major}.{int(minor) + 1}")


def test_nothing_else_reaches_into_a_library() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for room in ("agents", "coordinator")
        for path in sorted((ROOT / room).rglob("*.py"))
        if path != FENCE
        for line in path.read_text().splitlines()
        if _PRIVATE.search(line)
    ]
    assert not found


async def test_a_client_keeps_its_network_where_it_did(
    client: httpx2.AsyncClient,
) -> None:
    async with client:
        assert wrap_networks(client, lambda network: network) >= 1


async def test_a_connection_keeps_its_stream_where_it_did(
    anyio_backend_name: str,
) -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 (no Django)
        network: Any
        is_trio = anyio_backend_name == "trio"
        network = httpcore2.TrioBackend() if is_trio else httpcore2.AnyIOBackend()
        stream = await network.connect_tcp("127.0.0.1", port)
        beneath = stream_beneath(stream)
        assert beneath is not None
        has_transport = asyncio_transport(beneath) is not None
        assert has_transport == (anyio_backend_name == "asyncio")
        await stream.aclose()


async def test_schedulers_are_where_they_were() -> None:
    assert {"_r", "_ALLOW_DETERMINISTIC_SCHEDULING", "GLOBAL_RUN_CONTEXT"} <= set(
        trio_scheduler()
    )
    assert callable(trio_threads())
    assert callable(vars(trio.Nursery)["_nested_child_finished"])
    for runtime in ("asyncio", "trio"):
        assert callable(anyio_backend(runtime).run_sync_in_worker_thread)


async def test_a_plain_transport_touches_no_client(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def note(network: httpcore2.AsyncNetworkBackend) -> httpcore2.AsyncNetworkBackend:
        made.append(network)
        return network

    monkeypatch.setenv(PLAIN_VARIABLE, "1")
    async with tap(client):
        wrap_networks(client, note)
        assert not any(type(each).__module__ == Tap.__module__ for each in made)
        monkeypatch.delenv(PLAIN_VARIABLE)
        made.clear()
        wrap_networks(tap(client), note)
        assert all(type(each).__module__ == Tap.__module__ for each in made)

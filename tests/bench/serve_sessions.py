"""A FastAPI program that runs sessions under load, and what is left of them.

::

    python tests/bench/serve_sessions.py --sessions 10000 --at-once 200

One process serves over loopback by uvicorn and asks itself. A request is of a kind
drawn by the seed: it awaits a session, reads one as a stream, leaves the stream amid
it, runs one in a ``def`` endpoint's thread by ``run_sync``, keeps a journal, has a tool
that ends its own thread by ``sys.exit``, or gives up while its session runs. All share
one team. Before and after, the process's threads, open files and tasks are counted; a
warm-up of the same kinds comes first. Prints one JSON line; exit code 1 where anything
is left, or an answer is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import msgspec
import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from agents import Agent, tool
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.boundary.root import left_behind
from coordinator import Team, run, run_sync

ANSWER = "Twenty-two times a day."
KINDS = {
    "awaited": 4,
    "streamed": 2,
    "left amid a stream": 1,
    "in a thread": 1,
    "with a journal": 1,
    "a tool that exits": 1,
    "given up": 1,
}
"""Kinds of requests, and how often each is made beside the others."""
GIVEN_UP_S = 0.02
SETTLED_S = 15.0
"""How long what has ended may take to be gone."""
QUIET_S = 1.0
"""Nothing has changed for so long: it is gone."""


@tool
def strike(hour: int) -> str:
    """Strike the hour.

    Args:
        hour: Which.
    """
    return f"{hour} strokes"


@tool
def leave() -> str:
    """Leave."""
    sys.exit(3)


def team_of(calls: dict[str, Any]) -> Team:
    """Three agents that call a tool, answer, vote and present."""
    turns = [
        {
            "when": {"task": "draft", "call": 1},
            "repeat": True,
            "lines": [{"text": "Let me count.", "delay_s": 0.01}, calls],
        },
        {"when": {"task": "draft"}, "repeat": True, "lines": [{"answer": ANSWER}]},
        {"when": {"task": "review"}, "repeat": True, "lines": [{"vote": "Twenty"}]},
        {
            "when": {"task": "present"},
            "repeat": True,
            "lines": [{"text": ANSWER, "delay_s": 0.01}],
        },
    ]
    script = parse_script({"turns": turns})
    return Team(
        agents=[
            Agent(id=name, backend=ScriptedBackend(script), tools=[strike, leave])
            for name in ("ada", "ben", "cy")
        ]
    )


def application(folder: Path) -> FastAPI:
    """The program: its endpoints share two teams."""
    app = FastAPI()
    team = team_of({"tool": "strike", "input": {"hour": 12}})
    leaving = team_of({"tool": "leave", "input": {}})

    @app.get("/awaited")
    async def _awaited(question: str) -> str | None:
        return (await run(question, team)).answer

    @app.get("/leaving")
    async def _leaving(question: str) -> str | None:
        return (await run(question, leaving)).answer

    @app.get("/journal")
    async def _journal(question: str) -> str | None:
        return (await run(question, team, journal=folder)).answer

    @app.get("/thread")
    def _thread(question: str) -> str | None:
        return run_sync(question, team).answer

    @app.get("/stream")
    async def _stream(question: str) -> StreamingResponse:
        async def lines() -> AsyncGenerator[bytes]:
            async with team.stream(question) as events:
                async for event in events:
                    yield msgspec.json.encode(event) + b"\n"
                yield json.dumps(events.result and events.result.answer).encode()

        return StreamingResponse(lines())

    return app


class Load:
    """Asks, and counts what came of it."""

    def __init__(self, client: httpx2.AsyncClient, seed: int) -> None:
        self._client = client
        self._chance = Random(seed)  # noqa: S311  (kinds, no secrets)
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def ask(self, count: int, at_once: int) -> None:
        """Ask ``count`` questions, so many at a time."""
        names, weights = list(KINDS), list(KINDS.values())
        kinds = iter(self._chance.choices(names, weights, k=count))

        async def worker() -> None:
            for kind in kinds:
                self.counts[kind] += 1
                try:
                    await self._ask_one(kind)
                except Exception as error:  # noqa: BLE001  (it is counted)
                    self.wrong.append(f"{kind}: {error!r}")

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker())

    async def _ask_one(self, kind: str) -> None:
        question = {"question": f"How often do they meet? {sum(self.counts.values())}"}
        match kind:
            case "streamed" | "left amid a stream":
                await self._read(question, is_left=kind != "streamed")
            case "given up":
                with suppress(TimeoutError):
                    async with asyncio.timeout(GIVEN_UP_S):
                        await self._client.get("/awaited", params=question)
            case _:
                path = {
                    "awaited": "/awaited",
                    "in a thread": "/thread",
                    "with a journal": "/journal",
                    "a tool that exits": "/leaving",
                }[kind]
                got = await self._client.get(path, params=question)
                self._check(kind, got.text)

    async def _read(self, question: dict[str, str], *, is_left: bool) -> None:
        last, lines = "", 0
        async with self._client.stream("GET", "/stream", params=question) as got:
            async for line in got.aiter_lines():
                last, lines = line, lines + 1
                if is_left and lines == 10:
                    return
        self._check("streamed", last)

    def _check(self, kind: str, text: str) -> None:
        if text != json.dumps(ANSWER):
            self.wrong.append(f"{kind}: {text[:200]}")


@asynccontextmanager
async def served(app: FastAPI) -> AsyncGenerator[str]:
    """Serve ``app`` on a free port; its address."""
    config = uvicorn.Config(app, port=0, log_level="error", backlog=4096)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(), name="uvicorn")
    while not server.started:  # noqa: ASYNC110  (it has no event of it)
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


def held() -> dict[str, int]:
    """The process's threads, open files and tasks now, and those it left behind.

    Idle threads of AnyIO's pool are kept for the next call, at most as many as ran at
    once, and are told apart.
    """
    gc.collect()
    names = [thread.name for thread in threading.enumerate()]
    pool = sum(name.startswith("AnyIO worker thread") for name in names)
    return {
        "threads": len(names) - pool,
        "pool": pool,
        "files": len(os.listdir("/dev/fd")),  # noqa: PTH208  (names are all we need)
        "tasks": len(asyncio.all_tasks()),
        "left_behind": len(left_behind()),
    }


async def settled() -> dict[str, int]:
    """The same once nothing more has gone away for a second."""
    until = time.monotonic() + SETTLED_S
    seen, since = held(), time.monotonic()
    while time.monotonic() < min(until, since + QUIET_S):
        await asyncio.sleep(0.1)
        if (now := held()) != seen:
            seen, since = now, time.monotonic()
    return seen


async def campaign(sessions: int, at_once: int, seed: int) -> dict[str, Any]:
    """Serve, warm up, count, ask, count again."""
    limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=0)
    with tempfile.TemporaryDirectory(prefix="serve-sessions-") as folder:
        async with served(application(Path(folder))) as address:

            def client() -> httpx2.AsyncClient:
                return httpx2.AsyncClient(base_url=address, limits=limits, timeout=120)

            async with client() as asking:
                # As many at once as later: a server keeps the threads of its pool.
                await Load(asking, seed).ask(2 * at_once, at_once)
            before = await settled()
            began = time.perf_counter()
            async with client() as asking:
                load = Load(asking, seed + 1)
                await load.ask(sessions, at_once)
            took_s = time.perf_counter() - began
            after = await settled()
    return {
        "sessions": sessions,
        "at_once": at_once,
        "seconds": round(took_s, 1),
        "kinds": dict(sorted(load.counts.items())),
        "wrong": len(load.wrong),
        "wrong_first": load.wrong[:5],
        "before": before,
        "after": after,
    }


def main() -> int:
    """Run the campaign; 0: every answer came, and nothing is left."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    # Tools that exit, and clients that leave, are what is tried.
    for name in ("agents.boundary", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)
    told = asyncio.run(campaign(given.sessions, given.at_once, given.seed))
    sys.stdout.write(json.dumps(told) + "\n")
    before, after = told["before"], told["after"]
    grown = [x for x in before if x != "pool" and after[x] > before[x]]
    return 1 if grown or told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())

"""A team whose session has all that a resumption takes up, and its journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest

from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.backend import Request
from agents.protocol.chunks import AgentId, StreamChunk
from agents.protocol.stamper import Pen
from agents.tools.function import tool
from coordinator.consensus.rules import Rules
from coordinator.journal.entries import decode_opened, encode
from coordinator.journal.framing import (
    Record,
    encode_file_header,
    encode_mark,
    encode_record,
)
from coordinator.team.team import Team

Call: TypeAlias = tuple[AgentId, int, int]
"""Agent, turn, and the number of the call within the turn."""

SALT = 11


class CountingBackend(ScriptedBackend):
    """Plays a script, and notes every call that begins."""

    def __init__(self, script: Any, calls: list[Call]) -> None:
        super().__init__(script)
        self._calls = calls

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        self._calls.append((request.turn.agent, request.turn.number, request.call))
        async with super().open_stream(request, pen) as stream:
            yield stream


@dataclass(kw_only=True)
class Cast:
    """A team made anew, and what it was seen to do."""

    team: Team
    calls: list[Call] = field(default_factory=list[Call])
    looked_up: list[str] = field(default_factory=list[str])
    told: list[str] = field(default_factory=list[str])


ADA: list[dict[str, Any]] = [
    {
        "when": {"task": "draft"},
        "lines": [
            {"text": "Let me look that up first.", "rate": 40},
            {"tool": "look_up", "input": {"what": "France"}},
        ],
    },
    {
        "when": {"task": "draft", "told": "Paris is the capital"},
        "lines": [
            {"tool": "tell", "input": {"whom": "bob"}, "delay_s": 0.3},
        ],
    },
    {
        "when": {"task": "draft"},
        "lines": [{"answer": "Paris, I have looked it up", "delay_s": 0.5}],
    },
    {"when": {"task": "review"}, "lines": [{"vote": "Paris", "delay_s": 0.7}]},
    {
        "when": {"task": "present"},
        "lines": [{"text": "It is Paris, as everybody knows.", "rate": 30}],
    },
]
BOB: list[dict[str, Any]] = [
    {"when": {"task": "draft"}, "lines": [{"error": {"status": 529}}]},
    {"when": {"task": "draft"}, "lines": [{"text": "Hm, "}, {"truncate": True}]},
    {"when": {"task": "draft"}, "lines": [{"answer": "Lyon", "delay_s": 0.9}]},
    {"when": {"task": "review"}, "lines": [{"text": "I do not know.", "delay_s": 0.2}]},
    {"when": {"task": "review"}, "lines": [{"vote": "Paris", "delay_s": 0.4}]},
]
CY: list[dict[str, Any]] = [
    {"when": {"task": "draft"}, "lines": [{"answer": "Nice, by the sea"}]},
    {"when": {"task": "review"}, "lines": [{"vote": "Nice", "delay_s": 300.0}]},
]


@pytest.fixture
def cast() -> Callable[..., Cast]:
    """Make the team; ``rerunnable`` is what its second tool says of itself."""

    def make(*, rerunnable: bool = False, **changes: Any) -> Cast:
        calls: list[Call] = []
        looked_up: list[str] = []
        told: list[str] = []

        @tool(rerunnable=True)
        async def look_up(what: str) -> str:
            """Look something up."""
            looked_up.append(what)
            return "Paris is the capital"

        @tool(rerunnable=rerunnable)
        async def tell(whom: str) -> str:
            """Tell somebody."""
            told.append(whom)
            return f"{whom} knows"

        def agent(name: str, turns: list[dict[str, Any]]) -> Agent:
            backend = CountingBackend(parse_script({"turns": turns}), calls)
            tools = (look_up, tell) if name == "ada" else ()
            return Agent(id=AgentId(name), backend=backend, tools=tools)

        settings: dict[str, Any] = {"policy": "slate", **changes}
        rules = Rules(**settings)
        members = (agent("ada", ADA), agent("bob", BOB), agent("cy", CY))
        team = Team(agents=members, rules=rules, seed=1)
        return Cast(team=team, calls=calls, looked_up=looked_up, told=told)

    return make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def write(root: Path) -> Callable[..., Path]:
    """Write a journal of these records; each may be a group that was durable."""

    def write(session: str, records: tuple[Record, ...], *, marks: bool = True) -> Path:
        root.mkdir(mode=0o700, exist_ok=True)
        data = encode_file_header(SALT)
        opened = msgspec.structs.replace(decode_opened(records[0]), session=session)
        first = msgspec.structs.replace(records[0], payload=encode(opened))
        for record in (first, *records[1:]):
            data += encode_record(SALT, record.kind, record.at, record.payload)
            if marks:
                data += encode_mark(SALT, record.at, len(data))
        path = root / f"{session}.journal"
        path.write_bytes(data)
        path.chmod(0o600)
        return path

    return write

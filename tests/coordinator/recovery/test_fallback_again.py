"""A turn that another model had taken over goes on with that model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.backend import Request
from agents.protocol.chunks import AgentId, StreamChunk
from agents.protocol.stamper import Pen
from coordinator.consensus.rules import Rules
from coordinator.journal.reader import read_session
from coordinator.session.replay import Replay
from coordinator.team.team import Team

pytestmark = pytest.mark.long

BIG: list[dict[str, Any]] = [
    {"lines": [{"text": "Let me think."}, {"truncate": True}]},
    {"lines": [{"text": "I will not."}, {"stop_reason": "refusal"}]},
]
SMALL: list[dict[str, Any]] = [
    {"lines": [{"error": {"status": 529}}]},
    {
        "when": {"call": 1},
        "lines": [{"text": "Now then."}, {"stop_reason": "pause_turn"}],
    },
    {"when": {"call": 2}, "lines": [{"answer": "Paris", "delay_s": 0.2}]},
    {"when": {"task": "review"}, "lines": [{"vote": "Paris"}]},
    {"when": {"task": "present"}, "lines": [{"text": "It is Paris."}]},
]
BOB: list[dict[str, Any]] = [
    {"when": {"task": "draft"}, "lines": [{"answer": "Lyon", "delay_s": 0.1}]},
    {"when": {"task": "review"}, "lines": [{"vote": "Paris"}]},
]
Asked = list[tuple[str, str, int]]


class Noting(ScriptedBackend):
    """Notes for every call which model was asked, in which turn."""

    def __init__(self, turns: list[dict[str, Any]], model: str, asked: Asked) -> None:
        super().__init__(parse_script({"turns": turns}), model=model)
        self._asked = asked

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        self._asked.append((self.model, request.turn.agent, request.turn.number))
        async with super().open_stream(request, pen) as stream:
            yield stream


def team(asked: Asked) -> Team:
    ada = Agent(
        id=AgentId("ada"),
        backend=Noting(BIG, "big", asked),
        fallbacks=(Noting(SMALL, "small", asked),),
    )
    bob = Agent(id=AgentId("bob"), backend=Noting(BOB, "bob", asked))
    return Team(agents=(ada, bob), rules=Rules(), seed=1)


async def test_wherever_it_dies_the_model_that_took_over_keeps_the_turn(
    root: Path, write: Callable[..., Path]
) -> None:
    asked: Asked = []
    whole = await coordinator.run("q", team(asked), journal=root, session_id="whole")
    assert whole.answer == "It is Paris."
    of_ada = [model for model, agent, _ in asked if agent == "ada"]
    assert of_ada == ["big", "big", "small", "small", "small", "small", "small"]
    records = read_session(root, "whole").records
    taken_over = 1 + next(
        place for place, r in enumerate(records) if b'"turn_restarted"' in r.payload
    )
    for cut in range(2, len(records)):
        path = write("cut", records[:cut])
        again: Asked = []
        async with coordinator.resume_session(path, team(again)) as session:
            result = await session.wait()
        assert (result.winner, result.answer) == ("ada", "It is Paris."), cut
        if cut >= taken_over:
            assert "big" not in [model for model, *_ in again], cut
        assert len(again) <= len(asked), cut
        played = Replay(read_session(root, "cut"))
        assert list(played.batches())
        assert played.is_finished


async def test_a_team_that_was_mended_by_leaving_a_model_out_goes_on(
    root: Path, write: Callable[..., Path]
) -> None:
    await coordinator.run("q", team([]), journal=root, session_id="whole")
    records = read_session(root, "whole").records
    taken_over = next(
        place for place, r in enumerate(records) if b'"turn_restarted"' in r.payload
    )
    for cut in range(taken_over, len(records)):
        path = write("cut", records[:cut])
        again: Asked = []
        ada, bob = team(again).agents
        alone = replace(ada, backend=Noting(SMALL, "small", again), fallbacks=())
        mended = replace(team(again), agents=(alone, bob))
        async with coordinator.resume_session(path, mended) as session:
            result = await session.wait()
        # Whatever the model that is left makes of it, nobody's session ends by it.
        assert result.status == "answered", cut

"""Agents that live elsewhere, by a wire within the process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from agents.actor.actor import Actor
from agents.actor.publisher import Outbox, Recorded
from agents.limits.limiter import Limiter
from agents.protocol.chunks import StreamChunk
from agents.remote.host import Host
from agents.remote.messages import decode_batch
from agents.remote.stub import Stub
from agents.remote.wire import InProcess, Wire, WireRefused
from coordinator.session.session import open_session
from coordinator.team.builder import assemble
from coordinator.team.reader import parse_team
from coordinator.team.team import Team

TEAM = """
agents:
  - id: ada
    script:
      turns:
        - when: {task: draft}
          lines: [{thinking: "Let me see.", rate: 10}, {answer: "It is 41", rate: 20}]
        - {when: {task: review}, repeat: true, lines: [{vote: "41"}]}
        - {when: {task: present}, lines: [{text: "It is 41 indeed", rate: 20}]}
  - id: bob
    script:
      turns:
        - {when: {task: draft}, lines: [{delay_s: 9, answer: "It is 42"}]}
        - {when: {task: review}, repeat: true, lines: [{delay_s: 0.3, vote: "41"}]}
        - {when: {task: present}, lines: [{text: "It is 42"}]}
"""


def _home() -> Team:
    team = assemble(parse_team(TEAM, Path("team.yaml")))
    return replace(team, seed=1)


def _away(batch: int = 32, linger_s: float = 0.0) -> tuple[Team, InProcess]:
    """The same team, its first agent elsewhere."""
    team = _home()
    ada, bob = team.with_models
    hosts: list[Host] = []

    def make(epoch: int) -> Host:
        # A script plays from its beginning, as in a process that has just begun.
        fresh = _home().with_models[0]

        def actor(outbox: Outbox, recorded: Recorded) -> Actor:
            limiter = Limiter.unlimited()
            return Actor(fresh, outbox, limiter=limiter, recorded=recorded)

        hosts.append(Host(epoch, actor, batch=batch, linger_s=linger_s))
        return hosts[-1]

    elsewhere = InProcess(make)
    stub = Stub(ada.backend.model)
    far = replace(ada, backend=stub, elsewhere=elsewhere)
    return replace(team, agents=(far, bob)), elsewhere


async def _chunks(team: Team, journal: Path | None = None) -> list[StreamChunk]:
    async with open_session("What?", team, journal=journal) as session:
        chunks = [chunk async for chunk in session]
        result = await session.wait()
    assert result.answer is not None
    assert "41" in result.answer
    return chunks


def _said(chunks: list[StreamChunk], agent: str) -> list[tuple[object, ...]]:
    return [
        (chunk.turn, chunk.seq, type(chunk).__name__, round(chunk.at, 3))
        for chunk in chunks
        if chunk.agent == agent
    ]


@pytest.mark.parametrize(("batch", "linger_s"), [(1, 0.0), (32, 0.0), (8, 0.05)])
async def test_an_agent_elsewhere_says_what_it_would_say_here(
    batch: int, linger_s: float, tmp_path: Path
) -> None:
    here = await _chunks(_home())
    team, _ = _away(batch, linger_s)
    there = await _chunks(team, tmp_path)

    def told(chunks: list[StreamChunk]) -> list[tuple[object, ...]]:
        return [one[:3] for one in _said(chunks, "ada")]

    assert told(there) == told(here)
    numbers = [(chunk.turn, chunk.seq) for chunk in there if chunk.agent == "ada"]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("after", [1, 3, 6, 9, 12])
async def test_a_far_end_that_dies_is_followed_by_one_that_goes_on(after: int) -> None:
    team, elsewhere = _away(batch=1)
    seen: list[StreamChunk] = []
    async with open_session("What?", team) as session:
        async for chunk in session:
            seen.append(chunk)
            if len([one for one in seen if one.agent == "ada"]) == after:
                elsewhere.kill()
        result = await session.wait()
    assert result.status == "answered"
    assert result.agents["ada"].status == "done"
    numbers = [(chunk.turn, chunk.seq) for chunk in seen if chunk.agent == "ada"]
    assert numbers == sorted(set(numbers))
    for turn in {chunk.turn for chunk in seen if chunk.agent == "ada"}:
        seqs = [seq for number, seq in numbers if number == turn]
        assert seqs == list(range(len(seqs)))


async def test_an_agent_whose_far_ends_all_die_has_failed() -> None:
    team, elsewhere = _away(batch=1)
    async with open_session("What?", team) as session:
        async for chunk in session:
            if chunk.agent == "ada":
                elsewhere.kill()
        result = await session.wait()
    error = result.agents["ada"].error or ""
    assert "WorkerLost: the worker that ran it was lost: it was killed" in error
    assert result.answer is not None


async def test_leaving_the_session_ends_the_far_end() -> None:
    team, _ = _away()
    with anyio.fail_after(30):
        async with open_session("What?", team) as session:
            async for chunk in session:
                if chunk.agent == "ada":
                    break


async def test_what_waits_to_be_fetched_is_bounded() -> None:
    sent: list[int] = []

    class Chatter:
        def __init__(self, outbox: Outbox) -> None:
            self.outbox = outbox

        async def run(self) -> None:
            for number in range(100):
                await self.outbox.send(b"%d" % number)
                sent.append(number)

    host = Host(1, lambda outbox, _: Chatter(outbox), kept=10)  # type: ignore[arg-type, return-value]
    have, got = 0, list[bytes]()
    async with anyio.create_task_group() as group:
        group.start_soon(host.run)
        await anyio.wait_all_tasks_blocked()
        assert len(sent) == 10
        while True:
            batch = decode_batch(await host.fetch(have, 1.0))
            again = decode_batch(await host.fetch(have, 1.0))
            assert again.frames[: len(batch.frames)] == batch.frames
            got += again.frames
            have = again.first + len(again.frames) - 1
            if again.is_over:
                break
    assert got == [b"%d" % number for number in range(100)]


async def test_a_place_that_refuses_an_agent_is_not_asked_again() -> None:
    team, _ = _away()
    opened: list[int] = []

    class Refusing:
        @asynccontextmanager
        async def opened(self, epoch: int, session: str) -> AsyncGenerator[Wire]:
            del session
            opened.append(epoch)
            await checkpoint()
            if epoch > 0:
                raise WireRefused("another version lives there")
            yield  # type: ignore[misc]  (never: it is a generator by this alone)

    ada, bob = team.with_models
    team = replace(team, agents=(replace(ada, elsewhere=Refusing()), bob))
    async with open_session("What?", team) as session:
        result = await session.wait()
    assert opened == [1]
    assert "another version lives there" in (result.agents["ada"].error or "")
    assert result.answer is not None

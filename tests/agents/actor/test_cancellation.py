"""Cancelling: at any point, with a reason, and with nothing left running."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import pytest

from agents.actor.actor import Actor
from agents.agent import Agent
from agents.limits.limiter import Limiter
from agents.protocol.chunks import (
    AgentId,
    ResponseAbandoned,
    StatusChanged,
    StreamChunk,
    TextDelta,
    TurnEnded,
    TurnNumber,
    TurnStarted,
)
from agents.protocol.frames import decode_frame
from agents.protocol.turns import News
from agents.tools.function import tool

Scripted: TypeAlias = Callable[..., Any]
Staging: TypeAlias = Callable[..., AbstractAsyncContextManager[Any]]
Asking: TypeAlias = Any

running_tools: list[str] = []


@tool
async def linger() -> str:
    """Wait for ever."""
    running_tools.append("linger")
    try:
        await anyio.sleep(86_400)
    finally:
        running_tools.remove("linger")
    return "never"


SLOW_TEXT = {"text": "Canberra " * 100, "rate": 10}
DRAFT_AFTER = [{"answer": "Canberra"}]


def withdrawn(said: list[StreamChunk], reason: str) -> None:
    assert isinstance(said[0], TurnStarted)
    assert isinstance(said[-1], TurnEnded)
    assert (said[-1].outcome, said[-1].detail) == ("cancelled", reason)
    assert [chunk.seq for chunk in said] == list(range(len(said)))


async def test_a_turn_in_the_mailbox_is_not_played(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted(DRAFT_AFTER)
    async with stage(backend) as actor:
        actor.actor.take(ask.draft())
        actor.actor.cancel(TurnNumber(1), "late")
        await actor.until(TurnEnded)
        withdrawn(actor.said, "late")
        assert backend.requests == []
        assert (await actor.play(ask.draft(2)))[-1].outcome == "answered"


async def test_a_streaming_turn_closes_its_stream(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([SLOW_TEXT], DRAFT_AFTER)
    async with stage(backend) as actor:
        actor.actor.take(ask.draft())
        await actor.until(TextDelta)
        assert backend.open_streams == 1
        actor.actor.cancel(TurnNumber(1), "outvoted")
        await actor.until(TurnEnded)
        withdrawn(actor.said, "outvoted")
        assert backend.open_streams == 0
        await actor.play(ask.review(2, continues=True, attempts=1))
    assert len(backend.requests[1].messages) == 1, "the cancelled draft left no trace"


async def test_a_running_tool_is_cancelled_with_its_turn(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"tool": "linger"}, {"tool": "linger"}], DRAFT_AFTER)
    async with stage(backend, tools=(linger,), tool_timeout_s=1e6) as actor:
        actor.actor.take(ask.draft())
        await anyio.wait_all_tasks_blocked()
        assert running_tools == ["linger", "linger"]
        actor.actor.cancel(TurnNumber(1), "enough")
        await actor.until(TurnEnded)
        withdrawn(actor.said, "enough")
        assert running_tools == []
        assert (await actor.play(ask.draft(2)))[-1].outcome == "answered"


async def test_a_turn_that_waits_for_the_limiter_gives_up_its_place(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    limiter = Limiter(window=1)
    backend = scripted(DRAFT_AFTER)
    async with stage(backend, limiter=limiter) as actor:
        async with limiter.slot(AgentId("bob")):
            actor.actor.take(ask.draft())
            waiting = await actor.until(StatusChanged)
            assert waiting.status == "waiting"
            await anyio.wait_all_tasks_blocked()
            actor.actor.cancel(TurnNumber(1), "late")
            await actor.until(TurnEnded)
            withdrawn(actor.said, "late")
        assert backend.requests == []
        assert (await actor.play(ask.draft(2)))[-1].outcome == "answered"


async def test_a_turn_that_waits_to_retry_is_cancelled(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    overloaded = {"error": {"status": 529, "retry_after_s": 500}}
    async with stage(scripted([overloaded], DRAFT_AFTER)) as actor:
        began = anyio.current_time()
        actor.actor.take(ask.draft())
        await actor.until(ResponseAbandoned)
        actor.actor.cancel(TurnNumber(1), "late")
        await actor.until(TurnEnded)
        withdrawn(actor.said, "late")
        assert anyio.current_time() - began < 400


async def test_a_frame_that_waits_for_room_goes_out_before_the_cancellation(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([SLOW_TEXT], DRAFT_AFTER)
    async with stage(backend, room=1) as actor:
        actor.actor.take(ask.draft())
        with anyio.move_on_after(1):
            await anyio.sleep_forever()
        await anyio.wait_all_tasks_blocked()
        actor.actor.cancel(TurnNumber(1), "outvoted")
        await anyio.wait_all_tasks_blocked()
        await actor.until(TurnEnded)
        withdrawn(actor.said, "outvoted")
        assert (await actor.play(ask.draft(2)))[-1].outcome == "answered"


@pytest.mark.parametrize("steps", range(6))
async def test_a_cancellation_that_meets_data_leaves_no_hole_in_the_numbers(
    scripted: Scripted, stage: Staging, ask: Asking, steps: int
) -> None:
    # The outbox is full, and a read is answered some steps before the cancellation.
    backend = scripted([SLOW_TEXT], DRAFT_AFTER)
    async with stage(backend, room=0) as actor:
        actor.actor.take(ask.draft())
        await actor.until(TextDelta)
        await anyio.sleep(0.25)  # more has come, and waits
        actor.said += decode_frame(await actor.inbox.receive())
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        actor.actor.cancel(TurnNumber(1), "outvoted")
        await actor.until(TurnEnded)
        withdrawn(actor.said, "outvoted")


async def test_cancelling_or_telling_what_is_over_does_nothing(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    async with stage(scripted(DRAFT_AFTER, DRAFT_AFTER)) as actor:
        await actor.play(ask.draft())
        actor.actor.cancel(TurnNumber(1), "late")
        actor.actor.cancel(TurnNumber(7), "early")
        actor.actor.tell(News(agent=AgentId("ada"), turn=TurnNumber(1), text="Hm"))
        assert (await actor.play(ask.draft(2)))[-1].outcome == "answered"


async def test_news_for_a_turn_pass_by_a_withdrawn_one_before_it(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"text": "Let me think."}], DRAFT_AFTER)
    async with stage(backend) as actor:
        actor.actor.take(ask.draft(1))
        actor.actor.cancel(TurnNumber(1), "late")
        actor.actor.take(ask.review(2, may_revise=True))
        actor.actor.tell(News(agent=AgentId("ada"), turn=TurnNumber(2), text="Psst!"))
        await actor.until(TurnEnded)
        withdrawn(actor.said, "late")
        await actor.until(TurnEnded)
    asked = backend.requests[-1].messages
    assert any(b"Psst!" in bytes(message.content) for message in asked)


@pytest.mark.parametrize("room", [0, 1, 1000])
@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.0, 4.0, 30.0])
async def test_when_the_whole_team_is_cancelled_nothing_is_left(
    scripted: Scripted, ask: Asking, room: int, after_s: float
) -> None:
    backend = scripted(
        [{"delay_s": 0.5, "text": "Let me see.", "rate": 10}, {"tool": "linger"}]
    )
    outbox, inbox = anyio.create_memory_object_stream[bytes](room)
    agent = Agent(id=AgentId("ada"), backend=backend, tools=(linger,))
    actor = Actor(agent, outbox, limiter=Limiter())
    actor.take(ask.draft())
    with inbox:
        async with anyio.create_task_group() as group:
            group.start_soon(actor.run)
            await anyio.sleep(after_s)
            group.cancel_scope.cancel()
        assert backend.open_streams == 0
        assert running_tools == []
        said: list[StreamChunk] = []
        try:
            while True:
                said += decode_frame(inbox.receive_nowait())
        except (anyio.EndOfStream, anyio.WouldBlock):
            pass
        assert inbox.statistics().open_send_streams == 0
    if room == 1000 and said:
        withdrawn(said, "stopped")


async def test_an_actor_whose_listener_has_gone_stops(
    scripted: Scripted, ask: Asking
) -> None:
    backend = scripted([SLOW_TEXT])
    outbox, inbox = anyio.create_memory_object_stream[bytes](0)
    actor = Actor(
        Agent(id=AgentId("ada"), backend=backend), outbox, limiter=Limiter.unlimited()
    )
    actor.take(ask.draft())
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(actor.run)
            await inbox.receive()
            inbox.close()
    assert backend.open_streams == 0


async def test_a_closed_actor_plays_what_it_has_and_returns(
    scripted: Scripted, ask: Asking
) -> None:
    outbox, inbox = anyio.create_memory_object_stream[bytes](100)
    agent = Agent(id=AgentId("ada"), backend=scripted(DRAFT_AFTER))
    actor = Actor(agent, outbox, limiter=Limiter.unlimited())
    actor.take(ask.draft())
    actor.close()
    with anyio.fail_after(60), inbox:
        await actor.run()
        frames = [frame async for frame in inbox]
    assert decode_frame(frames[-1])[-1].turn == 1

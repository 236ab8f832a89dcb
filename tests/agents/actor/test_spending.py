"""The cost of a turn that broke off, and the limits of one with a budget."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import msgspec

from agents.protocol.chunks import (
    ResponseAbandoned,
    ResponseEnded,
    TextDelta,
    TurnEnded,
    TurnNumber,
    UsageReported,
)

Scripted: TypeAlias = Callable[..., Any]
Staging: TypeAlias = Callable[..., AbstractAsyncContextManager[Any]]
Asking: TypeAlias = Any

LONG = "A very long answer indeed. " * 40


def reports(said: Any) -> list[UsageReported]:
    return [chunk for chunk in said if isinstance(chunk, UsageReported)]


async def test_a_stream_that_breaks_off_costs_what_it_had_written(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"text": LONG}, {"disconnect": True}], [{"answer": "Canberra"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    place = next(n for n, x in enumerate(said) if isinstance(x, ResponseAbandoned))
    told = said[place - 1]
    assert isinstance(told, UsageReported)
    assert told.usage.output_tokens == len(LONG) // 3
    assert "broke off" in str(told.estimated)
    assert reports(said)[-1].estimated is msgspec.UNSET


async def test_a_cancelled_stream_costs_what_it_had_written(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"text": LONG}, {"answer": "Canberra", "delay_s": 100}])
    async with stage(backend) as actor:
        actor.actor.take(ask.draft())
        await actor.until(TextDelta)
        actor.actor.cancel(TurnNumber(1), "outvoted")
        await actor.until(TurnEnded)
        said: list[Any] = actor.said
    assert [type(chunk) for chunk in said[-2:]] == [UsageReported, TurnEnded]
    assert said[-2].usage.output_tokens == len(LONG) // 3
    assert said[-2].estimated == "it was cancelled"
    assert [chunk.seq for chunk in said] == list(range(len(said)))
    assert [chunk for chunk in said if isinstance(chunk, TextDelta)]


async def test_a_stream_that_breaks_off_costs_no_more_than_it_was_allowed_to_write(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    # Estimated by its characters, a text may seem to have more tokens than it had.
    broken = [{"text": LONG * 2 + LONG[:600]}, {"disconnect": True}]
    backend = scripted(broken, [{"answer": "Canberra"}])
    turn = msgspec.structs.replace(ask.draft(), budget_tokens=2_500)
    async with stage(backend) as actor:
        said = await actor.play(turn)
        allowed = backend.requests[0].max_tokens
    told = [x for x in reports(said) if x.estimated is not msgspec.UNSET]
    assert [report.usage.output_tokens for report in told] == [allowed]


async def test_what_ends_before_a_response_began_costs_nothing(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"error": {"status": 529}}], [{"answer": "Canberra"}])
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    assert [chunk.estimated for chunk in reports(said)] == [msgspec.UNSET] * 2


async def test_broken_tries_are_paid_from_what_a_turn_may_write(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted({"repeat": True, "lines": [{"text": LONG}, {"truncate": True}]})
    turn = msgspec.structs.replace(ask.draft(), output_tokens=1_000)
    async with stage(backend) as actor:
        said = await actor.play(turn)
    asked = [request.max_tokens for request in backend.requests]
    assert asked == [1_000, 640, 280]
    assert said[-1].outcome == "cut"
    assert said[-1].detail == "the budget leaves no room for another call"


async def test_a_request_that_would_cost_more_than_the_turn_may_is_not_made(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"answer": "Canberra"}])
    turn = msgspec.structs.replace(ask.draft(), budget_tokens=300)
    async with stage(backend) as actor:
        said = await actor.play(turn)
    assert backend.requests == []
    assert (said[-1].outcome, said[-1].detail) == (
        "cut",
        "the budget leaves no room for another call",
    )


async def test_a_model_may_write_what_its_turn_has_left(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted([{"text": LONG * 20}, {"answer": "Canberra"}])
    turn = msgspec.structs.replace(ask.draft(), budget_tokens=4_000)
    async with stage(backend) as actor:
        said = await actor.play(turn)
    spent = 0
    for chunk in said:
        if isinstance(chunk, ResponseEnded):
            spent += reports(said[: said.index(chunk)])[-1].usage.total_tokens
    assert 1_000 < spent <= 4_000

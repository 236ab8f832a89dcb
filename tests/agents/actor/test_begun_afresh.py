"""A turn that begins afresh, or again: what it knows, and what belongs to whom."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import anyio
import pytest

from agents.conversation.accumulator import Transcript
from agents.conversation.conversation import Conversation
from agents.protocol.chunks import (
    AgentId,
    AnswerProposed,
    Label,
    ResponseEnded,
    ResponseStarted,
    TurnNumber,
    VoteCast,
)
from agents.protocol.turns import News, VisibleAnswer
from agents.recovery.turn_record import AskedTurn
from agents.tools.function import tool

Scripted: TypeAlias = Callable[..., Any]
Staging: TypeAlias = Callable[..., AbstractAsyncContextManager[Any]]
Asking: TypeAlias = Any

REVISED = "Canberra, founded in 1913"
NEWS = News(
    agent=AgentId("ada"),
    turn=TurnNumber(1),
    text="agent1 has revised its answer:",
    answers=(VisibleAnswer(label=Label("agent1.2"), content=REVISED),),
)


@tool
async def wait(seconds: float) -> str:
    """Wait."""
    await anyio.sleep(seconds)
    return "waited"


def text_of(request: Any) -> str:
    return b"".join(bytes(message.content) for message in request.messages).decode()


@pytest.mark.parametrize(
    "trouble",
    [
        [{"text": "No."}, {"stop_reason": "refusal", "category": "cyber"}],
        [{"error": {"status": 400, "message": "prompt is too long: 300 > 200"}}],
        [{"text": "…"}, {"stop_reason": "model_context_window_exceeded"}],
    ],
)
async def test_a_turn_begun_afresh_shows_the_news_that_it_votes_on(
    trouble: list[Any], scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    call = {"tool": "wait", "input": {"seconds": 5}}
    first = scripted([call], trouble)
    other = scripted([{"vote": {"label": "agent1.2"}}])
    async with stage(first, fallbacks=(other,), tools=(wait,)) as actor:
        actor.actor.take(ask.review())
        with anyio.move_on_after(1):
            await actor.until(VoteCast)
        actor.actor.tell(NEWS)
        vote = await actor.until(VoteCast)
    (request,) = other.requests
    assert REVISED in text_of(request)
    assert vote.ballot.label == "agent1.2"
    shown = {label for label in vote.seen if label in text_of(request)}
    assert shown == set(vote.seen), "nobody votes on what it was not shown"


async def test_a_resumed_turn_that_had_begun_afresh_knows_its_news(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    call = {"tool": "wait", "input": {"seconds": 5}}
    refusal = [{"text": "No."}, {"stop_reason": "refusal", "category": "cyber"}]
    turn = ask.review()
    other = scripted([call], [{"vote": {"label": "agent1.2"}}])
    live = (scripted([call], refusal), other)
    async with stage(live[0], fallbacks=live[1:], tools=(wait,)) as actor:
        actor.actor.take(turn)
        with anyio.move_on_after(1):
            await actor.until(VoteCast)
        actor.actor.tell(NEWS)
        await actor.until(VoteCast)
    place = next(n for n, x in enumerate(actor.said) if isinstance(x, VoteCast))
    ended = max(
        n for n, x in enumerate(actor.said[:place]) if isinstance(x, ResponseEnded)
    )
    begun = max(
        n for n, x in enumerate(actor.said[:ended]) if isinstance(x, ResponseStarted)
    )
    past = AskedTurn(turn=turn, chunks=tuple(actor.said[:begun]), news=(NEWS,))
    again = scripted([{"vote": {"label": "agent1.2"}}])
    async with stage(
        scripted([call], refusal), fallbacks=(again,), tools=(wait,)
    ) as resumed:
        resumed.actor.resume([past])
        vote = await resumed.until(VoteCast)
    assert vote.ballot.label == "agent1.2"
    assert text_of(again.requests[-1]) == text_of(other.requests[-1])


async def test_a_cut_continuation_takes_back_what_came_before_the_pause(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    backend = scripted(
        [{"text": "The capital is Paris. "}, {"stop_reason": "pause_turn"}],
        [{"text": "It has two mill"}, {"stop_reason": "max_tokens"}],
        [{"text": "The capital is Paris. It has two million people."}],
    )
    async with stage(backend) as actor:
        said = await actor.play(ask.draft())
    (answer,) = [chunk for chunk in said if isinstance(chunk, AnswerProposed)]
    assert answer.content == "The capital is Paris. It has two million people."
    assert "The capital is" not in text_of(backend.requests[-1])


async def test_a_limit_hit_far_apart_is_not_hit_twice(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    call = {"tool": "wait", "input": {"seconds": 1}}
    cut = [{"text": "Well"}, {"stop_reason": "max_tokens"}]
    backend = scripted(cut, *[[call]] * 20, cut, [{"answer": "Canberra"}])
    async with stage(backend, tools=(wait,)) as actor:
        said = await actor.play(ask.draft())
    assert said[-1].outcome == "answered"


async def test_a_limit_hit_twice_in_a_row_ends_the_turn(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    cut = [{"text": "Well"}, {"stop_reason": "max_tokens"}]
    async with stage(scripted(cut, cut)) as actor:
        said = await actor.play(ask.draft())
    assert (said[-1].outcome, said[-1].detail) == (
        "cut",
        "the output limit was hit twice",
    )


async def test_a_container_is_its_models_own(
    scripted: Scripted, stage: Staging, ask: Asking
) -> None:
    call = {"tool": "wait", "input": {"seconds": 1}}
    first = scripted(
        [{"container": "c1"}, call],
        [{"container": "c2"}, {"text": "No."}, {"stop_reason": "refusal"}],
    )
    other = scripted([{"container": "c3"}, call], [{"answer": "Canberra"}])
    async with stage(first, fallbacks=(other,), tools=(wait,)) as actor:
        said = await actor.play(ask.draft())
    assert [request.container for request in first.requests] == [None, "c1"]
    assert [request.container for request in other.requests] == [None, "c3"]
    rebuilt = Conversation.rebuilt([(ask.draft(), said)])
    assert (rebuilt.fallbacks, rebuilt.container) == (1, "c3")
    rebuilt.fallbacks = 0
    assert rebuilt.container == "c1", "what was refused is no part of what comes after"


def test_a_container_can_be_forgotten() -> None:
    conversation = Conversation()
    conversation.container = "c1"
    conversation.absorb(Transcript())
    assert conversation.container == "c1"
    conversation.container = None
    assert conversation.container is None

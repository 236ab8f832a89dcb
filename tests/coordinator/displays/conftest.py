"""A small session as events, made by hand, for displays to show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import pytest

from agents.protocol.chunks import (
    AgentId,
    BlockEnded,
    BlockStarted,
    Choice,
    Label,
    ResponseStarted,
    TextDelta,
    ThinkingDelta,
    ToolInputDelta,
    TurnEnded,
    TurnNumber,
    TurnStarted,
    Usage,
    UsageReported,
)
from agents.protocol.stamper import Pen, Stamp
from agents.protocol.turns import BallotForm, Review, Turn
from coordinator.displays.base import Cast
from coordinator.protocol.events import (
    AnswerAccepted,
    CancelTurn,
    Conclude,
    Event,
    SlateFrozen,
    StartTurn,
    VoteCounted,
    WinnerDecided,
)
from coordinator.protocol.result import AgentRecord, AnswerRecord, Result, VoteRecord

ADA, BO, CY = AgentId("ada"), AgentId("bo"), AgentId("cy")
EMPTY = msgspec.Raw(b"{}")


def _turn(agent: AgentId, number: int, at: float) -> Stamp:
    return Pen(agent, TurnNumber(number), at).stamp()


def _draft(agent: AgentId, at: float, thought: str, text: str) -> list[Event]:
    said = _turn(agent, 1, at)
    later = _turn(agent, 1, at + 0.5)
    tool = msgspec.Raw(b'{"type":"tool_use","name":"new_answer"}')
    typed = msgspec.json.encode({"content": text}).decode()
    return [
        TurnStarted(task="draft", **said),
        ResponseStarted(model="m", message=EMPTY, **said),
        BlockStarted(block=0, type="thinking", content=EMPTY, **said),
        ThinkingDelta(block=0, text=thought, **said),
        BlockEnded(block=0, **said),
        BlockStarted(block=1, type="text", content=EMPTY, **said),
        TextDelta(block=1, text="First li", **said),
        TextDelta(block=1, text="ne.\nSecond line.", **later),
        BlockEnded(block=1, **later),
        BlockStarted(block=2, type="tool_use", content=tool, **later),
        ToolInputDelta(block=2, partial_json=typed[:15], **later),
        ToolInputDelta(block=2, partial_json=typed[15:], **later),
        BlockEnded(block=2, **later),
        UsageReported(
            model="m",
            usage=Usage(input_tokens=100, output_tokens=20),
            cost_usd=0.01,
            **later,
        ),
    ]


def _accepted(agent: AgentId, label: str, content: str, at: float) -> list[Event]:
    return [
        AnswerAccepted(agent=agent, label=Label(label), content=content),
        TurnEnded(outcome="answered", **_turn(agent, 1, at)),
    ]


def _review(agent: AgentId, at: float) -> list[Event]:
    labels = (Label("agent2.1"), Label("agent1.1"))
    form = BallotForm(kind="choice", labels=labels)
    task = Review(answers=(), ballot=form, may_revise=False)
    turn = Turn(agent=agent, number=TurnNumber(2), question="?", task=task)
    return [
        StartTurn(turn=turn),
        TurnStarted(task="review", **_turn(agent, 2, at)),
    ]


def _vote(agent: AgentId, at: float, label: str, author: AgentId) -> list[Event]:
    return [
        VoteCounted(
            voter=agent,
            choice=author,
            label=Label(label),
            ballot=Choice(label=Label(label)),
            reason="It is right.",
        ),
        TurnEnded(outcome="voted", **_turn(agent, 2, at)),
    ]


@pytest.fixture
def cast() -> Cast:
    """Three agents and their question."""
    return Cast(question="Is it so?", models=dict.fromkeys((ADA, BO, CY), "model-x"))


@pytest.fixture
def events() -> list[Event]:
    """Two drafts, three reviews, two votes, one of them enough, and a winner."""
    labels = (Label("agent2.1"), Label("agent1.1"))
    return [
        *_draft(ADA, 1.0, "Let me think.", "It is so."),
        *_draft(BO, 1.2, "Hm.", "It is not so."),
        *_accepted(ADA, "agent2.1", "It is so.", 1.8),
        *_accepted(BO, "agent1.1", "It is not so.", 2.0),
        SlateFrozen(labels=labels, reason="everybody has answered"),
        *(event for agent in (ADA, BO, CY) for event in _review(agent, 2.1)),
        *_vote(ADA, 3.0, "agent2.1", ADA),
        *_vote(BO, 3.5, "agent2.1", ADA),
        WinnerDecided(
            winner=ADA,
            label=Label("agent2.1"),
            rule="plurality",
            standings=((Label("agent2.1"), 2.0), (Label("agent1.1"), 0.0)),
            is_early=True,
            was_tie=False,
        ),
        CancelTurn(agent=CY, turn=TurnNumber(2), reason="it can change nothing"),
        TurnStarted(task="present", **_turn(ADA, 3, 3.6)),
        TextDelta(block=0, text="It is so.", **_turn(ADA, 3, 3.8)),
        TurnEnded(outcome="presented", **_turn(ADA, 3, 4.0)),
        Conclude(
            status="answered", winner=ADA, label=Label("agent2.1"), answer="It is so."
        ),
    ]


@pytest.fixture
def result() -> Result:
    """The result of the events."""
    usage = Usage(input_tokens=100, output_tokens=20)
    return Result(
        session="5e55",
        status="answered",
        question="Is it so?",
        winner=ADA,
        answer="It is so.\x1b[31m\n",
        answers=(
            AnswerRecord(agent=ADA, label=Label("agent2.1"), content="It is so."),
            AnswerRecord(agent=BO, label=Label("agent1.1"), content="It is not so."),
        ),
        votes=tuple(
            VoteRecord(
                voter=voter, choice=ADA, label=Label("agent2.1"), reason="It is right."
            )
            for voter in (ADA, BO)
        ),
        agents={
            ADA: AgentRecord(status="done", turns=3, usage=usage, cost_usd=0.01),
            BO: AgentRecord(status="done", turns=2, usage=usage, cost_usd=0.01),
            CY: AgentRecord(status="cancelled", turns=1, usage=Usage(), cost_usd=0.0),
        },
        usage=usage + usage,
        cost_usd=0.02,
        elapsed_s=3.0,
        detail="plurality: 2 of 3 ballots",
    )


@pytest.fixture
def in_batches() -> Callable[[Sequence[Event]], AsyncIterator[Sequence[Event]]]:
    """Hands events over in small batches, as a feed does."""

    async def batches(events: Sequence[Event]) -> AsyncIterator[Sequence[Event]]:
        for start in range(0, len(events), 5):
            yield events[start : start + 5]

    return batches

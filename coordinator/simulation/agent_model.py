"""A model of agents in a sans-IO world: a few lines of chance for each turn.

A million sessions are some eight million turns, so this file is written for speed: the
generator is asked for plain fractions only, and chunks are made without a pen.
"""

from __future__ import annotations

from math import log
from random import Random
from typing import assert_never

import msgspec

from agents.protocol.checks import CheckResult, Outcome
from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    AnswerPresented,
    AnswerProposed,
    Approval,
    Ballot,
    Choice,
    Label,
    Part,
    PartCompleted,
    Ranking,
    ResponseStarted,
    RestartRequested,
    Scores,
    Seq,
    StreamChunk,
    TaskDivided,
    TurnEnded,
    TurnNumber,
    Usage,
    UsageReported,
    VoteCast,
)
from agents.protocol.turns import BallotForm, Divide, Draft, Present, Review, Turn, Work
from coordinator.protocol.events import RunChecks

NO_SUCH_LABEL = Label("agent99.9")
DEAREST_TURN_TOKENS = 200
"""Turns cost from 1 to so many tokens."""
_OUTCOMES: tuple[Outcome, ...] = (
    *("passed", "passed", "passed", "passed", "failed", "failed", "late", "broken"),
)
_MESSAGE = msgspec.Raw(b"{}")
_RESULT, _END = Seq(2), Seq(3)

_SAYINGS = tuple(
    f"the {colour} answer, said {manner}"
    for colour in ("red", "green", "blue", "grey")
    for manner in ("briefly", "at length", "with doubts")
)


def said_by_chance(chance: Random) -> str:
    """An answer; few are distinct, so duplicates, ties and small changes are common."""
    return _SAYINGS[int(chance.random() * len(_SAYINGS))]


class Temper(msgspec.Struct, frozen=True, kw_only=True):
    """How the agents of one world behave; probabilities are per turn."""

    revise: float = 0.3
    silent: float = 0.05
    fail: float = 0.05
    stall: float = 0.05
    nonsense: float = 0.05
    """A ballot that cannot count, or an empty answer."""
    late: float = 0.3
    """A cancelled turn's chunks arrive all the same."""
    meddle: float = 0.05
    """A person stops an agent, vetoes an answer, speaks, or interrupts."""
    pace_s: float = 10.0
    """Mean time of a turn."""


def reply(
    turn: Turn, chance: Random, temper: Temper, now: float
) -> tuple[StreamChunk, ...]:
    """Play one turn: what it costs, what it brings, how it ends; all at one instant.

    Returns:
        Nothing, where the agent stalls.
    """
    # An exponential distribution, of mean ``pace_s``.
    at = now - log(1.0 - chance.random()) * temper.pace_s
    agent, number = turn.agent, turn.number
    roll = chance.random() - temper.stall
    if roll < 0.0:
        return ()
    tokens = 1 + int(chance.random() * DEAREST_TURN_TOKENS)
    started = ResponseStarted(
        agent=agent,
        turn=number,
        seq=Seq(0),
        at=at,
        model="simulated",
        message=_MESSAGE,
    )
    spent = UsageReported(
        agent=agent,
        turn=number,
        seq=Seq(1),
        at=at,
        model="simulated",
        usage=Usage(input_tokens=tokens),
    )
    if roll < temper.fail:
        failed = AgentFailed(
            agent=agent, turn=number, seq=_RESULT, at=at, error="Refused", message="no"
        )
        return started, spent, failed
    if roll - temper.fail < temper.silent:
        silent = TurnEnded(
            agent=agent, turn=number, seq=_RESULT, at=at, outcome="silent"
        )
        return started, spent, silent
    brought = _brought(turn, chance, temper, at)
    ended = TurnEnded(agent=agent, turn=number, seq=_END, at=at, outcome="voted")
    return started, spent, brought, ended


def checked(asked: RunChecks, chance: Random) -> tuple[CheckResult, ...]:
    """Random results of checks; each takes up to a turn's mean time."""
    draw = chance.random
    return tuple(
        CheckResult(
            check=name, outcome=_OUTCOMES[int(draw() * len(_OUTCOMES))], took_s=draw()
        )
        for name in asked.checks
    )


def _brought(turn: Turn, chance: Random, temper: Temper, at: float) -> StreamChunk:
    """The one chunk that the turn was for."""
    agent, number = turn.agent, turn.number
    match turn.task:
        case Draft():
            return _answer(agent, number, chance, temper, at)
        case Review() as review:
            form = review.ballot
            if form is None or (review.may_revise and chance.random() < temper.revise):
                return _answer(agent, number, chance, temper, at)
            ballot = _ballot(form, chance, temper)
            return VoteCast(
                agent=agent,
                turn=number,
                seq=_RESULT,
                at=at,
                ballot=ballot,
                seen=tuple([answer.label for answer in review.answers]),
                reason="r",
                grades=_grades(form, ballot) if form.criteria else msgspec.UNSET,
            )
        case Divide(parts=most):
            count = int(chance.random() * (most + 2))
            if chance.random() < temper.nonsense:
                count = 0
            parts = tuple(
                Part(title=f"part {n}", instructions="do it") for n in range(count)
            )
            return TaskDivided(
                agent=agent, turn=number, seq=_RESULT, at=at, parts=parts
            )
        case Work():
            return PartCompleted(
                agent=agent,
                turn=number,
                seq=_RESULT,
                at=at,
                complete=chance.random() >= temper.nonsense,
                summary="" if chance.random() < temper.nonsense else "done",
            )
        case Present() as present:
            if present.may_restart and chance.random() < temper.revise:
                return RestartRequested(
                    agent=agent,
                    turn=number,
                    seq=_RESULT,
                    at=at,
                    reason="weak",
                    instructions="be strong",
                )
            return AnswerPresented(
                agent=agent, turn=number, seq=_RESULT, at=at, content="the final words"
            )
        case _:
            assert_never(turn.task)


def _answer(
    agent: AgentId, number: TurnNumber, chance: Random, temper: Temper, at: float
) -> AnswerProposed:
    is_empty = chance.random() < temper.nonsense
    content = " " if is_empty else said_by_chance(chance)
    # Three results and none, so that some agree; rules that count none do not look.
    result = f"{chance.randrange(3)}" if len(content) % 4 else ""
    return AnswerProposed(
        agent=agent,
        turn=number,
        seq=_RESULT,
        at=at,
        content=content,
        result=result,
    )


def _ballot(form: BallotForm, chance: Random, temper: Temper) -> Ballot:
    draw = chance.random
    if draw() < temper.nonsense:
        return Choice(label=NO_SUCH_LABEL)
    labels, count = form.labels, len(form.labels)
    match form.kind:
        case "choice":
            return Choice(label=labels[int(draw() * count)])
        case "approval":
            return Approval(labels=_some(labels, int(draw() * (count + 1)), chance))
        case "ranking":
            ranked = _some(labels, 1 + int(draw() * count), chance)
            return Ranking(tiers=tuple([(label,) for label in ranked]))
        case "scores":
            levels = form.max_score + 1
            return Scores(points={x: int(draw() * levels) for x in labels})
        case _:
            assert_never(form.kind)


def _grades(
    form: BallotForm, ballot: Ballot
) -> dict[Label, dict[str, int]] | msgspec.UnsetType:
    """Points by criterion whose mean is the ballot's: all alike, as one number is."""
    if not isinstance(ballot, Scores):
        return msgspec.UNSET
    return {
        label: {each.name: points for each in form.criteria}
        for label, points in ballot.points.items()
    }


def _some(labels: tuple[Label, ...], most: int, chance: Random) -> tuple[Label, ...]:
    """So many of ``labels``, in any order."""
    draw = chance.random
    return tuple(sorted(labels, key=lambda _: draw())[:most])

"""A table around which agents sit: plays inputs by hand and shows what came out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
import pytest

from agents.protocol.chunks import (
    AgentFailed,
    AgentId,
    AnswerPresented,
    AnswerProposed,
    BlockStarted,
    Choice,
    Label,
    Ranking,
    RestartRequested,
    StreamChunk,
    TurnEnded,
    TurnNumber,
    Usage,
    UsageReported,
    VoteCast,
)
from agents.protocol.stamper import Pen
from agents.protocol.turns import BallotForm, Present, Review, Turn
from coordinator.consensus import Consensus
from coordinator.consensus.rules import PolicyName, Rules
from coordinator.protocol.events import (
    AnswerAccepted,
    CancelTurn,
    Conclude,
    MachineInput,
    MachineOutput,
    SessionOpened,
    StartTurn,
    TimerRang,
    VoteCounted,
)

Kind = TypeVar("Kind")


class Table:
    """One session, driven by hand; time is whatever ``now`` is set to."""

    def __init__(self, names: str, rules: Rules, seed: int = 7) -> None:
        self.agents = tuple(AgentId(name) for name in names.split())
        self.machine = Consensus.new(self.agents, "q", rules, seed=seed, nonce="n")
        self.now = 0.0
        self.turns: dict[str, Turn] = {}
        self.labels: dict[str, Label] = {}
        self.log: list[MachineOutput] = []
        self.last: tuple[MachineOutput, ...] = ()

    def feed(self, what: MachineInput) -> tuple[MachineOutput, ...]:
        self.machine, self.last = self.machine.step(what)
        self.log.extend(self.last)
        for output in self.last:
            if isinstance(output, StartTurn):
                self.turns[output.turn.agent] = output.turn
            elif isinstance(output, AnswerAccepted):
                self.labels[output.agent] = output.label
        return self.last

    def pen(self, agent: str, turn: int | None = None) -> Pen:
        number = TurnNumber(turn) if turn is not None else self.turns[agent].number
        return Pen(AgentId(agent), number, self.now)

    def open(self) -> Table:
        self.feed(SessionOpened(at=self.now))
        return self

    def says(self, chunk: StreamChunk) -> tuple[MachineOutput, ...]:
        return self.feed(chunk)

    def answers(self, agent: str, text: str, turn: int | None = None) -> None:
        stamp = self.pen(agent, turn).stamp()
        self.says(AnswerProposed(**stamp, content=text))

    def votes(self, voter: str, author: str, turn: int | None = None) -> None:
        self.casts(voter, Choice(label=self.labels[author]), turn)

    def ranks(self, voter: str, authors: str) -> None:
        tiers = tuple((self.labels[author],) for author in authors.split())
        self.casts(voter, Ranking(tiers=tiers))

    def casts(
        self, voter: str, ballot: Choice | Ranking, turn: int | None = None
    ) -> None:
        task = self.turns[voter].task
        seen = tuple(a.label for a in task.answers) if isinstance(task, Review) else ()
        stamp = self.pen(voter, turn).stamp()
        self.says(VoteCast(**stamp, ballot=ballot, seen=seen, reason=f"{voter} says"))

    def types_an_answer(self, agent: str) -> None:
        content = msgspec.Raw(b'{"type":"tool_use","name":"new_answer"}')
        stamp = self.pen(agent).stamp()
        self.says(BlockStarted(**stamp, block=0, type="tool_use", content=content))

    def presents(self, agent: str, text: str) -> None:
        self.says(AnswerPresented(**self.pen(agent).stamp(), content=text))

    def wants_more(self, agent: str) -> None:
        stamp = self.pen(agent).stamp()
        self.says(RestartRequested(**stamp, reason="weak", instructions="be bold"))

    def ends(
        self, agent: str, outcome: Literal["silent", "refused"] = "silent"
    ) -> None:
        self.says(TurnEnded(**self.pen(agent).stamp(), outcome=outcome))

    def fails(self, agent: str) -> None:
        stamp = self.pen(agent).stamp()
        self.says(AgentFailed(**stamp, error="BackendRefused", message="401"))

    def spends(self, agent: str, tokens: int, usd: float | None = None) -> None:
        usage = Usage(input_tokens=tokens)
        stamp = self.pen(agent).stamp()
        self.says(UsageReported(**stamp, model="m", usage=usage, cost_usd=usd))

    def rings(self, timer: str, at: float) -> None:
        self.now = at
        self.feed(TimerRang(at=at, timer=timer))

    def review(self, agent: str) -> Review:
        task = self.turns[agent].task
        assert isinstance(task, Review)
        return task

    def ballot(self, agent: str) -> BallotForm:
        form = self.review(agent).ballot
        assert form is not None
        return form

    def present(self, agent: str) -> Present:
        task = self.turns[agent].task
        assert isinstance(task, Present)
        return task

    def every(self, kind: type[Kind]) -> list[Kind]:
        return [output for output in self.log if isinstance(output, kind)]

    def just(self, kind: type[Kind]) -> list[Kind]:
        return [output for output in self.last if isinstance(output, kind)]

    @property
    def end(self) -> Conclude:
        (end,) = self.every(Conclude)
        return end

    @property
    def is_over(self) -> bool:
        return bool(self.every(Conclude))

    @property
    def cancelled(self) -> list[str]:
        return [cancel.agent for cancel in self.every(CancelTurn)]

    @property
    def counted(self) -> list[str]:
        return [vote.voter for vote in self.every(VoteCounted)]


Seat: TypeAlias = Callable[..., Table]


@pytest.fixture
def seat() -> Seat:
    """Open a session of the named agents under ``policy`` with changed settings."""

    def seat(
        names: str = "ada bob cy", policy: PolicyName = "slate", **changes: Any
    ) -> Table:
        rules = Rules(policy, **changes)
        return Table(names, rules).open()

    return seat

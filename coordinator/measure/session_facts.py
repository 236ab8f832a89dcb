"""Facts of one kept session to replay policies on. Blocks on no file.

The machine is fed the journal again, so that the order in which a voter considered the
answers, which no record keeps, is known as well.
"""

from __future__ import annotations

from collections import defaultdict

import msgspec

from agents.protocol.chunks import (
    AgentId,
    Ballot,
    Chunk,
    Label,
    ResponseStarted,
    TurnNumber,
    UsageReported,
)
from agents.protocol.turns import Present, Review
from coordinator.journal.inputs import history, inputs
from coordinator.journal.reader import Journal
from coordinator.protocol.events import (
    AnswerAccepted,
    MachineOutput,
    StartTurn,
    VoteCounted,
    WinnerDecided,
)
from coordinator.recovery.snapshot import machine_of
from coordinator.session.driver import Driver
from coordinator.sweep.grading import is_right, result_of
from coordinator.sweep.questions import Question
from coordinator.team.team import read_described


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of one turn or several."""

    tokens: int = 0
    """All, in and out."""
    output: int = 0
    usd: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(
            tokens=self.tokens + other.tokens,
            output=self.output + other.output,
            usd=self.usd + other.usd,
        )


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A first answer."""

    label: Label
    agent: str
    model: str
    result: str
    """Its result; empty: nothing that could be compared."""
    is_right: bool
    characters: int
    cost: Cost


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One judge's ballot on the drafts."""

    voter: str
    model: str
    ballot: Ballot
    considered: tuple[Label, ...]
    """The answers in the order in which it was to consider them."""
    cost: Cost


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that took the place of its author's earlier one."""

    was_right: bool
    is_right: bool


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One session, over."""

    question: str
    drafts: tuple[Draft, ...]
    votes: tuple[Vote, ...]
    revisions: tuple[Revision, ...]
    winner: Label | None
    final_is_right: bool | None
    """Of the words that were presented; ``None``: none were."""
    presenting: Cost
    cost: Cost
    """Of all of it."""


def session_facts(journal: Journal, question: Question) -> SessionFacts:
    """Read a session.

    Args:
        journal: Its records.
        question: With the reference that answers are held against.
    """
    opened = journal.opened
    rules, _ = read_described(opened.team)
    agents = tuple(opened.models)
    driver = Driver(machine_of(opened, agents, rules), agents, opened.models)
    reader = _Reader(question, {str(x): model for x, model in opened.models.items()})
    for what in inputs(history(journal.records)):
        if isinstance(what, Chunk):
            reader.bill(what)
        for output in driver.take(what):
            reader.take(output)
    end = driver.end
    final = None
    if end is not None and end.answer is not None and reader.has_presented:
        final = bool(is_right(end.answer, None, question))
    return reader.facts(final)


class _Reader:
    """Gathers facts while a machine is fed."""

    def __init__(self, question: Question, models: dict[str, str]) -> None:
        self._question = question
        self._models = models
        self._turns: dict[str, TurnNumber] = {}
        self._costs: dict[tuple[str, int], list[Cost]] = defaultdict(list)
        self._open: dict[str, tuple[str, int]] = {}
        self._answers: list[tuple[AnswerAccepted, tuple[str, int]]] = []
        self._orders: dict[str, tuple[Label, ...]] = {}
        self._votes: dict[str, tuple[VoteCounted, tuple[str, int]]] = {}
        self._presenting: tuple[str, int] | None = None
        self._winner: Label | None = None

    @property
    def has_presented(self) -> bool:
        """Whether somebody was asked for last words."""
        return self._presenting is not None

    def bill(self, chunk: Chunk) -> None:
        """Book what a response has cost; its reports replace one another."""
        key = (str(chunk.agent), int(chunk.turn))
        if isinstance(chunk, ResponseStarted):
            self._costs[key].append(Cost())
        elif isinstance(chunk, UsageReported):
            cost = Cost(
                tokens=chunk.usage.total_tokens,
                output=chunk.usage.output_tokens,
                usd=chunk.cost_usd or 0.0,
            )
            if self._costs[key]:
                self._costs[key][-1] = cost
            else:
                self._costs[key].append(cost)

    def take(self, output: MachineOutput) -> None:
        """Note what the machine says."""
        match output:
            case StartTurn(turn=turn):
                self._turns[turn.agent] = turn.number
                task = turn.task
                if isinstance(task, Review) and task.ballot is not None:
                    self._orders[turn.agent] = task.ballot.labels
                elif isinstance(task, Present):
                    self._presenting = (turn.agent, turn.number)
            case AnswerAccepted():
                self._answers.append((output, self._turn_of(output.agent)))
            case VoteCounted():
                self._votes[output.voter] = (output, self._turn_of(output.voter))
            case WinnerDecided():
                self._winner = output.label
            case _:
                pass

    def _turn_of(self, agent: AgentId) -> tuple[str, int]:
        return str(agent), int(self._turns[agent])

    def _cost(self, key: tuple[str, int]) -> Cost:
        return sum(self._costs.get(key, ()), Cost())

    def _is_right(self, answer: AnswerAccepted) -> bool:
        return bool(is_right(answer.content, _value(answer), self._question))

    def facts(self, final_is_right: bool | None) -> SessionFacts:
        """All of it."""
        firsts: dict[str, Draft] = {}
        revisions: list[Revision] = []
        last: dict[str, bool] = {}
        for answer, turn in self._answers:
            author, right = str(answer.agent), self._is_right(answer)
            if author in last:
                revisions.append(Revision(was_right=last[author], is_right=right))
            else:
                firsts[author] = Draft(
                    label=answer.label,
                    agent=author,
                    model=self._models.get(author, ""),
                    result=result_of(answer.content, _value(answer), self._question),
                    is_right=right,
                    characters=len(answer.content),
                    cost=self._cost(turn),
                )
            last[author] = right
        votes = tuple(
            Vote(
                voter=voter,
                model=self._models.get(voter, ""),
                ballot=vote.ballot,
                considered=self._orders.get(voter, ()),
                cost=self._cost(turn),
            )
            for voter, (vote, turn) in self._votes.items()
        )
        return SessionFacts(
            question=self._question.id,
            drafts=tuple(firsts.values()),
            votes=votes,
            revisions=tuple(revisions),
            winner=self._winner,
            final_is_right=final_is_right,
            presenting=self._cost(self._presenting) if self._presenting else Cost(),
            cost=sum(map(self._cost, self._costs), Cost()),
        )


def _value(answer: AnswerAccepted) -> object:
    if isinstance(answer.value, msgspec.UnsetType):
        return None
    return msgspec.json.decode(answer.value)

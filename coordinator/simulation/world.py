"""A sans-IO world: agents that are a few lines of chance, a clock that is a heap.

``play(seed)`` runs one session of a random team under random rules, answer times,
ballots, failures, cancellations, late chunks and people's interventions, through the
real machine, and returns what happened. The same seed gives the same session.
"""

from __future__ import annotations

import heapq
from random import Random

import msgspec

from agents.backend import BallotForm, Divide, Draft, Present, Review, Turn, Work
from agents.chunks import (
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
    Pen,
    Ranking,
    ResponseStarted,
    RestartRequested,
    Scores,
    StreamChunk,
    TaskDivided,
    TurnEnded,
    TurnNumber,
    Usage,
    UsageReported,
    VoteCast,
)
from coordinator.consensus import Consensus
from coordinator.effects import (
    AgentStopped,
    AnswerAccepted,
    AnswerVetoed,
    ArmTimer,
    CancelTurn,
    Conclude,
    Interrupted,
    MachineInput,
    MachineOutput,
    PersonSaid,
    SessionOpened,
    StartTurn,
    TimerRang,
)
from coordinator.rules import Rules
from coordinator.simulation.invariants import Checker, Violation

MAX_STEPS = 20_000
"""Inputs after which a session counts as one that does not end."""


_COLOURS = ("red", "green", "blue", "grey")
_MANNERS = ("briefly", "at length", "with doubts")


def said_by_chance(chance: Random) -> str:
    """An answer; few are distinct, so duplicates, ties and small changes are common."""
    return f"the {chance.choice(_COLOURS)} answer, said {chance.choice(_MANNERS)}"


MEDDLING_MOST = 4
"""People's interventions in one session; vetoes of several answers are the hard case.
"""


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


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """One session, over."""

    seed: int
    inputs: tuple[MachineInput, ...]
    outputs: tuple[tuple[MachineOutput, ...], ...]
    end: Conclude
    elapsed_s: float


class World:
    """One session's surroundings."""

    def __init__(
        self, seed: int, agents: tuple[AgentId, ...], rules: Rules, temper: Temper
    ) -> None:
        self._random = Random(seed)  # noqa: S311 (a simulation, not a secret)
        self._seed = seed
        self._temper = temper
        self._rules = rules
        self._agents = agents
        self._due: list[tuple[float, int, TurnNumber, MachineInput]] = []
        self._count = 0
        self._withdrawn: dict[AgentId, TurnNumber] = {}
        self._timers: dict[str, float] = {}
        self._labels: list[Label] = []
        self._answers = 0
        self._now = 0.0

    def play(self) -> Played:
        """Run to the end.

        Raises:
            Violation: An invariant broke, or the session does not end.
        """
        machine = self._machine()
        checker = Checker(self._agents, self._rules)
        inputs: list[MachineInput] = []
        outputs: list[tuple[MachineOutput, ...]] = []
        self._put(SessionOpened(at=0.0))
        self._meddle()
        while self._due:
            _, _, turn, what = heapq.heappop(self._due)
            if self._is_withdrawn(what, turn):
                continue
            self._now = what.at
            try:
                machine, effects = machine.step(what)
            except Exception as exc:
                # Whatever it is, it is a bug; the campaign wants it named and shrunk.
                raise Violation(f"the machine never raises {exc!r}") from exc
            checker.watch(what, effects)
            inputs.append(what)
            outputs.append(effects)
            if len(inputs) > MAX_STEPS:
                raise Violation("every session ends")
            for effect in effects:
                self._carry_out(effect)
            if checker.concluded is not None:
                return Played(
                    seed=self._seed,
                    inputs=tuple(inputs),
                    outputs=tuple(outputs),
                    end=checker.concluded,
                    elapsed_s=self._now,
                )
        raise Violation("every session ends")

    def replay(
        self, inputs: tuple[MachineInput, ...]
    ) -> tuple[tuple[MachineOutput, ...], ...]:
        """Feed recorded inputs to a fresh machine; its outputs, step by step."""
        machine = self._machine()
        outputs: list[tuple[MachineOutput, ...]] = []
        for what in inputs:
            machine, effects = machine.step(what)
            outputs.append(effects)
        return tuple(outputs)

    def _machine(self) -> Consensus:
        return Consensus.new(self._agents, "q", self._rules, seed=self._seed, nonce="n")

    # ----------------------------------------------------------- the clock

    def _put(self, what: MachineInput, turn: TurnNumber = TurnNumber(0)) -> None:  # noqa: B008 (a number)
        self._count += 1
        heapq.heappush(self._due, (what.at, self._count, turn, what))

    def _is_withdrawn(self, what: MachineInput, turn: TurnNumber) -> bool:
        if isinstance(what, TimerRang):
            return self._timers.get(what.timer) != what.at
        return bool(turn) and turn <= self._withdrawn.get(what.agent, 0)  # type: ignore[union-attr]

    def _meddle(self) -> None:
        for _ in range(MEDDLING_MOST):
            if self._random.random() >= self._temper.meddle:
                return
            self._meddle_once()

    def _meddle_once(self) -> None:
        at = self._random.uniform(0, self._temper.pace_s * 4)
        agent = self._random.choice(self._agents)
        match self._random.randrange(4):
            case 0:
                self._put(Interrupted(at=at, reason="interrupted"))
            case 1:
                self._put(AgentStopped(at=at, agent=agent, reason="stopped"))
            case 2:
                self._put(PersonSaid(at=at, text="think again"))
            case _:
                label = Label(f"agent{self._random.randint(1, len(self._agents))}.1")
                self._put(AnswerVetoed(at=at, label=label, reason="no"))

    # -------------------------------------------------------- the agents

    def _carry_out(self, effect: MachineOutput) -> None:
        match effect:
            case StartTurn():
                self._take(effect.turn)
            case CancelTurn():
                if self._random.random() >= self._temper.late:
                    self._withdrawn[effect.agent] = effect.turn
            case ArmTimer():
                self._timers[effect.timer] = effect.at
                self._put(TimerRang(at=effect.at, timer=effect.timer))
            case AnswerAccepted():
                self._labels.append(effect.label)
            case _:
                pass

    def _take(self, turn: Turn) -> None:
        """Play one turn: what it costs, what it brings, how it ends."""
        chance, temper = self._random, self._temper
        at = self._now + chance.expovariate(1.0 / temper.pace_s)
        pen = Pen(turn.agent, turn.number, at)
        roll = chance.random()
        if roll < temper.stall:
            return
        said: list[StreamChunk] = [
            ResponseStarted(
                **pen.stamp(), model="simulated", message=msgspec.Raw(b"{}")
            ),
            UsageReported(
                **pen.stamp(),
                model="simulated",
                usage=Usage(input_tokens=chance.randint(1, 200)),
            ),
        ]
        roll -= temper.stall
        if roll < temper.fail:
            said.append(AgentFailed(**pen.stamp(), error="Refused", message="no"))
        elif roll - temper.fail < temper.silent:
            said.append(TurnEnded(**pen.stamp(), outcome="silent"))
        else:
            said.extend(self._result(turn, pen))
            said.append(TurnEnded(**pen.stamp(), outcome="voted"))
        for chunk in said:
            self._put(chunk, turn.number)

    def _result(self, turn: Turn, pen: Pen) -> list[StreamChunk]:
        chance = self._random
        match turn.task:
            case Draft():
                return [self._answer(pen)]
            case Review() as review:
                form = review.ballot
                if form is None or (
                    review.may_revise and chance.random() < self._temper.revise
                ):
                    return [self._answer(pen)]
                seen = tuple(answer.label for answer in review.answers)
                ballot = self._ballot(form)
                return [VoteCast(**pen.stamp(), ballot=ballot, seen=seen, reason="r")]
            case Divide(parts=most):
                count = chance.randint(0, most + 1)
                if chance.random() < self._temper.nonsense:
                    count = 0
                parts = tuple(
                    Part(title=f"part {n}", instructions="do it") for n in range(count)
                )
                return [TaskDivided(**pen.stamp(), parts=parts)]
            case Work():
                is_done = chance.random() >= self._temper.nonsense
                summary = "" if chance.random() < self._temper.nonsense else "done"
                return [PartCompleted(**pen.stamp(), summary=summary, complete=is_done)]
            case Present() as present:
                if present.may_restart and chance.random() < self._temper.revise:
                    return [
                        RestartRequested(
                            **pen.stamp(), reason="weak", instructions="be strong"
                        )
                    ]
                return [AnswerPresented(**pen.stamp(), content="the final words")]

    def _answer(self, pen: Pen) -> AnswerProposed:
        if self._random.random() < self._temper.nonsense:
            return AnswerProposed(**pen.stamp(), content=" ")
        self._answers += 1
        return AnswerProposed(**pen.stamp(), content=said_by_chance(self._random))

    def _ballot(self, form: BallotForm) -> Ballot:
        chance, labels = self._random, list(form.labels)
        if chance.random() < self._temper.nonsense:
            return Choice(label=Label("agent99.9"))
        chance.shuffle(labels)
        match form.kind:
            case "choice":
                return Choice(label=labels[0])
            case "approval":
                return Approval(labels=tuple(labels[: chance.randint(0, len(labels))]))
            case "ranking":
                kept = labels[: chance.randint(1, len(labels))]
                return Ranking(tiers=tuple((label,) for label in kept))
            case "scores":
                points = {x: chance.randint(0, form.max_score) for x in labels}
                return Scores(points=points)

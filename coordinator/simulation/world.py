"""A sans-IO world: agents that are a few lines of chance, a clock that is a heap.

``play(seed)`` runs one session of a random team under random rules, answer times,
ballots, failures, cancellations, late chunks and people's interventions, through the
real machine, and returns what happened. The same seed gives the same session. What
agents say is :mod:`coordinator.simulation.agent_model`'.
"""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random

import msgspec

from agents.protocol.chunks import AgentId, Label, TurnNumber
from coordinator.consensus import Consensus
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    AgentStopped,
    AnswerVetoed,
    ArmTimer,
    CancelChecks,
    CancelTurn,
    CheckEnded,
    Conclude,
    Interrupted,
    MachineInput,
    MachineOutput,
    PersonSaid,
    RunChecks,
    SessionOpened,
    StartTurn,
    TimerRang,
    VoteForced,
)
from coordinator.simulation.agent_model import Temper, checked, reply
from coordinator.simulation.invariants import Checker, Violation

MAX_STEPS = 20_000
"""Inputs after which a session counts as one that does not end."""

MEDDLING_MOST = 4
"""People's interventions in one session; vetoes of several answers are the hard case.
"""


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
        self._due: list[
            tuple[float, int, AgentId | None, TurnNumber, tuple[MachineInput, ...]]
        ] = []
        """When, which of those at one time, whose turn if anybody's, and what."""
        self._count = 0
        self._withdrawn: dict[AgentId | None, TurnNumber] = {}
        """Agent → the newest turn whose chunks will not come any more."""
        self._timers: dict[str, float] = {}
        self._left: set[Label] = set()
        """Answers whose checks were stopped."""

    def play(self) -> Played:
        """Run to the end.

        Raises:
            Violation: An invariant broke, or the session does not end.
        """
        machine = self._machine()
        checker = Checker(self._agents, self._rules)
        due, withdrawn = self._due, self._withdrawn
        inputs: list[MachineInput] = []
        outputs: list[tuple[MachineOutput, ...]] = []
        self._put(SessionOpened(at=0.0))
        self._meddle()
        while due and len(inputs) <= MAX_STEPS:
            _, _, agent, turn, chunks = heappop(due)
            for what in chunks:
                # Asked each time: what a turn has said may withdraw its rest.
                if agent is not None:
                    if turn <= withdrawn.get(agent, 0):
                        break
                elif self._is_moved(what):
                    continue
                try:
                    machine, effects = machine.step(what)
                except Exception as exc:
                    # Whatever it is, it is a bug; the campaign wants it named.
                    raise Violation(f"the machine never raises {exc!r}") from exc
                checker.watch(what, effects)
                inputs.append(what)
                outputs.append(effects)
                for effect in effects:
                    self._carry_out(effect, what.at)
                if checker.concluded is not None:
                    return Played(
                        seed=self._seed,
                        inputs=tuple(inputs),
                        outputs=tuple(outputs),
                        end=checker.concluded,
                        elapsed_s=what.at,
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

    def _put(self, what: MachineInput) -> None:
        """Let something happen that is no agent's doing."""
        self._count += 1
        heappush(self._due, (what.at, self._count, None, TurnNumber(0), (what,)))

    def _is_moved(self, what: MachineInput) -> bool:
        """Whether it is a timer that was armed again, or a check that was stopped."""
        if isinstance(what, CheckEnded):
            return what.label in self._left
        return isinstance(what, TimerRang) and self._timers[what.timer] != what.at

    def _carry_out(self, effect: MachineOutput, now: float) -> None:
        if isinstance(effect, StartTurn):
            turn = effect.turn
            chunks = reply(turn, self._random, self._temper, now)
            if chunks:
                self._count += 1
                due = (chunks[0].at, self._count, turn.agent, turn.number, chunks)
                heappush(self._due, due)
        elif isinstance(effect, CancelTurn):
            if self._random.random() >= self._temper.late:
                self._withdrawn[effect.agent] = effect.turn
        elif isinstance(effect, ArmTimer):
            self._timers[effect.timer] = effect.at
            self._put(TimerRang(at=effect.at, timer=effect.timer))
        elif isinstance(effect, RunChecks):
            for result in checked(effect, self._random):
                at = now + result.took_s * self._temper.pace_s
                self._put(CheckEnded(at=at, label=effect.label, result=result))
        elif isinstance(effect, CancelChecks) and (
            self._random.random() >= self._temper.late
        ):
            self._left.add(effect.label)

    def _meddle(self) -> None:
        for _ in range(MEDDLING_MOST):
            if self._random.random() >= self._temper.meddle:
                return
            self._meddle_once()

    def _meddle_once(self) -> None:
        at = self._random.uniform(0, self._temper.pace_s * 4)
        agent = self._random.choice(self._agents)
        match self._random.randrange(5):
            case 0:
                self._put(Interrupted(at=at, reason="interrupted"))
            case 1:
                self._put(AgentStopped(at=at, agent=agent, reason="stopped"))
            case 2:
                self._put(PersonSaid(at=at, text="think again"))
            case 3:
                self._put(VoteForced(at=at, reason="now"))
            case _:
                self._veto(at)

    def _veto(self, at: float) -> None:
        """Rule out one answer, or several in a row, perhaps all of a contest."""
        numbers = list(range(1, len(self._agents) + 1))
        self._random.shuffle(numbers)
        count = self._random.choice((1, 1, len(numbers) - 1, len(numbers)))
        for number in numbers[: max(1, count)]:
            revision = self._random.choice((1, 1, 2, 3))
            label = Label(f"agent{number}.{revision}")
            self._put(AnswerVetoed(at=at, label=label, reason="no"))

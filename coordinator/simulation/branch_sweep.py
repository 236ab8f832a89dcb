"""Random sessions, cut anywhere and branched under other rules or with one more agent.

What is taken over must be true of the new session: whole beginnings of turns that it
would have asked in the same words, and vetoes of the same answers. A fresh machine that
is fed it keeps every invariant of the sans-IO simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agents.protocol.chunks import AgentId, Chunk, TurnNumber
from agents.protocol.frames import encode_frame
from coordinator.consensus import Consensus
from coordinator.consensus.rules import Rules
from coordinator.journal.entries import encode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.inputs import inputs
from coordinator.protocol.events import AnswerVetoed, MachineInput
from coordinator.recovery.branch import branched
from coordinator.session.driver import Driver
from coordinator.simulation.generate import Setting, setting
from coordinator.simulation.invariants import Checker, Violation

_Turn = tuple[AgentId, TurnNumber]


def sweep(seed: int, cuts: int = 3) -> int:
    """Play the session of ``seed`` and branch it at some of its records.

    Returns:
        How many branches were made.

    Raises:
        Violation: Something was taken over that is not true, or something was raised.
    """
    drawn = setting(seed)
    played = drawn.world().play()
    chance = Random(f"{seed}/branches")  # noqa: S311  (a simulation, not a secret)
    records = [_record(what) for what in played.inputs]
    for _ in range(cuts):
        cut = chance.randint(1, len(records))
        other = setting(chance.randrange(10_000)).rules
        rules = chance.choice((drawn.rules, other))
        # Whoever branches is given time of its own; here the clock goes on.
        rules = rules.replace(deadline_s=drawn.rules.limits.deadline_s)
        more = (AgentId("z9"),) if chance.random() < 0.5 else ()
        _branch(drawn, records[:cut], played.inputs, rules, more)
    return cuts


def _record(what: MachineInput) -> Record:
    if isinstance(what, Chunk):
        return Record(kind=Kind.FRAME, at=what.at, payload=encode_frame((what,)))
    return Record(kind=Kind.INPUT, at=what.at, payload=encode(what))


def _branch(
    drawn: Setting,
    records: Sequence[Record],
    inputs_before: Sequence[MachineInput],
    rules: Rules,
    more: tuple[AgentId, ...],
) -> None:
    team = (*drawn.agents, *more)

    def new() -> Consensus:
        return Consensus.new(team, "q", rules, seed=drawn.seed, nonce="n")

    old = Consensus.new(drawn.agents, "q", drawn.rules, seed=drawn.seed, nonce="n")
    before, after = Driver(old, drawn.agents), Driver(new(), team)
    try:
        copied = branched(records, before, after, frozenset(team))
    except Exception as exc:
        # Whatever it is, it is a bug; the sweep wants it named.
        raise Violation(f"a branch raises {exc!r}") from exc
    taken = tuple(inputs(copied))
    _check_turns(taken, inputs_before)
    _check_vetoes(taken, inputs_before, before, after)
    checker, machine = Checker(team, rules), new()
    for what in taken:
        machine, outputs = machine.step(what)
        checker.watch(what, outputs)


def _check_turns(
    taken: Sequence[MachineInput], inputs_before: Sequence[MachineInput]
) -> None:
    """Of each turn the beginning was taken over, or all of it, or nothing."""
    whole, copied = _by_turn(inputs_before), _by_turn(taken)
    for turn, chunks in copied.items():
        if whole[turn][: len(chunks)] != chunks:
            raise Violation("a branch takes over no half of a turn without its first")


def _by_turn(log: Sequence[MachineInput]) -> dict[_Turn, list[Chunk]]:
    by_turn: dict[_Turn, list[Chunk]] = {}
    for what in log:
        if isinstance(what, Chunk):
            by_turn.setdefault((what.agent, what.turn), []).append(what)
    return by_turn


def _check_vetoes(
    taken: Sequence[MachineInput],
    inputs_before: Sequence[MachineInput],
    before: Driver,
    after: Driver,
) -> None:
    """Check that a veto in a branch is of the very answer that was vetoed before."""
    old = {answer.label: answer for answer in before.machine.answers()}
    new = {answer.label: answer for answer in after.machine.answers()}
    vetoed = [
        w.label for w in inputs_before if isinstance(w, AnswerVetoed) and w.label in old
    ]
    meant = {(old[label].agent, old[label].reading) for label in vetoed}
    for what in taken:
        if isinstance(what, AnswerVetoed):
            answer = new.get(what.label)
            if answer is None or (answer.agent, answer.reading) not in meant:
                raise Violation("a veto in a branch is for the answer that it was for")

"""Random sessions through the real shell: actors, channels, timers and a journal.

Each runs on trio with a clock that jumps and a schedule decided by the seed. What the
session's readers saw is held against its journal, the journal against a fresh machine,
and the machine's every step against the invariants of the sans-IO simulator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import anyio
import msgspec

from agents.agent import Agent
from agents.backends.transport.library_internals import trio_scheduler
from agents.protocol.chunks import AgentFailed, Chunk, Label, StreamChunk, TurnEnded
from coordinator.consensus import Consensus
from coordinator.consensus.rules import Rules
from coordinator.journal.entries import decode
from coordinator.journal.inputs import inputs
from coordinator.journal.reader import Journal, read_session
from coordinator.protocol.events import (
    CancelTurn,
    Conclude,
    Event,
    MachineOutput,
    Output,
)
from coordinator.protocol.result import Result
from coordinator.session.session import Session, open_session
from coordinator.simulation.actors import RandomBackend
from coordinator.simulation.campaign import Failure, Report, in_batches
from coordinator.simulation.generate import FAULTS, Setting, setting
from coordinator.simulation.invariants import Checker, Violation
from coordinator.simulation.virtual_time import virtual
from coordinator.team.team import Team, read_described

QUESTION = "What shall it be?"
SESSIONS_AT_ONCE = 20
"""Sessions between two reports of progress."""
LATE_S = 10.0
"""How long after its deadline a session may still be cleaning up."""
TOKENS_A_TURN = 20
"""A real prompt holds so many times the tokens of a turn in the sans-IO world."""
SILENT_AFTER_S = 5.0
"""How long a cancelled turn's clean-up may take; actors are given as much."""
_SORTED = "_ALLOW_DETERMINISTIC_SCHEDULING"


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """One session as its reader saw it."""

    events: tuple[Event, ...]
    result: Result


def shell_campaign(
    first_seed: int,
    runs: int,
    workers: int = 1,
    faults: Collection[str] = FAULTS,
    sizes: Sequence[int] = (),
) -> Iterator[Report]:
    """Play ``runs`` sessions and yield the report so far after every few."""
    play_some = partial(_run_seeds, faults=faults, sizes=sizes)
    return in_batches(play_some, first_seed, runs, workers, SESSIONS_AT_ONCE)


def _run_seeds(
    seeds: Iterable[int], faults: Collection[str], sizes: Sequence[int]
) -> Report:
    return run_settings(setting(seed, faults, sizes) for seed in seeds)


def run_settings(settings: Iterable[Setting]) -> Report:
    """Play these worlds through the shell; what breaks is reported as it is."""
    statuses: Counter[str] = Counter()
    policies: Counter[str] = Counter()
    failures: list[Failure] = []
    runs = steps = 0
    for drawn in settings:
        runs += 1
        policies[drawn.rules.policy] += 1
        try:
            watched, taken = play(drawn)
        except Violation as broken:
            failures.append(_failure(drawn, str(broken)))
            continue
        steps += taken
        statuses[watched.result.status] += 1
    return Report(
        runs=runs,
        steps=steps,
        statuses=dict(statuses),
        policies=dict(policies),
        failures=tuple(failures),
    )


def _failure(drawn: Setting, invariant: str) -> Failure:
    return Failure(
        seed=drawn.seed,
        invariant=invariant,
        agents=len(drawn.agents),
        changed=(),
        shrunk=drawn,
    )


def play(drawn: Setting) -> tuple[Watched, int]:
    """Run one session in virtual time and check it.

    Returns:
        What was seen, and how many inputs the machine took.

    Raises:
        Violation: An invariant broke, or something was raised.
    """
    rules = _priced(drawn.rules)
    with TemporaryDirectory(prefix="coordinator-") as folder:
        try:
            watched = _run(drawn, rules, Path(folder))
        except Exception as exc:
            # Whatever it is, it is a bug; the campaign wants it named.
            raise Violation(f"the shell never raises {exc!r}") from exc
        journal = read_session(Path(folder), f"s{drawn.seed}")
    return watched, check(drawn, watched, journal)


def _priced(rules: Rules) -> Rules:
    """Budgets of the sans-IO world, where turns are cheap, at the price of prompts."""
    return rules.replace(
        escalate=None,  # its agents are of one model, so there is none to go to
        budget_tokens=rules.limits.budget_tokens
        and rules.limits.budget_tokens * TOKENS_A_TURN,
        agent_budget_tokens=rules.limits.agent_budget_tokens
        and rules.limits.agent_budget_tokens * TOKENS_A_TURN,
    )


def _run(drawn: Setting, rules: Rules, folder: Path) -> Watched:
    """One session on trio: a jumping clock, and a schedule drawn from the seed."""
    # For schedules that can be seen again; pytest-trio and hypothesis-trio set both.
    scheduler = trio_scheduler()
    before = scheduler[_SORTED]
    scheduler[_SORTED] = True
    scheduler["_r"].seed(drawn.seed)
    try:
        return anyio.run(
            _session,
            drawn,
            rules,
            folder,
            backend="trio",
            backend_options=virtual("trio"),
        )
    finally:
        scheduler[_SORTED] = before


async def _session(drawn: Setting, rules: Rules, folder: Path) -> Watched:
    agents = tuple(
        Agent(id=agent, backend=RandomBackend(drawn.seed, agent, drawn.temper))
        for agent in drawn.agents
    )
    team = Team(agents=agents, rules=rules, seed=drawn.seed)
    events: list[Event] = []
    # "exit" leaves the disk alone until the end: a thread at work looks like a pause to
    # a jumping clock.
    async with (
        open_session(
            QUESTION,
            team,
            session_id=f"s{drawn.seed}",
            journal=folder,
            durability="exit",
        ) as session,
        anyio.create_task_group() as people,
    ):
        people.start_soon(_meddle, session, drawn, name="people")
        async for batch in session.events():
            events.extend(batch)
        people.cancel_scope.cancel("the session is over")
    result = await session.wait()
    return Watched(events=tuple(events), result=result)


async def _meddle(session: Session, drawn: Setting) -> None:
    chance = Random(f"{drawn.seed}/people")  # noqa: S311  (a simulation)
    if chance.random() >= drawn.temper.meddle:
        return
    await anyio.sleep(chance.uniform(0, drawn.temper.pace_s * 4))
    match chance.randrange(4):
        case 0:
            session.interrupt()
        case 1:
            session.stop_agent(chance.choice(drawn.agents))
        case 2:
            session.say("think again")
        case _:
            number = chance.randint(1, len(drawn.agents))
            session.veto(Label(f"agent{number}.1"))


def check(drawn: Setting, watched: Watched, journal: Journal) -> int:
    """Hold events, journal and a fresh machine against each other.

    Returns:
        How many inputs the machine took.

    Raises:
        Violation: They differ, or a step is not as it must be.
    """
    opened = journal.opened
    # A team fills in prices and models where its rules need them.
    rules, _ = read_described(opened.team)
    machine = Consensus.new(
        drawn.agents, opened.question, rules, seed=opened.seed, nonce=opened.nonce
    )
    checker = Checker(drawn.agents, rules)
    replayed: list[MachineOutput] = []
    withdrawn: dict[tuple[str, int], float] = {}
    taken = tuple(inputs(journal.records))
    for what in taken:
        machine, outputs = machine.step(what)
        checker.watch(what, outputs)
        replayed += outputs
        for output in outputs:
            if isinstance(output, CancelTurn):
                withdrawn[output.agent, output.turn] = what.at
        if isinstance(what, Chunk):
            until = withdrawn.get((what.agent, what.turn), what.at) + SILENT_AFTER_S
            _claim(what.at <= until, "a cancelled turn falls silent")
    seen = [event for event in watched.events if isinstance(event, Output)]
    _claim(seen == replayed, "the journal's order reproduces the session")
    chunks = [event for event in watched.events if isinstance(event, Chunk)]
    chunks_in = [what for what in taken if isinstance(what, Chunk)]
    _claim(chunks == chunks_in, "readers see every chunk that the journal has")
    _check_turns(chunks)
    _check_end(rules, watched.result, checker.concluded, journal)
    return len(taken)


def _check_turns(chunks: Iterable[StreamChunk]) -> None:
    """Turn after turn, each from 0 without a gap, and nothing after its end."""
    at: dict[str, tuple[int, int]] = {}
    ended: dict[str, bool] = {}
    for chunk in chunks:
        turn, seq = at.get(chunk.agent, (0, -1))
        if chunk.turn != turn:
            is_next = chunk.turn > turn and ended.get(chunk.agent, True)
            _claim(is_next, "an agent's turns follow one another")
            turn, seq = chunk.turn, -1
        else:
            _claim(not ended[chunk.agent], "nothing follows a turn's end")
        _claim(chunk.seq == seq + 1, "sequence numbers have no gaps")
        at[chunk.agent] = (turn, chunk.seq)
        ended[chunk.agent] = isinstance(chunk, TurnEnded | AgentFailed)


def _check_end(
    rules: Rules, result: Result, end: Conclude | None, journal: Journal
) -> None:
    assert end is not None
    says = (result.status, result.winner, result.answer, result.detail)
    concluded = (end.status, end.winner, end.answer, end.detail)
    _claim(says == concluded, "the result is the conclusion")
    _claim(decode(journal.records[-1]) == result, "the journal ends with the result")
    is_in_time = result.elapsed_s <= rules.limits.deadline_s + LATE_S
    _claim(is_in_time, "a session ends by its deadline")


def _claim(holds: bool, invariant: str) -> None:
    if not holds:
        raise Violation(invariant)

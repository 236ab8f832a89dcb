"""One seed under stress: sessions side by side, and what is wrong about their ends.

What must hold whatever the agents do: a session ends by its deadline and leaves
nothing open; no chunk is lost, and each agent's come in their order; every agent has
its record, and where somebody has answered there is an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from contextlib import nullcontext
from dataclasses import replace
from typing import NamedTuple, cast

import anyio

from agents.agent import Agent
from agents.limits.outside_work import session_ends_at
from agents.protocol.chunks import AgentFailed, AgentId, Chunk, StreamChunk, TurnEnded
from coordinator.protocol.result import Result
from coordinator.session.session import Session, open_session
from coordinator.simulation.fault_injection import faulty
from coordinator.simulation.leftovers import left_since, snapshot, tasks_watched
from coordinator.simulation.virtual_time import Runtime, seeded_schedule, virtual
from coordinator.stress.plan import Plan, Wish, plan_of
from coordinator.stress.targets import Over, Target
from coordinator.team.team import Team

EXACT_S = 1e-6
"""Of virtual time: what adding up floats may be off."""
GRACE_S = 5.0
"""Real seconds after the deadline in which a session may close what it has open."""
FAULTS_TOLD = 8
"""Of one session."""


class Ending(NamedTuple):
    """How one session ended."""

    seed: int
    runtime: Runtime
    status: str
    agents: int
    answers: int
    chunks: int
    took_s: float
    """Until all of it was gone, on the loop's clock."""
    deadline_s: float
    digest: str
    """Of all that each agent said, in its order and at its times."""
    problems: tuple[str, ...]
    """Its problems; none: it ended as it must."""
    failed: tuple[str, ...] = ()
    """Agents that failed with nothing put around them, each with its reason."""


def play(
    target: Target,
    seed: int,
    wish: Wish,
    *,
    runtime: Runtime,
    over: Over = "process",
    sessions: int = 1,
) -> list[Ending]:
    """Play a seed until all of it is gone.

    Args:
        target: The team.
        seed: Decides what happens; of several sessions the first one's.
        wish: What shall happen.
        runtime: The event loop.
        over: ``process``: in virtual time; ``http``: in real time.
        sessions: So many at once, of one team's backends.
    """
    options = virtual(runtime) if over == "process" else {}
    before = snapshot()
    ordered = seeded_schedule(seed) if runtime == "trio" else nullcontext()
    with ordered:
        endings = anyio.run(
            _sessions,
            _Run(target, wish, runtime, over),
            seed,
            sessions,
            backend=runtime,
            backend_options=options,
        )
    left = tuple(f"left open: {one}" for one in left_since(before))
    return [one._replace(problems=one.problems + left) for one in endings]


class _Run(NamedTuple):
    """Parameters that the sessions of one play share."""

    target: Target
    wish: Wish
    runtime: Runtime
    over: Over


async def _sessions(run: _Run, seed: int, sessions: int) -> list[Ending]:
    endings: list[Ending] = []

    async def one(number: int, team: Team) -> None:
        endings.append(await _session(run, number, team))

    with tasks_watched() as left:
        async with (
            run.target.opened(run.over, run.wish.only) as team,
            anyio.create_task_group() as group,
        ):
            for number in range(seed, seed + sessions):
                group.start_soon(one, number, team, name=f"session {number}")
    lost = tuple(f"left open: {one}" for one in left)
    return [ending._replace(problems=ending.problems + lost) for ending in endings]


async def _session(run: _Run, seed: int, team: Team) -> Ending:
    plan = plan_of(seed, [agent.id for agent in team.agents], run.wish)
    stressed = troubled(team, plan)
    began = anyio.current_time()
    watch = _Watch({*plan.faults, *plan.tool_faults})
    result: Result | None = None
    problems: list[str] = []
    try:
        with session_ends_at(began + plan.deadline_s):
            async with (
                open_session(run.target.question, stressed, journal=False) as session,
                anyio.create_task_group() as group,
            ):
                group.start_soon(_meddle, session, plan, name="people")
                async for batch in session.events():
                    watch.take(batch)
                group.cancel_scope.cancel("the session has ended")
            result = await session.wait()
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the verdict)
        problems.append(f"raised: {_error_text(error)}")
    took_s = anyio.current_time() - began
    slack_s = EXACT_S if run.over == "process" else GRACE_S
    if took_s > plan.deadline_s + slack_s:
        problems.append(f"late: it ended {took_s - plan.deadline_s:.3f} s too late")
    problems += watch.problems()
    if result is not None:
        problems += _of_result(result, plan)
    return Ending(
        seed=seed,
        runtime=run.runtime,
        status=result.status if result else "raised",
        agents=len(plan.agents),
        answers=len(result.answers) if result else 0,
        chunks=watch.chunks,
        took_s=took_s,
        deadline_s=plan.deadline_s,
        digest=watch.digest(),
        problems=tuple(problems[:FAULTS_TOLD]),
        failed=tuple(watch.failed),
    )


def troubled(team: Team, plan: Plan) -> Team:
    """The team, with what its plan has go wrong."""

    def with_faults(agent: Agent) -> Agent:
        backend, tools = agent.backend, agent.tools
        if agent.id in plan.faults:
            backend = faulty(backend, plan.faults[agent.id])
        if agent.id in plan.tool_faults:
            tools = tuple(faulty(tool, plan.tool_faults[agent.id]) for tool in tools)
        return replace(agent, backend=backend, tools=tools)

    rules = team.rules.replace(deadline_s=plan.deadline_s)
    return replace(team.changed(with_faults), rules=rules, seed=plan.seed)


async def _meddle(session: Session, plan: Plan) -> None:
    began = anyio.current_time()
    for deed in plan.people:
        await anyio.sleep_until(began + deed.at_s)
        if deed.stops is None:
            session.interrupt("a person has enough")
        else:
            session.stop_agent(AgentId(deed.stops))


class _Watch:
    """Looks at every chunk that readers get."""

    def __init__(self, troubled: Collection[str]) -> None:
        self.chunks = 0
        self.failed: list[str] = []
        """Agents that failed, but for those that have something put around them."""
        self._troubled = troubled
        self._digests: dict[str, hashlib.blake2b] = {}
        self._at: dict[str, tuple[int, int, float]] = {}
        self._ended: dict[str, bool] = {}
        self._problems: list[str] = []

    def take(self, events: Iterable[object]) -> None:
        """Look at what came."""
        for event in events:
            if isinstance(event, Chunk):
                self.chunks += 1
                self._look(event)  # type: ignore[arg-type]  (chunks are a closed union)

    def _look(self, chunk: StreamChunk) -> None:
        agent = chunk.agent
        line = f"{agent} {chunk.turn} {chunk.seq} {type(chunk).__name__} {chunk.at:.6f}"
        digest = self._digests.setdefault(agent, hashlib.blake2b(digest_size=8))
        digest.update(line.encode())
        turn, seq, at = self._at.get(agent, (0, -1, chunk.at))
        if chunk.turn != turn:
            if chunk.turn < turn or not self._ended.get(agent, True):
                self._problems.append(f"out of order: turn {chunk.turn} of {agent}")
            seq = -1
        elif self._ended[agent]:
            self._problems.append(f"out of order: {agent} speaks after its turn's end")
        if chunk.seq != seq + 1:
            kind = "lost" if chunk.seq > seq + 1 else "out of order"
            self._problems.append(f"{kind}: {agent} says {chunk.seq} after {seq}")
        if chunk.at < at - EXACT_S:
            self._problems.append(f"out of order: {agent} speaks before its last word")
        if isinstance(chunk, AgentFailed) and agent not in self._troubled:
            self.failed.append(f"{agent}: {chunk.error}: {chunk.message}")
        self._at[agent] = (chunk.turn, chunk.seq, chunk.at)
        self._ended[agent] = isinstance(chunk, TurnEnded | AgentFailed)

    def digest(self) -> str:
        """Of what each said; asyncio cancels tasks in no order of their own."""
        whole = hashlib.blake2b(digest_size=8)
        for agent in sorted(self._digests):
            whole.update(agent.encode() + self._digests[agent].digest())
        return whole.hexdigest()

    def problems(self) -> list[str]:
        """The problems so far, and turns that never ended."""
        open_ones = [agent for agent, ended in self._ended.items() if not ended]
        more = [f"lost: the end of a turn of {agent}" for agent in open_ones]
        return self._problems + more


def _of_result(result: Result, plan: Plan) -> list[str]:
    problems: list[str] = []
    if set(result.agents) != set(plan.agents):
        problems.append("lost: not every agent has its record")
    if (result.answer is None) == bool(result.answers):
        difference = (
            f"{len(result.answers)} answers, but it gives {result.answer!r:.40}"
        )
        problems.append(f"lost: {difference}")
    return problems


def _error_text(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return f"{type(error).__name__}: {error}"[:300]

"""Runs a scenario through the real shell, in virtual time or over real HTTP.

In the process the agents play their scripts on a loop whose clock jumps, so that an
hour is instant and exact. Over HTTP they are Claude agents that ask an emulated
Messages API, which plays the same scripts; there time is real.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import anyio
import msgspec

from agents.errors import ToolFailed
from agents.limits.outside_work import session_ends_at
from agents.protocol.chunks import AgentId, Label
from agents.tools.schema_tool import SchemaTool
from coordinator.errors import NotAsked
from coordinator.protocol.result import Result
from coordinator.scenarios.expectations import differences
from coordinator.scenarios.facts import Chronicle, Happening
from coordinator.scenarios.reader import Scenario, read_scenario
from coordinator.scenarios.schema import Intervention, PretendTool
from coordinator.session.session import Session, open_session
from coordinator.simulation.virtual_time import Runtime, seeded_schedule, virtual
from coordinator.team.builder import assemble, closing
from coordinator.team.team import Team

if TYPE_CHECKING:
    from coordinator.team.reader import TeamConfig

Over: TypeAlias = Literal["process", "http"]

SEED = 0
"""Where neither the file nor the caller gives one: a scenario is to be repeated."""

TOGETHER = 12
"""Scenarios over HTTP side by side: most of their time is waiting, and more would shift
the tenths of a second by which their agents differ."""

EMULATED_MODEL = "claude-haiku-5-5"
"""Asked over HTTP where a script names no model of Claude's."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a scenario went."""

    path: Path
    name: str
    runtime: Runtime
    over: Over
    seed: int
    result: Result
    differences: tuple[str, ...]
    """From what was expected; none: all is well."""
    happenings: tuple[Happening, ...]
    """What happened, in order, as ``--trace`` prints it."""

    @property
    def is_as_expected(self) -> bool:
        """Whether the scenario came true."""
        return not self.differences


def run_scenario(
    scenario: Path | Scenario,
    *,
    runtime: Runtime = "asyncio",
    over: Over = "process",
    seed: int | None = None,
    schedule: int | None = None,
) -> Report:
    """Run a scenario in an event loop of its own and compare the outcome.

    Args:
        scenario: A file, or one that has been read.
        runtime: Whose event loop.
        over: ``process``: scripted agents, virtual time; ``http``: Claude agents, an
            emulated API on this machine, real time.
        seed: Decides every lot instead of the file's own; expectations that name a
            winner by lot may then fail.
        schedule: Decides the order in which trio runs what is ready together; ``None``:
            the seed does. asyncio's order is its own.

    Raises:
        ConfigInvalid: The file cannot be used as it is.
    """
    read = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
    seed = seed_of(read, seed)
    options = virtual(runtime) if over == "process" else {}
    order = seed if schedule is None else schedule
    ordered = seeded_schedule(order) if runtime == "trio" else nullcontext()
    with ordered:
        return anyio.run(
            _play, read, runtime, over, seed, backend=runtime, backend_options=options
        )


def run_together(
    scenarios: Sequence[Scenario],
    on_report: Callable[[Report], None],
    *,
    runtime: Runtime = "asyncio",
    seed: int | None = None,
) -> None:
    """Run scenarios over real HTTP side by side, because time is real there.

    Args:
        scenarios: Some that have been read.
        on_report: Told of each as it ends.
        runtime: Whose event loop.
        seed: As for :func:`run_scenario`.
    """

    async def play(scenario: Scenario, places: anyio.CapacityLimiter) -> None:
        async with places:
            report = await _play(scenario, runtime, "http", seed_of(scenario, seed))
        on_report(report)

    async def play_all() -> None:
        places = anyio.CapacityLimiter(TOGETHER)
        async with anyio.create_task_group() as group:
            for scenario in scenarios:
                group.start_soon(play, scenario, places, name=scenario.name)

    anyio.run(play_all, backend=runtime)


def seed_of(scenario: Scenario, given: int | None) -> int:
    """The seed a scenario is played with: the caller's, the file's, or 0."""
    if given is not None:
        return given
    return SEED if scenario.file.seed is None else scenario.file.seed


async def _play(scenario: Scenario, runtime: Runtime, over: Over, seed: int) -> Report:
    result, happenings, missed = await _played(scenario, over, seed)
    is_timed = over == "process"
    expect = scenario.file.expect
    found = differences(expect, result, happenings, is_timed=is_timed)
    return Report(
        path=scenario.path,
        name=scenario.name,
        runtime=runtime,
        over=over,
        seed=seed,
        result=result,
        differences=(*missed, *found),
        happenings=tuple(happenings),
    )


async def _played(
    scenario: Scenario, over: Over, seed: int
) -> tuple[Result, list[Happening], list[str]]:
    async with scenario_team(scenario, over, seed) as team:
        began = anyio.current_time()
        chronicle = Chronicle(began)
        people = _People(scenario.file.people, chronicle)
        ends_at = began + (scenario.config.rules.limits.deadline_s or math.inf)
        with session_ends_at(ends_at):
            async with (
                open_session(scenario.question, team) as session,
                anyio.create_task_group() as group,
            ):
                group.start_soon(people.act, session, name="people")
                async for batch in session.events():
                    chronicle.take(batch, anyio.current_time())
                group.cancel_scope.cancel("the session is over")
        return await session.wait(), chronicle.happenings, people.missed


@asynccontextmanager
async def scenario_team(
    scenario: Scenario, over: Over, seed: int
) -> AsyncGenerator[Team]:
    """Assemble the scenario's team, with its pretended tools."""
    tools = tuple(_tool(name, tool) for name, tool in scenario.file.tools.items())
    async with _stage(scenario.config, over) as team, closing(team):
        agents = tuple(replace(a, tools=(*a.tools, *tools)) for a in team.agents)
        yield replace(team, agents=agents, seed=seed)


@asynccontextmanager
async def _stage(config: TeamConfig, over: Over) -> AsyncGenerator[Team]:
    """The team of a file; over HTTP its agents are Claude's, and the server is ours."""
    if over == "process":
        yield assemble(config, environment={})
        return
    from agents.emulator import serve  # noqa: PLC0415  (few scenarios go over HTTP)

    models = {
        agent: script.model if script.model.startswith("claude") else EMULATED_MODEL
        for agent, script in config.scripts.items()
    }
    async with serve(config.scripts) as server:
        entries = tuple(
            msgspec.structs.replace(
                entry,
                backend="claude",
                model=entry.model or models[entry.id],
                base_url=server.base_url,
            )
            if entry.id in models
            else entry
            for entry in config.agents
        )
        claude = msgspec.structs.replace(config, agents=entries)
        yield assemble(claude, environment={})


class _People:
    """Acts as the file says, at the times it says."""

    def __init__(self, deeds: tuple[Intervention, ...], chronicle: Chronicle) -> None:
        self.missed: list[str] = []
        """Deeds that could not be done, each in a sentence."""
        self._deeds = sorted(enumerate(deeds), key=lambda pair: pair[1].at_s)
        self._chronicle = chronicle

    async def act(self, session: Session) -> None:
        """Do everything in its time."""
        began = anyio.current_time()
        for number, deed in self._deeds:
            await anyio.sleep_until(began + deed.at_s)
            self._do(session, number, deed)

    def _do(self, session: Session, number: int, deed: Intervention) -> None:
        try:
            match deed:
                case Intervention(say=str(text)):
                    session.say(text)
                case Intervention(stop=str(agent)):
                    session.stop_agent(AgentId(agent), deed.reason)
                case Intervention(interrupt=str(reason)):
                    session.interrupt(reason)
                case Intervention(veto=str(name)):
                    session.veto(self._label(name), deed.reason)
                case Intervention(by=str(agent), answer=str(text)):
                    session.answer(AgentId(agent), text)
                case Intervention(by=str(agent), vote=tuple(names)):
                    labels = [self._label(name) for name in names]
                    session.vote(AgentId(agent), *labels, reason=deed.reason)
                case _:
                    raise AssertionError("the file was checked when it was read")
        except NotAsked as error:
            self.missed.append(f"people[{number}] at {deed.at_s:g} s: {error}")

    def _label(self, name: str) -> Label:
        label = self._chronicle.label_of(name)
        if label is None:
            raise NotAsked(f"there is no answer {name!r} yet")
        return label


def _tool(name: str, tool: PretendTool) -> SchemaTool:
    return SchemaTool(
        name=name,
        description="Answers something.",
        input_schema={"type": "object"},
        function=partial(_pretend, tool),
    )


async def _pretend(tool: PretendTool, _given: dict[str, Any]) -> str:
    await anyio.sleep(tool.takes_s)
    if tool.fails:
        raise ToolFailed(tool.fails)
    return tool.returns

"""Runs a scenario through the real shell, in virtual time or over real HTTP.

In the process the agents play their scripts on a loop whose clock jumps, so that an
hour is instant and exact. Over HTTP they are Claude agents that ask an emulated
Messages API, which plays the same scripts; there time is real.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar, cast

import anyio
import msgspec

from agents.backends.scripted.backend import ScriptedBackend
from agents.boundary.guard import words_of
from agents.errors import ToolFailed
from agents.limits.outside_work import session_ends_at
from agents.protocol.chunks import AgentId, Label, StreamChunk
from agents.tools.schema_tool import SchemaTool
from coordinator.errors import NotAsked
from coordinator.protocol.result import Result
from coordinator.scenarios.assembly import assembled
from coordinator.scenarios.expectations import Course, differences
from coordinator.scenarios.facts import MODEL_ASKED, Chronicle, Happening, alternatives
from coordinator.scenarios.reader import Scenario, read_scenario
from coordinator.scenarios.schema import (
    Expected,
    Intervention,
    PretendTool,
    ScenarioFile,
)
from coordinator.session.session import Session, open_session
from coordinator.simulation.fault_injection import faulty
from coordinator.simulation.leftovers import left_since, snapshot, tasks_watched
from coordinator.simulation.virtual_time import (
    Runtime,
    seeded_schedule,
    virtual,
)
from coordinator.team.builder import closing
from coordinator.team.function_tools import imported
from coordinator.team.team import Team

if TYPE_CHECKING:
    from agents.protocol.backend import Backend, Request
    from agents.protocol.stamper import Pen

T = TypeVar("T")
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
    schedule: int | None
    """In which order trio ran what was ready together; ``None``: the seed's."""
    result: Result
    differences: tuple[str, ...]
    """From what was expected; none: all is well."""
    happenings: tuple[Happening, ...]
    """The session's happenings, in order, as ``--trace`` prints them."""
    took_s: float
    """Real seconds."""

    @property
    def is_as_expected(self) -> bool:
        """Whether the scenario came true."""
        return not self.differences

    @property
    def again(self) -> str:
        """The command that plays it once more and tells what happens."""
        words = f"coordinator scenario {self.path} --runtime {self.runtime}"
        if self.over != "process":
            words += f" --over {self.over}"
        if self.schedule is not None:
            words += f" --schedule {self.schedule}"
        return f"{words} --seed {self.seed} --trace"


class Play(NamedTuple):
    """One time that a scenario is to be played."""

    scenario: Scenario
    runtime: Runtime
    seed: int
    schedule: int | None = None


def plays(
    scenario: Scenario,
    runtimes: Sequence[Runtime] = ("asyncio",),
    *,
    seeds: Sequence[int] = (),
    schedules: int = 1,
) -> Iterator[Play]:
    """Every time that a scenario is to be played.

    Args:
        scenario: One that has been read.
        runtimes: The event loops wanted, where the scenario asks for none itself.
        seeds: Instead of the scenario's own.
        schedules: In so many orders of what is ready together, on trio; the scenario's
            own number, if that is larger.
    """
    own = scenario.runtime
    for runtime in runtimes if own is None else (own,):
        for seed in seeds or (seed_of(scenario, None),):
            yield Play(scenario, runtime, seed)
            if runtime == "trio":
                for schedule in range(1, max(schedules, scenario.file.schedules)):
                    yield Play(scenario, runtime, seed, schedule)


def run_scenario(
    scenario: Path | Scenario,
    *,
    runtime: Runtime = "asyncio",
    over: Over = "process",
    seed: int | None = None,
    schedule: int | None = None,
    has_prompts: bool = False,
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
        has_prompts: Whether to keep what models were given to read (``model_asked``),
            also where the file does not ask for it.

    Raises:
        ConfigInvalid: The file cannot be used as it is.
    """
    read = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
    seed = seed_of(read, seed)
    options = virtual(runtime) if over == "process" else {}
    order = seed if schedule is None else schedule
    ordered = seeded_schedule(order) if runtime == "trio" else nullcontext()
    before = snapshot()
    play = Play(read, runtime, seed, schedule)
    reports: list[Report] = []

    async def play_it() -> None:
        # Not returned: asyncio writes down what its main task returns, when it ends.
        reports.append(await _play(play, over, has_prompts=has_prompts))

    with ordered:
        anyio.run(play_it, backend=runtime, backend_options=options)
    (report,) = reports
    left = [f"left over: {one}" for one in left_since(before)]
    return replace(report, differences=(*report.differences, *left))


def run_together(several: Sequence[Play], on_report: Callable[[Report], None]) -> None:
    """Play scenarios over real HTTP side by side, because time is real there.

    Args:
        several: All on one event loop.
        on_report: Told of each as it ends.
    """

    async def play_one(play: Play, places: anyio.CapacityLimiter) -> None:
        async with places:
            report = await _play(play, "http", is_alone=False)
        on_report(report)

    async def play_all() -> None:
        places = anyio.CapacityLimiter(TOGETHER)
        async with anyio.create_task_group() as group:
            for play in several:
                group.start_soon(play_one, play, places, name=play.scenario.name)

    anyio.run(play_all, backend=several[0].runtime)


def seed_of(scenario: Scenario, given: int | None) -> int:
    """The seed a scenario is played with: the caller's, the file's, or 0."""
    if given is not None:
        return given
    return SEED if scenario.file.seed is None else scenario.file.seed


async def _play(
    play: Play, over: Over, *, has_prompts: bool = False, is_alone: bool = True
) -> Report:
    scenario = play.scenario
    began = time.perf_counter()
    with tasks_watched() as left:
        course, missed = await _played(play, over, has_prompts=has_prompts)
    if is_alone:
        missed += [f"left over: {one}" for one in left]
    faults = [*missed, *differences(scenario.file.expect, course)]
    report = Report(
        path=scenario.path,
        name=scenario.name,
        runtime=play.runtime,
        over=over,
        seed=play.seed,
        schedule=play.schedule,
        result=course.result,
        differences=tuple(faults),
        happenings=tuple(course.happenings),
        took_s=time.perf_counter() - began,
    )
    if scenario.file.judge is not None:
        judged = judgement(scenario.file.judge, report, scenario.config.folder)
        return replace(report, differences=(*faults, *judged))
    return report


async def _played(
    play: Play, over: Over, *, has_prompts: bool
) -> tuple[Course, list[str]]:
    scenario = play.scenario
    began = anyio.current_time()
    has_prompts = has_prompts or wants_prompts(scenario.file.expect)
    chronicle = Chronicle(began, has_prompts=has_prompts)
    people = People(scenario.file.people, chronicle)
    tools = [_Pretended(name, tool) for name, tool in scenario.file.tools.items()]
    async with _stage(scenario, over) as (staged, unplayed), closing(staged):
        team = replace(_with_tools(staged, tools), seed=play.seed)
        team = with_faults(team, scenario.file.faults)
        if has_prompts:
            team = _overheard(team, chronicle)
        with session_ends_at(began + scenario.config.rules.limits.deadline_s):
            async with (
                open_session(scenario.question, team, journal=False) as session,
                anyio.create_task_group() as group,
            ):
                group.start_soon(people.act, session, name="people")
                async for batch in session.events():
                    chronicle.take(batch, anyio.current_time())
                people.leave("the session is over")
        result = await session.wait()
        missed = [*people.missed, *people.too_late(result.elapsed_s)]
        missed += [f"script: {one}" for one in unplayed()]
        missed += [
            f"tools.{tool.name} was never called"
            for tool in tools
            if not tool.calls and not tool.form.maybe
        ]
    chronicle.close()
    return Course(result, chronicle, is_timed=over == "process"), missed


def wants_prompts(expect: Expected) -> bool:
    """Whether anything is expected of what models read."""
    several = expect.any_of or ()
    steps = (
        step
        for one in (expect, *several)
        for key in (one.happens, one.order, one.never)
        for step in key or ()
    )
    return any(kind == MODEL_ASKED for step in steps for kind, _ in alternatives(step))


def judgement(name: str, report: Report, folder: str = "") -> list[str]:
    """The differences that the author's own function reports.

    Whatever it raises is a difference: this is the boundary to code that is not ours.
    """
    try:
        verdict: object = imported(name, folder)(report)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001, ASYNC103  (the boundary named above)
        return [f"judge {name}: {words_of(error)}"]  # noqa: ASYNC104  (as above)
    if verdict is None or verdict is True:
        return []
    if verdict is False:
        return [f"judge {name}: it says no"]
    if not isinstance(verdict, str | list | tuple | Iterator):
        if inspect.iscoroutine(verdict):
            verdict.close()  # never awaited, which Python would warn of
        kind = type(verdict).__name__
        return [f"judge {name}: it returned a {kind}; return nothing, text, or a list"]
    several = (
        [verdict]
        if isinstance(verdict, str)
        else list(cast("Iterable[object]", verdict))
    )
    return [f"judge {name}: {one}" for one in several]


@asynccontextmanager
async def scenario_team(
    scenario: Scenario, over: Over, seed: int
) -> AsyncGenerator[Team]:
    """Assemble the scenario's team, with its pretended tools."""
    async with _stage(scenario, over, is_kept=True) as (team, _), closing(team):
        yield replace(with_pretended(team, scenario.file), seed=seed)


@asynccontextmanager
async def _stage(
    scenario: Scenario, over: Over, *, is_kept: bool = False
) -> AsyncGenerator[tuple[Team, Callable[[], list[str]]]]:
    """The team of a file, and how to learn what of its scripts was not played.

    Over HTTP its agents are Claude's, and the server is ours.
    """
    config = scenario.config
    if over == "process":
        team = assembled(scenario, is_kept=is_kept)
        players = {
            agent.id: agent.backend.player(AgentId(agent.id))
            for agent in team.with_models
            if isinstance(agent.backend, ScriptedBackend)
        }
        yield team, lambda: [x for one in players.values() for x in one.unplayed()]
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
        agents = [AgentId(agent) for agent in models]
        yield (
            assembled(scenario, claude, is_kept=is_kept),
            lambda: [x for one in agents for x in server.player(one).unplayed()],
        )


def with_pretended(team: Team, file: ScenarioFile) -> Team:
    """The team, with the tools that its scenario pretends."""
    return _with_tools(team, [_Pretended(n, tool) for n, tool in file.tools.items()])


def _with_tools(team: Team, tools: Sequence[_Pretended]) -> Team:
    if not tools:
        return team
    more = tuple(tool.as_tool() for tool in tools)
    return team.changed(lambda one: replace(one, tools=(*one.tools, *more)))


def with_faults(team: Team, faults: Mapping[str, str]) -> Team:
    """The team, with faults around agents' backends and tools.

    Args:
        team: All of it works.
        faults: Agent or tool → what goes wrong; see
            :mod:`coordinator.simulation.fault_injection`.
    """
    if not faults:
        return team

    def of(real: T, name: str) -> T:
        return faulty(real, faults[name]) if name in faults else real

    return team.changed(
        lambda agent: replace(
            agent,
            backend=of(agent.backend, agent.id),
            tools=tuple(of(tool, tool.name) for tool in agent.tools),
        )
    )


def _overheard(team: Team, chronicle: Chronicle) -> Team:
    return team.changed(
        lambda agent: replace(agent, backend=_Overheard(agent.backend, chronicle))
    )


class _Overheard:
    """A backend whose requests are kept; all else is the backend's own."""

    def __init__(self, backend: Backend, chronicle: Chronicle) -> None:
        self._backend = backend
        self._chronicle = chronicle

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (whatever the backend has)
        return getattr(self._backend, name)

    def open_stream(
        self, request: Request, pen: Pen
    ) -> AbstractAsyncContextManager[AsyncIterator[list[StreamChunk]]]:
        self._chronicle.ask(request)
        return self._backend.open_stream(request, pen)


class People:
    """Acts as the file says, at the times it says."""

    def __init__(self, deeds: tuple[Intervention, ...], chronicle: Chronicle) -> None:
        self.missed: list[str] = []
        """Deeds that could not be done, each in a sentence."""
        self._left = sorted(enumerate(deeds), key=lambda pair: pair[1].at_s)
        self._chronicle = chronicle
        self._scope = anyio.CancelScope()

    async def act(self, session: Session) -> None:
        """Do everything in its time."""
        began = anyio.current_time()
        with self._scope:
            while self._left:
                number, deed = self._left[0]
                await anyio.sleep_until(began + deed.at_s)
                self._left.pop(0)
                try:
                    do(deed, session, self._chronicle)
                except NotAsked as error:
                    if not deed.maybe:
                        problem = f"people[{number}] at {deed.at_s:g} s: {error}"
                        self.missed.append(problem)

    def leave(self, reason: str) -> None:
        """Do nothing more."""
        self._scope.cancel(reason)

    def too_late(self, ended_s: float) -> Iterator[str]:
        """Deeds that were to come after the end, each in a sentence."""
        for number, deed in self._left:
            if not deed.maybe:
                when = f"the session had ended at {ended_s:g} s"
                yield f"people[{number}] at {deed.at_s:g} s: {when}"


def do(deed: Intervention, session: Session, chronicle: Chronicle) -> None:
    """Do what a file says that a person does.

    Raises:
        NotAsked: There is no such answer yet, or nobody is asked.
    """

    def label(name: str) -> Label:
        matching = chronicle.label_of(name)
        if matching is None:
            raise NotAsked(f"there is no answer {name!r} yet")
        return matching

    match deed:
        case Intervention(say=str(text)):
            session.say(text)
        case Intervention(stop=str(agent)):
            session.stop_agent(AgentId(agent), deed.reason)
        case Intervention(interrupt=str(reason)):
            session.interrupt(reason)
        case Intervention(force_vote=str(reason)):
            session.force_vote(reason)
        case Intervention(veto=str(name)):
            session.veto(label(name), deed.reason)
        case Intervention(by=str(agent), answer=str(text)):
            session.answer(AgentId(agent), text)
        case Intervention(by=str(agent), vote=tuple(names)):
            labels = [label(name) for name in names]
            session.vote(AgentId(agent), *labels, reason=deed.reason)
        case _:
            raise AssertionError("the file was checked when it was read")


class _Pretended:
    """A tool of a scenario at work; it counts its calls."""

    def __init__(self, name: str, form: PretendTool) -> None:
        self.name = name
        self.form = form
        self.calls = 0

    def as_tool(self) -> SchemaTool:
        return SchemaTool(
            name=self.name,
            description="Answers something.",
            input_schema={"type": "object"},
            function=self._answer,
        )

    async def _answer(self, _given: dict[str, Any]) -> str:
        number = self.calls
        self.calls += 1
        await anyio.sleep(_nth(self.form.takes_s, number))
        if fails := _nth(self.form.fails, number):
            raise ToolFailed(fails)
        return _nth(self.form.returns, number)


def _nth(values: T | tuple[T, ...], number: int) -> T:
    """Of several the one with this number, or the last."""
    if isinstance(values, tuple):
        several = cast("tuple[T, ...]", values)
        return several[min(number, len(several) - 1)]
    return values

"""``coordinator run``: from options to a session, a display and an exit code."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

import anyio
import msgspec

from agents.boundary.own_loop import run_loop
from agents.tools import foreign_types as foreign
from coordinator.cli.approvals import Approvals, approver_of
from coordinator.cli.display_choice import SILENT, DisplayName, display, fitting
from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain, exit_of
from coordinator.cli.garbage_collection import collecting_rarely
from coordinator.cli.journal_paths import call, journal_of_run, root_of
from coordinator.cli.massgen_files import as_configured, read_team_file, team_of_kind
from coordinator.cli.notices import notice_retirements
from coordinator.cli.output_files import check_output
from coordinator.cli.precautions import check_cost, way_out, with_known_models
from coordinator.cli.question import question_of
from coordinator.cli.run_settings import (
    NO_SETTINGS,
    TeamSettings,
    default_model,
    with_settings,
)
from coordinator.cli.shared_changes import offer_changes
from coordinator.cli.signals import ending_signals, received
from coordinator.cli.tool_output import tools_print_to_stderr
from coordinator.consensus.rules import Rules
from coordinator.displays.base import Cast, Display, Steered
from coordinator.displays.narration import as_people_say
from coordinator.displays.people_input import Desk
from coordinator.displays.result_text import dollars
from coordinator.displays.sanitizer import clean, for_output
from coordinator.displays.sink import Sink
from coordinator.errors import ConfigInvalid, JournalUnavailable
from coordinator.scenarios.sentence import is_scenario
from coordinator.session.session import Session, open_session
from coordinator.team.emulation import at_work, to_emulate
from coordinator.team.makers import with_backend
from coordinator.team.reader import DEMO, read_team, with_attached
from coordinator.team.team import read_described
from coordinator.team.team_file_schema import AgentEntry, TeamConfig, TeamFile
from coordinator.team.team_source import config_of

if TYPE_CHECKING:
    from coordinator.journal.writer import Durability
    from coordinator.protocol.result import Result
    from coordinator.recovery.follow_up import Continued
    from coordinator.team.team import Team

NAMES = ("ada", "ben", "cleo", "dan", "eve", "finn", "gus", "hana", "ivo", "june")
"""Names of the agents of ``--model``; the next ones are numbered."""


AGENTS = 3
"""In a team of ``--model``, where nothing else is said."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of ``run``, as given."""

    question: str | None = None
    config: Path | None = None
    is_demo: bool = False
    models: tuple[str, ...] = ()
    agents: int | None = None
    """How many a team of ``models`` has; ``None``: :data:`AGENTS`."""
    display: DisplayName | None = None
    is_json: bool = False
    output: Path | None = None
    attached: tuple[str, ...] = ()
    output_dir: Path | None = None
    deadline_s: float | None = None
    journal: Path | None = None
    has_journal: bool = True
    durability: Durability = "async"
    continues: str | None = None
    is_emulated: bool = False
    runtime: Literal["asyncio", "trio"] = "asyncio"
    is_steered: bool = False
    approve: Literal["ask", "all", "none"] = "ask"
    settings: TeamSettings = NO_SETTINGS
    proposes_rubric: bool = False
    """A model of the team proposes the criteria, which are shown."""
    in_place: str | None = None
    """A model for agents of a kind that is not here; of a MassGen configuration."""
    backend: str | None = None
    """A kind of MassGen's, for ``--model``."""
    base_url: str | None = None
    is_automated: bool = False
    """Print what programs that start MassGen read, and write its logs."""
    is_sure: bool = False
    """Nothing is asked before money is spent."""
    env_file: Path | None = None
    again: str | None = None
    """The kept session whose question is asked again, of its team."""
    is_chat: bool = False
    on_session: Callable[[str], None] = field(default=lambda _: None, compare=False)
    """Called with the name of the session, once it is over."""


EMULATED_MODEL = "claude-sonnet-5-5"
"""The model that ``--emulate`` alone pretends to ask."""


def run_command(options: RunOptions) -> int:
    """Run a session.

    Raises:
        BrokenPipeError: Whoever read standard output has gone.
    """
    with collecting_rarely():
        if options.is_chat:
            return at_the_boundary(lambda: _chat(options))
        return at_the_boundary(lambda: run_loop(_run, options, runtime=options.runtime))


def _chat(options: RunOptions) -> int:
    """Ask one question after the other, each knowing what came of those before.

    Raises:
        ConfigInvalid: Nobody can type, or nothing is kept to go on from.
    """
    if not (sys.stdin.isatty() and _watched(options).isatty()):
        raise ConfigInvalid("--chat goes on at a terminal, and there is none here")
    if not options.has_journal:
        raise ConfigInvalid("--chat needs what --no-journal leaves out; give one")
    sessions: list[str] = []
    options = replace(options, on_session=sessions.append)
    while True:
        code = run_loop(_run, options, runtime=options.runtime)
        _watched(options).write("\nand now? (an empty line ends) > ")
        _watched(options).flush()
        question = sys.stdin.readline().strip()
        if not question or not sessions:
            return code
        before = sessions[-1]
        options = replace(
            options,
            question=question,
            continues=before,
            again=None,
            attached=(),
            agents=options.agents if options.models else None,
        )


async def _run(options: RunOptions) -> int:
    if options.env_file is not None or not (options.is_demo or options.is_emulated):
        load_environment(options.env_file)
    options = as_configured(options)
    _refuse_idle(options)
    if options.models and options.backend is None:  # which says whose they are
        models = with_known_models(options.models, is_sure=options.is_sure)
        options = replace(options, models=models)
    if options.again is not None:
        return await _run_again(options)
    continued = _continued(options)
    config = with_attached(_config(options, continued), options.attached)
    question = _question(options, config)
    check_cost(config, question, is_sure=options.is_sure or options.is_emulated)
    if options.proposes_rubric:
        config = await _with_proposed_rubric(config, question)
    check_output(options.output, "--output")
    task = _Asked(config.file.title, question, continued)
    is_rehearsed = options.config is not None and is_scenario(options.config)
    if not is_rehearsed:  # a scenario's people do what its file says
        options = attended(options, config)
    notice_retirements(config.agents)
    approvals = Approvals(is_attended=options.is_steered)
    approver = approver_of(options.approve, approvals)
    if options.is_demo and (options.question or question).strip() != question.strip():
        complain(
            f"the demo plays its own question ({question}); yours is not asked. For "
            'one of yours without a key: coordinator run "…" --emulate'
        )
    async with AsyncExitStack() as stack:
        with tools_print_to_stderr():  # also where a module of tools is imported
            working = at_work(config, approver=approver)
            team = await stack.enter_async_context(working)
        if not is_rehearsed:
            return await _ask(options, task, team, approvals)
        from coordinator.scenarios.rehearsal import Rehearsal  # noqa: PLC0415  (seldom)

        rehearsal = Rehearsal(config.file)
        shown = rehearsal.team(team)
        return await _ask(options, task, shown, approvals, rehearsal.acted)


def _refuse_idle(options: RunOptions) -> None:
    """Refuse what says how a team is made where it is not made so.

    Raises:
        ConfigInvalid: Such an option would change nothing.
    """
    brings_its_own = (
        options.config is not None
        or options.is_demo
        or options.again is not None
        or (options.continues is not None and not options.models)
    )
    if options.base_url is not None and options.backend is None:
        raise ConfigInvalid(
            "--base-url goes with --backend; say what kind of server "
            f"{options.base_url} is, or leave it out"
        )
    if options.backend is not None and not options.models:
        raise ConfigInvalid(
            f"--backend {options.backend} goes with --model; give one, or leave it out"
        )
    if options.agents is None:
        return
    if options.backend is not None:
        raise ConfigInvalid(
            "--backend makes one agent of each --model; give more of those, and leave "
            "out --agents"
        )
    if brings_its_own:
        raise ConfigInvalid(
            f"--agents {options.agents} goes with --model; a team that is there "
            "already has its own, so leave it out"
        )


async def _with_proposed_rubric(config: TeamConfig, question: str) -> TeamConfig:
    """The team, its answers scored by what its first agent proposes; that is shown.

    Raises:
        ConfigInvalid: Nobody can propose one, or no usable one came.
    """
    from coordinator.session.rubric_proposal import (  # noqa: PLC0415  (seldom)
        PROPOSAL_SCHEMA,
        propose_rubric,
    )

    proposing = config
    if config.is_emulated:  # no script of the team's own proposes anything
        file = msgspec.structs.replace(config.file, answer_schema=PROPOSAL_SCHEMA)
        proposing = to_emulate(msgspec.structs.replace(config, file=file, scripts={}))
    async with at_work(proposing) as team:
        agent = next(iter(team.with_models), None)
        if agent is None:
            raise ConfigInvalid(
                "--rubric propose asks a model of the team, and there is none; name "
                "the criteria: --rubric 'right, short'"
            )
        budget = config.rules.limits.budget_usd
        proposed = await propose_rubric(question, agent, budget_usd=budget)
    complain(f"{agent.id} proposes this rubric ({_dollars(proposed.cost_usd)}):")
    for each in proposed.criteria:
        about = f": {each.about}" if each.about else ""
        complain(f"  {each.name} (weight {each.weight:g}){about}")
    return with_settings(config, TeamSettings(rubric=proposed.criteria))


def _dollars(cost_usd: float | None) -> str:
    return "of no known price" if cost_usd is None else dollars(cost_usd)


def _question(options: RunOptions, config: TeamConfig) -> str:
    """The question; the demo plays its own, whatever else is asked."""
    own = config.file.question if options.continues is None else None
    if options.is_demo and own is not None:
        return own
    if options.continues is not None and config.file.title == DEMO_TITLE:
        complain("the demo's team says what it said, whatever it is asked")
    return question_of(options.question, own, is_alone=_is_alone(options, config))


async def _run_again(options: RunOptions) -> int:
    """Ask the question of a kept session again, of the team that it had.

    Raises:
        ConfigInvalid: A team or a question is named as well.
    """
    from coordinator.journal.lookup import find_session  # noqa: PLC0415  (for few)
    from coordinator.journal.reader import read_session  # noqa: PLC0415

    named = options.config, options.is_demo, options.models, options.continues
    if any(named) or options.question is not None:
        raise ConfigInvalid(
            "--again asks a kept question of its own team; name no other"
        )
    root = root_of(options.journal)
    assert options.again is not None
    opened = read_session(root, find_session(root, options.again)).opened
    rules, source = read_described(opened.team)
    config = msgspec.structs.replace(config_of(source), rules=rules)
    config = with_settings(config, options.settings)
    options = attended(options, config)
    check_cost(config, opened.question, is_sure=options.is_sure)
    approvals = Approvals(is_attended=options.is_steered)
    approver = approver_of(options.approve, approvals)
    task = _Asked(config.file.title, opened.question, None)
    async with at_work(config, approver=approver) as team:
        return await _ask(options, task, team, approvals)


_Opening: TypeAlias = AbstractAsyncContextManager[Session]


@dataclass(frozen=True)
class _Asked:
    title: str
    question: str
    continued: Continued | None


async def _ask(
    options: RunOptions,
    task: _Asked,
    team: Team,
    approvals: Approvals,
    acted: Callable[[_Opening], _Opening] = lambda opening: opening,
) -> int:
    cast = Cast(
        question=task.question,
        models={**team.models},
        deadline_s=team.rules.limits.deadline_s,
        budget_usd=team.rules.limits.budget_usd,
        budget_tokens=team.rules.limits.budget_tokens,
        people=team.rules.voting.people,
        title=task.title,
    )
    root = journal_of_run(options.journal, is_wanted=options.has_journal)

    def opened(displays: Sequence[Display]) -> _Opening:
        session = open_session(
            task.question,
            team,
            displays=displays,
            journal=root,
            durability=options.durability,
            continues=task.continued,
            output_dir=options.output_dir,
        )
        return acted(session)

    return await conduct(
        options, cast, team, approvals=approvals, opened=opened, root=root
    )


async def conduct(
    options: RunOptions,
    cast: Cast,
    team: Team,
    *,
    approvals: Approvals,
    opened: Callable[[Sequence[Display]], AbstractAsyncContextManager[Session]],
    root: Path | None,
) -> int:
    """Run a session to its end, watched, interrupted and spoken to from here.

    Args:
        options: What is shown and written, and how.
        cast: Who takes part.
        team: The same, at work.
        approvals: What its tools ask the person at this terminal.
        opened: Opens the session.
        root: The folder that it is kept in; ``None``: it is not kept.

    Returns:
        The exit code.
    """
    people = [person.id for person in team.people]
    # Now, for what tools print will go elsewhere.
    shown, out = _display(options, cast), _watched(options)
    displays = _shown_too(options, shown)
    session: Session | None = None
    try:
        with tools_print_to_stderr():
            async with (
                opened(displays) as session,
                anyio.create_task_group() as listening,
            ):
                if session.repair is not None:
                    complain(session.repair)
                listening.start_soon(_obey_signals, session, listening, name="signals")
                listening.start_soon(
                    partial(_steer, options, session, people, approvals, shown, out),
                    name="desk",
                )
                await session.wait()
                # From here on Ctrl-C is Python's own again: it breaks the cleaning up.
                listening.cancel_scope.cancel("the session has ended")
    except JournalUnavailable as lost:
        if session is None or session.result is None:
            raise
        complain(f"{lost}; the session is not kept whole")
    if session.journal_lost is not None:
        complain(f"{session.journal_lost}; from there on nothing is kept")
    for file_id in session.files_left:
        complain(f"{file_id} was uploaded and not deleted; it expires in seven days")
    result = session.result
    options.on_session(session.id)
    code = Exit.INTERRUPTED if result is None else _finish(options, result)
    if result is not None:
        offer_changes(
            team.source,
            result,
            is_sure=options.is_sure,
            may_ask=sys.stdin.isatty() and not options.is_steered,
            out=_watched(options),
        )
    _name_session(options, session.id, result, root)
    return code


async def _steer(  # noqa: PLR0917  (called once, for a task)
    options: RunOptions,
    session: Session,
    people: Sequence[str],
    approvals: Approvals,
    shown: Display,
    out: TextIO,
) -> None:
    """Let whoever is here take part: by the display's keys, or by lines."""
    if isinstance(shown, Steered):
        desk = Desk(session, people, approvals, shown.say, shown.ask)
        shown.on_wish = desk.carry_out
        await desk.attend()
    elif options.is_steered:
        words, typed = anyio.create_memory_object_stream[str](math.inf)
        desk = Desk(session, people, approvals, words.send_nowait)
        sink = Sink(out)
        async with anyio.create_task_group() as group:

            async def show() -> None:
                with typed:
                    async for text in typed:
                        await sink.write(f"\n{clean(text)}\n\n")

            group.start_soon(show, name="words for people")
            with words:
                await desk.serve(sys.stdin)


def attended(options: RunOptions, config: TeamConfig) -> RunOptions:
    """The options of a session, and whether somebody at this terminal takes part.

    Raises:
        ConfigInvalid: The display asked for leaves no room to type.
    """
    why = "--steer was given" if options.is_steered else ""
    for entry in config.agents:
        if entry.backend == "human":
            why = f"{entry.id!r} is a person"
        elif entry.approve and options.approve == "ask":
            why = why or f"tools of {entry.id!r} need a yes"
    if not why:
        return options
    return replace(options, is_steered=True)


def _is_alone(options: RunOptions, config: TeamConfig) -> bool:
    """Whether nobody takes part here, so that standard input is the question's."""
    return not options.is_steered and not any(
        entry.backend == "human" or (entry.approve and options.approve == "ask")
        for entry in config.agents
    )


async def _obey_signals(session: Session, listening: anyio.abc.TaskGroup) -> None:
    """First Ctrl-C: end with what there is. Second: end now, whatever there is."""
    with received(*ending_signals()) as signals:
        is_told = False
        async for number in signals:
            if is_told:
                break
            is_told = True
            session.interrupt(f"interrupted by {signal.Signals(number).name}")
    listening.cancel_scope.cancel("interrupted twice")


def _continued(options: RunOptions) -> Continued | None:
    if options.continues is None:
        return None
    from coordinator.journal.lookup import find_session  # noqa: PLC0415
    from coordinator.massgen.sessions import (  # noqa: PLC0415  (for few)
        continued_from_massgen,
        massgen_session,
    )
    from coordinator.recovery.follow_up import continued_from  # noqa: PLC0415  (for few)

    if (folder := massgen_session(options.continues)) is not None:
        return continued_from_massgen(folder)
    root = root_of(options.journal)
    return continued_from(root, find_session(root, options.continues))


def _config(options: RunOptions, continued: Continued | None) -> TeamConfig:
    """The team, from the one option that names it; else that of the session before.

    Raises:
        ConfigInvalid: No option names a team, or two do, or its file is not usable.
    """
    count = AGENTS if options.agents is None else options.agents
    named = (options.config is not None, options.is_demo, bool(options.models))
    if sum(named) > 1:
        raise ConfigInvalid("--config, --demo and --model each name a team; give one")
    if options.config is not None and is_scenario(options.config):
        from coordinator.scenarios.reader import read_scenario  # noqa: PLC0415  (seldom)

        scenario = read_scenario(options.config)
        file = msgspec.structs.replace(scenario.file, question=scenario.question)
        config = msgspec.structs.replace(scenario.config, file=file)
    elif options.config is not None:
        config = read_team_file(options.config, options.in_place)
    elif options.is_demo:
        config = read_team(DEMO)
    elif options.models and options.backend is not None:
        config = team_of_kind(options.backend, options.models, options.base_url)
    elif options.models:
        config = team_of_models(options.models, count)
    elif continued is not None:
        config = config_of(continued.source)
        # What went with the question before has been read.
        file = msgspec.structs.replace(config.file, attach=())
        config = msgspec.structs.replace(config, file=file)
    elif options.is_emulated:
        config = team_of_models((EMULATED_MODEL,), count)
    elif (model := default_model()) is not None:
        config = team_of_models((model,), count)
    else:
        raise ConfigInvalid(
            "no team was named; give a team file (-c team.yaml), a model "
            "(--model claude-sonnet-5-5 --agents 3), or --emulate, which needs no key"
        )
    is_of_models = options.config is None and not options.is_demo and continued is None
    config = with_settings(
        config,
        options.settings,
        has_default_budget=is_of_models and not options.is_emulated,
    )
    if options.is_emulated:
        config = to_emulate(config)
    if options.deadline_s is None:
        return config
    if not options.deadline_s > 0:
        raise ConfigInvalid(
            f"--deadline {options.deadline_s:g} is not a time; give seconds over 0"
        )
    rules = config.rules.replace(deadline_s=options.deadline_s)
    return msgspec.structs.replace(config, rules=rules)


def team_of_models(models: Sequence[str], count: int) -> TeamConfig:
    """A team of so many agents that take turns at ``models``.

    Raises:
        ConfigInvalid: Too many, or none.
    """
    if not 1 <= count <= 1000:
        raise ConfigInvalid(f"--agents {count} is no team; give 1 to 1000")
    agents = tuple(
        with_backend(
            AgentEntry(
                # Not "agent12", which reads like the answer of another agent's number.
                id=NAMES[n] if n < len(NAMES) else f"member{n + 1}",
                model=models[n % len(models)],
            )
        )
        for n in range(count)
    )
    file = TeamFile(agents=agents)
    return TeamConfig(file=file, rules=Rules(), agents=agents, scripts={})


def _display(options: RunOptions, cast: Cast) -> Display:
    out = _watched(options)
    if options.is_automated:
        from coordinator.massgen.automation import (  # noqa: PLC0415  (seldom)
            AutomationDisplay,
        )

        return AutomationDisplay(cast, out)
    return display(_chosen(options), cast, None if options.is_json else out, out)


def _shown_too(options: RunOptions, shown: Display) -> list[Display]:
    """The display, and the answer alone where standard output is not for people."""
    if not _is_answer_alone(options):
        return [shown]
    return [shown, display("quiet", EMPTY_CAST, sys.stdout, sys.stdout)]


def _is_answer_alone(options: RunOptions) -> bool:
    """Whether standard output gets the answer, and standard error all else."""
    is_asked = options.is_json or options.is_automated or options.display is not None
    return not is_asked and not sys.stdout.isatty()


def _chosen(options: RunOptions) -> DisplayName:
    name = options.display or ("none" if options.is_json else "rich")
    return fitting(name, _watched(options))


def _watched(options: RunOptions) -> TextIO:
    """Where people look: standard output, unless that is for a program or a file."""
    is_elsewhere = options.is_json or _is_answer_alone(options)
    return sys.stderr if is_elsewhere else sys.stdout


def _finish(options: RunOptions, result: Result) -> int:
    """Print and write what was asked for, and say what went wrong, if anything did."""
    if options.is_json:
        out = sys.stdout.buffer
        out.write(for_output(as_json(result), out) + b"\n")
        sys.stdout.buffer.flush()
    if options.output is not None and result.answer is not None:
        try:
            options.output.write_text(result.answer.rstrip("\n") + "\n", "utf-8")
            if options.is_automated:
                _watched(options).write(f"OUTPUT_FILE: {options.output.absolute()}\n")
        except OSError as error:
            complain(f"the answer could not be written to {options.output}: {error}")
            return Exit.EXECUTION
    if result.answer is None and not options.is_automated:
        for line in _causes(result):
            complain(line)
    return exit_of(result)


def _causes(result: Result) -> list[str]:
    """Why there is no answer: each cause once, with what to do about it."""
    by_error: dict[str, list[str]] = {}
    for agent, record in result.agents.items():
        if record.error:
            error = as_people_say(record.error)
            by_error.setdefault(error, []).append(agent)
    lines = [f"no answer: {result.detail}"]
    for error, agents in list(by_error.items())[:CAUSES_MAX]:
        who = agents[0] if len(agents) == 1 else f"{len(agents)} agents"
        advice = way_out(error)
        lines.append(f"{who}: {error}" + (f"; {advice}" if advice else ""))
    return lines


CAUSES_MAX = 3
"""Different causes that are told."""
DEMO_TITLE = "demo, scripted agents"
EMPTY_CAST = Cast(question="", models={})


def _name_session(
    options: RunOptions, session: str, result: Result | None, root: Path | None
) -> None:
    """Say how to come back to the session, where somebody looks or there is need."""
    is_whole = result is not None and result.status != "interrupted"
    if is_whole and root is not None and _chosen(options) not in SILENT:
        if result is not None and result.answer is None:
            line = f"ask again: {call('run --again', session, root)}"
        else:
            line = f"why it won: {call('report', session, root)} --open"
        _watched(options).write(f"{line}\n")
    elif not is_whole:
        words = "interrupted" if result else "stopped at once"
        hint = f"session {session} is kept; go on with it: "
        hint = hint + call("resume", session, root) if root else "nothing was kept"
        complain(f"{words}; {hint}")


def as_json(result: Result) -> bytes:
    """The result as ``--json`` prints it: one object on one line."""
    return msgspec.json.encode(result, enc_hook=foreign.encode)

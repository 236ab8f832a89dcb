"""The commands and their options; each command's work is imported when it is called.

``--help`` must be there at once, so this file imports nothing that works.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import (
    App,
    CycloptsError,
    Parameter,
    UnknownCommandError,
    UnusedCliTokensError,
)

from coordinator.cli.completion import session_names
from coordinator.cli.exit_codes import EXIT_CODES, Exit, complain
from coordinator.cli.groups import ASK, BUILD, LOOK_BACK, SET_UP, TRY_TEAMS
from coordinator.cli.help import TwoColumns
from coordinator.cli.help_examples import EXAMPLES, IN_THIS_ORDER, beneath_help
from coordinator.cli.journal_commands import (
    JournalFolder,
    SessionName,
    records,
    replay,
    resume,
    sessions,
)
from coordinator.cli.massgen_flags import without_foreign_flags
from coordinator.cli.numbers import Whole
from coordinator.cli.setup_commands import register

_HELP = f"""A team of agents answers your question: each alone, then they vote.

Try it, without a key or a network: coordinator run --demo

{EXIT_CODES}
"""


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415  (20 ms, for --version)

    return version("massgen-coordinator")


app = App(
    name="coordinator",
    help=_HELP,
    help_format="plaintext",
    help_formatter=TwoColumns(),
    result_action="return_value",
    default_parameter=Parameter(negative=(), show_default=False),
    version=_version,
    version_flags=("--version", "-V"),
    suppress_keyboard_interrupt=False,  # main() has the sentence and the exit code
)
app["--help"].group = app["--version"].group = SET_UP
sessions.group = records.group = LOOK_BACK
app.command(sessions)
app.command(records)
app.command(replay, group=LOOK_BACK)
app.command(resume, group=ASK)
register(app)


@app.command(group=ASK)
def run(
    question: str | None = None,
    *,
    config: Annotated[Path | None, Parameter(name=["--config", "-c"])] = None,
    demo: bool = False,
    model: tuple[str, ...] = (),
    agents: Whole | None = None,
    display: Literal["rich", "textual", "plain", "jsonl", "quiet", "none"]
    | None = None,
    json: bool = False,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o", "--output-file"])
    ] = None,
    attach: Annotated[tuple[str, ...], Parameter(negative_iterable=())] = (),
    output_dir: Path | None = None,
    deadline: Annotated[
        float | None, Parameter(name=["--deadline", "--orchestrator-timeout"])
    ] = None,
    budget_usd: float | None = None,
    policy: str | None = None,
    rule: str | None = None,
    rubric: str = "",
    system: Annotated[
        str | None, Parameter(name=["--system", "--system-message"])
    ] = None,
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None,
    tools: str = "",
    seed: Whole | None = None,
    journal: JournalFolder = None,
    no_journal: bool = False,
    durability: Literal["exit", "async", "sync"] = "async",
    continue_: Annotated[
        str | None,
        Parameter(name=["--continue", "--session-id"], completer=session_names),
    ] = None,
    emulate: bool = False,
    steer: bool = False,
    approve: Literal["ask", "all", "none"] = "ask",
    runtime: Literal["asyncio", "trio"] = "asyncio",
    yes: Annotated[bool, Parameter(name=["--yes", "-y"])] = False,
    env_file: Path | None = None,
    again: Annotated[str | None, Parameter(completer=session_names)] = None,
    chat: bool = False,
    as_: Annotated[str | None, Parameter(name="--as")] = None,
    backend: str | None = None,
    base_url: str | None = None,
    automation: bool = False,
    no_display: bool = False,
    validate: bool = False,
    list_examples: bool = False,
) -> int:
    """Ask a team a question.

    Ctrl-C ends the session with the best answer so far; a second one ends it at once.

    Exit codes: 0 answered; 1 the command line or a file is not usable; 2 the session
    failed; 3 the deadline passed without an answer; 4 interrupted.

    Parameters
    ----------
    question
        What is to be answered; text that is piped in goes with it. Left out, it is the
        team file's, or standard input alone; "-" always reads standard input. It may
        begin with a dash if it has a blank in it.
    config
        The team file (YAML), or a MassGen configuration (YAML or JSON).
    demo
        Play the built-in team: no key, no network.
    model
        Ask a team of this Claude model; given more than once, the models take turns.
    agents
        How many agents that team has (3). Without any team, it is one of
        $COORDINATOR_MODEL, or of a Sonnet where there is a key.
    display
        What to watch. By itself: rich on a terminal, plain lines elsewhere, nothing
        with --json.
    json
        Print one JSON object at the end; what there is to watch goes to standard
        error.
    output
        Write the final answer to this file as well.
    attach
        A file or address that goes with the question: an image, a PDF or text; may be
        given more than once.
    output_dir
        Where to put files that the agents' code has written; by itself, beside the
        journal.
    deadline
        Seconds after which the best answer so far is the answer.
    budget_usd
        What the session may spend. A team of --model alone may spend 2 USD.
    policy
        How the team comes to an answer: slate, evidence, revision, ensemble, massgen.
    rule
        The voting rule: plurality, borda, schulze, …
    rubric
        Criteria that others than an answer's author score it by, with commas between:
        "right, short". "propose": the first agent's model proposes them, and they are
        shown.
    system
        An instruction for every agent, after its own.
    effort
        How hard the models think.
    tools
        Tools for every agent, with commas between them: web_search, code_execution.
    seed
        Decides every lot, so that a session can be repeated.
    journal
        The folder that sessions are kept in, instead of the usual one; see
        "coordinator sessions".
    no_journal
        Keep nothing: this session cannot be resumed or seen again.
    durability
        When what was said is safe on the disk. async: within some hundredths of a
        second. sync: before anything follows from it. exit: at the end, or every 4
        MiB. (async)
    continue_
        Go on from this kept session: the team, the same one unless another is named,
        is told its question, its final answer and what was agreed.
    emulate
        Ask a pretended API on this machine, which answers with the scripts in the
        team file: no key, no network. Every file in scenarios/capabilities has some.
    steer
        Take part from this terminal: tell the team something, veto an answer, stop an
        agent (/help shows how). By itself where the team has a person in it, or tools
        that need a yes.
    approve
        Tools that the team file names under approve: ask at this terminal, run all of
        them, or none.
    runtime
        The event loop (asyncio).
    yes
        Do not ask before a team of more than 12 agents, one that may cost more than its
        budget, or a model that is not known.
    env_file
        Set what this file says, NAME=value a line, unless it is set. By itself, the
        keys (names ending in _API_KEY) in .env of the working folder.
    again
        Ask this kept session's question again, of the same team; its id, or "last".
    chat
        At a terminal, go on after the answer: a line is the next question, an empty one
        ends.
    as_
        Of a MassGen configuration: this model for agents of a kind that is not here.
    backend
        With --model: one agent of this kind of MassGen's (openai, groq, lmstudio, …).
    base_url
        With --backend: the address of its server.
    automation
        Print what programs that start MassGen read (LOG_DIR, STATUS, WINNER, …), and
        keep .massgen/massgen_logs up to date.
    no_display
        Show nothing but the answer; --display quiet.
    validate
        Check the configuration and run nothing; "coordinator validate" says more.
    list_examples
        List what can be tried, and run nothing.
    """
    if validate or list_examples:
        from coordinator.cli.massgen_commands import instead_of_run  # noqa: PLC0415

        return instead_of_run(config if validate else None, as_)
    from coordinator.displays.first_picture import show_first_picture  # noqa: PLC0415

    show_first_picture(
        question,
        f"waking {', '.join(model) or config or 'the team'} …",
        display="plain" if no_display or automation else display,
        is_json=json,
    )
    from coordinator.cli.run import RunOptions, run_command  # noqa: PLC0415
    from coordinator.cli.run_settings import TeamSettings  # noqa: PLC0415

    proposes_rubric = rubric.strip() == "propose"
    return run_command(
        RunOptions(
            proposes_rubric=proposes_rubric,
            settings=TeamSettings(
                policy=policy,
                rule=rule,
                rubric=() if proposes_rubric else _listed(rubric),
                budget_usd=budget_usd,
                system=system,
                effort=effort,
                tools=_listed(tools),
                seed=seed,
            ),
            question=question,
            config=config,
            is_demo=demo,
            models=model,
            agents=agents,
            display=_watched_as(display, is_hidden=no_display),
            is_json=json,
            output=output,
            attached=attach,
            output_dir=output_dir,
            deadline_s=deadline,
            journal=journal,
            has_journal=not no_journal,
            durability=durability,
            continues=continue_,
            is_emulated=emulate,
            is_steered=steer,
            approve=approve,
            runtime=runtime,
            in_place=as_,
            backend=backend,
            base_url=base_url,
            is_automated=automation,
            is_sure=yes,
            env_file=env_file,
            again=again,
            is_chat=chat,
        )
    )


def _listed(text: str) -> tuple[str, ...]:
    """The words of an option that takes several."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _watched_as(
    display: Literal["rich", "textual", "plain", "jsonl", "quiet", "none"] | None,
    *,
    is_hidden: bool,
) -> Literal["rich", "plain", "jsonl", "quiet", "none"] | None:
    """The display of ours that MassGen's words mean."""
    if is_hidden:
        return "quiet"
    return "rich" if display == "textual" else display


@app.command(group=BUILD)
def decode(
    file: Path,
    *,
    message: bool = False,
    api: Literal["messages", "responses", "chat", "gemini"] | None = None,
) -> int:
    """Print a recorded stream of a model's API as chunks, a JSON line each.

    Parameters
    ----------
    file
        The body of a streamed response (server-sent events), byte for byte; "-" for
        standard input.
    message
        Print the message that the stream amounts to instead: content, reasoning, tool
        calls with their input, why it stopped, usage.
    api
        Whose words it is in; left out, the stream tells.
    """
    from coordinator.cli.decode import decode_command  # noqa: PLC0415

    return decode_command(file, as_message=message, api=api)


@app.command(group=TRY_TEAMS)
def emulate(
    *,
    script: Path | None = None,
    host: str = "127.0.0.1",
    port: Whole = 8484,
    check: Path | None = None,
    runtime: Literal["asyncio", "trio"] = "asyncio",
) -> int:
    """Serve the Messages API on this machine, playing scripts as a model would.

    Point a client at it with ANTHROPIC_BASE_URL; Ctrl-C ends it. It refuses what the
    API is known to refuse; with --check it says so of recorded requests and ends.

    Parameters
    ----------
    script
        What the model says (YAML): one script, or several by agent under "scripts".
        Left out, it drafts, votes and presents something.
    host
        The address to listen on (127.0.0.1).
    port
        The port (8484); 0 takes a free one.
    check
        A JSON file: a body for /v1/messages, or {"body": …, "headers": …}, or a list
        of either. Serves nothing; exit code 1 where the API would refuse one.
    runtime
        The event loop.
    """
    if check is not None:
        from coordinator.cli.request_check import check_command  # noqa: PLC0415

        return check_command(check)
    from coordinator.cli.emulate import emulate_command  # noqa: PLC0415

    return emulate_command(script, host=host, port=port, runtime=runtime)


@app.command(group=BUILD)
def simulate(
    world: Path | None = None,
    *,
    generate: bool = False,  # noqa: ARG001  (what happens by itself, said aloud)
    runs: Whole | None = None,
    seed: Whole | None = None,
    workers: Whole | None = None,
    faults: str = "all",
    keep: Path | None = None,
    shell: bool = False,
    attacks: bool = False,
    size: tuple[Whole, ...] = (),
    json: bool = False,
) -> int:
    """Play random sessions through the machine and check every step of them.

    Exit codes: 0 all is as it must be; 1 something broke, or the command line is not
    usable.

    Parameters
    ----------
    world
        A scenario or team file: play its team under its rules, whatever its agents
        do. Or a world that --keep has written: play this one only.
    generate
        Make teams, rules and troubles up by the seed; that is what happens without a
        world anyway.
    runs
        How many sessions (1000; 50 for each attack).
    seed
        The first one's seed; the next ones count up.
    workers
        Processes that share the work (one for each core).
    faults
        What may go wrong: all, none, or some of silent, fail, stall, nonsense, late,
        meddle, with commas between them.
    keep
        A folder for worlds in which something broke, made as small as they can be.
    shell
        Play them through the real shell, in virtual time: agents' tasks, channels,
        timers and a journal, which must reproduce what was seen.
    attacks
        Play answers that ask for votes instead, against voters of several credulities.
    size
        Play teams of so many agents only; may be given more than once.
    json
        Print one JSON object instead of a table.
    """
    if attacks:
        from coordinator.cli.attacks import attacks_command  # noqa: PLC0415

        return attacks_command(runs, seed or 0, is_json=json)
    from coordinator.cli.simulate import (  # noqa: PLC0415
        SimulateOptions,
        cores,
        simulate_command,
    )

    return simulate_command(
        SimulateOptions(
            world=world,
            runs=1000 if runs is None else runs,
            seed=seed or 0,
            workers=cores() if workers is None else workers,
            faults=faults,
            sizes=size,
            keep=keep,
            is_json=json,
            through_shell=shell,
        )
    )


@app.command(group=BUILD)
def compare(
    *,
    outcomes: Path | None = None,
    full: bool = False,
    runs: Whole | None = None,
    seed: Whole | None = None,
    workers: Whole = 1,
    size: tuple[Whole, ...] = (),
    situation: tuple[str, ...] = (),
    contender: tuple[str, ...] = (),
    assume: tuple[str, ...] = (),
    judges: str = "",
    sweep: str | None = None,
    plot: Path | None = None,
    json: bool = False,
) -> int:
    """Compare policies: on simulated teams, or on recorded answers and verdicts.

    Nothing is asked of any model; no key, no network.

    Exit codes: 0 compared; 1 the command line or a file is not usable.

    Parameters
    ----------
    outcomes
        A folder of recorded outcomes, *.jsonl or *.jsonl.gz, to replay policies on. A
        line is a model's answers to a problem (dataset, model, problem, gold, answers,
        tokens), a judge's verdict (pair, judge, prompt, swapped, verdict, right), or
        programs and their tests (task, right, passes, author).
    full
        With --outcomes: draw 400 teams for each problem instead of 40.
    runs
        Simulated teams for each size and situation (200).
    seed
        The first one's seed; the next ones count up.
    workers
        Processes that share the work (1).
    size
        Compare teams of so many agents only; may be given more than once.
    situation
        Compare in this situation; may be given more than once.
    contender
        Compare this policy, as "slate" or "slate,panel=5"; more than once.
    assume
        Change an assumption of the simulation: NAME=VALUE, more than once.
    judges
        How far simulated judges are right together: one_model (.67, recorded; the
        default), several_models (.38), independent (.16, as the study behind slate
        had it), a correlation, or a folder with recorded verdicts to measure it in.
    sweep
        Compare with an assumption at several values: NAME=V1,V2,…; says where the
        verdict turns.
    plot
        Draw the comparison into this file (SVG).
    json
        Print one JSON object instead of a table.
    """
    if outcomes is not None:
        from coordinator.cli.outcomes import outcomes_command  # noqa: PLC0415

        return outcomes_command(outcomes, seed=seed or 0, is_full=full, is_json=json)
    from coordinator.cli.compare import CompareOptions, compare_command  # noqa: PLC0415

    return compare_command(
        CompareOptions(
            runs=runs,
            seed=seed,
            workers=workers,
            sizes=size,
            situations=situation,
            contenders=contender,
            assumed=assume,
            judges=judges,
            sweep=sweep,
            plot=plot,
            is_json=json,
        )
    )


@app.command(group=LOOK_BACK)
def report(
    session: SessionName = "last",
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    open: bool = False,  # noqa: A002  (the option's name)
    journal: JournalFolder = None,
) -> int:
    """Write a session's report: one file that says what happened and why it won.

    Exit codes: 0 written; 1 the command line or a file is not usable.

    Parameters
    ----------
    session
        Its id, or as much of it as no other one begins with; or "last".
    output
        The file to write, .html or .md; - is standard output. (SESSION.html)
    open
        Open it in a browser.
    journal
        The folder of sessions, instead of the usual one.
    """
    from coordinator.cli.report import report_command  # noqa: PLC0415

    return report_command(session, output, journal, is_opened=open)


@app.command(group=BUILD)
def bench(
    *,
    quick: bool = False,
    json: bool = False,
    peers: str = "",
    only: tuple[str, ...] = (),
    soak: Whole | None = None,
    stress: Whole | None = None,
    plot: Path | None = None,
    markdown: Path | None = None,
) -> int:
    """Measure what the engine costs on this machine.

    Everything runs here: scripted agents, and streams over loopback. No key, no
    network. It takes some minutes; with --quick, less than one.

    Exit codes: 0 measured, whatever the figures; 1 the command line or a file is not
    usable; 4 interrupted.

    Parameters
    ----------
    quick
        Measure less, on asyncio alone.
    json
        Print one JSON object instead of the table.
    peers
        Measure these beside ours, with commas between: "sdk" is anthropic's own
        stream, "massgen" is installed in an environment of its own (1.8 GB).
    only
        Measure the parts whose names begin so, e.g. "engine" or "HTTP, trio".
    soak
        Sessions one after the other that must leave nothing behind.
    stress
        Seeds of a large team of which half goes wrong.
    plot
        Write cost against agents to this file, as SVG.
    markdown
        Write the tables to this file, as Markdown.
    """
    try:
        from coordinator.cli.bench import bench_command  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "resource":
            raise
        complain(
            "bench needs a POSIX system: it measures by getrusage and poll, which "
            "Windows has not"
        )
        return Exit.CONFIGURATION

    return bench_command(
        is_quick=quick,
        is_json=json,
        peers=[peer.strip() for peer in peers.split(",") if peer.strip()],
        only=only,
        soaked=soak,
        stressed=stress,
        picture=plot,
        markdown=markdown,
    )


@app.command(group=TRY_TEAMS)
def scenario(
    *paths: Path,
    runtime: Literal["asyncio", "trio", "both"] = "asyncio",
    over: Literal["process", "http"] = "process",
    seed: Whole | None = None,
    seeds: str | None = None,
    schedule: Whole | None = None,
    schedules: Whole = 1,
    name: Annotated[str, Parameter(alias="-k")] = "",
    set_: Annotated[
        tuple[str, ...], Parameter(name="--set", negative_iterable=())
    ] = (),
    trace: bool = False,
    check: bool = False,
    fail_fast: Annotated[bool, Parameter(alias="-x")] = False,
    durations: Whole = 0,
    junit: Path | None = None,
    json: bool = False,
    only_list: Annotated[bool, Parameter(name="--list", negative="")] = False,
    only_schema: Annotated[bool, Parameter(name="--schema", negative="")] = False,
) -> int:
    """Run scenarios and compare how they end with what they expect.

    scenarios/README.md says how one is written.

    Exit codes: 0 everything came true; 1 the command line or a file is not usable; 2
    all files are, and something did not come true.

    Parameters
    ----------
    paths
        Scenario files, and folders of them.
    runtime
        The event loop; "both" runs each scenario on one after the other.
    over
        "process" plays the scripts in virtual time; "http" serves them on this machine
        and asks over real HTTP.
    seed
        Decides every lot instead of the files' own seeds.
    seeds
        Play each with every seed of this span: 0..99.
    schedule
        In this order trio runs what is ready together.
    schedules
        Play each in so many such orders, on trio.
    name
        Part of the sentence or file name of those to run; no other file is read.
    set_
        Set a value in every file: voting.policy=slate, agents.ada.system=…; may be
        given more than once.
    trace
        Print what happened, line by line, with what models were given to read.
    check
        Read all files, play none, and tell every fault of each.
    fail_fast
        Stop after the first that does not come true.
    durations
        Tell so many of the slowest.
    junit
        Write a JUnit report to this file.
    json
        Print one JSON object; what differs goes to standard error.
    only_list
        Print their sentences, and run none.
    only_schema
        Print the JSON Schema of scenario files, as "coordinator schema" does.
    """
    if only_schema:
        return schema("scenario")
    from coordinator.cli.scenario import (  # noqa: PLC0415
        ScenarioOptions,
        check_command,
        list_command,
        scenario_command,
    )

    options = ScenarioOptions(
        paths=paths,
        runtime=runtime,
        over=over,
        seed=seed,
        seeds=seeds,
        schedule=schedule,
        schedules=schedules,
        name_filter=name,
        settings=set_,
        trace=trace,
        fail_fast=fail_fast,
        durations=durations,
        junit=junit,
        is_json=json,
    )
    if check:
        return check_command(options)
    return list_command(options) if only_list else scenario_command(options)


@app.command(group=TRY_TEAMS)
def stress(
    team: str,
    *,
    agents: Whole | None = None,
    sessions: Whole = 1,
    seeds: str = "0..9",
    faults: str = "all",
    runtime: Literal["asyncio", "trio", "both"] = "asyncio",
    over: Literal["process", "http"] = "process",
    deadline: float | None = None,
    no_people: bool = False,
    only: str = "",
    no_shrink: bool = False,
    plot: Path | None = None,
    json: bool = False,
) -> int:
    """Put a team of yours under stress: faults, stops and interruptions by seed.

    Whatever happens, a session must end by its deadline, leave nothing open, lose no
    chunk and keep their order. A seed that fails is made smaller, and the one line that
    plays it again is printed.

    Exit codes: 0 all ended as they must; 1 the command line or the team is not usable;
    2 something was left open, lost, late or out of order.

    Parameters
    ----------
    team
        A team file, a scenario, or module:function that returns a Team; the function
        may take agents. Models without a script draft, vote and present something.
    agents
        So many agents, the team's members in turn.
    sessions
        So many sessions at once.
    seeds
        A span of seeds (0..9).
    faults
        What goes wrong around backends and tools: all, none, or some with commas
        between, e.g. "fails every third, slow 2 s, stalls, floods, cut".
    runtime
        The event loop.
    over
        "process": in virtual time. "http": models are asked over HTTP on this machine,
        in real time.
    deadline
        Every session's, in seconds, instead of one by lot.
    no_people
        Nobody stops an agent or interrupts a session.
    only
        Keep these agents only, with commas between.
    no_shrink
        Do not make a failing seed smaller.
    plot
        Draw the sessions into this file (SVG).
    json
        Print one JSON object instead of a table.
    """
    from coordinator.cli.stress import StressOptions, stress_command  # noqa: PLC0415

    return stress_command(
        StressOptions(
            team=team,
            agents=agents,
            sessions=sessions,
            seeds=seeds,
            faults=faults,
            runtime=runtime,
            over=over,
            deadline_s=deadline,
            has_people=not no_people,
            only=only,
            may_shrink=not no_shrink,
            plot=plot,
            is_json=json,
        )
    )


@app.command(group=TRY_TEAMS)
def measure(
    questions: Path,
    *,
    config: Annotated[Path, Parameter(name=["--config", "-c"])],
    reference: str | None = None,
    fields: str = "",
    seeds: Whole = 1,
    limit: Whole | None = None,
    out: Path | None = None,
    without_revisions: bool = False,
    concurrency: Whole = 16,
    budget_usd: float | None = None,
    estimate: bool = False,
    yes: bool = False,
    emulate: bool = False,
    json: bool = False,
) -> int:
    """Measure which policy is best on questions of your own, at what cost.

    The team answers each question once, openly: all draft, all rank all drafts. Every
    policy is then replayed on the same drafts and ballots, with intervals and paired
    differences, and what the simulator assumes is estimated, ready for
    "coordinator compare --assume". Says first what it will cost.

    Exit codes: 0 measured; 1 the command line or a file is not usable, or nobody has
    agreed to the cost; 2 some sessions came to no answer, or the budget was used up.

    Parameters
    ----------
    questions
        A file of JSON lines or CSV whose right answers are known; see "coordinator
        sweep".
    config
        A team file (YAML): its agents and limits; how it votes is not used.
    reference
        The key that holds what is right.
    fields
        Which keys hold what: question=Problem,id=ID,reference=Answer,choices=Options.
    seeds
        Sessions of each question (1).
    limit
        Only so many of the questions, from the first.
    out
        The folder that keeps it all; the same command goes on there.
        (QUESTIONS-measure)
    without_revisions
        Leave out the sessions in which answers are revised, which cost more than the
        others; then what becomes of revisions is not known.
    concurrency
        Sessions at once (16).
    budget_usd
        What all sessions together may spend.
    estimate
        Say what it would cost, and stop.
    yes
        Go on without asking.
    emulate
        Ask a pretended API on this machine: no key, no cost.
    json
        Print one JSON object.
    """
    from coordinator.cli.measure import (  # noqa: PLC0415
        MeasureCommand,
        measure_command,
    )

    return measure_command(
        MeasureCommand(
            questions=questions,
            config=config,
            reference=reference,
            fields=fields,
            seeds=seeds,
            limit=limit,
            out=out,
            without_revisions=without_revisions,
            concurrency=concurrency,
            budget_usd=budget_usd,
            only_estimate=estimate,
            is_yes=yes,
            is_emulated=emulate,
            is_json=json,
        )
    )


@app.command(group=TRY_TEAMS)
def sweep(
    questions: Path,
    *,
    config: Annotated[
        tuple[Path, ...], Parameter(name=["--config", "-c"], negative_iterable=())
    ] = (),
    teams: str = "",
    seeds: Whole = 1,
    on: str = "local",
    concurrency: Whole = 16,
    workers: Whole | None = None,
    out: Path | None = None,
    reference: str | None = None,
    fields: str = "",
    check: str = "",
    limit: Whole | None = None,
    budget_usd: float | None = None,
    budget_tokens: Whole | None = None,
    deadline: float | None = None,
    durability: Literal["exit", "async", "sync"] = "async",
    emulate: bool = False,
    json: bool = False,
) -> int:
    """Ask teams a set of questions, many at once, and sum up what came of it.

    Ctrl-C stops everywhere and keeps what is done. The same command again does only
    what is missing, and goes on with sessions that were begun.

    Exit codes: 0 all is done; 1 the command line or a file is not usable; 2 some
    sessions came to no answer, or the budget was used up; 4 interrupted.

    Parameters
    ----------
    questions
        A file of JSON lines or CSV. A line is {"id", "question", "reference"}, or in
        the form of GSM8K, MMLU, MMLU-Pro, GPQA, ARC, AIME or MATH.
    config
        A team file (YAML); may be given more than once.
    teams
        More team files, with commas between.
    seeds
        Sessions of each question and team (1).
    on
        "local"; "ray": a cluster that is here, or begins here; "ray://HOST:PORT".
    concurrency
        Sessions at once, of all workers together (16).
    workers
        Processes; by itself, one for each core where that pays.
    out
        The folder for results, journals, summary and plot. (QUESTIONS-sweep)
    reference
        The key that holds what is right.
    fields
        Which keys hold what: question=Problem,id=ID,reference=Answer,choices=Options;
        inspect's words (input, target) are known as well.
    check
        A command that judges an answer: it is on standard input, exit code 0 is right.
    limit
        Only so many of the questions, from the first.
    budget_usd
        What all sessions together may spend, earlier runs in the folder included.
    budget_tokens
        The same in tokens.
    deadline
        Seconds after which a session's best answer so far is its answer.
    durability
        When journals are on the disk: at a session's exit, soon (async), or before
        anything follows (sync).
    emulate
        Ask a pretended API on this machine: no key, no cost.
    json
        Print the summary as one JSON object.
    """
    from coordinator.cli.sweep import SweepCommand, sweep_command  # noqa: PLC0415

    named = [name for name in teams.split(",") if name]
    return sweep_command(
        SweepCommand(
            questions=questions,
            configs=tuple(dict.fromkeys([*map(str, config), *named])),
            seeds=seeds,
            on=on,
            concurrency=concurrency,
            workers=workers,
            out=out,
            reference=reference,
            fields=fields,
            check=check,
            limit=limit,
            budget_usd=budget_usd,
            budget_tokens=budget_tokens,
            deadline_s=deadline,
            durability=durability,
            is_emulated=emulate,
            is_json=json,
        )
    )


@app.command(group=SET_UP)
def schema(kind: Literal["scenario", "team"] = "scenario", /) -> int:
    """Print the JSON Schema of scenario or team files, for editors that check YAML.

    Point an editor at it with a first line of the file:
    # yaml-language-server: $schema=scenario.schema.json

    Parameters
    ----------
    kind
        Which files: scenario, or team.
    """
    from coordinator.cli.schema import schema_command  # noqa: PLC0415

    return schema_command(kind)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name; ``None``: those of the process.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows another, and nothing fails.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  (asked above)
    words = _spelled_out(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(words or ["--help"], exit_on_error=False, print_error=False)
        sys.stdout.flush()  # here, where it can be said that there is no room for it
    except CycloptsError as error:
        command = "".join(f" {word}" for word in error.command_chain or ())
        complain(f"{_sentence(error)}; see coordinator{command} --help")
        return Exit.CONFIGURATION
    except KeyboardInterrupt:
        complain("interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone; what Python would flush at exit has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return Exit.INTERRUPTED
    except OSError as error:  # of what prints and does no more: help, schemas
        from coordinator.cli.error_report import explain  # noqa: PLC0415  (seldom)

        return explain(error)
    return code if isinstance(code, int) else Exit.ANSWERED


def _spelled_out(arguments: Sequence[str]) -> list[str]:
    """Say by name which argument a bare ``-`` is; cyclopts takes it for an option."""
    arguments = _as_massgen(arguments)
    name = {"run": "--question", "decode": "--file"}.get(next(iter(arguments), ""))
    arguments = _with_output(arguments)
    words = [f"{name}=-" if name and word == "-" else word for word in arguments]
    if words[:1] != ["run"]:
        return words
    return [_as_question(words, at) for at in range(len(words))]


def _with_output(arguments: Sequence[str]) -> list[str]:
    """Say ``-o -`` in one word, wherever it stands."""
    words = list(arguments)
    for at in range(len(words) - 1, 0, -1):
        if words[at] == "-" and words[at - 1] in {"-o", "--output"}:
            words[at - 1 : at + 1] = ["--output=-"]
    return words


def _as_question(words: Sequence[str], at: int) -> str:
    """A word of ``run`` that begins with a dash and has a blank in it is no option."""
    word, before = words[at], words[at - 1] if at else ""
    name = word.partition("=")[0]
    is_value = before.startswith("-") and "=" not in before and before not in _FLAGS
    if not word.startswith("-") or " " not in name or is_value:
        return word
    return f"--question={word}"


_FLAGS = frozenset(
    {
        *("--demo", "--json", "--no-journal", "--emulate", "--steer"),
        *("--automation", "--no-display", "--validate", "--list-examples"),
        *("--yes", "-y", "--chat"),
    }
)
"""Options of ``run`` that take no value."""


def _as_massgen(arguments: Sequence[str]) -> list[str]:
    """A command line of MassGen's with its first word changed, as one of ours.

    ``massgen --config F "Why?"`` names no command, and ``--continue`` alone means the
    newest session.
    """
    words = list(arguments)
    first = words[0] if words else ""
    is_option = first.startswith("--") and first.partition("=")[0] not in _OWN
    if is_option or first in {"-c", "-o"} or " " in first.strip():
        words.insert(0, "run")
    if words[:1] == ["run"]:
        words = without_foreign_flags(words)
        for at, word in enumerate(words):
            following = words[at + 1] if at + 1 < len(words) else "-"
            is_name = following[:1] != "-" and _SESSION.fullmatch(following)
            if word == "--continue" and not is_name:
                words[at] = "--continue=last"
    return words


_SESSION = re.compile(r"[\w./~-]+")
"""A session's name, as it may be written; ``Why?`` is a question."""


_OWN = frozenset({"--help", "--version", "--install-completion"})
"""Options of the program itself."""


def _sentence(error: CycloptsError) -> str:
    if isinstance(error, UnusedCliTokensError):
        return _left_over(error)
    if isinstance(error, UnknownCommandError):
        word = (error.unused_tokens or [""])[0]
        known = app
        for name in error.command_chain or ():
            known = known[name]
        near = get_close_matches(word, [x for x in known if x[:1] != "-"], 1)
        way = f", perhaps {near[0]!r}" if near else ""
        return f"{word!r} is no command{way}"
    sentence = " ".join(str(error).split()).removesuffix(", ...").rstrip(".")
    return _NO_NUMBER.sub(r"'\1' is no number", sentence)


_NO_NUMBER = re.compile(r'unable to convert "(.*)" into (?:float|int)')
"""Python's words for what is no number."""


def _left_over(error: UnusedCliTokensError) -> str:
    words = error.unused_tokens or []
    command = " ".join(error.command_chain or ())
    way = "put several words in quotes" if command == "run" else "leave that out"
    return f"{command}: there is no place for {' '.join(words)!r}; {way}"


@app.command(group=ASK)
def web(
    *,
    config: Annotated[
        tuple[Path, ...], Parameter(name=["--config", "-c"], negative_iterable=())
    ] = (),
    model: tuple[str, ...] = (),
    agents: Whole = 3,
    emulate: bool = False,
    host: str = "127.0.0.1",
    port: Whole = 8400,
    token: str | None = None,
    open: bool = False,  # noqa: A002  (the option's name)
    journal: JournalFolder = None,
    runtime: Literal["asyncio", "trio"] = "asyncio",
) -> int:
    """Serve a page on which teams are asked, watched live and acted upon.

    Sessions that were asked on the page can be told something, stopped, answered and
    voted in by people, and gone on with; those of other terminals can be watched. It
    needs the extra [web].

    Exit codes: 0 ended by Ctrl-C; 1 the command line or a file is not usable.

    Parameters
    ----------
    config
        A team file that may be asked; may be given more than once.
    model
        Offer a team of this model; given more than once, the models take turns.
    agents
        How many agents that team has (3).
    emulate
        Ask a pretended API on this machine: no key, no network.
    host
        The address to listen on (127.0.0.1). Beyond this machine a token is needed.
    port
        The port (8400); 0 takes a free one.
    token
        What the page's address must hold; drawn by itself where one is needed.
    open
        Open it in a browser.
    journal
        The folder of sessions, instead of the usual one.
    runtime
        The event loop: uvicorn serves on asyncio, hypercorn on trio.
    """
    from coordinator.cli.web import WebOptions, web_command  # noqa: PLC0415

    return web_command(
        WebOptions(
            configs=config,
            models=model,
            agents=agents,
            is_emulated=emulate,
            host=host,
            port=port,
            token=token,
            journal=journal,
            is_opened=open,
            runtime=runtime,
        )
    )


@app.command(group=SET_UP)
def convert(
    file: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    as_: Annotated[str | None, Parameter(name="--as")] = None,
) -> int:
    """Write a MassGen configuration as a team file of ours.

    What it asks for that is not here stands at the head, with what to do instead.

    Exit codes: 0 written; 1 the command line or the file is not usable.

    Parameters
    ----------
    file
        The configuration (YAML or JSON).
    output
        The team file to write; left out, standard output.
    as_
        This model for agents of a kind that is not here.
    """
    from coordinator.cli.massgen_commands import convert_command  # noqa: PLC0415

    return convert_command(file, output, as_)


@app.command(group=SET_UP)
def models(*, maker: str | None = None, json: bool = False) -> int:
    """Show Claude's models: context, output, prices, what they can, when they retire.

    With a key (ANTHROPIC_API_KEY) the API's own list, without one dated data.

    Parameters
    ----------
    maker
        Show another's, as team files name them: openai, grok, gemini, or a server's.
    json
        Print one JSON array instead of a table.
    """
    from coordinator.cli.models import models_command  # noqa: PLC0415

    return models_command(is_json=json, maker=maker)


@app.command(name="help", group=SET_UP)
def help_(*command: str) -> int:
    """Show how a command is used: coordinator help run.

    Parameters
    ----------
    command
        The command; left out, all of them are listed.
    """
    return main([*command, "--help"])


for _command in EXAMPLES:
    app[_command].help_epilogue = beneath_help(_command)
for _place, _command in enumerate(IN_THIS_ORDER):
    app[_command].sort_key = _place

"""``coordinator sweep``: many sessions, a progress bar, results and a summary."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import anyio
import msgspec

from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.garbage_collection import collecting_rarely
from coordinator.cli.sweep_progress import Bar, Lines, Watcher
from coordinator.displays.sanitizer import clean
from coordinator.errors import ConfigInvalid
from coordinator.sweep.open_files import raise_limit
from coordinator.sweep.outcome import AGAIN
from coordinator.sweep.picture import drawn
from coordinator.sweep.plan import names_of
from coordinator.sweep.questions import fields_of, read_questions
from coordinator.sweep.store import write_file
from coordinator.sweep.summary import Summary, summarised
from coordinator.sweep.sweep import Report, SweepOptions, sweep
from coordinator.sweep.table import told
from coordinator.team.emulation import to_emulate
from coordinator.team.reader import read_team

if TYPE_CHECKING:
    from coordinator.journal.writer import Durability
    from coordinator.team.team_file_schema import TeamConfig


@dataclass(frozen=True, kw_only=True)
class SweepCommand:
    """The options of ``sweep``, as given."""

    questions: Path
    configs: tuple[str, ...]
    seeds: int = 1
    on: str = "local"
    concurrency: int = 16
    workers: int | None = None
    out: Path | None = None
    reference: str | None = None
    fields: str = ""
    check: str = ""
    limit: int | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None
    deadline_s: float | None = None
    durability: Durability = "async"
    is_emulated: bool = False
    is_json: bool = False


def sweep_command(command: SweepCommand) -> int:
    """Run a sweep.

    Raises:
        BrokenPipeError: Whoever read standard output has gone.
    """
    with collecting_rarely():
        return at_the_boundary(lambda: anyio.run(_run, command))


async def _run(command: SweepCommand) -> int:
    if not command.is_emulated:
        load_environment(None)
    options = _options(command)
    raise_limit()
    report: Report | None = None
    watcher = _watcher(sys.stderr)
    interrupted: list[signal.Signals] = []
    with watcher:
        async with anyio.create_task_group() as group:
            group.start_soon(_obey_signals, group.cancel_scope, interrupted)
            report = await sweep(options, watch=watcher.show)
            group.cancel_scope.cancel("the sweep is over")
    if interrupted:
        complain(
            f"interrupted by {interrupted[0].name}; what is done is kept in "
            f"{options.out}; the same command goes on with it"
        )
    if report is None:
        report = _so_far(options)
    summary = summarised(report.outcomes, report.total - len(report.outcomes))
    _write(command, options, summary)
    if report.problem is not None:
        complain(report.problem)
    if interrupted:
        return Exit.INTERRUPTED
    silent = [
        one for one in report.outcomes if one.status in AGAIN or one.answer is None
    ]
    if silent:
        complain(
            f"{len(silent):,} sessions came to no answer, the first: "
            f"{silent[0].session}: {silent[0].detail or silent[0].status}"
        )
    unjudged = [one for one in report.outcomes if one.is_unjudged]
    if unjudged:
        complain(
            f"{len(unjudged):,} answers could not be judged, the first: "
            f"{unjudged[0].session}: {unjudged[0].detail}"
        )
    cut = [one for one in report.outcomes if one.agents_retired]
    if cut:
        complain(
            f"{len(cut):,} sessions were cut short by their budget, the first: "
            f"{cut[0].session}; a larger one in a new folder compares teams fairly"
        )
    is_short = silent or summary.missing or unjudged or cut
    return Exit.EXECUTION if is_short else Exit.ANSWERED


async def _obey_signals(
    scope: anyio.CancelScope, interrupted: list[signal.Signals]
) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            interrupted.append(signal.Signals(number))
            scope.cancel(f"interrupted by {interrupted[0].name}")


def _watcher(out: TextIO) -> Watcher:
    return Bar(out) if out.isatty() else Lines(out)


def _options(command: SweepCommand) -> SweepOptions:
    fields = fields_of(command.fields, command.reference)
    questions = read_questions(command.questions, fields)
    if command.limit is not None:
        if command.limit < 1:
            raise ConfigInvalid(f"--limit {command.limit}: give 1 or more")
        questions = questions[: command.limit]
    names = names_of(command.configs)
    teams = {name: _team(command, path) for path, name in names.items()}
    out = command.out or Path(f"{command.questions.stem}-sweep")
    return SweepOptions(
        questions=questions,
        teams=teams,
        seeds=command.seeds,
        concurrency=command.concurrency,
        workers=command.workers,
        on=command.on,
        out=out,
        budget_usd=command.budget_usd,
        budget_tokens=command.budget_tokens,
        check=command.check,
        durability=command.durability,
    )


def _team(command: SweepCommand, path: str) -> TeamConfig:
    config = read_team(Path(path))
    if command.deadline_s is not None:
        if not command.deadline_s > 0:
            raise ConfigInvalid(
                f"--deadline {command.deadline_s:g} is not a time; give seconds over 0"
            )
        rules = config.rules.replace(deadline_s=command.deadline_s)
        config = msgspec.structs.replace(config, rules=rules)
    return to_emulate(config) if command.is_emulated else config


def _so_far(options: SweepOptions) -> Report:
    """The outcomes that an interrupted sweep has kept."""
    from coordinator.sweep.plan import jobs  # noqa: PLC0415
    from coordinator.sweep.store import read_outcomes  # noqa: PLC0415
    from coordinator.sweep.teams import team_source  # noqa: PLC0415

    assert options.out is not None
    sources = [team_source(name, config) for name, config in options.teams.items()]
    plan = {job.session for job in jobs(options.questions, sources, options.seeds)}
    outcomes = [one for one in read_outcomes(options.out) if one.session in plan]
    return Report(outcomes=tuple(outcomes), total=len(plan))


def _write(command: SweepCommand, options: SweepOptions, summary: Summary) -> None:
    folder = options.out
    assert folder is not None
    encoded = msgspec.json.encode(summary)
    indented = msgspec.json.format(encoded, indent=2) + b"\n"
    write_file(folder, "summary.json", indented)
    write_file(folder, "plot.svg", drawn(summary).encode())
    if command.is_json:
        sys.stdout.buffer.write(encoded + b"\n")
        sys.stdout.buffer.flush()
        return
    sys.stdout.write(clean(told(summary)))
    sys.stdout.write(f"\n{folder}: results.jsonl, summary.json, plot.svg, sessions/\n")

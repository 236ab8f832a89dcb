"""``coordinator scenario``: runs files, prints a table and every difference."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from coordinator.cli.exit_codes import complain
from coordinator.cli.garbage_collection import collecting_rarely
from coordinator.cli.output_files import check_output
from coordinator.displays.sanitizer import clean, one_line
from coordinator.errors import ConfigInvalid
from coordinator.scenarios.assembly import missing
from coordinator.scenarios.expansion import setting, span
from coordinator.scenarios.report_files import Unusable, as_json, junit
from coordinator.scenarios.runner import (
    Over,
    Play,
    Report,
    plays,
    run_scenario,
    run_together,
)
from coordinator.scenarios.selection import Selection, select
from coordinator.simulation.virtual_time import RUNTIMES, Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.scenarios.reader import Scenario

UNUSABLE = 1
"""The exit code where the command line or a file is not usable."""
DIFFERS = 2
"""The exit code where a scenario did not come true."""

NAME_WIDTH = 72
DURATION_WIDTH = 60


@dataclass(frozen=True, kw_only=True)
class ScenarioOptions:
    """The options of ``scenario``, as given."""

    paths: Sequence[Path] = ()
    runtime: Runtime | Literal["both"] = "asyncio"
    over: Over = "process"
    seed: int | None = None
    seeds: str | None = None
    schedule: int | None = None
    schedules: int = 1
    name_filter: str = ""
    settings: Sequence[str] = ()
    trace: bool = False
    fail_fast: bool = False
    durations: int = 0
    junit: Path | None = None
    is_json: bool = False

    @property
    def every_seed(self) -> Sequence[int]:
        """The seeds asked for; none: each file's own.

        Raises:
            ConfigInvalid: They are no span of numbers.
        """
        if self.seeds is None:
            return () if self.seed is None else (self.seed,)
        numbers = span(self.seeds)
        if numbers is None or self.seed is not None:
            raise ConfigInvalid(
                f"--seeds {self.seeds!r}: give a span such as 0..99, and no --seed"
            )
        return numbers

    def selected(self) -> Selection:
        """Read what is wanted.

        Raises:
            ConfigInvalid: Nothing is, or a setting cannot be read.
        """
        settings = dict(setting(text) for text in self.settings)
        return select(self.paths, self.name_filter, settings)


def scenario_command(options: ScenarioOptions) -> int:
    """Run scenarios and say how each went.

    Returns:
        The exit code: 0 where everything came true, 1 where a file is not usable, 2
        where all are and something did not come true.
    """
    with collecting_rarely():
        return _play_all(options)


def _play_all(options: ScenarioOptions) -> int:
    try:
        check_output(options.junit, "--junit")
        _check_numbers(options)
        selection = options.selected()
        wanted = _plays(options, selection.scenarios)
    except ConfigInvalid as error:
        complain(str(error))
        return UNUSABLE
    out = sys.stderr if options.is_json else sys.stdout
    reports: list[Report] = []

    def on_report(report: Report) -> None:
        if not options.is_json or report.differences:
            out.write(told(report, with_trace=options.trace))
            out.flush()
        reports.append(report)

    if not options.is_json:
        out.write(_row("scenario", "runtime", "status", "tokens", "seconds", ""))
    unusable = list(selection.unusable)
    unusable += _run(options, wanted, on_report)
    _tell_unusable(unusable)
    if options.durations:
        out.write(_durations(reports, options.durations))
    if options.junit is not None:
        options.junit.write_bytes(junit(reports, unusable))
    if options.is_json:
        sys.stdout.buffer.write(as_json(reports, unusable))
        sys.stdout.buffer.flush()
    else:
        out.write(_sum(reports, unusable, len(wanted)))
    return _code(reports, unusable)


def _check_numbers(options: ScenarioOptions) -> None:
    if options.schedules < 1:
        raise ConfigInvalid(f"--schedules {options.schedules}: give 1 or more")
    if options.schedule is not None and options.schedules > 1:
        raise ConfigInvalid("--schedule names one order, --schedules many; give one")
    if options.durations < 0:
        raise ConfigInvalid(f"--durations {options.durations}: give 0 or more")


def _plays(options: ScenarioOptions, scenarios: Iterable[Scenario]) -> list[Play]:
    runtimes = RUNTIMES if options.runtime == "both" else (options.runtime,)
    seeds = options.every_seed
    planned = [
        play
        for scenario in scenarios
        for play in plays(scenario, runtimes, seeds=seeds, schedules=options.schedules)
    ]
    if options.schedule is None:
        return planned
    return [play._replace(schedule=options.schedule) for play in planned]


def _run(
    options: ScenarioOptions,
    wanted: Sequence[Play],
    on_report: Callable[[Report], None],
) -> list[Unusable]:
    """Play what is wanted; and what could not be played, by file."""
    unusable: dict[Path, Unusable] = {}
    if options.over == "http":
        playable: list[Play] = []
        for play in wanted:
            if problems := "\n".join(missing(play.scenario)):
                path = play.scenario.path
                unusable[path] = Unusable(path, problems)
            else:
                playable.append(play)
        for one in RUNTIMES:
            scenarios = [play for play in playable if play.runtime == one]
            if scenarios:
                run_together(scenarios, on_report)
        return list(unusable.values())
    for play in wanted:
        path = play.scenario.path
        if path in unusable:
            continue
        try:
            report = run_scenario(
                play.scenario,
                runtime=play.runtime,
                seed=play.seed,
                schedule=play.schedule,
                has_prompts=options.trace,
            )
        except ConfigInvalid as error:
            unusable[path] = Unusable(path, str(error))
            continue
        on_report(report)
        if options.fail_fast and report.differences:
            break
    return list(unusable.values())


def check_command(options: ScenarioOptions) -> int:
    """Read all files, play none, and tell every fault; the exit code as above."""
    try:
        selection = options.selected()
    except ConfigInvalid as error:
        complain(str(error))
        return UNUSABLE
    unusable = {one.path: one for one in selection.unusable}
    for scenario in selection.scenarios:
        if problems := "\n".join(missing(scenario)):
            unusable[scenario.path] = Unusable(scenario.path, problems)
    _tell_unusable(unusable.values())
    playable = [x for x in selection.scenarios if x.path not in unusable]
    count, bad = len(playable), len(unusable)
    sys.stdout.write(f"{count} scenarios can be played")
    sys.stdout.write(f", {bad} files are not usable\n" if bad else "\n")
    return UNUSABLE if bad else 0


def list_command(options: ScenarioOptions) -> int:
    """Print the sentences of scenarios, by folder; the exit code as above."""
    try:
        selection = options.selected()
    except ConfigInvalid as error:
        complain(str(error))
        return UNUSABLE
    folder: Path | None = None
    for scenario in selection.scenarios:
        if scenario.path.parent != folder:
            folder = scenario.path.parent
            sys.stdout.write(f"{clean(str(folder))}\n")
        sys.stdout.write(f"  {clean(scenario.name)}\n")
    sys.stdout.write(f"\n{len(selection.scenarios)} scenarios\n")
    _tell_unusable(selection.unusable)
    return UNUSABLE if selection.unusable else 0


def _tell_unusable(unusable: Iterable[Unusable]) -> None:
    for one in unusable:
        for line in one.problem.splitlines():
            complain(line)


def _code(reports: Sequence[Report], unusable: Sequence[Unusable]) -> int:
    if unusable:
        return UNUSABLE
    return DIFFERS if any(report.differences for report in reports) else 0


def _sum(reports: Sequence[Report], unusable: Sequence[Unusable], wanted: int) -> str:
    came_true = sum(report.is_as_expected for report in reports)
    text = f"\n{came_true} of {len(reports)} as expected"
    if len(reports) < wanted:
        text += f"; {wanted - len(reports)} were not played"
    if unusable:
        text += f"; {len(unusable)} files are not usable, see above"
    return text + "\n"


def _durations(reports: Sequence[Report], most: int) -> str:
    slowest = sorted(reports, key=lambda report: -report.took_s)[:most]
    lines = [
        f"  {report.took_s * 1000:8.1f} ms  {report.runtime:<8} "
        f"{one_line(report.name, DURATION_WIDTH)}"
        for report in slowest
    ]
    return "\nslowest, in real time:\n" + "\n".join(lines) + "\n"


def told(report: Report, *, with_trace: bool = False) -> str:
    """A report as a line of the table, and its differences below."""
    result = report.result
    text = _row(
        report.name,
        report.runtime,
        result.status,
        f"{result.usage.total_tokens:,}",
        f"{result.elapsed_s:,.2f}",
        "ok" if report.is_as_expected else "DIFFERS",
    )
    if with_trace:
        text += "".join(f"    {clean(str(one))}\n" for one in report.happenings)
    if report.differences:
        text += "".join(f"    {clean(one)}\n" for one in report.differences)
        text += f"    again: {clean(report.again)}\n"
    return text


def _row(name: str, *cells: str) -> str:
    runtime, status, tokens, seconds, verdict = cells
    line = f"{_named(name):<{NAME_WIDTH}} {runtime:<8} {status:<11}"
    return f"{line} {tokens:>9} {seconds:>9}  {verdict}".rstrip() + "\n"


def _named(name: str) -> str:
    """A scenario's name on one line; what tells it from others of its file stays."""
    sentence, bracket, values = name.rpartition(" [")
    if not bracket or len(name) <= NAME_WIDTH:
        return one_line(name, NAME_WIDTH)
    shown = one_line(values, NAME_WIDTH * 2 // 3)
    return f"{one_line(sentence, NAME_WIDTH - len(shown) - 2)} [{shown}"

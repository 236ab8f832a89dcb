"""``coordinator scenario``: runs files, prints a table and every difference."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from coordinator.displays.sanitizer import clean, one_line
from coordinator.errors import ConfigInvalid
from coordinator.scenarios.reader import Scenario, find_scenarios, read_scenario
from coordinator.scenarios.runner import Over, Report, run_scenario, run_together
from coordinator.scenarios.schema import schema
from coordinator.simulation.virtual_time import RUNTIMES, Runtime

FAILED = 1
"""The exit code where a scenario did not come true, or could not be read."""

NAME_WIDTH = 72


def scenario_command(
    paths: Sequence[Path],
    *,
    runtime: Runtime | Literal["both"] = "asyncio",
    over: Over = "process",
    seed: int | None = None,
    name_filter: str = "",
    trace: bool = False,
) -> int:
    """Run scenarios and say how each went.

    Args:
        paths: Files, and folders that are searched for files which expect an outcome.
        runtime: Whose event loop; ``both``: each scenario on one after the other.
        over: See :func:`coordinator.scenarios.runner.run_scenario`.
        seed: Instead of each file's own.
        name_filter: Part of the sentences or file names wanted, in any case.
        trace: Whether to print what happened, line by line.

    Returns:
        The exit code: 0 where everything came true, else 1.
    """
    try:
        scenarios = _chosen(paths, name_filter)
    except ConfigInvalid as error:
        sys.stderr.write(f"coordinator: {clean(str(error))}\n")
        return FAILED
    runtimes = RUNTIMES if runtime == "both" else (runtime,)
    sys.stdout.write(_row("scenario", "runtime", "status", "tokens", "seconds", ""))
    verdicts: list[bool] = []

    def on_report(report: Report) -> None:
        sys.stdout.write(told(report, with_trace=trace))
        sys.stdout.flush()
        verdicts.append(report.is_as_expected)

    if over == "http":
        for one in runtimes:
            run_together(scenarios, on_report, runtime=one, seed=seed)
    else:
        for scenario in scenarios:
            for one in runtimes:
                on_report(run_scenario(scenario, runtime=one, seed=seed))
    came_true = sum(verdicts)
    sys.stdout.write(f"\n{came_true} of {len(verdicts)} as expected\n")
    return FAILED if came_true < len(verdicts) else 0


def list_command(paths: Sequence[Path], name_filter: str = "") -> int:
    """Print the sentences of scenarios, by folder; the exit code as above."""
    try:
        scenarios = _chosen(paths, name_filter)
    except ConfigInvalid as error:
        sys.stderr.write(f"coordinator: {clean(str(error))}\n")
        return FAILED
    folder: Path | None = None
    for scenario in scenarios:
        if scenario.path.parent != folder:
            folder = scenario.path.parent
            sys.stdout.write(f"{clean(str(folder))}\n")
        sys.stdout.write(f"  {clean(scenario.name)}\n")
    sys.stdout.write(f"\n{len(scenarios)} scenarios\n")
    return 0


def schema_command() -> int:
    """Print the JSON Schema of scenario files, for editors."""
    made = msgspec.json.format(msgspec.json.encode(schema()), indent=2)
    sys.stdout.write(made.decode() + "\n")
    return 0


def _chosen(paths: Sequence[Path], name_filter: str) -> list[Scenario]:
    wanted = name_filter.casefold()
    scenarios = [
        scenario
        for scenario in map(read_scenario, dict.fromkeys(find_scenarios(paths)))
        if wanted in scenario.name.casefold() or wanted in scenario.path.stem
    ]
    if not scenarios:
        raise ConfigInvalid(
            f"no scenario's name contains {name_filter!r}; try a shorter part of it"
            if name_filter
            else "no scenario was named; give a file or a folder, e.g. scenarios"
        )
    return scenarios


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
        text += f"    ({report.path}, seed {report.seed}; see it with --trace)\n"
    return text


def _row(name: str, *cells: str) -> str:
    runtime, status, tokens, seconds, verdict = cells
    line = f"{one_line(name, NAME_WIDTH):<{NAME_WIDTH}} {runtime:<8} {status:<11}"
    return f"{line} {tokens:>9} {seconds:>9}  {verdict}".rstrip() + "\n"

"""``coordinator simulate``: many random sessions, a table, and what broke in them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agents.protocol.chunks import AgentId
from coordinator.cli.exit_codes import Exit, complain
from coordinator.errors import ConfigInvalid
from coordinator.simulation.campaign import Failure, Report, campaign, run_settings
from coordinator.simulation.generate import (
    FAULTS,
    Setting,
    SettingFile,
    encode_rules,
    settings_of,
)
from coordinator.team.reader import read_document
from coordinator.team.team_file_schema import TeamFile
from coordinator.team.yaml_document import convert, read

VIOLATED = 1
"""The exit code where an invariant broke, as test programs have it."""

PROGRESS_S = 10.0
"""How often a log is told how far it is; a terminal sees every step."""


@dataclass(frozen=True, kw_only=True)
class SimulateOptions:
    """The options of ``simulate``, as given."""

    world: Path | None = None
    runs: int = 1000
    seed: int = 0
    workers: int = 1
    faults: str = "all"
    sizes: tuple[int, ...] = ()
    keep: Path | None = None
    is_json: bool = False
    through_shell: bool = False

    def spelled(self) -> str:
        """Those that a reproduction needs beside the seed."""
        words = [] if self.world is None else [str(self.world)]
        words += ["--shell"] if self.through_shell else []
        if self.faults != "all":
            words.append(f"--faults {self.faults}")
        words += [f"--size {size}" for size in self.sizes]
        return " ".join(words)


def cores() -> int:
    """How many processes can work at once here: a container may have fewer cores."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def simulate_command(options: SimulateOptions) -> int:
    """Play sessions and report; the boundary at which errors become sentences."""
    try:
        _check(options)
        report = _played(options)
        if options.keep is not None:
            _keep(options.keep, report)
    except ConfigInvalid as error:
        complain(str(error))
        return Exit.CONFIGURATION
    if options.is_json:
        sys.stdout.buffer.write(
            msgspec.json.encode(report, enc_hook=encode_rules) + b"\n"
        )
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(told(report, options))
    return VIOLATED if report.failures else Exit.ANSWERED


def _check(options: SimulateOptions) -> None:
    for name in ("runs", "workers"):
        if getattr(options, name) < 1:
            raise ConfigInvalid(f"--{name} {getattr(options, name)}: give 1 or more")
    for size in options.sizes:
        if size < 1:
            raise ConfigInvalid(f"--size {size}: a team has 1 agent or more")


def faults_of(spelled: str) -> tuple[str, ...]:
    """The faults to inject: ``all``, ``none``, or names with commas between them.

    Raises:
        ConfigInvalid: A name is unknown.
    """
    if spelled == "all":
        return FAULTS
    names = () if spelled == "none" else tuple(spelled.split(","))
    for name in names:
        if name not in FAULTS:
            known = ", ".join(("all", "none", *FAULTS))
            raise ConfigInvalid(f"--faults {name!r} is unknown; choose from {known}")
    return names


def _played(options: SimulateOptions) -> Report:
    play, plays = (run_settings, campaign)
    if options.through_shell:
        from coordinator.simulation import engine_world  # noqa: PLC0415  (anyio, trio)

        play, plays = engine_world.run_settings, engine_world.shell_campaign
    if options.world is not None:
        return play(_settings(options, options.world))
    faults = faults_of(options.faults)
    reports = plays(options.seed, options.runs, options.workers, faults, options.sizes)
    return watched(reports, options.runs)


def _settings(options: SimulateOptions, path: Path) -> Iterator[Setting]:
    """The one world of a kept file; of a scenario or team, one for each seed.

    Raises:
        ConfigInvalid: The file is none of these.
    """
    document = read(path)
    keys = document.data if isinstance(document.data, dict) else {}
    if "temper" in keys:
        yield convert(document, SettingFile).setting()
        return
    from coordinator.scenarios.schema import ScenarioFile  # noqa: PLC0415  (seldom)

    config = read_document(document, ScenarioFile if "expect" in keys else TeamFile)
    agents = tuple(AgentId(entry.id) for entry in config.agents)
    seeds = range(options.seed, options.seed + options.runs)
    yield from settings_of(agents, config.rules, seeds, faults_of(options.faults))


def watched(reports: Iterator[Report], runs: int) -> Report:
    """The last report; says on standard error how far it is."""
    began = told_at = time.monotonic()
    report = Report()
    is_terminal = sys.stderr.isatty()
    for report in reports:
        now = time.monotonic()
        is_last = report.runs == runs
        if not (is_last or is_terminal or now - told_at > PROGRESS_S):
            continue
        told_at = now
        pace = report.runs / max(now - began, 1e-9)
        broken = len(report.failures)
        line = f"{report.runs:,} of {runs:,}, {pace:,.0f}/s, {broken} violations"
        end = "\n" if is_last or not is_terminal else ""
        sys.stderr.write(f"\r{line}{end}" if is_terminal else f"{line}\n")
        sys.stderr.flush()
    return report


def told(report: Report, options: SimulateOptions) -> str:
    """The report in words and a table."""
    total = max(1, report.runs)
    counts = f"{report.runs:,} sessions, {report.steps:,} steps, each checked"
    lines = [f"{counts}; {len(report.failures)} violations", ""]
    for title, counts in (("ended", report.statuses), ("policy", report.policies)):
        lines.append(f"{title:<14}{'sessions':>12}{'share':>9}")
        lines += [
            f"{name:<14}{count:>12,}{count / total:>9.1%}"
            for name, count in sorted(counts.items(), key=lambda pair: -pair[1])
        ]
        lines.append("")
    for failure in report.failures:
        needed = ", ".join((f"{failure.agents} agents", *failure.changed))
        lines.append(f"VIOLATION: {failure.invariant} ({needed})")
        lines.append(f"  {failure.reproduction(options.spelled())}")
    return "\n".join(lines).rstrip() + "\n"


def _keep(folder: Path, report: Report) -> None:
    """Write each shrunk world to a file of its own, which ``simulate`` plays again."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for failure in report.failures:
            (folder / f"violation-{failure.seed}.yaml").write_text(_file(failure))
    except OSError as error:
        raise ConfigInvalid(f"--keep {folder} cannot be written: {error}") from error


def _file(failure: Failure) -> str:
    # JSON is YAML, and every setting has a name in it.
    shrunk = msgspec.json.encode(failure.shrunk, enc_hook=encode_rules)
    world = msgspec.json.format(shrunk, indent=2)
    return f"# breaks: {failure.invariant}\n{world.decode()}\n"

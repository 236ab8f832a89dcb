"""``coordinator measure``: which policy is best on a user's own questions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import anyio
import msgspec

from coordinator.cli.env_file import load_environment
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.sweep_progress import Bar, Lines
from coordinator.displays.result_text import dollars, tokens
from coordinator.measure.measurement import Measurement, MeasureOptions, measure
from coordinator.measure.table import lines
from coordinator.measure.teams import Forecast, forecast
from coordinator.sweep.questions import fields_of, read_questions
from coordinator.team.emulation import to_emulate
from coordinator.team.reader import read_team


@dataclass(frozen=True, kw_only=True)
class MeasureCommand:
    """The options of ``measure``, as given."""

    questions: Path
    config: Path
    reference: str | None = None
    fields: str = ""
    seeds: int = 1
    limit: int | None = None
    out: Path | None = None
    without_revisions: bool = False
    concurrency: int = 16
    budget_usd: float | None = None
    only_estimate: bool = False
    is_yes: bool = False
    is_emulated: bool = False
    is_json: bool = False


def measure_command(command: MeasureCommand) -> int:
    """Estimate, ask, replay and print."""
    return at_the_boundary(lambda: _command(command))


def _command(command: MeasureCommand) -> int:
    fields = fields_of(command.fields, command.reference)
    questions = read_questions(command.questions, fields)
    if command.limit is not None:
        if command.limit < 1:
            complain(f"--limit {command.limit}: give 1 or more")
            return Exit.CONFIGURATION
        questions = questions[: command.limit]
    config = read_team(command.config)
    expected = forecast(
        config,
        questions,
        command.seeds,
        with_revisions=not command.without_revisions,
    )
    _tell(command, expected)
    if command.only_estimate:
        return Exit.ANSWERED
    if not (command.is_emulated or command.is_yes or _agrees()):
        return Exit.CONFIGURATION
    options = MeasureOptions(
        questions=questions,
        config=to_emulate(config) if command.is_emulated else config,
        out=command.out or Path(f"{command.questions.stem}-measure"),
        seeds=command.seeds,
        with_revisions=not command.without_revisions,
        concurrency=command.concurrency,
        budget_usd=command.budget_usd,
    )
    if not command.is_emulated:
        load_environment(None)
    measurement = anyio.run(_run, options)
    return _print(command, options, measurement)


def _tell(command: MeasureCommand, expected: Forecast) -> None:
    out = sys.stdout if command.only_estimate else sys.stderr
    cost = dollars(0.0 if command.is_emulated else expected.usd)
    out.write(
        f"about {expected.sessions:,} sessions, {tokens(expected.tokens)} tokens, "
        f"{cost}, as the simulator has turns of usual length\n"
    )


def _agrees() -> bool:
    """Ask whoever sits there; nobody does where input is no terminal."""
    if not sys.stdin.isatty():
        complain("add --yes to go on, or --estimate to see no more than this")
        return False
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


async def _run(options: MeasureOptions) -> Measurement:
    watcher = Bar(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr)
    with watcher:
        return await measure(options, watch=watcher.show)


def _print(
    command: MeasureCommand, options: MeasureOptions, measurement: Measurement
) -> int:
    encoded = msgspec.json.encode(measurement)
    (options.out / "measurement.json").write_bytes(
        msgspec.json.format(encoded, indent=2) + b"\n"
    )
    if command.is_json:
        sys.stdout.buffer.write(encoded + b"\n")
        sys.stdout.buffer.flush()
    elif not measurement.policies:
        complain("no session came to an answer, so there is nothing to measure")
    else:
        table = lines(measurement.policies, measurement.estimates, measurement.sessions)
        sys.stdout.write("\n".join(table) + "\n")
        files = "measurement.json, results.jsonl, sessions/"
        sys.stdout.write(f"\n{options.out}: {files}\n")
    if measurement.problem is not None:
        complain(measurement.problem)
    return (
        Exit.EXECUTION if measurement.missing or measurement.problem else Exit.ANSWERED
    )

"""``coordinator compare``: play, print, draw."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from coordinator.comparison.assumptions import FIRST_TEST_SEED, assumptions
from coordinator.comparison.compare import SIZES, compare
from coordinator.comparison.contenders import CONTENDERS
from coordinator.comparison.plot import drawn
from coordinator.comparison.situations import SITUATIONS
from coordinator.comparison.sweep import read_sweep, sweep_report
from coordinator.comparison.sweep import sweep as played_sweep
from coordinator.comparison.table import report


def main_compare(
    *,
    runs: int = 200,
    sizes: Sequence[int] = SIZES,
    seed: int = FIRST_TEST_SEED,
    json: bool = False,
    plot: Path | None = None,
    workers: int = 1,
    contenders: Sequence[str] = CONTENDERS,
    situations: Sequence[str] = tuple(SITUATIONS),
    is_quiet: bool = False,
    sweep: str | None = None,
    judges: str = "",
    **parameters: object,
) -> int:
    """Compare policies and print what was found.

    Args:
        runs: Teams for each size and situation.
        sizes: Agents a team.
        seed: The first team's.
        json: Print one JSON object instead of tables.
        plot: Where to draw the picture (SVG); it is replaced.
        workers: Processes.
        contenders: Policies, as ``slate`` or ``slate,panel=5``.
        situations: Names of situations.
        is_quiet: Say nothing of progress (standard error).
        sweep: ``NAME=V1,V2,…``: compare with each of these values of an assumption
            instead, in the plain situation.
        judges: Where the correlation of judges is from.
        parameters: Assumptions to change; numbers may be strings.

    Returns:
        The exit code: 0.

    Raises:
        ConfigInvalid: A name or a number cannot be used.
    """
    if sweep is not None:
        name, values = read_sweep(sweep)
        points = played_sweep(
            name,
            values,
            runs=runs,
            sizes=sizes,
            seed=seed,
            rivals=contenders,
            workers=workers,
            assumed=assumptions(**parameters),
        )
        encoded = msgspec.json.encode(points).decode() + "\n"
        sys.stdout.write(encoded if json else sweep_report(points))
        return 0
    comparison = compare(
        runs=runs,
        sizes=sizes,
        seed=seed,
        workers=workers,
        contenders=contenders,
        situations=situations,
        assumed=assumptions(**parameters),
        judges=judges,
        on_progress=_nothing if is_quiet else _progress,
    )
    if json:
        sys.stdout.write(msgspec.json.encode(comparison).decode() + "\n")
    else:
        sys.stdout.write(report(comparison))
    if plot is not None:
        plot.write_text(drawn(comparison), encoding="utf-8")
    return 0


def _progress(done: int, jobs: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {jobs} batches" + ("\n" * (done == jobs)))
        sys.stderr.flush()


def _nothing(_done: int, _jobs: int) -> None:
    return

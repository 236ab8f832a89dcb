"""``coordinator compare``: policies on the same seeded teams."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coordinator.cli.compare_report import main_compare
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.output_files import check_output
from coordinator.comparison.assumptions import FIRST_TEST_SEED, Assumptions
from coordinator.comparison.compare import SIZES
from coordinator.comparison.contenders import CONTENDERS
from coordinator.comparison.judges import judges_of, named
from coordinator.comparison.outcome_data import read_outcomes
from coordinator.comparison.situations import SITUATIONS
from coordinator.errors import ConfigInvalid

RUNS = 200


@dataclass(frozen=True, kw_only=True)
class CompareOptions:
    """The options of ``compare``, as given; empty: all there are."""

    runs: int | None = None
    seed: int | None = None
    workers: int = 1
    sizes: tuple[int, ...] = ()
    situations: tuple[str, ...] = ()
    contenders: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    """``NAME=VALUE``"""
    judges: str = ""
    """A name, a correlation, or a folder of recorded verdicts."""
    sweep: str | None = None
    """``NAME=V1,V2,…``"""
    plot: Path | None = None
    is_json: bool = False


def compare_command(options: CompareOptions) -> int:
    """Compare, print, and draw if asked to."""
    try:
        check_output(options.plot, "--plot")
        errors, source = _judges(options.judges)
        return main_compare(
            runs=RUNS if options.runs is None else options.runs,
            sizes=options.sizes or SIZES,
            seed=FIRST_TEST_SEED if options.seed is None else options.seed,
            json=options.is_json,
            is_quiet=False,
            plot=options.plot,
            sweep=options.sweep,
            workers=options.workers,
            contenders=options.contenders or CONTENDERS,
            situations=options.situations or tuple(SITUATIONS),
            judges=source,
            **errors,
            **_assumed(options.assumed),
        )
    except ConfigInvalid as error:
        complain(str(error))
        return Exit.CONFIGURATION


def _judges(words: str) -> tuple[dict[str, float], str]:
    """The assumptions that make judges as far apart as recorded ones, and the source.

    Raises:
        ConfigInvalid: There are no such judges, or the folder has no verdicts.
    """
    folder = Path(words) if words else None
    if folder is not None and folder.is_dir():
        errors, source = judges_of(read_outcomes(folder).verdicts)
        source = f"{source}, recorded in {folder}"
    else:
        errors, source = named(words or "one_model")
        if not words:
            return {}, source  # the assumptions have it already
    return {"judge_shared_sd": errors.shared_sd, "judge_own_sd": errors.own_sd}, source


def _assumed(
    words: tuple[str, ...],
) -> dict[str, Any]:  # values are words, read as numbers later
    """Take ``NAME=VALUE`` apart.

    Raises:
        ConfigInvalid: There is no ``=``, or no such assumption.
    """
    values: dict[str, Any] = {}
    for word in words:
        name, is_there, value = word.partition("=")
        if not is_there or name not in Assumptions.__struct_fields__:
            raise ConfigInvalid(f"--assume {word!r} is no NAME=VALUE of an assumption")
        values[name] = value
    return values

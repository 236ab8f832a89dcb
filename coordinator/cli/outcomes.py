"""``coordinator compare --outcomes``: policies replayed on recorded outcomes."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from coordinator.cli.exit_codes import Exit, complain
from coordinator.comparison.outcome_data import read_outcomes
from coordinator.comparison.outcome_replay import replay
from coordinator.comparison.outcome_table import lines
from coordinator.errors import ConfigInvalid

DRAWS = 40
"""Teams drawn for each problem: a few seconds for some thousand problems."""
DRAWS_IN_FULL = 400


def outcomes_command(folder: Path, *, seed: int, is_full: bool, is_json: bool) -> int:
    """Read the folder, replay, print."""
    try:
        outcomes = read_outcomes(folder)
    except ConfigInvalid as error:
        complain(str(error))
        return Exit.CONFIGURATION
    rows = replay(outcomes, draws=DRAWS_IN_FULL if is_full else DRAWS, seed=seed)
    if is_json:
        sys.stdout.write(msgspec.json.encode(rows).decode() + "\n")
    else:
        sys.stdout.write("\n".join(lines(rows)).lstrip("\n") + "\n")
    return Exit.ANSWERED

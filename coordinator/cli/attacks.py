"""``coordinator simulate --attacks``: how often asking for votes wins them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import msgspec

from coordinator.cli.exit_codes import Exit
from coordinator.simulation.attacks import CREDULITIES, Rate, measure

RUNS = 50
"""Sessions for each attack and kind of voters; four thousand take some seconds."""


def attacks_command(runs: int | None, seed: int, *, is_json: bool) -> int:
    """Play the attacks and print their rates; 1 if a fence did not hold."""
    rates = list(measure(runs or RUNS, seed))
    if is_json:
        sys.stdout.buffer.write(msgspec.json.encode(rates) + b"\n")
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(table(rates))
    return 1 if any(rate.broken for rate in rates) else Exit.ANSWERED


def table(rates: Sequence[Rate]) -> str:
    """Attacks down, voters across: the share of sessions that the poor answer wins."""
    by_kind = {(rate.attack, rate.credulity): rate for rate in rates}
    lines = [
        f"A poor answer among five, {rates[0].runs} sessions each: how often it wins",
        "",
        f"{'attack':<20}" + "".join(f"{name:>13}" for name in CREDULITIES),
    ]
    for attack in dict.fromkeys(rate.attack for rate in rates):
        row = (by_kind[attack, credulity] for credulity in CREDULITIES)
        shares = "".join(f"{rate.wins / rate.runs:>13.0%}" for rate in row)
        lines.append(f"{attack:<20}{shares}")
    broken = sum(rate.broken for rate in rates)
    lines += ["", f"Fences broken: {broken}", *_MEANING]
    return "\n".join(lines) + "\n"


_MEANING = (
    "careful: obeys nothing in a fence. lax: takes what looks like a fence's end for",
    "one. suggestible: likes claimed support, one time in two. gullible: obeys all.",
)

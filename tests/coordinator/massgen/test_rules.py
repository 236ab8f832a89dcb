"""The policy ``massgen`` beside MassGen's own orchestrator, by the same scripts.

What MassGen 0.1.97 did with 250 generated scripts was recorded on 2026-11-30 with
``tests/end_to_end/massgen_rules/theirs.py``, and with 200 that ask for another round on
2026-12-01.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.massgen_rules import ours

GOLDEN = Path(__file__).parents[2] / "golden"
RULES = GOLDEN / "massgen-0.1.97-rules.jsonl.gz"
RESTARTS = GOLDEN / "massgen-0.1.97-restarts.jsonl.gz"
"""Scripts whose presenters may ask for another round."""

SAME = "same"
DUPLICATES = "duplicates are recorded"
NEWS = "a retry shows news"
LEAD = "who is refused for its lead is asked again at once"
NO_RESTART = "a restart without answers left"
KEPT = "a restart keeps answers and caps"
SLOWER = "a restart asks everybody before it votes"

COUNTS = {SAME: 223, DUPLICATES: 21, NEWS: 5, LEAD: 1}
"""As the room's README has them."""
RESTART_COUNTS = {
    SAME: 77,
    NO_RESTART: 68,
    KEPT: 29,
    DUPLICATES: 18,
    SLOWER: 5,
    NEWS: 2,
    LEAD: 1,
}
"""Of 200 scripts; MassGen forgets every answer at a restart, here nothing is lost."""


def recorded(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as file:
        return [json.loads(line) for line in file]


def difference(theirs: dict[str, Any], mine: dict[str, Any]) -> str:
    """Why a session went another way; ``same`` where it did not.

    Raises:
        AssertionError: Nothing that is known explains it.
    """
    before, after = theirs["trace"], json.loads(json.dumps(mine["trace"]))
    if before == after:
        assert theirs["winner"] == mine["winner"], theirs["seed"]
        assert theirs["votes"] == mine["votes"], theirs["seed"]
        return SAME
    steps = enumerate(zip(before, after, strict=False))
    at = next(n for n, (one, other) in steps if one != other)
    begun = max((n + 1 for n in range(at) if _deed(before[n]) == "restart"), default=0)
    agent = before[at - 1]["deed"][0]
    there, here = before[at]["waiting"], after[at]["waiting"]
    if any(offer[3:] for offer in there.values()) and not any(
        offer[3:] for offer in here.values()
    ):
        return NO_RESTART
    if _deed(before[at - 1]) == "answer" and agent in there and agent not in here:
        said = [x["deed"][2] for x in before[begun:at] if _deed(x) == "answer"]
        if not _is_repeated(said) and not begun:
            return LEAD
    if begun:
        return _after_restart(theirs["seed"], before, at, begun, there, here)
    if _deed(before[at - 1]) == "answer":
        said = [x["deed"][2] for x in before[:at] if _deed(x) == "answer"]
        assert _is_repeated(said), theirs["seed"]
        return DUPLICATES
    tries = [_deed(x) for x in before[:at] if x["deed"][0] == agent]
    assert {"text", "bad_vote"} & set(tries[-2:]), theirs["seed"]
    return NEWS


def _after_restart(  # noqa: PLR0917  (called once)
    seed: int,
    before: list[dict[str, Any]],
    at: int,
    begun: int,
    there: dict[str, Any],
    here: dict[str, Any],
) -> str:
    """MassGen forgets every answer; here they stand, and count on."""
    anew = {x["deed"][0] for x in before[begun:at] if _deed(x) == "answer"}
    earlier = {x["deed"][0] for x in before[:begun] if _deed(x) == "answer"}
    for agent, offer in here.items():
        if set(offer[1]) & (earlier - anew):
            return KEPT  # who has not answered again may be voted for
        if agent in there and there[agent][0] and not offer[0]:
            return KEPT  # no answer is left
    absent = there.keys() - here.keys()
    if absent & anew:
        return SLOWER
    assert absent & earlier, seed
    return KEPT


def _deed(step: dict[str, Any]) -> str:
    return step["deed"][1]


def _is_repeated(said: list[str]) -> bool:
    return any(likeness(*pair) > 0.5 for pair in combinations(said, 2))


def likeness(one: str, other: str) -> float:
    first, second = set(one.split()), set(other.split())
    return len(first & second) / len(first | second)


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "expected"), [(RULES, COUNTS), (RESTARTS, RESTART_COUNTS)]
)
async def test_the_policy_decides_as_massgen_did_but_for_known_differences(
    path: Path, expected: dict[str, int]
) -> None:
    counts: Counter[str] = Counter()
    for theirs in recorded(path):
        counts[difference(theirs, await ours.play(theirs["seed"]))] += 1
    assert dict(counts) == expected

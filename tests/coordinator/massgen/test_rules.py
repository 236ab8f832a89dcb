"""The policy ``massgen`` beside MassGen's own orchestrator, by the same scripts.

What MassGen 0.1.97 did with 250 generated scripts was recorded on 2026-11-30 with
``tests/end_to_end/massgen_rules/theirs.py``; with 200 that ask for another round, and
600 of which some do and some hold no vote, on 2026-12-01.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import combinations, zip_longest
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from coordinator.massgen.conversion import NOVELTY
from tests.end_to_end.massgen_rules import ours
from tests.end_to_end.massgen_rules.script import Script

GOLDEN = Path(__file__).parents[2] / "golden"
RULES = GOLDEN / "massgen-0.1.97-rules.jsonl.gz"
RESTARTS = GOLDEN / "massgen-0.1.97-restarts.jsonl.gz"
"""Scripts whose presenters may ask for another round."""
MIXED = GOLDEN / "massgen-0.1.97-mixed.jsonl.gz"
"""Scripts of every kind, those among them that end without a vote."""

SAME = "same"
DUPLICATES = "duplicates are recorded"
NEWS = "a retry shows news"
LEAD = "who is refused for its lead is asked again at once"
NO_RESTART = "a restart without answers left"
KEPT = "a restart keeps answers and caps"
SILENT = "who brings nothing in three tries may still vote"

ENDED: dict[str, Any] = {"waiting": {}}
"""In place of a step after the last."""

COUNTS = {SAME: 223, DUPLICATES: 21, NEWS: 5, LEAD: 1}
"""As the room's README has them."""
RESTART_COUNTS = {
    SAME: 77,
    NO_RESTART: 68,
    KEPT: 34,
    DUPLICATES: 18,
    NEWS: 2,
    LEAD: 1,
}
"""Of 200 scripts; MassGen forgets every answer at a restart, here nothing is lost."""
MIXED_COUNTS = {
    SAME: 311,
    NO_RESTART: 137,
    KEPT: 72,
    DUPLICATES: 71,
    NEWS: 7,
    SILENT: 2,
}
"""Of 300 seeds from 450 on and 300 from 2000 on; the latter brought up ``SILENT``."""


def recorded(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path) as file:
        return [json.loads(line) for line in file]


def difference(theirs: dict[str, Any], mine: dict[str, Any]) -> str:
    """Why a session went another way; ``same`` where it did not.

    What each agent is offered differs by one rule at a time, so that every agent's
    difference at the first step that has one must follow from the same class.

    Raises:
        AssertionError: Nothing that is known explains it.
    """
    before, after = theirs["trace"], json.loads(json.dumps(mine["trace"]))
    if before == after:
        assert theirs["winner"] == mine["winner"], theirs["seed"]
        assert theirs["votes"] == mine["votes"], theirs["seed"]
        return SAME
    steps = enumerate(zip_longest(before, after, fillvalue=ENDED))
    at = next(n for n, (one, other) in steps if one != other)
    there, here = _offers(before, at), _offers(after, at)
    past = Past(Script(theirs["seed"]), before[:at])
    changed = [x for x in {**there, **here} if there.get(x) != here.get(x)]
    assert changed, f"{theirs['seed']}: the same is offered and another thing is done"
    for name, explains in EXPLANATIONS.items():
        if all(explains(past, x, there.get(x), here.get(x)) for x in changed):
            return name
    raise AssertionError(theirs["seed"], at, there, here)


def _offers(trace: list[dict[str, Any]], at: int) -> dict[str, list[Any]]:
    return trace[at]["waiting"] if at < len(trace) else {}


Offered: TypeAlias = list[Any] | None
"""May answer, the ballot, is final, may restart; ``None``: the agent is asked nothing.
"""


class Past:
    """The steps before the first difference, and what they come to."""

    def __init__(self, script: Script, steps: list[dict[str, Any]]) -> None:
        self.setting = script.setting
        self.agents = script.agents
        self.steps = steps
        self.last = steps[-1]["deed"]
        restarts = [n + 1 for n, x in enumerate(steps) if x["deed"][1] == "restart"]
        self.is_restarted = bool(restarts)
        self.total = self._answers(steps)
        """Agent → answers of the session, as they count here."""
        self.since = self._answers(steps[max(restarts, default=0) :])
        """Agent → answers since the last restart, as they count there."""

    def _answers(self, steps: list[dict[str, Any]]) -> Counter[str]:
        return Counter(x["deed"][0] for x in steps if x["deed"][1] == "answer")

    @property
    def is_repeated(self) -> bool:
        """Whether the last deed is an answer too much like one before it."""
        return self.last[1] == "answer" and self._repeats()[-1]

    def _repeats(self) -> list[bool]:
        """Whether each answer is too much like one before it."""
        over = NOVELTY[self.setting.answer_novelty_requirement]
        words = [x["deed"][2] for x in self.steps if x["deed"][1] == "answer"]
        return [
            any(likeness(word, other) > over for other in words[:number])
            for number, word in enumerate(words)
        ]

    def alike(self) -> set[str]:
        """The agents with an answer that another repeats, or that repeats another."""
        over = NOVELTY[self.setting.answer_novelty_requirement]
        said = [x["deed"] for x in self.steps if x["deed"][1] == "answer"]
        pairs = [
            (x, y) for x, y in combinations(said, 2) if likeness(x[2], y[2]) > over
        ]
        return {deed[0] for pair in pairs for deed in pair}

    def novel(self) -> Counter[str]:
        """Agent → its answers that repeat none."""
        said = [x["deed"][0] for x in self.steps if x["deed"][1] == "answer"]
        pairs = zip(said, self._repeats(), strict=True)
        return Counter(agent for agent, is_one in pairs if not is_one)

    def has_tried_in_vain(self, agent: str) -> bool:
        """Whether its turn goes on after a try of no use that came after news."""
        own = [n for n, x in enumerate(self.steps) if x["deed"][0] == agent]
        deeds = [self.steps[n]["deed"][1] for n in own]
        if deeds and deeds[-1] == "vote":
            own, deeds = own[:-1], deeds[:-1]
        tries = 0
        while tries < len(deeds) and deeds[-1 - tries] in {"text", "bad_vote"}:
            tries += 1
        if not tries:
            return False
        began = own[-1 - tries] if tries < len(own) else 0
        meanwhile = [self.steps[n]["deed"] for n in range(began, own[-1])]
        return any(x[0] != agent and x[1] == "answer" for x in meanwhile)

    def silent(self) -> set[str]:
        """The agents whose last three tries were text alone or a ballot for nobody."""
        own = {
            x: [y["deed"] for y in self.steps if y["deed"][0] == x] for x in self.agents
        }
        return {
            agent
            for agent, deeds in own.items()
            if [deed[1] in {"text", "bad_vote"} for deed in deeds[-3:]] == [True] * 3
        }

    def has_no_more(self, agent: str, counts: Counter[str]) -> bool:
        return counts[agent] >= (self.setting.max_new_answers_per_agent or 1000)

    def is_ahead(self, agent: str, counts: Counter[str]) -> bool:
        """Whether another answer would be too far ahead of somebody's."""
        others = [counts[other] for other in self.agents if other != agent]
        return counts[agent] - min(others) >= self.setting.fairness_lead_cap_answers


def _repeats(past: Past, agent: str, there: Offered, here: Offered) -> bool:
    """An answer was recorded there, and refused here or made one with the other."""
    if past.is_repeated:
        return True
    novel = past.novel()
    if there is None or here is None or there[0] != here[0]:
        return past.is_ahead(agent, novel) != past.is_ahead(agent, past.since) or (
            past.has_no_more(agent, novel) != past.has_no_more(agent, past.since)
        )
    return set(here[1]) < set(there[1]) <= set(here[1]) | past.alike()


def _shows_news(past: Past, agent: str, there: Offered, here: Offered) -> bool:
    """A turn that goes on after a useless try has there what came meanwhile.

    Here it has not: a ballot that was cast without it is void, and asked for again.
    """
    if not past.has_tried_in_vain(past.last[0]):
        return False
    if past.last[1] == "vote":
        # It may have been the last that was waited for.
        return past.last[0] == agent or bool(there and there[2])
    return agent == past.last[0] and there is not None and here is not None


def _is_asked_again(past: Past, agent: str, there: Offered, here: Offered) -> bool:
    is_answer = past.last[:2] == [agent, "answer"]
    return (
        is_answer
        and not past.is_repeated
        and there is not None
        and here is None
        and past.is_ahead(agent, past.since)
    )


def _may_not_restart(past: Past, _agent: str, there: Offered, here: Offered) -> bool:
    """Nobody has an answer left, so that here another round is not offered."""
    is_offered = there is not None and len(there) > 3
    is_refused = here is None or len(here) < 4
    has_none = all(past.has_no_more(each, past.total) for each in past.agents)
    return is_offered and is_refused and has_none


def _is_kept(past: Past, agent: str, there: Offered, here: Offered) -> bool:
    """A restart keeps answers: they can be voted for, and count to cap and lead."""
    if not past.is_restarted:
        return False
    is_capped = past.has_no_more(agent, past.total)
    was_capped = past.has_no_more(agent, past.since)
    if there is None or here is None:
        ahead = past.is_ahead(agent, past.total) != past.is_ahead(agent, past.since)
        return is_capped != was_capped or ahead
    kept = {x for x in past.agents if past.total[x] and not past.since[x]}
    is_more = set(there[1]) <= set(here[1]) <= set(there[1]) | kept
    may_answer = there[0] == here[0] or (is_capped and not was_capped)
    return is_more and may_answer and there[2:] == here[2:]


def _is_out(past: Past, agent: str, there: Offered, here: Offered) -> bool:
    """An agent is out there; here it may vote, and those ahead of it wait."""
    silent = past.silent()
    if agent in silent:
        return there is None and here is not None
    waits = there is not None and here is None and past.is_ahead(agent, past.since)
    return bool(silent) and waits


EXPLANATIONS = {
    SILENT: _is_out,
    NO_RESTART: _may_not_restart,
    LEAD: _is_asked_again,
    KEPT: _is_kept,
    DUPLICATES: _repeats,
    NEWS: _shows_news,
}


def likeness(one: str, other: str) -> float:
    first, second = set(one.split()), set(other.split())
    return len(first & second) / len(first | second)


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "expected"),
    [(RULES, COUNTS), (RESTARTS, RESTART_COUNTS), (MIXED, MIXED_COUNTS)],
)
async def test_the_policy_decides_as_massgen_did_but_for_known_differences(
    path: Path, expected: dict[str, int]
) -> None:
    counts: Counter[str] = Counter()
    for theirs in recorded(path):
        counts[difference(theirs, await ours.play(theirs["seed"]))] += 1
    assert dict(counts) == expected

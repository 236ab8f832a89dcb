"""Policies replayed on recorded outcomes: counting, growing, checking, judging.

Each replay draws what a team would have had from what models really said, and lets the
product's own functions decide: results are equal by
:mod:`agents.tools.result_equality`, counted by
:mod:`coordinator.consensus.result_count`, certain by
:func:`coordinator.consensus.team_growth.is_sure`, and judges are weighed by
:func:`coordinator.ballots.learned_weights`. Draws are seeded, and every policy sees the
same drafts of a problem, so that differences are paired.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import TypeAlias, TypeVar

import msgspec

from agents.protocol.chunks import AgentId, Label
from agents.tools.result_text import text_result
from coordinator.ballots import Record, learned_weights
from coordinator.comparison.confidence import Interval, mean
from coordinator.comparison.outcome_data import (
    Outcomes,
    Problem,
    ProgramTask,
    Verdict,
)
from coordinator.consensus.result_count import Entry, entries
from coordinator.consensus.settings import Adaptive
from coordinator.consensus.team_growth import is_sure

DRAFTS = 7
"""Drafts where nothing else is said: the size of team that the figures are about."""
MANY = 16
"""The team size that growing is compared with."""
GROWN = Adaptive(start=3, step=2, max=15, over="answers", stop="posterior", sure=0.9)
JUDGES = ("GPT-4", "PaLM2", "ChatGPT", "LLaMA2")
RATINGS = "Rating"
"""Prompts that begin so ask for points and not for a verdict."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one policy on one kind of data."""

    data: str
    policy: str
    right: Interval
    """Share of problems, pairs or tasks that end right; over units, not draws."""
    gain: Interval | None = None
    """Right beyond the first policy of the same data, paired."""
    tokens: float | None = None
    """Output tokens a problem."""
    drafts: float | None = None
    """Drafts begun a problem."""
    units: int = 0
    """Problems of one model each; pairs; tasks."""


def replay(outcomes: Outcomes, *, draws: int, seed: int = 0) -> list[Row]:
    """Replay every policy on all there is.

    Args:
        outcomes: What was recorded.
        draws: Teams drawn for each problem, pair and task; intervals are over those,
            so more draws make means steadier and intervals no narrower than the data.
        seed: Decides every draw.
    """
    rows: list[Row] = []
    for dataset, problems in sorted(outcomes.problems.items()):
        rows += _answers(dataset, problems, draws, seed)
    if outcomes.verdicts:
        rows += _verdicts(outcomes.verdicts, draws, seed)
    if outcomes.programs:
        rows += _programs(outcomes.programs, draws, seed)
    return rows


_T = TypeVar("_T")
_Came: TypeAlias = tuple[float, float, float]
"""Right (0…1), tokens, drafts begun."""


def _answers(
    dataset: str, problems: Sequence[Problem], draws: int, seed: int
) -> Iterator[Row]:
    policies: dict[str, Callable[[_Drawn], _Came]] = {
        "one draft": lambda drawn: drawn.counted(1),
        f"{DRAFTS} drafts, counted": lambda drawn: drawn.counted(DRAFTS),
        f"{MANY} drafts, counted": lambda drawn: drawn.counted(MANY),
        "grown until the posterior is .9": lambda drawn: drawn.grown(GROWN),
    }
    came: dict[str, list[_Came]] = {name: [] for name in policies}
    for problem in problems:
        results = [_result(answer) for answer in problem.answers]
        gold = _result(problem.gold)
        key = f"{seed} {dataset} {problem.model} {problem.problem}"
        chance = Random(key)  # noqa: S311 (a replay, not a secret)
        drawn = (
            _Drawn(chance.sample(range(len(results)), size), problem, results, gold)
            for size in [min(MANY, len(results))] * draws
        )
        for name, averages in _averaged(policies, drawn, draws):
            came[name].append(averages)
    yield from _rows(dataset, came)


def _averaged(
    policies: Mapping[str, Callable[[_T], _Came]], teams: Iterable[_T], draws: int
) -> Iterator[tuple[str, _Came]]:
    """The average result of each policy on the same ``teams``."""
    sums = {name: [0.0, 0.0, 0.0] for name in policies}
    for team in teams:
        for name, policy in policies.items():
            for at, value in enumerate(policy(team)):
                sums[name][at] += value
    for name, (right, tokens, drafts) in sums.items():
        yield name, (right / draws, tokens / draws, drafts / draws)


def _result(answer: str | float | None) -> str:
    return "" if answer is None else text_result(str(answer))


class _Drawn:
    """One team's drafts of one problem, in the order in which they come."""

    def __init__(
        self,
        places: Sequence[int],
        problem: Problem,
        results: Sequence[str],
        gold: str,
    ) -> None:
        self._drafts = [(Label(f"agent{at}.1"), results[at], 1) for at in places]
        self._tokens = [problem.tokens[at] for at in places]
        self._gold = gold

    def counted(self, size: int) -> _Came:
        """Count ``size`` drafts; a tie is worth its share of right answers."""
        drafts = self._drafts[:size]
        counted_entries = entries(drafts, [label for label, _, _ in drafts])
        return self._right(counted_entries), sum(self._tokens[:size]), len(drafts)

    def grown(self, adaptive: Adaptive) -> _Came:
        """Draft until the results agree well enough, or the team is whole."""
        size = adaptive.start
        while True:
            drafts = self._drafts[:size]
            counted_entries = entries(drafts, [label for label, _, _ in drafts])
            counts = [len(entry.labels) for entry in counted_entries] + [0]
            sure = is_sure(adaptive, counts[0], counts[1], len(drafts))
            if sure or size >= min(adaptive.max, len(self._drafts)):
                return (
                    self._right(counted_entries),
                    sum(self._tokens[:size]),
                    len(drafts),
                )
            size = min(size + adaptive.step, adaptive.max)

    def _right(self, counted_entries: Sequence[Entry]) -> float:
        """Whether the first entry is right; of several first ones by lot."""
        by_label = {label: result for label, result, _ in self._drafts}
        tied = [
            entry
            for entry in counted_entries
            if entry.weight == counted_entries[0].weight
        ]
        hits = sum(by_label[entry.label] == self._gold for entry in tied)
        return hits / len(tied)


def _rows(data: str, came: Mapping[str, Sequence[_Came]]) -> Iterator[Row]:
    base = next(iter(came.values()))
    for name, units in came.items():
        gains = [one[0] - first[0] for one, first in zip(units, base, strict=True)]
        yield Row(
            data=data,
            policy=name,
            right=mean([right for right, _, _ in units]),
            gain=None if units is base else mean(gains),
            tokens=sum(tokens for _, tokens, _ in units) / len(units) or None,
            drafts=sum(drafts for _, _, drafts in units) / len(units) or None,
            units=len(units),
        )


def _verdicts(verdicts: Sequence[Verdict], draws: int, seed: int) -> Iterator[Row]:
    """One vote of each judge a pair; weights from one half, tried on the other."""
    known: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for verdict in verdicts:
        if not verdict.prompt.startswith(RATINGS):
            known[verdict.judge][verdict.pair].append(verdict.is_right)
    judges = [judge for judge in JUDGES if judge in known] or sorted(known)
    common = set(known[judges[0]])
    for judge in judges:
        common &= known[judge].keys()
    pairs = sorted(common)
    if not pairs:
        return
    chance = Random(f"{seed} verdicts")  # noqa: S311 (a replay, not a secret)
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    tried: dict[str, int] = defaultdict(int)
    for _ in range(draws):
        cast = {
            pair: {judge: chance.choice(known[judge][pair]) for judge in judges}
            for pair in pairs
        }
        order = chance.sample(pairs, len(pairs))
        learning, trying = order[: len(order) // 2], order[len(order) // 2 :]
        weights = learned_weights(
            {
                AgentId(judge): Record(
                    right=sum(cast[pair][judge] for pair in learning),
                    judged=len(learning),
                )
                for judge in judges
            },
            options=2,
        )
        best = max(judges, key=lambda x: sum(cast[pair][x] for pair in learning))
        for pair in trying:
            votes = cast[pair]
            tried[pair] += 1
            sums["the best judge alone"][pair] += votes[best]
            sums["equal weights"][pair] += _verdict(votes, dict.fromkeys(judges, 1.0))
            sums["learned weights"][pair] += _verdict(
                votes, {judge: weights[AgentId(judge)] for judge in judges}
            )
    came = {
        name: [(by_pair[pair] / tried[pair], 0.0, 0.0) for pair in sorted(tried)]
        for name, by_pair in sums.items()
    }
    yield from _rows(f"{len(judges)} judges of pairs", came)


def _verdict(votes: Mapping[str, bool], weights: Mapping[str, float]) -> float:
    """Whether the heavier side is right; of equal ones by lot."""
    right = sum(weights[judge] for judge, is_right in votes.items() if is_right)
    wrong = sum(weights[judge] for judge, is_right in votes.items() if not is_right)
    return 0.5 if right == wrong else float(right > wrong)


def _programs(tasks: Sequence[ProgramTask], draws: int, seed: int) -> Iterator[Row]:
    """Seven programs of each task that has assertions, chosen among by checks."""
    policies: dict[str, Callable[[_Programs], _Came]] = {
        "one program": lambda drawn: drawn.checked(0),
        "one check": lambda drawn: drawn.checked(1),
        "three checks": lambda drawn: drawn.checked(3),
        "until the first passes one check": lambda drawn: drawn.first_that_passes(),
        "any is right": lambda drawn: drawn.any_right(),
    }
    came: dict[str, list[_Came]] = {name: [] for name in policies}
    for task in tasks:
        checks = [at for at, author in enumerate(task.author) if author < 0]
        if not checks:
            continue
        chance = Random(f"{seed} {task.task}")  # noqa: S311 (a replay, not a secret)
        programs = range(len(task.right))
        drawn = (
            _Programs(
                task,
                chance.sample(programs, size),
                chance.sample(checks, len(checks)),
            )
            for size in [min(DRAFTS, len(programs))] * draws
        )
        for name, averages in _averaged(policies, drawn, draws):
            came[name].append(averages)
    if any(came.values()):
        yield from _rows("programs with checks", came)


class _Programs:
    """One team's programs of one task."""

    def __init__(
        self, task: ProgramTask, places: Sequence[int], checks: Sequence[int]
    ) -> None:
        self._task = task
        self._places = places
        self._checks = checks

    def checked(self, most: int) -> _Came:
        """One of those that pass most of so many checks, by lot."""
        checks = self._checks[:most]
        passed = {
            place: sum(self._task.passes[place][check] for check in checks)
            for place in self._places
        }
        top = max(passed.values())
        best = [place for place in self._places if passed[place] == top]
        return self._share(best), 0.0, len(self._places)

    def first_that_passes(self) -> _Came:
        """Drafts one after another until one passes; else any, by lot."""
        check = self._checks[0]
        for number, place in enumerate(self._places, start=1):
            if self._task.passes[place][check]:
                return float(self._task.right[place]), 0.0, number
        return self._share(self._places), 0.0, len(self._places)

    def any_right(self) -> _Came:
        """The result of a perfect choice."""
        hits = any(self._task.right[place] for place in self._places)
        return float(hits), 0.0, len(self._places)

    def _share(self, places: Sequence[int]) -> float:
        return sum(self._task.right[place] for place in places) / len(places)

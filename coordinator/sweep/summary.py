"""The summary of a sweep: by team, with 95 % intervals, and in pairs. Pure.

Sessions of one question are alike, so what varies is taken from question to question: a
question's sessions (its seeds) are averaged first. Two teams are compared on the
questions that both have answered or failed at, question by question.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Literal, TypeAlias

import msgspec

from coordinator.comparison.confidence import (
    Interval,
    mean,
    paired_difference,
    share,
)
from coordinator.sweep.outcome import AGAIN, Outcome

Measure: TypeAlias = Literal["accuracy", "agreement", "cost_usd", "tokens", "elapsed_s"]


class TeamSummary(msgspec.Struct, frozen=True, kw_only=True):
    """How one team fared."""

    team: str
    policy: str
    rule: str
    sessions: int
    questions: int
    failed: int
    """Sessions in which nobody has answered; where there is a reference they are
    wrong."""
    answered: int
    judged: int
    accuracy: Interval | None = None
    """``None``: there is no reference and no check."""
    agreement: Interval | None = None
    """The winner's part of the vote; ``None``: nobody voted."""
    cost_usd: Interval | None = None
    """Of a session; ``None``: a price is unknown."""
    total_usd: float | None = None
    tokens: Interval | None = None
    elapsed_s: Interval | None = None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One team less another, on the same questions."""

    one: str
    other: str
    of: Measure
    difference: Interval
    questions: int
    better: int = 0
    """Questions where ``one`` has more."""
    worse: int = 0

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out; one question says nothing of others."""
        is_apart = self.difference.low > 0 or self.difference.high < 0
        return is_apart and self.questions > 1


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All teams, and each pair."""

    sessions: int
    missing: int
    """Sessions of the plan without an outcome."""
    teams: tuple[TeamSummary, ...]
    differences: tuple[Difference, ...]


def summarised(outcomes: Sequence[Outcome], missing: int = 0) -> Summary:
    """Sum outcomes up.

    Args:
        outcomes: Each session's, once.
        missing: Sessions that have none.
    """
    teams: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        teams[outcome.team].append(outcome)
    pairs = combinations(teams, 2) if len(teams) < 20 else ()
    differences = (
        difference
        for one, other in pairs
        for difference in _differences(one, teams[one], other, teams[other])
    )
    return Summary(
        sessions=len(outcomes),
        missing=missing,
        teams=tuple(_team(name, own) for name, own in teams.items()),
        differences=tuple(differences),
    )


def _team(name: str, own: Sequence[Outcome]) -> TeamSummary:
    named = next((one for one in own if one.policy), own[0])
    costs = [one.cost_usd for one in own if one.cost_usd is not None]
    is_priced = len(costs) == len(own)
    ran = [one for one in own if one.agents]
    return TeamSummary(
        team=name,
        policy=named.policy,
        rule=named.rule,
        sessions=len(own),
        questions=len({one.question for one in own}),
        failed=sum(one.status in AGAIN for one in own),
        answered=sum(one.answer is not None for one in own),
        judged=sum(one.is_right is not None for one in own),
        accuracy=_accuracy(own),
        agreement=_mean(ran, _agreement),
        cost_usd=_mean(ran, lambda one: one.cost_usd) if is_priced else None,
        total_usd=sum(costs) if is_priced else None,
        tokens=_mean(ran, lambda one: one.tokens),
        elapsed_s=_mean(ran, lambda one: one.elapsed_s),
    )


def _right(outcome: Outcome) -> float | None:
    return None if outcome.is_right is None else float(outcome.is_right)


def _agreement(outcome: Outcome) -> float | None:
    return outcome.agreement


_MEASURES: dict[Measure, Callable[[Outcome], float | None]] = {
    "accuracy": _right,
    "agreement": _agreement,
    "cost_usd": lambda one: one.cost_usd if one.agents else None,
    "tokens": lambda one: one.tokens if one.agents else None,
    "elapsed_s": lambda one: one.elapsed_s if one.agents else None,
}


def _by_question(
    outcomes: Iterable[Outcome], of: Callable[[Outcome], float | None]
) -> dict[str, float]:
    """Question → the mean over its sessions that say something."""
    values: dict[str, list[float]] = defaultdict(list)
    for outcome in outcomes:
        value = of(outcome)
        if value is not None:
            values[outcome.question].append(value)
    return {question: sum(some) / len(some) for question, some in values.items()}


def _mean(
    outcomes: Sequence[Outcome], of: Callable[[Outcome], float | None]
) -> Interval | None:
    values = [*_by_question(outcomes, of).values()]
    return mean(values) if values else None


def _accuracy(outcomes: Sequence[Outcome]) -> Interval | None:
    """Wilson's interval where a question has one session; near 0 and 1 in any case."""
    values = [*_by_question(outcomes, _right).values()]
    if not values:
        return None
    is_single = all(value in {0.0, 1.0} for value in values)
    if is_single:
        return share(round(sum(values)), len(values))
    interval = mean(values)
    return Interval(
        value=interval.value, low=max(0.0, interval.low), high=min(1.0, interval.high)
    )


def _differences(
    one: str, first: Sequence[Outcome], other: str, second: Sequence[Outcome]
) -> Iterable[Difference]:
    for name, of in _MEASURES.items():
        left, right = _by_question(first, of), _by_question(second, of)
        pairs = [(left[each], right[each]) for each in left if each in right]
        deltas = [own - others for own, others in pairs]
        if not deltas:
            continue
        yield Difference(
            one=one,
            other=other,
            of=name,
            difference=_paired(pairs) if name == "accuracy" else mean(deltas),
            questions=len(deltas),
            better=sum(delta > 0 for delta in deltas),
            worse=sum(delta < 0 for delta in deltas),
        )


def _paired(pairs: Sequence[tuple[float, float]]) -> Interval:
    """The difference in accuracy: of shares, where every question is right or wrong."""
    n = len(pairs)
    both, first, second, neither = (
        pairs.count(kind) for kind in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0))
    )
    if both + first + second + neither == n:
        return paired_difference(both, first, second, n)
    interval = mean([own - others for own, others in pairs])
    return Interval(
        value=interval.value, low=max(-1.0, interval.low), high=min(1.0, interval.high)
    )

"""Ballots, weights and the tie order, brought into the one shape that all counts read.

Sums of weights are exact (integers and fractions, never floats): the order in which
ballots came must not decide, and 0.1 + 0.2 ties with 0.3. A weight is the decimal it is
written as.
"""

from __future__ import annotations

import math
from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias, TypeVar, cast

from agents.protocol.chunks import AgentId, Ballot, Label, Scores
from coordinator.ballots.ballot_kinds import (
    Index,
    Tiers,
    as_approvals,
    as_firsts,
    as_points,
    as_tiers,
    labels_of,
    standing_part,
)
from coordinator.errors import NoAnswers

Number: TypeAlias = int | Fraction
Weights: TypeAlias = Mapping[str, float] | Mapping[AgentId, float]
"""Voter → weight, 0 or more; 1 where absent."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """The count of an election by one rule; answers are places in the tie order."""

    order: tuple[int, ...]
    """All of them, best first."""
    measure: Sequence[Number]
    """By place in the tie order, not by rank."""
    tied: tuple[int, ...]
    """Answers that could win under another tie order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Election:
    """Weighted ballots over answers that are listed in the tie order."""

    labels: tuple[Label, ...]
    index: Index
    cast: tuple[tuple[Ballot, Number], ...]
    """Ballots without answers that no longer stand, each with its weight."""
    _gathered: dict[Callable[..., Any], dict[Any, Number]] = field(
        default_factory=dict[Any, Any], init=False, repr=False, compare=False
    )
    """Readings that are done: a winner is explained by the counts of all rules."""

    @property
    def size(self) -> int:
        """How many answers stand."""
        return len(self.labels)

    @property
    def total(self) -> Number:
        """Weight of all ballots, abstentions included."""
        return sum(weight for _, weight in self.cast)

    def with_last(self, place: int) -> Election:
        """The same ballots, but whoever is at ``place`` comes last in the tie order."""
        label = self.labels[place]
        order = (*(x for x in self.labels if x != label), label)
        index = {x: i for i, x in enumerate(order)}
        return Election(labels=order, index=index, cast=self.cast)

    def firsts(self) -> Mapping[tuple[int, ...], Number]:
        """Answers that share a first place → the ballots' weight; no abstentions."""
        sums = self._gather(as_firsts)
        return {places: weight for places, weight in sums.items() if places}

    def approvals(self) -> Mapping[tuple[int, ...], Number]:
        """Answers that are approved of → the weight of such ballots."""
        return self._gather(as_approvals)

    def tiers(self) -> Mapping[Tiers, Number]:
        """Ranking → the weight of such ballots."""
        return self._gather(as_tiers)

    def points(self, max_score: int) -> Mapping[tuple[int, ...], Number]:
        """Points by place in the tie order → the weight of such ballots.

        Abstentions are left out: they are no zeros.
        """
        scored = (pair for pair in self.cast if labels_of(pair[0]))
        return _added(
            (as_points(ballot, self.index, max_score), weight)
            for ballot, weight in scored
        )

    def _gather(self, read: Callable[[Ballot, Index], T]) -> Mapping[T, Number]:
        sums = cast("dict[T, Number] | None", self._gathered.get(read))
        if sums is None:
            index = self.index
            sums = _added([(read(one, index), weight) for one, weight in self.cast])
            self._gathered[read] = sums
        return sums


def _added(pairs: Iterable[tuple[T, Number]]) -> dict[T, Number]:
    """Ballots that say the same become one of their added weight."""
    sums: dict[T, Number] = {}
    for key, weight in pairs:
        sums[key] = sums.get(key, 0) + weight
    return sums


def hold(
    ballots: Mapping[AgentId, Ballot],
    labels: Collection[Label],
    tie_order: Sequence[Label],
    weights: Weights,
) -> Election:
    """Bring an election into shape.

    Raises:
        NoAnswers: ``labels`` is empty, so there is nothing to rank.
        ValueError: ``tie_order`` lacks a label, or a weight is negative or not finite.
    """
    if not labels:
        raise NoAnswers("nobody has answered, so there is nothing to rank")
    order = _ordered(labels, tie_order)
    index = {label: i for i, label in enumerate(order)}
    # Thousands of voters say a few hundred different things; each is read only once.
    distinct: dict[Hashable, Ballot] = {}
    sums: dict[Hashable, Number] = {}
    for voter, ballot in ballots.items():
        key = frozenset(ballot.points.items()) if isinstance(ballot, Scores) else ballot
        distinct.setdefault(key, ballot)
        weight = weight_of(voter, weights) if weights else 1
        sums[key] = sums.get(key, 0) + weight
    cast = tuple(
        [(standing_part(ballot, index), sums[key]) for key, ballot in distinct.items()]
    )
    return Election(labels=order, index=index, cast=cast)


def _ordered(
    labels: Collection[Label], tie_order: Sequence[Label]
) -> tuple[Label, ...]:
    """Those of ``tie_order`` that stand."""
    standing = set(labels)
    if labels is tie_order and len(standing) == len(tie_order):
        return tuple(tie_order)
    order = tuple(label for label in dict.fromkeys(tie_order) if label in standing)
    if len(order) < len(standing):
        missing = ", ".join(sorted(standing.difference(order)))
        raise ValueError(f"the tie order lacks {missing}; it must name every answer")
    return order


def weight_of(voter: AgentId, weights: Weights) -> Number:
    """The exact weight of ``voter``'s ballot; 1 where ``weights`` has none.

    Raises:
        ValueError: The weight is negative or not finite.
    """
    weight = weights.get(voter)
    if weight is None:
        return 1
    if not math.isfinite(weight) or weight < 0:
        raise ValueError(f"weight {weight} of {voter!r}; give a finite number ≥ 0")
    return exact(weight)


def exact(written: float) -> Number:
    """The number that ``written`` is the shortest spelling of."""
    whole = int(written)
    return whole if whole == written else Fraction(repr(written))


def open_weights(
    outstanding: Collection[AgentId] | int, weights: Weights
) -> tuple[Number, ...]:
    """The weights of the ballots to come, heaviest first.

    Args:
        outstanding: Who may still vote, or how many of weight 1.
        weights: Voter → weight; 1 where absent.
    """
    if isinstance(outstanding, int):
        return (1,) * outstanding
    open_ones = (weight_of(voter, weights) for voter in outstanding)
    return tuple(sorted(open_ones, reverse=True))


def ranked(measure: Sequence[Number]) -> Count:
    """The count of a rule whose largest measure wins; equals follow the tie order."""
    # Reversed sorting keeps equals in their order, which is the tie order.
    order = tuple(sorted(range(len(measure)), key=measure.__getitem__, reverse=True))
    best = measure[order[0]]
    tied = tuple([i for i in order if measure[i] == best])
    return Count(order=order, measure=measure, tied=tied)

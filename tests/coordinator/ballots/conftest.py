"""From one way to write an opinion down to every kind of ballot.

An *opinion* is a tuple of levels, one for each answer: higher is better, equals are
equal. Every kind of ballot can be read off it, so one profile serves all rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from agents.protocol.chunks import (
    AgentId,
    Approval,
    Ballot,
    Choice,
    Label,
    Ranking,
    Scores,
)
from coordinator.ballots import VotingRule, form

Opinion: TypeAlias = Sequence[int]


def _ballot(rule: VotingRule, opinion: Opinion, labels: Sequence[Label]) -> Ballot:
    asked = form(rule, labels)
    best = max(opinion)
    match asked.kind:
        case "choice":
            return Choice(label=labels[opinion.index(best)])
        case "approval":
            good = (x for x, level in zip(labels, opinion, strict=True) if level >= 2)
            return Approval(labels=tuple(good))
        case "ranking":
            return Ranking(
                tiers=tuple(
                    tuple(
                        x
                        for x, has in zip(labels, opinion, strict=True)
                        if has == level
                    )
                    for level in sorted(set(opinion), reverse=True)
                )
            )
        case "scores":
            return Scores(points=dict(zip(labels, opinion, strict=True)))


@pytest.fixture(scope="session")
def ballot_of() -> Callable[[VotingRule, Opinion, Sequence[Label]], Ballot]:
    """Make the ballot that a voter of one opinion hands in under a rule."""
    return _ballot


@pytest.fixture(scope="session")
def ballots_of() -> Callable[
    [VotingRule, Sequence[Opinion], Sequence[Label]], dict[AgentId, Ballot]
]:
    """Make the ballots of voters v0, v1, …, one for each opinion."""

    def make(
        rule: VotingRule, opinions: Sequence[Opinion], labels: Sequence[Label]
    ) -> dict[AgentId, Ballot]:
        return {
            AgentId(f"v{i}"): _ballot(rule, opinion, labels)
            for i, opinion in enumerate(opinions)
        }

    return make

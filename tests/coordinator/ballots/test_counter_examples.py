"""For each rule that lacks a property: one small vote that shows it, kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from agents.protocol.chunks import AgentId, Ballot, Label
from coordinator.ballots import (
    Approval,
    Borda,
    Copeland,
    InstantRunoff,
    MajorityJudgement,
    Plurality,
    Score,
    VotingRule,
    tally,
)

Opinion: TypeAlias = tuple[int, ...]
BallotsOf: TypeAlias = Callable[
    [VotingRule, Sequence[Opinion], Sequence[Label]], dict[AgentId, Ballot]
]
LABELS = tuple(Label(x) for x in "abcd")


def _winner(
    ballots_of: BallotsOf, rule: VotingRule, *groups: tuple[int, str]
) -> Label | None:
    """The winner where so many voters rank so, best first; from three points down."""
    profile: list[Opinion] = []
    for voters, order in groups:
        places = sorted(order)
        points = [len(order) - 1 - order.index(x) for x in places]
        profile.extend([tuple(points)] * voters)
    labels = LABELS[: len(groups[0][1])]
    ballots = ballots_of(rule, profile, labels)
    return tally(rule, ballots, labels, tie_order=labels[::-1]).winner


def _scored(
    ballots_of: BallotsOf, rule: VotingRule, *groups: tuple[int, Opinion]
) -> Label | None:
    profile = [opinion for voters, opinion in groups for _ in range(voters)]
    labels = LABELS[: len(profile[0])]
    ballots = ballots_of(rule, profile, labels)
    return tally(rule, ballots, labels, tie_order=labels[::-1]).winner


def test_borda_may_pass_over_what_most_put_first(ballots_of: BallotsOf) -> None:
    assert _winner(ballots_of, Borda(), (3, "abc"), (2, "bca")) == "b"


@pytest.mark.parametrize("rule", [Score(), MajorityJudgement(), Approval()], ids=str)
def test_points_and_approvals_may_pass_over_what_most_put_first(
    rule: VotingRule, ballots_of: BallotsOf
) -> None:
    groups = ((1, (5, 4)), (1, (4, 3)), (1, (1, 0)), (2, (0, 5)))
    assert _scored(ballots_of, rule, *groups) == "b"


@pytest.mark.parametrize("rule", [Plurality(), InstantRunoff()], ids=str)
def test_counting_first_places_may_drop_what_beats_all_others_in_duels(
    rule: VotingRule, ballots_of: BallotsOf
) -> None:
    groups = ((4, "abc"), (3, "cba"), (2, "bca"))
    assert _winner(ballots_of, Copeland(), *groups) == "b"
    assert _winner(ballots_of, rule, *groups) != "b"


def test_plurality_may_elect_what_loses_all_duels(ballots_of: BallotsOf) -> None:
    groups = ((3, "abc"), (2, "bca"), (2, "cba"))
    assert _winner(ballots_of, Plurality(), *groups) == "a"


@pytest.mark.parametrize("rule", [Score(), MajorityJudgement()], ids=str)
def test_points_may_elect_what_loses_all_duels(
    rule: VotingRule, ballots_of: BallotsOf
) -> None:
    if isinstance(rule, Score):
        groups = ((2, (1, 2)), (1, (5, 0)))
    else:
        groups = ((2, (2, 3)), (2, (2, 0)), (1, (0, 1)))
    assert sum(n for n, (a, b) in groups if b > a) > sum(
        n for n, (a, b) in groups if a > b
    )
    assert _scored(ballots_of, rule, *groups) == "a"


def test_instant_runoff_may_punish_being_lifted(ballots_of: BallotsOf) -> None:
    before = ((2, "abc"), (4, "acb"), (3, "bac"), (2, "bca"), (6, "cba"))
    # Two who ranked a last put it first: now b is not the first to drop out.
    after = ((2, "abc"), (6, "acb"), (3, "bac"), (2, "bca"), (4, "cba"))
    assert _winner(ballots_of, InstantRunoff(), *before) == "a"
    assert _winner(ballots_of, InstantRunoff(), *after) == "b"


@pytest.mark.parametrize("rule", [InstantRunoff(), Copeland()], ids=str)
def test_what_wins_in_both_parts_may_lose_in_the_whole(
    rule: VotingRule, ballots_of: BallotsOf
) -> None:
    if isinstance(rule, InstantRunoff):
        one = ((3, "bca"), (2, "cab"), (2, "acb"), (1, "abc"))
        two = ((3, "cba"), (2, "acb"), (1, "bac"), (1, "abc"))
    else:
        one = ((2, "cab"), (1, "abc"), (1, "acb"))
        two = ((2, "cab"), (2, "abc"), (2, "bca"), (1, "acb"))
    assert _winner(ballots_of, rule, *one) == "a"
    assert _winner(ballots_of, rule, *two) == "a"
    assert _winner(ballots_of, rule, *one, *two) == "c"


def test_a_clone_may_split_the_votes_for_its_like(ballots_of: BallotsOf) -> None:
    assert _winner(ballots_of, Plurality(), (3, "ab"), (4, "ba")) == "b"
    # c is like b: each has two of the four who want either.
    cloned = ((3, "abc"), (2, "bca"), (2, "cba"))
    assert _winner(ballots_of, Plurality(), *cloned) == "a"


def test_a_clone_may_add_to_what_its_like_is_worth(ballots_of: BallotsOf) -> None:
    assert _winner(ballots_of, Borda(), (3, "ab"), (2, "ba")) == "a"
    # c is like b, and worse to everybody: it helps b past a.
    assert _winner(ballots_of, Borda(), (3, "abc"), (2, "bca")) == "b"


def test_a_clone_may_turn_copelands_count(ballots_of: BallotsOf) -> None:
    before = ((2, "cba"), (1, "bca"), (1, "bac"))
    cloned = ((1, "bcda"), (1, "cdba"), (1, "bacd"), (1, "dcba"))
    assert _winner(ballots_of, Copeland(), *before) == "b"
    assert _winner(ballots_of, Copeland(), *cloned) == "c"

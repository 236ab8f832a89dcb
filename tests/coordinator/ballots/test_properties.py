"""Properties that social choice theory proves of each rule; others are beside."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.protocol.chunks import AgentId, Ballot, Label, Ranking
from coordinator.ballots import (
    Approval,
    Borda,
    Copeland,
    InstantRunoff,
    Majority,
    MajorityJudgement,
    Plurality,
    RankedPairs,
    Schulze,
    Score,
    Supermajority,
    Tally,
    Unanimity,
    VotingRule,
    every_rule,
    tally,
)

Opinion: TypeAlias = tuple[int, ...]
BallotsOf: TypeAlias = Callable[
    [VotingRule, Sequence[Opinion], Sequence[Label]], dict[AgentId, Ballot]
]

T = TypeVar("T")

LABELS = tuple(Label(x) for x in "abcde")
FALLING_BACK: tuple[VotingRule, ...] = (
    Majority(fallback=Borda()),
    Supermajority(share=0.67, fallback=InstantRunoff()),
    Unanimity(fallback=Majority(fallback=Schulze())),
)
RULES = (*every_rule(), *FALLING_BACK)
PROFILES = settings(max_examples=int(os.environ.get("PROFILES", "20")), deadline=None)
"""For each rule; PROFILES=2000 pytest … looks harder."""


def _named(rules: Sequence[VotingRule]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rule", rules, ids=str)


def _shuffled(items: Sequence[T], seed: int) -> list[T]:
    chance = random.Random(seed)  # noqa: S311 (profiles to try, not a secret)
    return chance.sample(items, len(items))


@st.composite
def profiles(
    draw: st.DrawFn, *, strict: bool = False, least: int = 1, answers: int = 4
) -> list[Opinion]:
    size = draw(st.integers(2, answers))
    levels = st.lists(st.integers(0, 5), min_size=size, max_size=size)
    opinion = st.permutations(range(size)) if strict else levels
    return draw(st.lists(opinion.map(tuple), min_size=least, max_size=7))


def _count(
    ballots_of: BallotsOf,
    rule: VotingRule,
    profile: Sequence[Opinion],
    *,
    order: Sequence[Label] | None = None,
) -> Tally:
    labels = LABELS[: len(profile[0])]
    ballots = ballots_of(rule, profile, labels)
    return tally(rule, ballots, labels, tie_order=order or labels)


def _beats(profile: Sequence[Opinion], one: int, other: int) -> bool:
    return sum((o[one] > o[other]) - (o[one] < o[other]) for o in profile) > 0


@_named(RULES)
@given(profile=profiles(), seed=st.integers(0, 9))
@PROFILES
def test_the_order_of_voters_does_not_matter(
    rule: VotingRule, profile: list[Opinion], seed: int, ballots_of: BallotsOf
) -> None:
    labels = LABELS[: len(profile[0])]
    ballots = ballots_of(rule, profile, labels)
    weights = {voter: 0.1 * (i + 1) for i, voter in enumerate(ballots)}
    shuffled = {voter: ballots[voter] for voter in _shuffled(list(ballots), seed)}
    assert tally(rule, ballots, labels, tie_order=labels, weights=weights) == tally(
        rule, shuffled, labels, tie_order=labels, weights=weights
    )


@_named(RULES)
@given(profile=profiles(strict=True), seed=st.integers(0, 9))
@PROFILES
def test_renaming_answers_renames_the_outcome(
    rule: VotingRule, profile: list[Opinion], seed: int, ballots_of: BallotsOf
) -> None:
    labels = LABELS[: len(profile[0])]
    renamed = _shuffled(labels, seed)
    names = dict(zip(labels, renamed, strict=True))
    before = _count(ballots_of, rule, profile)
    ballots = ballots_of(rule, profile, renamed)
    after = tally(rule, ballots, labels, tie_order=renamed)
    assert after.winner == (before.winner and names[before.winner])
    assert after.standings == tuple((names[x], s) for x, s in before.standings)
    assert after.tied == tuple(names[x] for x in before.tied)


@_named([rule for rule in RULES if not isinstance(rule, RankedPairs)])
@given(profile=profiles(), seed=st.integers(0, 9))
@PROFILES
def test_the_tie_order_chooses_among_the_tied_and_only_there(
    rule: VotingRule, profile: list[Opinion], seed: int, ballots_of: BallotsOf
) -> None:
    before = _count(ballots_of, rule, profile)
    order = _shuffled(LABELS[: len(profile[0])], seed)
    after = _count(ballots_of, rule, profile, order=order)
    assert sorted(after.tied) == sorted(before.tied)
    assert (after.winner is None) == (not after.tied)
    if after.winner is not None:
        assert after.winner in before.tied


@_named(RULES)
@given(profile=profiles())
@PROFILES
def test_a_voter_of_weight_two_is_two_voters(
    rule: VotingRule, profile: list[Opinion], ballots_of: BallotsOf
) -> None:
    labels = LABELS[: len(profile[0])]
    doubled = _count(ballots_of, rule, [*profile, profile[0]])
    ballots = ballots_of(rule, profile, labels)
    weights = {"v0": 2.0}
    assert tally(rule, ballots, labels, tie_order=labels, weights=weights) == doubled


@_named(RULES)
@given(profile=profiles())
@PROFILES
def test_scaling_all_weights_changes_nobodys_place(
    rule: VotingRule, profile: list[Opinion], ballots_of: BallotsOf
) -> None:
    labels = LABELS[: len(profile[0])]
    ballots = ballots_of(rule, profile, labels)
    thirds = dict.fromkeys(ballots, 0.3)
    scaled = tally(rule, ballots, labels, tie_order=labels, weights=thirds)
    plain = _count(ballots_of, rule, profile)
    assert scaled.winner == plain.winner
    assert scaled.tied == plain.tied
    assert [x for x, _ in scaled.standings] == [x for x, _ in plain.standings]


@_named(RULES)
@given(profile=profiles())
@PROFILES
def test_the_winner_leads_the_standings_and_all_answers_stand_in_them(
    rule: VotingRule, profile: list[Opinion], ballots_of: BallotsOf
) -> None:
    outcome = _count(ballots_of, rule, profile)
    named = [x for x, _ in outcome.standings]
    assert sorted(named) == sorted(LABELS[: len(profile[0])])
    if outcome.winner is not None:
        assert named[0] == outcome.winner
        assert outcome.winner in outcome.tied


@_named([rule for rule in RULES if not isinstance(rule, Approval)])
@given(profile=profiles())
@PROFILES
def test_what_everybody_puts_first_wins_alone(
    rule: VotingRule, profile: list[Opinion], ballots_of: BallotsOf
) -> None:
    lifted = [(5, *(min(level, 4) for level in o[1:])) for o in profile]
    outcome = _count(ballots_of, rule, lifted)
    assert outcome.winner == "a"
    assert outcome.tied == ("a",)


@_named(
    [Plurality(), Majority(), InstantRunoff(), Copeland(), Schulze(), RankedPairs()]
)
@given(profile=profiles())
@PROFILES
def test_what_most_put_first_wins_alone(
    rule: VotingRule, profile: list[Opinion], ballots_of: BallotsOf
) -> None:
    most = len(profile) // 2 + 1
    lifted = [
        (*o[:-1], 6 if voter < most else o[-1]) for voter, o in enumerate(profile)
    ]
    last = LABELS[len(profile[0]) - 1]
    assert _count(ballots_of, rule, lifted).tied == (last,)


@_named([Copeland(), Schulze(), RankedPairs()])
@given(profile=profiles())
@PROFILES
def test_what_beats_all_others_in_duels_wins_alone(
    rule: VotingRule, profile: list[Opinion], ballots_of: BallotsOf
) -> None:
    size = len(profile[0])
    best = [
        a
        for a in range(size)
        if all(_beats(profile, a, b) for b in range(size) if b != a)
    ]
    if best:
        assert _count(ballots_of, rule, profile).tied == (LABELS[best[0]],)


@_named([Borda(), InstantRunoff(), Copeland(), Schulze(), RankedPairs()])
@given(profile=profiles())
@PROFILES
def test_what_loses_all_duels_never_wins(
    rule: VotingRule, profile: list[Opinion], ballots_of: BallotsOf
) -> None:
    size = len(profile[0])
    outcome = _count(ballots_of, rule, profile)
    for a in range(size):
        if all(_beats(profile, b, a) for b in range(size) if b != a):
            assert LABELS[a] not in outcome.tied


@_named(
    [
        Plurality(),
        Majority(),
        Supermajority(),
        Unanimity(),
        Approval(),
        Borda(),
        Copeland(),
        Schulze(),
        RankedPairs(),
        Score(),
        MajorityJudgement(),
    ]
)
@given(profile=profiles(), voter=st.integers(0, 6), by=st.integers(1, 3))
@PROFILES
def test_lifting_the_winner_on_a_ballot_leaves_it_among_the_winners(
    rule: VotingRule,
    profile: list[Opinion],
    voter: int,
    by: int,
    ballots_of: BallotsOf,
) -> None:
    before = _count(ballots_of, rule, profile)
    if before.winner is None:
        return
    voter %= len(profile)
    winner = LABELS.index(before.winner)
    lifted = [list(o) for o in profile]
    lifted[voter][winner] = min(5, lifted[voter][winner] + by)
    after = _count(ballots_of, rule, [tuple(o) for o in lifted])
    assert before.winner in after.tied


@_named([Plurality(), Approval(), Borda(), Score()])
@given(profile=profiles(answers=3, least=2), cut=st.integers(1, 6))
@PROFILES
def test_what_wins_in_both_parts_wins_in_the_whole(
    rule: VotingRule, profile: list[Opinion], cut: int, ballots_of: BallotsOf
) -> None:
    cut = min(cut, len(profile) - 1)
    both = set(_count(ballots_of, rule, profile[:cut]).tied)
    both &= set(_count(ballots_of, rule, profile[cut:]).tied)
    if both:
        assert set(_count(ballots_of, rule, profile).tied) == both


@_named([InstantRunoff(), Schulze(), RankedPairs()])
@given(
    profile=profiles(strict=True, least=3),
    swapped=st.lists(st.booleans(), min_size=7, max_size=7),
)
@PROFILES
def test_a_clone_of_an_answer_changes_nothing_for_the_others(
    rule: VotingRule,
    profile: list[Opinion],
    swapped: list[bool],
    ballots_of: BallotsOf,
) -> None:
    before = _count(ballots_of, rule, profile)
    if len(before.tied) > 1:
        return
    size = len(profile[0])
    cloned: list[Opinion] = []
    # The last answer's clone stands right above or right below it on each ballot.
    for o, above in zip(profile, swapped, strict=False):
        wide = [2 * level for level in o]
        cloned.append((*wide, wide[-1] + (1 if above else -1)))
    after = _count(ballots_of, rule, cloned)
    pair = {LABELS[size - 1], LABELS[size]}
    if before.winner in pair:
        assert set(after.tied) <= pair
    else:
        assert after.tied == before.tied


@_named((Borda(), Copeland(), Schulze(), RankedPairs()))
@PROFILES
@given(lots=st.lists(st.permutations(range(5)), min_size=5, max_size=5))
def test_where_all_authors_vote_leaving_ones_own_answer_out_favours_nobody(
    rule: VotingRule, lots: list[list[int]]
) -> None:
    """Last on its author's ballot comes to the same as beside all others there."""
    left_out: dict[AgentId, Ballot] = {}
    beside: dict[AgentId, Ballot] = {}
    for own, lot in enumerate(lots):
        others = tuple((LABELS[i],) for i in lot if i != own)
        mine = ((LABELS[own],),)
        left_out[AgentId(f"{own}")] = Ranking(tiers=others)
        # Half of a voter puts it first and half last, which no single ranking says.
        beside[AgentId(f"{own}+")] = Ranking(tiers=(*mine, *others))
        beside[AgentId(f"{own}-")] = Ranking(tiers=(*others, *mine))
    halves = {str(voter): 0.5 for voter in beside}
    neutral = tally(rule, beside, LABELS, tie_order=LABELS, weights=halves)
    assert tally(rule, left_out, LABELS, tie_order=LABELS) == neutral

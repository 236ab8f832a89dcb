"""Majorities, fallbacks, electorates, quorums, ties and learned weights."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.protocol.chunks import AgentId, Ballot, Choice, Label, Ranking, Scores
from agents.protocol.chunks import Approval as Approves
from coordinator.ballots import (
    Borda,
    InstantRunoff,
    Majority,
    MajorityJudgement,
    Plurality,
    RankedPairs,
    Record,
    Schulze,
    Supermajority,
    Unanimity,
    VotingRule,
    earliest,
    has_quorum,
    learned_weights,
    log_odds,
    lot,
    runoff,
    tally,
)

A, B, C = (Label(x) for x in "abc")
LABELS = (A, B, C)
BLANK = Approves(labels=())


def _votes(spelled: str) -> dict[AgentId, Ballot]:
    """One voter a letter; ``-`` abstains."""
    return {
        AgentId(f"v{i}"): BLANK if x == "-" else Choice(label=Label(x))
        for i, x in enumerate(spelled)
    }


def _winner(rule: VotingRule, spelled: str, electorate: float | None = None) -> str:
    outcome = tally(
        rule, _votes(spelled), LABELS, tie_order=LABELS, electorate=electorate
    )
    assert (outcome.winner is None) == (outcome.tied == ())
    return str(outcome.winner)


@pytest.mark.parametrize(
    ("rule", "votes", "winner"),
    [
        (Majority(), "aab", "a"),
        (Majority(), "aabb", "None"),
        (Majority(), "aa--", "None"),
        (Majority(), "aaa--", "a"),
        (Majority(), "", "None"),
        (Supermajority(), "aab", "a"),
        (Supermajority(share=0.66), "aab", "a"),
        (Supermajority(share=0.67), "aab", "None"),
        (Supermajority(share=0.75), "aaab", "a"),
        (Supermajority(share=1.0), "aaa", "a"),
        (Supermajority(), "", "None"),
        (Unanimity(), "aaa", "a"),
        (Unanimity(), "aa-", "a"),
        (Unanimity(), "aab", "None"),
        (Unanimity(), "--", "None"),
        (Unanimity(fallback=Plurality()), "bba", "b"),
        (Unanimity(fallback=Majority()), "abc", "None"),
    ],
    ids=str,
)
def test_a_threshold_elects_who_reaches_it_or_nobody_or_its_fallback(
    rule: VotingRule, votes: str, winner: str
) -> None:
    assert _winner(rule, votes) == winner


def test_an_electorate_that_did_not_vote_raises_the_bar() -> None:
    assert _winner(Majority(), "aab", electorate=4) == "None"
    assert _winner(Majority(), "aab", electorate=3.5) == "a"


def test_the_rule_that_decided_is_named() -> None:
    rule = Majority(fallback=Unanimity(fallback=Borda()))
    first = tally(rule, _votes("aab"), LABELS, tie_order=LABELS)
    last = tally(rule, _votes("ab"), LABELS, tie_order=LABELS)
    assert (first.rule, last.rule) == ("majority", "borda")


def test_without_ballots_the_tie_order_ranks_equals() -> None:
    order = (C, A, B)
    for rule in (Borda(), InstantRunoff(), Schulze(), MajorityJudgement()):
        outcome = tally(rule, {}, LABELS, tie_order=order)
        assert outcome.winner == C
        assert outcome.tied == order
        assert tuple(x for x, _ in outcome.standings) == order


def test_instant_runoff_reports_the_votes_at_each_ones_end() -> None:
    ballots = {
        AgentId(str(i)): Ranking(tiers=tuple((Label(x),) for x in order))
        for i, order in enumerate(("abc", "abc", "bca", "bac", "cba"))
    }
    outcome = tally(InstantRunoff(), ballots, LABELS, tie_order=LABELS)
    assert outcome.standings == ((B, 3.0), (A, 2.0), (C, 1.0))
    assert outcome.tied == (B,)


def test_answers_that_nobody_puts_first_drop_out_together() -> None:
    labels = tuple(Label(f"x{i:02}") for i in range(40))
    ballots: dict[AgentId, Ballot] = {
        AgentId("v0"): Choice(label=labels[3]),
        AgentId("v1"): Choice(label=labels[5]),
    }
    outcome = tally(InstantRunoff(), ballots, labels, tie_order=labels)
    assert outcome.winner == labels[3]
    assert outcome.tied == (labels[3], labels[5])


def test_a_cycle_of_equals_ties_all_of_it() -> None:
    ballots = {
        AgentId(str(i)): Ranking(tiers=tuple((Label(x),) for x in order))
        for i, order in enumerate(("abc", "bca", "cab"))
    }
    for rule in (InstantRunoff(), Schulze(), RankedPairs()):
        assert tally(rule, ballots, LABELS, tie_order=(B, C, A)).tied == (B, C, A)


def test_equal_medians_are_told_apart_by_what_is_left() -> None:
    given_points = [{A: 2, B: 2}, {A: 2, B: 2}, {A: 1, B: 0}, {A: 3, B: 5}]
    ballots = {
        AgentId(str(i)): Scores(points=points) for i, points in enumerate(given_points)
    }
    outcome = tally(MajorityJudgement(), ballots, LABELS, tie_order=(B, A, C))
    assert outcome.standings[:2] == ((A, 2.0), (B, 2.0))
    assert outcome.tied == (A,)


@given(st.dictionaries(st.sampled_from("abcdef"), st.text(max_size=3)), st.integers())
def test_a_lot_depends_on_seed_and_content_alone(
    contents: dict[str, str], seed: int
) -> None:
    labelled = {Label(x): content for x, content in contents.items()}
    order = lot(seed, labelled)
    assert sorted(order) == sorted(labelled)
    assert lot(seed, dict(reversed(labelled.items()))) == order
    for gone in labelled:
        fewer = {x: content for x, content in labelled.items() if x != gone}
        assert lot(seed, fewer) == tuple(x for x in order if x != gone)


def test_a_lot_is_fair_over_seeds_and_never_changes() -> None:
    contents = {A: "Paris", B: "Lyon", C: "Nice"}
    firsts = [lot(seed, contents)[0] for seed in range(3000)]
    assert all(900 < firsts.count(x) < 1100 for x in LABELS)
    # Journals of old sessions are replayed: the same seed must give the same order.
    assert [lot(seed, contents)[0] for seed in range(6)] == list("ccbcab")


def test_answers_that_say_the_same_follow_their_labels() -> None:
    assert lot(1, {B: "same", A: "same"}) == (A, B)


def test_the_earliest_is_first_in_its_order() -> None:
    assert earliest({A: 3, B: 1, C: 2}) == (B, C, A)


def test_a_runoff_is_held_among_the_tied_only() -> None:
    tied = tally(Plurality(), _votes("aabbc"), LABELS, tie_order=(C, B, A))
    held = runoff(tied, (C, B, A))
    assert held is not None
    assert held.labels == (B, A)
    clear = tally(Plurality(), _votes("aab"), LABELS, tie_order=LABELS)
    assert runoff(clear, LABELS) is None
    nobody = tally(Majority(), _votes("ab"), LABELS, tie_order=LABELS)
    assert runoff(nobody, LABELS) is None


def test_a_quorum_counts_weights_and_abstentions() -> None:
    voters = [AgentId(f"v{i}") for i in range(4)]
    assert has_quorum(_votes("a-"), voters, 0.5)
    assert not has_quorum(_votes("a-"), voters, 0.51)
    assert has_quorum(_votes("a"), voters, 0.5, weights={"v0": 3})
    assert has_quorum({}, voters, 0.0)


def _learned(
    *, options: int, limit: float = 4.0, **right_of: tuple[int, int]
) -> dict[str, float]:
    records = {
        AgentId(voter): Record(right=right, judged=judged)
        for voter, (right, judged) in right_of.items()
    }
    return {**learned_weights(records, options=options, limit=limit)}


def test_a_guess_weighs_nothing_and_knowledge_weighs_its_log_odds() -> None:
    assert log_odds(0.5, 2) == 0
    assert log_odds(0.25, 4) == pytest.approx(0)
    assert log_odds(0.8, 2) == pytest.approx(math.log(4))
    assert log_odds(0.2, 3) < 0


@pytest.mark.parametrize(("p", "options"), [(0.0, 2), (1.0, 2), (0.5, 1)])
def test_log_odds_need_a_chance_between_never_and_always(
    p: float, options: int
) -> None:
    with pytest.raises(ValueError, match="give 0 < p < 1"):
        log_odds(p, options)


def test_a_voter_without_a_record_weighs_as_others_of_its_model_do() -> None:
    records = {
        AgentId("old"): Record(right=90, judged=100),
        AgentId("new"): Record(right=0, judged=0),
        AgentId("poor"): Record(right=55, judged=100),
        AgentId("odd"): Record(right=0, judged=0),
    }
    models = {AgentId("old"): "a", AgentId("new"): "a", AgentId("poor"): "b"}
    blind = learned_weights(records, options=2)
    assert blind[AgentId("new")] == blind[AgentId("odd")]
    weights = learned_weights(records, options=2, models=models)
    assert weights[AgentId("new")] > weights[AgentId("odd")] > weights[AgentId("poor")]
    alike = dict.fromkeys(records, "a")
    assert learned_weights(records, options=2, models=alike) == blind


def test_learned_weights_follow_the_records_and_average_one() -> None:
    weights = _learned(good=(90, 100), fair=(70, 100), new=(0, 0), options=3)
    assert weights["good"] > weights["new"] > weights["fair"] > 0
    assert sum(weights.values()) == pytest.approx(3, abs=1e-5)


def test_a_short_record_is_trusted_less_than_a_long_one() -> None:
    weights = _learned(short=(2, 2), long=(100, 100), rest=(50, 100), options=3)
    assert weights["long"] > weights["short"]


def test_who_is_worse_than_a_guess_has_no_say() -> None:
    weights = _learned(good=(80, 100), bad=(5, 100), options=2)
    assert weights["bad"] == 0
    assert weights["good"] > 0


def test_no_voter_outweighs_its_limit() -> None:
    others = {f"v{i}": (51, 100) for i in range(20)}
    free = _learned(star=(1000, 1000), **others, options=2, limit=100.0)
    clipped = _learned(star=(1000, 1000), **others, options=2, limit=2.0)
    assert free["star"] / free["v0"] > clipped["star"] / clipped["v0"]


def test_nobody_better_than_a_guess_leaves_all_alike() -> None:
    assert _learned(x=(1, 100), y=(2, 100), options=2) == {"x": 1.0, "y": 1.0}
    assert _learned(options=2) == {}


@pytest.mark.parametrize(
    ("prior_votes", "limit", "options"), [(0.0, 4.0, 2), (1.0, 0.5, 2), (1.0, 4.0, 1)]
)
def test_learning_refuses_settings_out_of_range(
    prior_votes: float, limit: float, options: int
) -> None:
    with pytest.raises(ValueError, match="give prior_votes"):
        learned_weights({}, options=options, prior_votes=prior_votes, limit=limit)


def test_a_record_with_more_right_than_votes_is_refused() -> None:
    with pytest.raises(ValueError, match="3 right of 2"):
        _learned(x=(3, 2), options=2)

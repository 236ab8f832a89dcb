"""Which ballots count, and what they say to each rule."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import AgentId, Ballot, Choice, Label, Ranking, Scores
from agents.protocol.chunks import Approval as Approves
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
    best_of,
    form,
    labels_of,
    read_rule,
    reject_reason,
    relabelled,
    spelled_out,
    tally,
)
from coordinator.errors import ConfigInvalid, NoAnswers

A, B, C = (Label(x) for x in "abc")
LABELS = (A, B, C)


def _count(rule: VotingRule, *ballots: Ballot, **weights: float) -> Tally:
    cast = {AgentId(f"v{i}"): ballot for i, ballot in enumerate(ballots)}
    return tally(rule, cast, LABELS, tie_order=LABELS, weights=weights)


def _rank(*tiers: str) -> Ranking:
    return Ranking(tiers=tuple(tuple(Label(x) for x in tier) for tier in tiers))


@pytest.mark.parametrize(
    ("rule", "kind", "max_score"),
    [
        (Plurality(), "choice", 10),
        (Majority(), "choice", 10),
        (Supermajority(), "choice", 10),
        (Unanimity(), "choice", 10),
        (Approval(), "approval", 10),
        (Borda(), "ranking", 10),
        (InstantRunoff(), "ranking", 10),
        (Copeland(), "ranking", 10),
        (Schulze(), "ranking", 10),
        (RankedPairs(), "ranking", 10),
        (Score(max_score=7), "scores", 7),
        (MajorityJudgement(), "scores", 5),
        (Majority(fallback=Supermajority(fallback=Score(max_score=3))), "scores", 3),
    ],
    ids=str,
)
def test_a_rule_asks_for_the_ballot_that_it_or_its_fallback_counts(
    rule: VotingRule, kind: str, max_score: int
) -> None:
    asked = form(rule, [C, A], may_abstain=True)
    assert (asked.kind, asked.max_score, asked.labels) == (kind, max_score, (C, A))
    assert asked.may_abstain


@pytest.mark.parametrize(
    ("rule", "ballot", "reason"),
    [
        (Plurality(), Choice(label=A), None),
        (Plurality(), _rank("a", "b"), None),
        (Plurality(), Approves(labels=(A, B)), None),
        (Plurality(), Scores(points={A: 99}), None),
        (Plurality(), Choice(label=Label("z")), "'z' is not on the ballot"),
        (Borda(), _rank("a", "ba"), "'a' is named more than once"),
        (Borda(), Approves(labels=(A, A)), "'a' is named more than once"),
        (Borda(), Ranking(tiers=()), "names no answer"),
        (Borda(), Ranking(tiers=((),)), "names no answer"),
        (Score(), Scores(points={}), "names no answer"),
        (Borda(), Approves(labels=()), "names no answer"),
        (Approval(), Approves(labels=()), None),
        (Approval(), Ranking(tiers=()), "names no answer"),
        (Approval(), Choice(label=B), None),
        (Approval(), _rank("a"), "good enough"),
        (Approval(), Scores(points={A: 1}), "good enough"),
        (Score(), Scores(points={A: 10, B: 0}), None),
        (Score(), Scores(points={A: 11}), "11 for 'a' is not between 0 and 10"),
        (Score(), Scores(points={A: -1}), "-1 for 'a' is not between 0 and 10"),
        (Score(), Choice(label=A), None),
        (Score(), Approves(labels=(A,)), None),
        (MajorityJudgement(), _rank("a", "b"), "0 to 5 points"),
    ],
    ids=str,
)
def test_a_ballot_counts_or_is_refused_with_a_reason(
    rule: VotingRule, ballot: Ballot, reason: str | None
) -> None:
    found = reject_reason(ballot, form(rule, LABELS))
    if reason is None:
        assert found is None
        _count(rule, ballot)
    else:
        assert found is not None
        assert reason in found


@pytest.mark.parametrize(
    "blank", [Approves(labels=()), Ranking(tiers=()), Scores(points={})], ids=str
)
def test_a_blank_ballot_is_an_abstention_where_that_is_allowed(blank: Ballot) -> None:
    assert reject_reason(blank, form(Plurality(), LABELS)) is not None
    assert reject_reason(blank, form(Plurality(), LABELS, may_abstain=True)) is None


@pytest.mark.parametrize(
    ("ballot", "best"),
    [
        (Choice(label=B), B),
        (Approves(labels=(B,)), B),
        (Approves(labels=(A, B)), None),
        (Approves(labels=()), None),
        (_rank("", "c", "ab"), C),
        (_rank("ab", "c"), None),
        (Ranking(tiers=()), None),
        (Scores(points={A: 1, B: 3}), B),
        (Scores(points={A: 3, B: 3}), None),
        (Scores(points={A: 0}), None),
        (Scores(points={}), None),
    ],
    ids=str,
)
def test_the_best_of_a_ballot_is_what_stands_alone_at_its_top(
    ballot: Ballot, best: Label | None
) -> None:
    assert best_of(ballot) == best


def test_a_ballot_names_its_labels_in_its_own_order() -> None:
    assert labels_of(Choice(label=B)) == (B,)
    assert labels_of(Approves(labels=(C, A))) == (C, A)
    assert labels_of(_rank("c", "ab")) == (C, A, B)
    assert labels_of(Scores(points={B: 1, A: 2})) == (B, A)


def test_a_choice_is_a_ranking_with_one_top() -> None:
    assert _count(Borda(), Choice(label=B)) == _count(Borda(), _rank("b"))
    assert _count(Borda(), Choice(label=B)) == _count(Borda(), _rank("b", "ac"))
    assert _count(Borda(), Choice(label=B)).standings == ((B, 2), (A, 0.5), (C, 0.5))


def test_points_and_approvals_read_as_rankings_with_equals() -> None:
    scores = Scores(points={C: 9, A: 2})
    assert _count(Schulze(), scores) == _count(Schulze(), _rank("c", "a", "b"))
    approves = Approves(labels=(A, C))
    assert _count(Borda(), approves) == _count(Borda(), _rank("ac", "b"))


def test_a_choice_and_approvals_read_as_all_points() -> None:
    assert _count(Score(max_score=4), Choice(label=B)).standings[0] == (B, 4)
    approves = Approves(labels=(B, C))
    assert _count(Score(max_score=4), approves).standings == ((B, 4), (C, 4), (A, 0))


def test_equal_firsts_share_one_vote_exactly() -> None:
    thirds = _count(Plurality(), *[Approves(labels=LABELS)] * 3, Choice(label=C))
    assert thirds.standings == ((C, 2), (A, 1), (B, 1))


def test_a_label_named_twice_has_its_better_place() -> None:
    assert _count(Borda(), _rank("a", "ab", "c")) == _count(Borda(), _rank("a", "b"))
    twice = Approves(labels=(A, A))
    assert _count(Approval(), twice).standings[0] == (A, 1)


def test_what_a_ballot_says_of_withdrawn_answers_is_skipped() -> None:
    gone = Label("gone")
    ranking = Ranking(tiers=((gone,), (B, gone), (A,)))
    assert _count(Borda(), ranking) == _count(Borda(), _rank("b", "a"))
    assert _count(Plurality(), Choice(label=gone)).standings[0] == (A, 0)
    scores = Scores(points={gone: 9, C: 1})
    assert _count(Score(), scores).winner == C
    approves = Approves(labels=(gone, C))
    assert _count(Approval(), approves).winner == C


def test_a_ballot_that_was_to_be_refused_is_a_bug_when_counted() -> None:
    with pytest.raises(ValueError, match="reject it first"):
        _count(Score(), _rank("a"))
    with pytest.raises(ValueError, match="reject it first"):
        _count(Approval(), Scores(points={A: 1}))


def test_abstentions_are_no_zeros_for_medians() -> None:
    grades = [Scores(points={A: 4, B: 2})] * 2
    blank = [Scores(points={})] * 3
    alone = _count(MajorityJudgement(), *grades)
    assert _count(MajorityJudgement(), *grades, *blank) == alone
    assert alone.standings == ((A, 4), (B, 2), (C, 0))


def test_nobody_to_vote_for_is_said_so() -> None:
    with pytest.raises(NoAnswers):
        tally(Plurality(), {}, (), tie_order=())


def test_a_tie_order_that_forgets_an_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="the tie order lacks b, c"):
        tally(Plurality(), {}, LABELS, tie_order=(A,))


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_no_weight_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="give a finite number"):
        _count(Plurality(), Choice(label=A), v0=weight)


def test_weights_are_the_decimals_they_are_written_as() -> None:
    ballots = (Choice(label=A), Choice(label=A), Choice(label=B))
    outcome = _count(Plurality(), *ballots, v0=0.1, v1=0.2, v2=0.3)
    assert outcome.tied == (A, B)


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("borda", Borda()),
        ("instant-runoff", InstantRunoff()),
        ("Ranked pairs", RankedPairs()),
        ({"kind": "score", "max_score": 3}, Score(max_score=3)),
        (
            {"kind": "supermajority", "share": 0.67, "fallback": "borda"},
            Supermajority(share=0.67, fallback=Borda()),
        ),
        (
            {"kind": "unanimity", "fallback": {"kind": "majority", "fallback": None}},
            Unanimity(fallback=Majority()),
        ),
    ],
    ids=str,
)
def test_a_rule_is_written_as_its_name_or_with_its_settings(
    written: object, rule: VotingRule
) -> None:
    assert read_rule(written) == rule


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("bordda", "did you mean 'borda'?"),
        ("zzz", "choose one of plurality, majority"),
        ({"kind": "skore"}, "did you mean 'score'?"),
        ({"kind": "score", "max": 3}, "`max`"),
        ({"kind": "supermajority", "share": 0.5}, "> 0.5"),
        ({"share": 0.7}, "kind"),
        ({"kind": "majority", "fallback": "bord"}, "did you mean 'borda'?"),
        (3, "rule"),
    ],
    ids=str,
)
def test_a_rule_that_cannot_be_read_is_refused_with_the_way_out(
    written: object, said: str
) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        read_rule(written)
    assert said in str(refused.value)


def test_what_is_no_rule_is_left_for_the_decoder() -> None:
    assert spelled_out([1]) == [1]


@pytest.mark.parametrize(
    ("ballot", "renamed"),
    [
        (Choice(label=A), Choice(label=C)),
        (Approves(labels=(A, B)), Approves(labels=(C, B))),
        (Ranking(tiers=((B,), (A,))), Ranking(tiers=((B,), (C,)))),
        (Scores(points={A: 3, B: 1}), Scores(points={C: 3, B: 1})),
    ],
    ids=lambda ballot: type(ballot).__name__,
)
def test_a_ballot_goes_by_an_answers_new_name(ballot: Ballot, renamed: Ballot) -> None:
    assert relabelled(ballot, {A: C}) == renamed

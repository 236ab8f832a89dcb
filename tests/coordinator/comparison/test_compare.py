"""The comparison of policies: fair, repeatable, and counted to the last token."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from agents.protocol.chunks import Label
from agents.protocol.turns import BallotForm
from coordinator.cli import main
from coordinator.cli.compare_report import main_compare
from coordinator.comparison import judges
from coordinator.comparison.assumptions import Assumptions, assumptions
from coordinator.comparison.ballots import widened
from coordinator.comparison.billing import Bill, Prefix, PromptCache
from coordinator.comparison.compare import (
    Comparison,
    adaptive_self_consistency,
    compare,
    self_consistency,
)
from coordinator.comparison.contenders import CONTENDERS, contender
from coordinator.comparison.crowd import Crowd
from coordinator.comparison.judges import JudgesName
from coordinator.comparison.outcome_data import Verdict
from coordinator.comparison.simulated_session import Outcome, Stage
from coordinator.comparison.situations import SITUATIONS, situation
from coordinator.consensus.rules import Adaptive, Rules, Straggler, Topology
from coordinator.errors import ConfigInvalid

STEADY = Assumptions(length_sd=0.0, speed_sd=0.0, cache=False)
"""Every turn takes its usual time and tokens."""


def played(
    policy: str, size: int = 3, seed: int = 5, assumed: Assumptions = STEADY
) -> Outcome:
    chosen = contender(policy)
    return Stage(Crowd(seed, size, assumed), chosen.rules, is_fresh=False).play()


def in_situation(name: str, policy: str, seeds: range, size: int = 7) -> list[Outcome]:
    assumed = assumptions(**situation(name).changes)
    return [played(policy, size, seed, assumed) for seed in seeds]


def test_an_ensemble_costs_its_drafts_its_votes_and_the_last_words() -> None:
    drafts = 3 * (2200 + 2500)
    votes = 3 * (2200 + 3 * 1000 + 600)
    last = 2200 + 1000 + 1200
    outcome = played("ensemble")
    reasons = (outcome.tokens - drafts - votes - last) / 150
    assert reasons in {1, 2, 3}
    assert outcome.wasted == 0


def test_an_ensemble_takes_a_draft_a_vote_and_the_last_words() -> None:
    read = (2200, 5200, 3200)
    written = (2500, 600, 1200)
    expected = sum(1 + i / 8000 + o / 60 for i, o in zip(read, written, strict=True))
    # The reasons that the presenter reads take a moment more.
    assert played("ensemble").elapsed_s == pytest.approx(expected, abs=0.1)


def test_a_cancelled_turn_costs_its_prompt_and_what_it_had_written() -> None:
    assumed = msgspec.structs.replace(
        STEADY, slow_agents=1, slow_factor=1000.0, first_token_s=0.0
    )
    patient = played("slate,final=reuse,early=false", 4, assumed=assumed)
    # The others take 2500 / 60 s and what reading takes; the slow one is cut at 1.5
    # times that, when it has written 1.5 * 2500 / 1000 tokens: three, whole. Then it
    # votes, as slowly, and is cut at 1.5 times what the others took: not one token.
    assert patient.status == "answered"
    assert patient.wasted == (2200 + 3) + (2200 + 3 * 1000)


def test_a_turn_that_is_decided_before_it_ends_is_cut() -> None:
    quick = played("slate,rule=plurality", 7, assumed=Assumptions())
    full = played("slate,rule=plurality,early=false", 7, assumed=Assumptions())
    assert quick.is_early
    assert quick.winner == full.winner
    assert quick.tokens < full.tokens
    assert quick.wasted > full.wasted


def test_the_same_seed_is_the_same_session() -> None:
    assert played("massgen", 5) == played("massgen", 5)
    assert played("massgen", 5) != played("massgen", 5, seed=6)


def test_what_a_policy_asks_for_does_not_shift_what_the_others_get() -> None:
    one, other = Crowd(1, 3, STEADY), Crowd(1, 3, STEADY)
    first = one.draft(2)
    one.normal("something", "else")
    other.ranked(0, [other.draft(i) for i in range(3)], [])
    assert other.draft(2) == first
    assert Crowd(1, 7, STEADY).draft(2).quality == first.quality


def test_without_tools_injecting_news_is_letting_the_turn_end() -> None:
    inject = played("revision,news=inject", 5, assumed=Assumptions())
    assert inject == played("revision,news=finish", 5, assumed=Assumptions())


def test_with_tools_injected_news_saves_votes_that_would_not_count() -> None:
    inject = in_situation("tools", "revision,news=inject", range(20))
    finish = in_situation("tools", "revision,news=finish", range(20))
    assert sum(o.wasted for o in inject) < sum(o.wasted for o in finish)


def test_a_rate_limit_makes_requests_wait() -> None:
    limited = in_situation("rate_limit", "slate", range(5))
    free = in_situation("plain", "slate", range(5))
    for slow, fast in zip(limited, free, strict=True):
        assert slow.elapsed_s > fast.elapsed_s


def test_waiting_for_a_prefix_saves_money_and_no_tokens() -> None:
    waiting = in_situation("prefix_wait", "ensemble", range(5))
    at_once = in_situation("plain", "ensemble", range(5))
    assert sum(o.usd for o in waiting) < 0.9 * sum(o.usd for o in at_once)
    assert sum(o.read for o in waiting) > 0
    assert sum(o.read for o in at_once) == 0


def test_a_leader_s_request_fills_the_cache_for_the_others() -> None:
    led = in_situation("plain", "slate,early=false", range(5))
    at_once = in_situation("plain", "slate,early=false,leader_first=null", range(5))
    for first, all_ in zip(led, at_once, strict=True):
        assert first.usd < 0.9 * all_.usd
        assert first.read > 0
        assert all_.read == 0
        assert first.winner == all_.winner
        # The others begin when the leader's response does, and then read faster.
        assert all_.elapsed_s <= first.elapsed_s < all_.elapsed_s + 3


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize("policy", ["massgen", "revision", "slate"])
def test_every_situation_can_be_played_to_an_answer(name: str, policy: str) -> None:
    for outcome in in_situation(name, policy, range(2), size=5):
        assert outcome.status == "answered"
        assert outcome.best >= outcome.quality
        assert 0 <= outcome.wasted < outcome.tokens


def test_a_unanimous_team_does_not_vote() -> None:
    (outcome,) = in_situation("unanimous", "slate", range(1))
    drafts_and_last = 7 * 4700 + 4400
    assert outcome.tokens < 1.5 * drafts_and_last


def test_a_straggler_is_waited_for_by_the_ensemble_only() -> None:
    slate = in_situation("straggler", "slate", range(10))
    ensemble = in_situation("straggler", "ensemble", range(10))
    faster = sum(
        a.elapsed_s < b.elapsed_s for a, b in zip(slate, ensemble, strict=True)
    )
    assert faster >= 9


def test_a_late_best_answer_is_what_cutting_stragglers_loses() -> None:
    slate = in_situation("late_best", "slate", range(20))
    ensemble = in_situation("late_best", "ensemble", range(20))
    assert sum(o.best for o in slate) < sum(o.best for o in ensemble)


@pytest.mark.parametrize(
    ("name", "correlation", "same"),
    [("one_model", 0.67, 0.863), ("independent", 0.16, 0.654)],
)
def test_judges_are_right_together_as_often_as_was_recorded(
    name: JudgesName, correlation: float, same: float
) -> None:
    errors = judges.errors_of(judges.RECORDED[name].correlation)
    assumed = assumptions(
        own_bias=0.0, judge_shared_sd=errors.shared_sd, judge_own_sd=errors.own_sd
    )
    if name == "one_model":
        plain = Assumptions()
        assert errors == pytest.approx(
            (plain.judge_shared_sd, plain.judge_own_sd), abs=0.001
        )
    agree, both, right = 0, 0, 0
    runs = 4000
    for seed in range(runs):
        crowd = Crowd(seed, 4, assumed)
        pair = [crowd.draft(0), crowd.draft(1)]
        best = max(pair, key=lambda answer: answer.quality)
        firsts = [crowd.ranked(v, pair, pair)[0][0] for v in (2, 3)]
        agree += firsts[0] == firsts[1]
        both += firsts == [best, best]
        right += firsts.count(best)
    alone = right / 2 / runs
    assert agree / runs == pytest.approx(same, abs=0.025)
    found = (both / runs - alone**2) / (alone * (1 - alone))
    assert found == pytest.approx(correlation, abs=0.06)
    assert judges.correlation_of(errors) == pytest.approx(correlation)


def test_judges_are_measured_in_recorded_verdicts() -> None:
    def verdict(pair: int, prompt: str, right: bool) -> Verdict:
        return Verdict(
            pair=f"p{pair}",
            judge="J",
            prompt=prompt,
            swapped=False,
            verdict="1" if right else "2",
            right="1",
        )

    asked = [verdict(n, "A", n % 4 > 0) for n in range(8)]
    asked += [verdict(n, "B", n % 4 > 0 and n != 5) for n in range(8)]
    asked += [verdict(n, "Rating", False) for n in range(8)]
    found = judges.measured(asked)
    assert found.right == 11 / 16
    assert found.within == pytest.approx(0.7454, abs=0.001)
    assert found.between is None
    errors, source = judges.judges_of(asked)
    assert judges.correlation_of(errors) == pytest.approx(found.within)
    assert source == "J with itself, right together at 0.75 over 8 pairs"


@pytest.mark.parametrize("words", ["nobody", "1.5", "-0.2"])
def test_judges_that_cannot_be_are_refused(words: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"judges|correlation"):
        judges.named(words)


def test_told_news_joins_the_ballot_and_one_s_own_answer_does_not() -> None:
    own, other, better = Label("agent1.1"), Label("agent2.1"), Label("agent2.2")
    form = BallotForm(kind="choice", labels=(other,))
    assert widened(form, (own, other), (own, other)) == form
    assert widened(form, (own, other), (own, better)).labels == (better,)


def test_colluders_put_one_of_theirs_first() -> None:
    crowd = Crowd(1, 3, assumptions(colluders=1))
    answers = [crowd.draft(i) for i in range(3)]
    honest = Crowd(1, 3, Assumptions()).ranked(0, answers, answers)
    ranked = [answer for answer, _ in crowd.ranked(0, answers, answers)]
    assert ranked[0].author == 0
    assert ranked[1:] == [a for a, _ in reversed(honest) if a.author != 0]


def test_samples_agree_where_the_question_is_easy() -> None:
    easy = next(
        crowd for seed in range(99) if (crowd := Crowd(seed, 3, STEADY)).ease > 2
    )
    outcome = self_consistency(easy, 10)
    assert outcome.is_right
    assert outcome.tokens == pytest.approx(47_000, rel=0.1)
    few = adaptive_self_consistency(easy)
    assert few.is_right
    assert few.tokens < outcome.tokens


def test_samples_err_together_where_it_is_hard() -> None:
    hard = next(
        crowd for seed in range(99) if (crowd := Crowd(seed, 3, STEADY)).ease < -2
    )
    assert not self_consistency(hard, 10).is_right


def test_a_contender_is_a_preset_and_what_is_changed_in_it() -> None:
    rules = contender("slate,panel=5,committee_over=null,rule=copeland").rules
    assert rules.voting.panel == 5
    assert rules.voting.committee_over is None
    assert rules.voting.rule.name == "copeland"
    assert contender("slate").rules == Rules("slate")
    assert contender("one judge").rules.voting.panel == 1
    assert contender("slate,straggler.factor=2").rules.drafting.straggler == Straggler(
        factor=2
    )
    ring = contender("slate,topology.ring=4,adaptive.max=9").rules
    assert ring.voting.topology == Topology(ring=4)
    assert ring.drafting.adaptive == Adaptive(max=9)
    assert contender("slate,straggler=null").rules.drafting.straggler is None


@pytest.mark.parametrize(
    "name",
    [
        "bogus",
        "slate,bogus=1",
        "slate,panel=many",
        "slate,panel=-1",
        "slate,straggler.x=1",
    ],
)
def test_a_contender_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(ConfigInvalid):
        contender(name)


def test_assumptions_are_read_from_words_and_unknown_ones_refused() -> None:
    assert assumptions(revise="0.1", cache="false").revise == pytest.approx(0.1)
    assert not assumptions(revise="0.1", cache="false").cache
    with pytest.raises(ConfigInvalid, match="revize"):
        assumptions(revize=0.1)
    with pytest.raises(ConfigInvalid):
        assumptions(revise="often")
    with pytest.raises(ConfigInvalid, match="sunny"):
        situation("sunny")


def test_a_prefix_can_be_read_once_its_first_response_has_begun() -> None:
    cache = PromptCache(Assumptions())
    prompt = [Prefix("a", 2000), Prefix("b", 5000)]
    assert cache.look_up(0.0, prompt, 5200) == Bill(plain=200, written=5000)
    cache.remember(2.0, prompt)
    assert cache.look_up(1.0, prompt, 5200).read == 0
    assert cache.look_up(2.0, prompt, 5200) == Bill(plain=200, read=5000)
    other = [Prefix("a", 2000), Prefix("c", 6000)]
    assert cache.look_up(3.0, other, 6200) == Bill(plain=200, read=2000, written=4000)
    assert cache.look_up(400.0, prompt, 5200).read == 0


def test_what_is_short_is_not_cached() -> None:
    cache = PromptCache(Assumptions())
    assert cache.look_up(0.0, [Prefix("a", 1000)], 1200) == Bill(plain=1200)


def test_money_weighs_the_cache() -> None:
    bill = Bill(plain=10**6, read=10**6, written=10**6, output=10**6)
    assert bill.usd(Assumptions()) == pytest.approx(2 * (1 + 0.1 + 1.25) + 10)


@pytest.fixture(scope="module")
def small() -> Comparison:
    return compare(runs=6, sizes=(3, 12), situations=("plain", "crash"), seed=1)


def test_every_contender_has_a_row_in_every_situation(small: Comparison) -> None:
    here = {(r.situation, r.size, r.contender): r for r in small.rows}
    for name in CONTENDERS:
        if name != "slate,committee_over=null":  # nobody needs committees here
            assert here["plain", 12, name].runs == 6
    assert ("plain", 3, "slate,shortlist=null") not in here
    assert ("crash", 12, "slate") not in here
    assert ("crash", 3, "slate") in here


def test_rows_add_up(small: Comparison) -> None:
    for row in small.rows:
        parts = row.tokens_in.value + row.tokens_cached.value + row.tokens_out.value
        assert row.tokens.value == pytest.approx(parts)
        assert row.tokens.low <= row.tokens.value <= row.tokens.high
        assert row.best.value >= row.quality.value
        # Whether a team grows depends on the ballots that were waited for.
        if row.early_same is not None and "adaptive" not in row.contender:
            assert row.early_same.value == 1
        assert math.isfinite(row.usd.value)


def test_policies_are_compared_over_the_same_teams(small: Comparison) -> None:
    versus = next(
        v
        for v in small.versus
        if v.contender == "slate" and v.rival == "slate,early=false" and v.size == 12
    )
    assert versus.quality.value == 0
    assert versus.same_answer.value == 1
    assert versus.tokens.value <= 1


def test_two_workers_find_what_one_finds(small: Comparison) -> None:
    again = compare(
        runs=6, sizes=(3, 12), situations=("plain", "crash"), seed=1, workers=2
    )
    assert again == small


@pytest.mark.parametrize(
    ("runs", "sizes", "workers"), [(0, (3,), 1), (1, (1,), 1), (1, (), 1), (1, (3,), 0)]
)
def test_a_comparison_of_nothing_is_refused(
    runs: int, sizes: tuple[int, ...], workers: int
) -> None:
    with pytest.raises(ConfigInvalid):
        compare(runs=runs, sizes=sizes, workers=workers)


def test_the_command_prints_tables_and_draws(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture = tmp_path / "cost.svg"
    code = main_compare(
        runs=2, sizes=(3, 7), situations=("plain",), plot=picture, revise="0.2"
    )
    out, err = capsys.readouterr()
    assert code == 0
    assert err == ""
    assert "Targets" in out
    assert "revise=0.2" in out
    assert "*evidence" in out
    assert picture.read_text().startswith("<svg ")


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    main_compare(
        runs=2, sizes=(3,), situations=("plain",), contenders=("slate",), json=True
    )
    found = msgspec.json.decode(capsys.readouterr().out, type=Comparison)
    assert [row.contender for row in found.rows] == ["slate"]


def test_a_sweep_says_where_the_verdict_turns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main_compare(
        runs=20,
        sizes=(5,),
        contenders=("massgen",),
        sweep="revision_gain=1,-1",
        seed=1,
    )
    out = capsys.readouterr().out
    assert code == 0
    assert "better" in out
    assert "worse" in out
    assert "quality is the same at revision_gain = " in out


@pytest.mark.parametrize(
    ("words", "named"),
    [("revise", "revise"), ("revise=", "revise="), ("revise=1", "two"), ("=1,2", "=1")],
)
def test_a_sweep_that_cannot_be_read_is_refused(words: str, named: str) -> None:
    with pytest.raises(ConfigInvalid, match=named):
        main_compare(runs=1, sizes=(3,), sweep=words)


def test_a_sweep_of_something_unknown_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="bogus"):
        main_compare(runs=1, sizes=(3,), sweep="bogus=1,2")


def test_a_team_of_too_few_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--size", "1"]) == 1
    assert "size 1 is too few; give 2 or more" in capsys.readouterr().err

"""Why an answer won: what a result tells of the vote."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agents.protocol.chunks import AgentId, Choice, Label
from coordinator.ballots import Plurality, Score
from coordinator.consensus.explanation import Explainer
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    AnswerAccepted,
    Event,
    ResultsCounted,
    VoteCounted,
    VotesCarried,
    WinnerDecided,
)
from coordinator.protocol.explanation import Explanation
from coordinator.scenarios.runner import run_scenario

RULES = Path(__file__).parents[3] / "scenarios" / "rules"


def _why(name: str, runtime: str) -> Explanation:
    report = run_scenario(RULES / f"{name}.yaml", runtime=runtime)  # type: ignore[arg-type]
    assert report.result.why is not None
    return report.result.why


@pytest.fixture(params=["asyncio", "trio"])
def runtime(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_plurality_vote_is_told_with_margin_and_dissent(runtime: str) -> None:
    name = "plurality_elects_whoever_most_put_first_though_most_put_it_last"
    why = _why(name, runtime)
    assert why.rule == "plurality"
    assert why.standings[0][0] == why.label
    assert why.margin is not None
    assert why.margin > 0
    assert why.runner_up == why.standings[1][0]
    assert why.steps[0].title == "first places"
    assert {record.voter for record in why.dissent} < {x.voter for x in why.ballots}
    assert all(record.seen for record in why.ballots)
    assert {other.rule for other in why.others} >= {"plurality", "borda", "schulze"}


def test_votes_that_fell_are_told_with_the_reason(runtime: str) -> None:
    name = "a_late_answer_voids_the_votes_that_had_not_seen_it"
    why = _why(name, runtime)
    assert any("had not seen" in fallen.why for fallen in why.fallen)
    voters = [record.voter for record in why.ballots]
    assert len(voters) == len(set(voters))


def test_other_rules_choose_others_where_the_ballots_say_so(runtime: str) -> None:
    name = "borda_elects_the_answer_that_is_high_on_every_list"
    why = _why(name, runtime)
    chosen = {other.rule: other.label for other in why.others}
    assert chosen["borda"] == why.label
    assert chosen["plurality"] != why.label


def test_counted_results_are_told_with_their_drafts(runtime: str) -> None:
    name = "answers_whose_results_are_equal_are_counted_and_need_no_vote"
    why = _why(name, runtime)
    assert why.ballots == ()
    assert (why.drafts[0].result, len(why.drafts[0].labels)) == ("44", 4)
    assert why.agreement is not None
    assert why.agreement.share == pytest.approx(0.8)
    assert why.agreement.ballots == 5


def test_a_single_answer_needs_no_ballots_to_be_explained(runtime: str) -> None:
    why = _why("the_only_answer_wins_without_a_vote", runtime)
    assert (why.rule, why.ballots, why.agreement) == ("", (), None)


def test_a_vote_that_hung_on_one_ballot_says_on_whose(runtime: str) -> None:
    why = _why("a_weighty_voter_counts_for_several", runtime)
    assert why.swing.startswith("without ")
    assert why.swing.endswith(" would have won")


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in RULES.glob("*.yaml"))[::7]
)
def test_the_ballots_told_count_to_the_standings(name: str) -> None:
    result = run_scenario(RULES / f"{name}.yaml").result
    why = result.why
    if why is None or not why.ballots or why.drafts or why.rule == "majority":
        return
    if why.rule in {"plurality", "borda", "score", "approval", "schulze"}:
        assert dict(why.steps[-1].points) == dict(why.standings)


ADA, BOB, CY = AgentId("ada"), AgentId("bob"), AgentId("cy")
A1, B1, C1 = Label("a1"), Label("b1"), Label("c1")


def explainer(rules: Rules, *more: Event) -> Explainer:
    """One that has read of three answers."""
    made = Explainer(rules, {})
    for agent, label in ((ADA, A1), (BOB, B1), (CY, C1)):
        made.take(AnswerAccepted(agent=agent, label=label, content=f"{agent}'s"))
    for event in more:
        made.take(event)
    return made


def counted(
    voter: str, label: Label, grades: dict[Label, dict[str, int]] | None = None
) -> VoteCounted:
    return VoteCounted(
        voter=AgentId(voter),
        choice=None,
        label=label,
        ballot=Choice(label=label),
        reason="",
        grades=msgspec.UNSET if grades is None else grades,
    )


def decided(*standings: tuple[Label, float]) -> WinnerDecided:
    return WinnerDecided(
        winner=ADA,
        label=standings[0][0],
        rule="plurality",
        standings=standings,
        is_early=False,
        was_tie=False,
    )


def test_points_of_a_rubric_are_those_that_others_gave() -> None:
    rules = Rules(rubric=("clear", "short"), rule=Score(), self_votes="forbid")
    given = (
        counted("ada", B1, {A1: {"clear": 10}, B1: {"clear": 4}}),
        counted("cy", A1, {A1: {"clear": 8, "short": 2}, B1: {"clear": 6}}),
    )
    why = explainer(rules, *given, decided((A1, 1.0), (B1, 1.0))).explain()
    assert why is not None
    assert [(x.criterion, x.points) for x in why.rubric] == [
        ("clear", ((A1, 8.0), (B1, 5.0))),
        ("short", ((A1, 2.0),)),
    ]


def test_a_ballot_that_was_never_counted_cannot_be_carried() -> None:
    carried = VotesCarried(voters=(BOB, CY), replaced=B1, label=C1)
    rules = Rules(rule=Plurality())
    end = decided((C1, 1.0))
    why = explainer(rules, counted("cy", B1), carried, end).explain()
    assert why is not None
    assert [(x.voter, x.ballot) for x in why.ballots] == [("cy", Choice(label=C1))]


def test_drafts_for_a_result_that_no_longer_stands_are_not_counted() -> None:
    counts = ResultsCounted(
        standings=((A1, 1.0), (B1, 1.0)), members=((A1,), (B1,)), is_clear=False
    )
    rules = Rules(rule=Plurality())
    why = explainer(rules, counts, counted("cy", A1), decided((A1, 2.0))).explain()
    assert why is not None
    assert why.agreement is not None
    assert why.agreement.ballots == 2  # cy's, and ada's draft


def test_in_a_large_vote_nobodys_ballot_is_left_out_once_more() -> None:
    rules = Rules(rule=Plurality(), weights={"v0": 40})
    many = [counted(f"v{n}", A1 if n else B1) for n in range(27)]
    few = many[:3]
    end = decided((B1, 40.0), (A1, 26.0))
    for votes, is_told in ((few, True), (many, False)):
        why = explainer(rules, *votes, end).explain()
        assert why is not None
        assert bool(why.swing) is is_told

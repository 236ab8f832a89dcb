"""How a rule comes to its winner: the steps end where the rule does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.protocol.chunks import AgentId, Choice, Label, Ranking, Scores
from coordinator.ballots import VotingRule, every_rule, tally
from coordinator.ballots.count_steps import choices_of_all_rules, count_steps, duels
from coordinator.ballots.voting_rules import asked_for

LABELS = tuple(Label(f"agent{n}.1") for n in range(1, 5))
RANKINGS = st.lists(st.permutations(LABELS), min_size=1, max_size=7)


def _ballots(
    rule: VotingRule, rankings: list[list[Label]]
) -> dict[AgentId, Choice | Ranking | Scores]:
    kind, most = asked_for(rule)
    made: dict[AgentId, Choice | Ranking | Scores] = {}
    for number, ranking in enumerate(rankings):
        voter = AgentId(f"v{number}")
        if kind == "ranking":
            made[voter] = Ranking(tiers=tuple((label,) for label in ranking))
        elif kind == "scores":
            points = {label: max(0, most - 3 * at) for at, label in enumerate(ranking)}
            made[voter] = Scores(points=points)
        else:
            made[voter] = Choice(label=ranking[0])
    return made


@pytest.mark.parametrize("rule", every_rule(), ids=lambda rule: rule.name)
@given(rankings=RANKINGS)
def test_the_last_step_has_the_standings_of_the_rule(
    rule: VotingRule, rankings: list[list[Label]]
) -> None:
    ballots = _ballots(rule, rankings)
    result = tally(rule, ballots, LABELS, tie_order=LABELS)
    steps = count_steps(rule, ballots, LABELS)
    last = steps[-1]
    if rule.name == "instant_runoff":
        assert [step.dropped for step in steps[:-1]] == [
            label for label, _ in reversed(result.standings[1:])
        ]
        assert last.points[0][0] == result.winner
    elif rule.name in {"copeland", "ranked_pairs"}:
        # Copeland breaks its ties by Borda, ranked pairs by locking.
        assert dict(last.points).keys() == set(LABELS)
    else:
        assert dict(last.points) == dict(result.standings)


def test_the_bar_of_a_threshold_is_told() -> None:
    majority = next(rule for rule in every_rule() if rule.name == "majority")
    ballots = {
        AgentId("a"): Choice(label=LABELS[0]),
        AgentId("b"): Choice(label=LABELS[1]),
    }
    assert count_steps(majority, ballots, LABELS)[0].bar == 1.0


def test_every_two_answers_are_compared_once_the_winner_first() -> None:
    ballots = {
        AgentId("a"): Ranking(tiers=((LABELS[1],), (LABELS[0],))),
        AgentId("b"): Ranking(tiers=((LABELS[1],), (LABELS[0],))),
        AgentId("c"): Ranking(tiers=((LABELS[0],), (LABELS[1],))),
    }
    found = duels(ballots, LABELS[:2], {"c": 0.5})
    assert [(x.one, x.other, x.margin) for x in found] == [(LABELS[1], LABELS[0], 1.5)]


def test_rules_that_a_ranking_says_nothing_to_are_left_out() -> None:
    ballots = {AgentId("a"): Ranking(tiers=((LABELS[0],), (LABELS[1],)))}
    found = {other.rule: other.label for other in choices_of_all_rules(ballots, LABELS)}
    assert "score" not in found
    assert "approval" not in found
    assert found["borda"] == LABELS[0]

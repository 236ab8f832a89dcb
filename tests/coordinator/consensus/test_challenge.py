"""After a close vote one better answer may challenge the winner, and nothing more."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import AgentId
from coordinator.ballots import Plurality
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    AnswerRefused,
    AnswerVetoed,
    ChallengeOpened,
    StartTurn,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table


def close_vote(seat: Seat, **changes: object) -> Table:
    """Five agents of whom three prefer ada's answer and two bob's."""
    names = "ada bob cy dan eve"
    settings = {"challenge": "weak_margin", "rule": Plurality(), "early": False}
    table = seat(names, **{"straggler": None, **settings, **changes})
    for agent in names.split():
        table.answers(agent, f"the answer of {agent}")
    for voter in ("ada", "cy", "dan"):
        table.votes(voter, "ada")
    for voter in ("bob", "eve"):
        table.votes(voter, "bob")
    return table


def test_after_a_close_vote_the_runner_up_may_put_forward_a_better_answer(
    seat: Seat,
) -> None:
    table = close_vote(seat)
    (opened,) = table.every(ChallengeOpened)
    assert (opened.label, opened.challenger) == (table.labels["ada"], "bob")
    assert opened.margin == pytest.approx(0.2)
    assert not table.every(WinnerDecided)
    review = table.review("bob")
    assert review.ballot is None
    assert table.labels["ada"] in [answer.label for answer in review.answers]


def test_outsiders_judge_the_challenger_against_the_incumbent(seat: Seat) -> None:
    table = close_vote(seat)
    table.answers("bob", "something much better")
    judges = {start.turn.agent for start in table.just(StartTurn)}
    assert judges == {"cy", "dan", "eve"}
    both = {table.labels["ada"], table.labels["bob"]}
    assert all(set(table.ballot(judge).labels) == both for judge in judges)
    for judge in judges:
        assert table.review(judge).unseen == (table.labels["bob"],)
        table.votes(judge, "bob")
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "bob"


def test_the_incumbent_wins_ties(seat: Seat) -> None:
    table = close_vote(seat)
    table.answers("bob", "something much better")
    table.votes("cy", "ada")
    table.votes("dan", "bob")
    table.fails("eve")
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "ada"


def test_at_most_five_judge_a_challenge(seat: Seat) -> None:
    names = [f"a{number}" for number in range(8)]
    table = seat(
        " ".join(names), straggler=None, rule=Plurality(), challenge="weak_margin"
    )
    for agent in names:
        table.answers(agent, f"the answer of {agent}")
    for voter in names:
        if voter in table.turns and not table.every(ChallengeOpened):
            table.votes(voter, voter)
    (opened,) = table.every(ChallengeOpened)
    table.answers(opened.challenger, "something much better")
    assert len(table.just(StartTurn)) == 5


def test_a_clear_winner_is_not_challenged(seat: Seat) -> None:
    table = close_vote(seat, weak_margin=0.1)
    assert not table.every(ChallengeOpened)
    assert table.every(WinnerDecided)


def test_it_is_off_unless_asked_for(seat: Seat) -> None:
    table = close_vote(seat, challenge="off")
    assert not table.every(ChallengeOpened)
    assert table.every(WinnerDecided)


@pytest.mark.parametrize("how", ["silent", "fails", "repeats"])
def test_a_challenger_with_nothing_new_leaves_the_winner_as_it_was(
    seat: Seat, how: str
) -> None:
    table = close_vote(seat)
    if how == "silent":
        table.ends("bob")
    elif how == "fails":
        table.fails("bob")
    else:
        table.answers("bob", "the answer of ada")
        assert table.just(AnswerRefused)
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "ada"
    assert dict(decided.standings)[table.labels["ada"]] == 3


def test_the_winner_of_a_challenge_is_not_challenged_again(seat: Seat) -> None:
    table = close_vote(seat)
    table.answers("bob", "something much better")
    table.votes("cy", "bob")
    table.votes("dan", "bob")
    table.votes("eve", "ada")
    assert len(table.every(ChallengeOpened)) == 1
    assert table.every(WinnerDecided)[0].winner == "bob"


def test_a_veto_of_the_incumbent_puts_the_next_best_in_its_place(seat: Seat) -> None:
    table = close_vote(seat)
    table.feed(AnswerVetoed(at=0.0, label=table.labels["ada"], reason="no"))
    table.ends("bob")
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "bob"


def test_a_deadline_within_a_challenge_gives_the_incumbent(seat: Seat) -> None:
    table = close_vote(seat)
    table.rings("deadline", 1800.0)
    assert table.end.winner == AgentId("ada")


def test_more_than_five_judges_are_refused() -> None:
    with pytest.raises(ValueError, match="challenge_judges"):
        Rules(challenge_judges=6)


def test_a_challenge_needs_a_slate_that_stands_still() -> None:
    with pytest.raises(ValueError, match="challenge"):
        Rules(challenge="weak_margin", revise=True, committee_over=None)

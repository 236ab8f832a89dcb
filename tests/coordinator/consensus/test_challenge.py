"""After a close vote one better answer may challenge the winner, and nothing more."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import AgentId, Ranking
from coordinator.ballots import Majority, Plurality
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    AgentStopped,
    AnswerRefused,
    AnswerVetoed,
    ChallengeOpened,
    SlateFrozen,
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
        Rules("slate", challenge="weak_margin", revise=True, committee_over=None)


def vetoes(table: Table, agent: str) -> None:
    table.feed(AnswerVetoed(at=table.now, label=table.labels[agent], reason="no"))


def test_a_challenge_after_a_veto_is_held_against_an_answer_of_somebody_else(
    seat: Seat,
) -> None:
    table = close_vote(seat)
    first = table.labels["bob"]
    vetoes(table, "ada")  # bob's own is the next best, and bob writes a better one
    table.answers("bob", "something much better")
    stood = table.every(SlateFrozen)[-1].labels
    assert first not in stood
    authors = {table.machine.answers()[i].agent for i in range(5)} - {"bob", "ada"}
    assert len(stood) == 2
    assert {a.agent for a in table.machine.answers() if a.label in stood} <= {
        "bob",
        *authors,
    }


def test_a_superseded_answer_on_the_slate_can_be_vetoed(seat: Seat) -> None:
    table = close_vote(seat)
    table.answers("bob", "something much better")
    incumbent = table.every(SlateFrozen)[-1].labels[0]
    table.feed(AnswerVetoed(at=0.0, label=incumbent, reason="no"))
    assert table.every(WinnerDecided)[-1].winner == "bob"


@pytest.mark.parametrize("end", ["falls silent", "is stopped", "deadline"])
def test_a_challenge_that_falls_with_a_vetoed_slate_leaves_one_that_lost(
    seat: Seat, end: str
) -> None:
    table = shortlisted(seat)
    slate = table.every(SlateFrozen)[-1].labels
    for label in slate:
        table.feed(AnswerVetoed(at=0.0, label=label, reason="no"))
    (opened,) = table.every(ChallengeOpened)
    if end == "falls silent":
        table.ends(opened.challenger)
    elif end == "is stopped":
        table.feed(AgentStopped(at=0.0, agent=opened.challenger, reason="enough"))
    else:
        table.rings("deadline", 1800.0)
    decided = table.end if table.is_over else table.every(WinnerDecided)[-1]
    assert decided.label is not None
    assert decided.label not in slate


def shortlisted(seat: Seat) -> Table:
    """Ten agents whose vote, on the five best of a first look, was close."""
    names = [f"a{number}" for number in range(10)]
    table = seat(
        " ".join(names),
        straggler=None,
        challenge="weak_margin",
        weak_margin=1.0,
        leader_first=None,
        early=False,
    )
    for agent in names:
        table.answers(agent, f"the answer of {agent}")
    while not table.every(ChallengeOpened):
        for start in [x for x in table.every(StartTurn) if x.turn.number > 1]:
            voter = start.turn.agent
            if voter not in table.counted and not table.every(ChallengeOpened):
                offered = table.ballot(voter).labels
                table.casts(voter, Ranking(tiers=tuple((x,) for x in offered)))
    return table


def test_an_empty_challenge_is_none(seat: Seat) -> None:
    table = close_vote(seat)
    table.answers("bob", " \n")
    assert [out.reason for out in table.just(AnswerRefused)] == ["it is empty"]
    assert table.every(WinnerDecided)[0].winner == "ada"


def test_a_challenger_may_not_bring_back_what_was_vetoed(seat: Seat) -> None:
    table = close_vote(seat)
    vetoes(table, "ada")
    table.answers("bob", "the answer of ada")
    (refused,) = table.just(AnswerRefused)
    assert "which a person has ruled out" in refused.reason
    assert table.every(WinnerDecided)[0].winner != "ada"


@pytest.mark.parametrize("ruled_out", ["ada cy dan eve", "ada bob cy dan eve"])
def test_a_challenger_that_nobody_stands_against_has_won(
    seat: Seat, ruled_out: str
) -> None:
    table = close_vote(seat)
    for agent in ruled_out.split():
        vetoes(table, agent)
    table.answers("bob", "something much better")
    decided = table.every(WinnerDecided)[-1]
    assert (decided.winner, decided.label) == ("bob", table.labels["bob"])


def test_a_vote_on_one_answer_is_not_close(seat: Seat) -> None:
    table = seat(
        "ada bob cy",
        challenge="weak_margin",
        rule=Plurality(),
        straggler=None,
        early=False,
    )
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("ada", "ada")
    for agent in ("bob", "cy"):
        vetoes(table, agent)
    assert not table.every(ChallengeOpened)
    assert table.every(WinnerDecided)[-1].winner == "ada"


def test_a_vote_of_no_weight_is_close(seat: Seat) -> None:
    weights = dict.fromkeys(["ada", "bob", "cy", "dan", "eve"], 0.0)
    table = close_vote(seat, weights=weights)
    (opened,) = table.every(ChallengeOpened)
    assert opened.margin == 0.0


def test_a_challenge_without_a_majority_leaves_the_incumbent(seat: Seat) -> None:
    table = close_vote(seat, rule=Majority())
    table.answers("bob", "something much better")
    table.votes("cy", "ada")
    table.votes("dan", "bob")
    table.fails("eve")
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "ada"


def test_a_challenge_is_decided_early_where_ties_cannot_matter(seat: Seat) -> None:
    table = seat(
        "ada bob cy dan eve",
        challenge="weak_margin",
        rule=Plurality(),
        straggler=None,
        early=True,
    )
    for agent in ("ada", "bob", "cy", "dan", "eve"):
        table.answers(agent, f"the answer of {agent}")
    for voter, author in zip(
        ("ada", "bob", "cy", "eve", "dan"),
        ("ada", "bob", "ada", "bob", "ada"),
        strict=True,
    ):
        table.votes(voter, author)
    table.answers("bob", "something much better")
    table.votes("cy", "bob")
    table.votes("dan", "bob")
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "bob"
    assert "eve" in table.cancelled

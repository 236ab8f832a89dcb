"""Open-ended revision: a new answer voids the votes that have not seen it."""

from __future__ import annotations

import pytest

from coordinator.protocol.events import (
    AnswerRefused,
    ArmTimer,
    CancelTurn,
    StartTurn,
    TellAgent,
    VoteRejected,
    VotesVoided,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table


def drafted(
    seat: Seat, names: str = "ada bob cy", policy: str = "revision", **changes: object
) -> Table:
    table = seat(names, policy, **{"coalesce_s": 0.0, **changes})
    for agent in names.split():
        table.answers(agent, f"the answer of {agent}")
    return table


def started(table: Table) -> set[str]:
    return {start.turn.agent for start in table.just(StartTurn)}


def test_a_new_answer_voids_votes_cast_before_it(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy dan")
    table.votes("ada", "bob")
    table.answers("bob", "something better")
    (void,) = table.just(VotesVoided)
    assert void.voters == ("ada",)
    assert void.label == table.labels["bob"]
    assert "ada" in started(table)


def test_a_running_vote_that_cannot_count_is_cancelled_and_begun_again(
    seat: Seat,
) -> None:
    table = drafted(seat, "ada bob cy dan")
    table.answers("bob", "something better")
    assert [c.agent for c in table.just(CancelTurn)] == ["ada", "cy", "dan"]
    assert started(table) == {"ada", "bob", "cy", "dan"}
    assert table.labels["bob"] in table.ballot("ada").labels


def test_an_agent_in_the_middle_of_a_revision_is_told_not_cancelled(seat: Seat) -> None:
    table = drafted(seat)
    table.types_an_answer("ada")
    table.answers("bob", "something better")
    assert [c.agent for c in table.just(CancelTurn)] == ["cy"]
    (told,) = table.just(TellAgent)
    assert told.news.agent == "ada"
    assert [a.label for a in told.news.answers] == [table.labels["bob"]]


def test_a_finished_vote_is_asked_again_with_only_what_is_new(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy dan")
    table.votes("ada", "bob")
    table.answers("bob", "something better")
    assert table.turns["ada"].continues
    assert table.review("ada").unseen == (table.labels["bob"],)


def test_a_cancelled_vote_is_begun_again_from_the_start(seat: Seat) -> None:
    table = drafted(seat)
    table.answers("bob", "something better")
    again = table.turns["ada"]
    assert not again.continues


@pytest.mark.parametrize(
    ("news", "cancels", "tells"),
    [("finish", 0, 0), ("inject", 0, 2), ("preempt", 2, 0), ("stale_only", 2, 0)],
)
def test_news_reaches_running_reviews_as_the_rules_say(
    seat: Seat, news: str, cancels: int, tells: int
) -> None:
    table = drafted(seat, news=news)
    table.answers("bob", "something better")
    assert len(table.just(CancelTurn)) == cancels
    assert len(table.just(TellAgent)) == tells


def test_what_a_cancelled_turn_still_says_changes_nothing(seat: Seat) -> None:
    table = drafted(seat, news="preempt")
    earlier = table.turns["ada"].number
    table.answers("bob", "something better")
    assert table.turns["ada"].number > earlier
    table.votes("ada", "cy", turn=earlier)
    assert table.last == ()
    assert "ada" not in table.counted
    table.votes("ada", "cy")
    assert "ada" in table.counted


def test_a_vote_that_had_not_seen_the_news_does_not_count(seat: Seat) -> None:
    table = drafted(seat, news="finish")
    table.answers("bob", "something better")
    turn = table.turns["ada"]
    table.votes("ada", "cy", turn=turn.number)
    (rejected,) = table.just(VoteRejected)
    assert table.labels["bob"] in rejected.reason
    assert started(table) == {"ada"}


def test_three_answers_within_the_window_cause_one_restart(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy dan", coalesce_s=0.5)
    for agent in ("ada", "bob", "cy"):
        table.types_an_answer(agent)
    for agent in ("ada", "bob", "cy"):
        table.now += 0.1
        table.answers(agent, f"better words of {agent}")
    timers = [t for t in table.every(ArmTimer) if t.timer == "news"]
    assert [t.at for t in timers] == [pytest.approx(0.6)]
    before = len(table.every(StartTurn))
    table.rings("news", 0.6)
    assert len(table.every(StartTurn)) - before == 4
    assert [c.agent for c in table.every(CancelTurn)] == ["dan"]


def test_revisions_are_capped_per_agent(seat: Seat) -> None:
    table = drafted(seat, answers_per_agent=2)
    table.answers("ada", "something better")
    assert not table.review("ada").may_revise
    assert table.review("bob").may_revise


def test_a_revision_beyond_the_cap_is_refused(seat: Seat) -> None:
    table = drafted(seat, answers_per_agent=1)
    table.answers("ada", "something better")
    (refused,) = table.just(AnswerRefused)
    assert "no more" in refused.reason
    assert "not taken" in table.turns["ada"].note


def test_a_duplicate_revision_is_refused_with_the_label_it_repeats(seat: Seat) -> None:
    table = drafted(seat, duplicate_over=0.7)
    table.answers("ada", "The Answer of bob")
    (refused,) = table.just(AnswerRefused)
    assert table.labels["bob"] in refused.reason


def test_plurality_decides_early_and_cancels_the_loser(seat: Seat) -> None:
    table = drafted(seat)
    table.votes("ada", "bob")
    table.votes("cy", "bob")
    (decided,) = table.every(WinnerDecided)
    assert (decided.winner, decided.is_early) == ("bob", True)
    assert table.cancelled == ["bob"]


def test_an_open_reviser_may_keep_a_decided_vote_open(seat: Seat) -> None:
    table = drafted(seat, overturn=True)
    table.votes("ada", "bob")
    table.votes("cy", "bob")
    assert not table.every(WinnerDecided)


def test_every_run_of_proposals_ends(seat: Seat) -> None:
    table = drafted(seat, answers_per_agent=3)
    proposals = 0
    while revisers := [a for a in table.agents if table.review(a).may_revise]:
        table.answers(revisers[0], f"proposal {proposals} {proposals}")
        proposals += 1
    assert proposals == 3 * (3 - 1)
    table.votes("ada", "bob")
    table.votes("bob", "bob")
    assert table.every(WinnerDecided)


def test_under_massgens_rules_reviews_open_with_the_first_answer(seat: Seat) -> None:
    table = seat("ada bob cy", "massgen")
    table.answers("bob", "Rome")
    assert started(table) == {"bob"}
    table.votes("bob", "bob")
    table.answers("ada", "Oslo")
    assert table.just(VotesVoided)
    assert started(table) == {"ada", "bob"}
    assert not table.every(WinnerDecided)


def test_under_massgens_rules_the_agent_listed_first_wins_a_tie(seat: Seat) -> None:
    table = seat("ada bob", "massgen")
    table.answers("bob", "Rome")
    table.answers("ada", "Oslo")
    table.votes("bob", "bob")
    if not table.every(WinnerDecided):
        table.votes("ada", "ada")
    if not table.every(WinnerDecided):
        table.votes("bob", "bob")
    (decided,) = table.every(WinnerDecided)
    assert decided.was_tie
    assert decided.winner == "ada"


def test_an_agent_that_is_too_far_ahead_waits_for_who_has_not_voted(
    seat: Seat,
) -> None:
    table = seat("ada bob cy", "massgen", lead=1)
    table.answers("ada", "Rome")
    assert started(table) == set()  # bob and cy have none yet
    table.answers("bob", "Oslo")
    assert started(table) == set()
    table.answers("cy", "Bern")
    assert started(table) == {"ada", "bob", "cy"}


def test_an_agent_that_waits_is_asked_once_the_slowest_has_voted(seat: Seat) -> None:
    table = seat("ada bob cy", "massgen", lead=1)
    for agent, city in (("ada", "Rome"), ("bob", "Oslo"), ("cy", "Bern")):
        table.answers(agent, city)
    table.answers("ada", "Paris")
    assert started(table) == set()
    table.votes("cy", "bob")  # of what it had not seen: it is asked again
    assert started(table) == {"cy"}
    table.votes("cy", "bob")
    assert started(table) == set()
    table.answers("bob", "Tartu")
    assert started(table) == {"cy"}
    table.answers("cy", "Basel")
    assert started(table) == {"ada", "bob", "cy"}

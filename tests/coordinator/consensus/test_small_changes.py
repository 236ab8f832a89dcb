"""A revision that changes little keeps the ballots; votes for oneself break ties."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import Choice, Scores, VoteCast
from coordinator.ballots import Plurality
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    StartTurn,
    VoteCounted,
    VoteRejected,
    VotesCarried,
    VotesVoided,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table

LONG = "one two three four five six seven eight nine {}"


def voting_on_long_answers(seat: Seat, **changes: object) -> Table:
    table = seat(
        "ada bob cy dan",
        "revision",
        **{"coalesce_s": 0.0, "small_change_over": 0.6, **changes},
    )
    for agent in ("ada", "bob", "cy", "dan"):
        table.answers(agent, LONG.format(f"by {agent} himself alone"))
    return table


def test_a_small_revision_keeps_the_ballots(seat: Seat) -> None:
    table = voting_on_long_answers(seat)
    table.votes("ada", "bob")
    before = table.labels["bob"]
    table.answers("bob", LONG.format("by bob himself, then"))
    assert not table.every(VotesVoided)
    (carried,) = table.every(VotesCarried)
    assert (carried.replaced, carried.label) == (before, table.labels["bob"])
    assert {start.turn.agent for start in table.just(StartTurn)} == {"bob"}
    for voter in ("bob", "cy", "dan"):
        if not table.every(WinnerDecided):
            table.votes(voter, "bob")
    (decided,) = table.every(WinnerDecided)
    assert decided.label == table.labels["bob"]


def test_a_vote_under_way_for_what_was_changed_a_little_counts(seat: Seat) -> None:
    table = voting_on_long_answers(seat)
    before = table.labels["bob"]
    stamp = table.pen("ada").stamp()
    seen = tuple(answer.label for answer in table.review("ada").answers)
    table.answers("bob", LONG.format("by bob himself, then"))
    table.says(VoteCast(**stamp, ballot=Choice(label=before), seen=seen))
    assert not table.every(VoteRejected)
    (counted,) = table.every(VoteCounted)
    assert counted.label == table.labels["bob"]


def test_points_by_criterion_go_by_the_new_name_of_what_was_changed(seat: Seat) -> None:
    table = voting_on_long_answers(
        seat, rule="score", self_votes="forbid", rubric=["clear"]
    )
    before = table.labels["bob"]
    stamp = table.pen("ada").stamp()
    seen = tuple(answer.label for answer in table.review("ada").answers)
    table.answers("bob", LONG.format("by bob himself, then"))
    ballot, grades = Scores(points={before: 7}), {before: {"clear": 7}}
    table.says(VoteCast(**stamp, ballot=ballot, seen=seen, grades=grades))
    (counted,) = table.every(VoteCounted)
    assert counted.grades == {table.labels["bob"]: {"clear": 7}}


def test_many_small_changes_are_a_large_one(seat: Seat) -> None:
    table = voting_on_long_answers(seat, answers_per_agent=9)
    table.votes("ada", "bob")
    words = LONG.format("by bob himself alone").split()
    for number in range(len(words)):
        words[number] = f"new{'x' * number}"
        if not table.every(VotesVoided):
            table.answers("bob", " ".join(words))
    assert table.every(VotesCarried)
    assert table.every(VotesVoided)


def test_small_changes_add_up_across_a_runoff(seat: Seat) -> None:
    table = voting_on_long_answers(seat, ties="runoff", early=False)
    table.answers("bob", LONG.format("by bob xx yy"))
    for voter, choice in (
        ("ada", "bob"),
        ("bob", "ada"),
        ("cy", "bob"),
        ("dan", "ada"),
    ):
        table.votes(voter, choice)
    assert not table.every(WinnerDecided)
    table.votes("ada", "bob")
    table.answers("bob", "one two three four five six xa xb xc by bob xx yy")
    assert len(table.every(VotesCarried)) == 1
    assert [void.voters for void in table.every(VotesVoided)] == [("ada",)]


def test_without_the_setting_every_revision_voids(seat: Seat) -> None:
    table = voting_on_long_answers(seat, small_change_over=1.0)
    table.votes("ada", "bob")
    table.answers("bob", LONG.format("by bob himself, then"))
    assert table.every(VotesVoided)


def test_what_is_small_cannot_be_a_duplicate() -> None:
    with pytest.raises(ValueError, match="small_change_over"):
        Rules(small_change_over=0.95, duplicate_over=0.9)


def drafted(seat: Seat, names: str, **changes: object) -> Table:
    table = seat(names, **{"straggler": None, "rule": Plurality(), **changes})
    for agent in names.split():
        table.answers(agent, f"the answer of {agent}")
    return table


def test_votes_for_oneself_count_only_to_break_a_tie(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy dan eve", self_votes="tie_break", early=False)
    table.votes("ada", "ada")
    table.votes("bob", "cy")
    table.votes("cy", "bob")
    table.votes("dan", "bob")
    table.votes("eve", "eve")
    assert table.every(WinnerDecided)[0].winner == "bob"


def test_a_tie_is_broken_by_votes_for_oneself(seat: Seat) -> None:
    for favourite in ("ada", "bob"):
        other = "bob" if favourite == "ada" else "ada"
        table = drafted(seat, "ada bob cy dan", self_votes="tie_break", early=False)
        table.votes(favourite, favourite)
        table.votes(other, "cy")
        table.votes("cy", "ada")
        table.votes("dan", "bob")
        assert table.every(WinnerDecided)[0].winner == favourite


def test_a_forbidden_vote_for_oneself_is_rejected(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy", self_votes="forbid")
    table.votes("ada", "ada")
    (rejected,) = table.just(VoteRejected)
    assert "not on the ballot" in rejected.reason

"""A ballot for nobody: where the rules allow it, it is a ballot."""

from __future__ import annotations

from agents.protocol.chunks import Ranking
from coordinator.ballots import Majority
from coordinator.protocol.events import VoteCounted, VoteRejected, WinnerDecided
from tests.coordinator.consensus.conftest import Seat, Table

NOBODY = Ranking(tiers=())


def drafted(seat: Seat, **changes: object) -> Table:
    table = seat("ada bob cy", straggler=None, early=False, **changes)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    return table


def test_a_ballot_for_nobody_is_void_unless_the_rules_allow_it(seat: Seat) -> None:
    table = drafted(seat)
    assert not table.ballot("ada").may_abstain
    table.casts("ada", NOBODY)
    assert [vote.voter for vote in table.every(VoteRejected)] == ["ada"]


def test_who_abstains_has_voted_for_nobody(seat: Seat) -> None:
    table = drafted(seat, may_abstain=True, quorum=1.0)
    assert table.ballot("ada").may_abstain
    table.casts("ada", NOBODY)
    table.ranks("bob", "cy bob ada")
    table.ranks("cy", "cy ada bob")
    first = table.every(VoteCounted)[0]
    assert (first.voter, first.choice, first.label) == ("ada", None, None)
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "cy"
    assert not table.every(VoteRejected)


def test_abstentions_stand_in_the_way_of_a_majority(seat: Seat) -> None:
    table = drafted(seat, may_abstain=True, rule=Majority(), final="reuse")
    table.casts("ada", NOBODY)
    table.casts("bob", NOBODY)
    table.ranks("cy", "cy")
    assert "condition was not met" in table.end.detail

"""A person rules answers out: whatever is left, the best of it is given."""

from __future__ import annotations

from typing import Any

import pytest

from agents.protocol.chunks import AgentId, Label, Part, PartCompleted, TaskDivided
from agents.protocol.turns import Review
from coordinator.ballots import Plurality
from coordinator.consensus.rules import Division, Rules, Topology
from coordinator.protocol.events import (
    AgentStopped,
    AnswerAccepted,
    AnswerRefused,
    AnswerRestored,
    AnswerVetoed,
    CommitteeDecided,
    Interrupted,
    LiveBallots,
    SlateFrozen,
    StartTurn,
    VetoIgnored,
    VotesVoided,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table


def test_a_veto_that_leaves_one_answer_waits_for_first_answers_to_come(
    seat: Seat,
) -> None:
    table = seat("ada bob cy", "massgen", coalesce_s=0.0, news="preempt")
    table.answers("ada", "the answer of ada")
    table.answers("bob", "the answer of bob")
    before = table.cancelled
    table.feed(AnswerVetoed(at=0.0, label=table.labels["bob"], reason="no"))
    assert table.cancelled == before
    table.answers("cy", "the answer of cy")
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "cy")
    assert table.present("cy")


def test_a_veto_of_all_that_stands_waits_for_first_answers_to_come(seat: Seat) -> None:
    table = seat("ada bob cy", "massgen", coalesce_s=0.0, news="preempt")
    table.answers("ada", "the answer of ada")
    table.feed(AnswerVetoed(at=0.0, label=table.labels["ada"], reason="no"))
    assert table.cancelled == ["ada"]
    table.answers("cy", "the answer of cy")
    table.answers("bob", "the answer of bob")
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "cy")
    assert table.present("cy")


def vetoes(table: Table, agent: str) -> None:
    table.feed(AnswerVetoed(at=table.now, label=table.labels[agent], reason="no"))


def test_a_veto_of_all_that_stood_for_election_leaves_one_that_lost(seat: Seat) -> None:
    names = [f"a{number}" for number in range(12)]
    table = seat(" ".join(names), straggler=None)
    for agent in names:
        table.answers(agent, f"the answer of {agent}")
    while not table.every(WinnerDecided):
        for voter in names:
            is_asked = isinstance(table.turns[voter].task, Review)
            if is_asked and not table.every(WinnerDecided):
                table.ranks(voter, _offered(table, voter))
    final = [label for label, _ in table.every(WinnerDecided)[0].standings]
    authors = {label: agent for agent, label in table.labels.items()}
    for label in final:
        vetoes(table, authors[label])
    table.rings("deadline", 1800.0)
    assert table.end.answer is not None
    assert table.end.label not in final


def _offered(table: Table, voter: str) -> str:
    offered = table.ballot(voter).labels
    return " ".join(a for a, label in table.labels.items() if label in offered)


def test_a_veto_of_everything_leaves_nothing(seat: Seat) -> None:
    table = seat("ada bob", straggler=None)
    for agent in ("ada", "bob"):
        table.answers(agent, f"the answer of {agent}")
    vetoes(table, "ada")
    vetoes(table, "bob")
    assert (table.end.status, table.end.answer) == ("failed", None)


def test_a_loser_that_is_vetoed_does_not_win_when_the_winner_is(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None, rule=Plurality())
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("ada", "ada")
    table.votes("bob", "ada")
    for agent in ("bob", "ada"):
        vetoes(table, agent)
    assert table.every(WinnerDecided)[-1].winner == "cy"


def test_a_veto_of_an_only_answer_is_for_all_that_say_the_same(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, "all say the same")
    winner = table.every(WinnerDecided)[0].winner
    vetoes(table, winner)
    assert (table.end.status, table.end.answer) == ("failed", None)
    assert "every answer was vetoed" in table.end.detail


def test_no_merged_twin_of_a_vetoed_answer_comes_back(seat: Seat) -> None:
    table = drafted(seat, ada="Paris", bob="Paris", cy="Rome", dan="Oslo")
    twins = [table.labels[agent] for agent in ("ada", "bob")]
    (slate,) = table.every(SlateFrozen)
    for label in slate.labels:
        table.feed(AnswerVetoed(at=0.0, label=label, reason="no"))
    assert (table.end.status, table.end.label) == ("failed", None)
    assert len(slate.labels) == 3
    assert len(set(slate.labels) & set(twins)) == 1


def drafted(seat: Seat, **texts: str) -> Table:
    table = seat(" ".join(texts), straggler=None, rule=Plurality(), early=False)
    for agent, text in texts.items():
        table.answers(agent, text)
    return table


def test_what_was_ruled_out_is_no_first_answer_of_another(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None)
    table.answers("ada", "Paris")
    vetoes(table, "ada")
    table.answers("bob", "Paris")
    assert "ruled out" in table.turns["bob"].note
    table.answers("bob", "Rome")
    assert table.labels["bob"] == table.every(AnswerAccepted)[-1].label


@pytest.mark.parametrize("policy", ["revision", "massgen"])
def test_a_veto_of_a_revision_brings_back_the_answer_before(
    seat: Seat, policy: str
) -> None:
    table = seat("ada bob cy", policy, coalesce_s=0.0, news="preempt", early=False)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    first = table.labels["ada"]
    table.votes("bob", "bob")
    table.answers("ada", "something altogether different")
    table.votes("cy", "ada")
    vetoes(table, "ada")
    (restored,) = table.every(AnswerRestored)
    assert restored.label == first
    # Nobody's ballot knows that it stands again, so all are asked, and shown it.
    assert table.every(VotesVoided)[-1].voters == ("cy",)
    table.labels["ada"] = first
    for voter in ("ada", "bob", "cy"):
        assert first in table.ballot(voter).labels
        table.votes(voter, "ada")
    assert table.present("ada").answers[0].label == first


def test_a_veto_of_the_answer_before_as_well_brings_back_nothing(seat: Seat) -> None:
    table = seat("ada bob", "revision", coalesce_s=0.0, news="preempt", early=False)
    for agent in ("ada", "bob"):
        table.answers(agent, f"the answer of {agent}")
    first = table.labels["ada"]
    table.answers("ada", "something altogether different")
    table.feed(AnswerVetoed(at=0.0, label=first, reason="no"))
    vetoes(table, "ada")
    assert not table.every(AnswerRestored)
    for voter in ("ada", "bob"):
        table.votes(voter, "bob")
    assert table.present("bob")


@pytest.mark.parametrize("label", ["agent9.9", "vetoed before"])
def test_a_veto_that_changes_nothing_is_said(seat: Seat, label: str) -> None:
    table = drafted(seat, ada="Paris", bob="Rome", cy="Oslo")
    if label == "vetoed before":
        vetoes(table, "ada")
        label = table.labels["ada"]
    table.feed(AnswerVetoed(at=0.0, label=Label(label), reason="no"))
    (ignored,) = table.just(VetoIgnored)
    assert ignored.label == label


@pytest.mark.parametrize("end", ["deadline", "interrupted"])
def test_the_session_ends_where_a_settled_committee_was_emptied(
    seat: Seat, end: str
) -> None:
    table, first = _committee_settled(seat)
    for label in first.labels:
        table.feed(AnswerVetoed(at=0.0, label=label, reason="no"))
    if end == "deadline":
        table.rings("deadline", 1800.0)
    else:
        table.feed(Interrupted(at=1.0, reason="Ctrl-C"))
    assert table.end.status == end
    assert table.end.label is not None
    assert table.end.label not in first.labels


def _committee_settled(seat: Seat) -> tuple[Table, CommitteeDecided]:
    """Two committees, of which one has decided."""
    names = [f"a{number}" for number in range(6)]
    table = seat(
        " ".join(names),
        straggler=None,
        topology=Topology(committees=3),
        leader_first=None,
        advance=1,
    )
    for agent in names:
        table.answers(agent, f"the answer of {agent}")
    for voter in names:
        is_asked = isinstance(table.turns[voter].task, Review)
        if is_asked and not table.every(CommitteeDecided):
            table.ranks(voter, _offered(table, voter))
    return table, table.every(CommitteeDecided)[0]


def test_where_an_open_committee_is_emptied_the_others_still_choose(seat: Seat) -> None:
    table, first = _committee_settled(seat)
    (slate,) = table.every(SlateFrozen)
    for label in set(slate.labels) - set(first.labels):
        table.feed(AnswerVetoed(at=0.0, label=label, reason="no"))
    (decided,) = table.every(WinnerDecided)
    assert decided.label == first.label


def test_ballots_for_a_vetoed_winner_count_for_the_next_on_them(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None, early=False)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    for voter in ("ada", "bob", "cy"):
        table.ranks(voter, "ada bob cy")
    vetoes(table, "ada")
    live = table.every(LiveBallots)[-1].ballots
    assert {ballot.choice for ballot in live} == {"bob"}


def test_a_part_that_is_vetoed_is_missing(seat: Seat) -> None:
    table = seat("ada bob", division=Division())
    parts = tuple(Part(title=title, instructions="do it") for title in ("roof", "wall"))
    table.says(TaskDivided(**table.pen("ada").stamp(), parts=parts))
    for summary in ("the roof is on", "the wall stands"):
        stamp = table.pen("bob").stamp()
        table.says(PartCompleted(**stamp, summary=summary, complete=True))
    assert len(table.present("ada").answers) == 2
    vetoes(table, "bob")
    assert [a.content for a in table.present("ada").answers] == ["the roof is on"]
    table.presents("ada", "A roof.")
    assert "missing: wall" in table.end.detail


def test_who_is_out_is_not_asked_again_when_its_choice_is_vetoed(seat: Seat) -> None:
    table = seat("ada bob cy dan", straggler=None, rule=Plurality(), early=False)
    for agent in ("ada", "bob", "cy", "dan"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("dan", "ada")
    table.feed(AgentStopped(at=0.0, agent=AgentId("dan"), reason="enough"))
    vetoes(table, "ada")
    assert not table.just(StartTurn)
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "bob")
    assert table.every(WinnerDecided)[0].winner == "bob"


def test_a_vote_that_waits_for_nobody_is_closed_by_a_veto(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None, rule=Plurality(), early=False)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("cy", "ada")
    for agent in ("cy", "ada"):
        table.feed(AgentStopped(at=0.0, agent=AgentId(agent), reason="enough"))
    table.votes("bob", "bob")
    assert table.every(WinnerDecided)


def test_a_new_answer_waits_for_nobody_who_is_out(seat: Seat) -> None:
    table = seat("ada bob cy", "revision", coalesce_s=0.0, early=False)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("cy", "ada")
    table.feed(AgentStopped(at=0.0, agent=AgentId("cy"), reason="enough"))
    table.answers("bob", "something better by far")
    table.votes("ada", "bob")
    table.votes("bob", "bob")
    assert table.every(WinnerDecided)[0].winner == "bob"


def test_a_veto_during_a_runoff_decides_once(seat: Seat) -> None:
    table = seat("ada bob cy dan", straggler=None, ties="runoff", early=False)
    for agent in ("ada", "bob", "cy", "dan"):
        table.answers(agent, f"the answer of {agent}")
    for voter, ranking in (
        ("ada", "ada bob cy dan"),
        ("bob", "bob ada cy dan"),
        ("cy", "ada bob cy dan"),
        ("dan", "bob ada cy dan"),
    ):
        table.ranks(voter, ranking)
    assert not table.every(WinnerDecided)
    table.ranks("cy", "bob ada")
    vetoes(table, "bob")
    assert len(table.every(WinnerDecided)) == 1
    assert table.present("ada")
    assert len(table.every(VotesVoided)) == 1


def test_who_voted_and_left_owes_no_ballot_when_its_choice_is_vetoed(
    seat: Seat,
) -> None:
    table = seat("ada bob cy", straggler=None, rule=Plurality(), early=False)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    table.votes("cy", "ada")
    table.feed(AgentStopped(at=0.0, agent=AgentId("cy"), reason="enough"))
    vetoes(table, "ada")
    assert table.machine.member(AgentId("cy")).contest == -1
    table.votes("ada", "bob")
    table.votes("bob", "bob")
    assert table.every(WinnerDecided)[-1].winner == "bob"


CHAIN = {
    "ada": "alpha beta gamma delta",
    "bob": "beta gamma delta epsilon",
    "cy": "gamma delta epsilon zeta",
}
"""Bob's says what ada's says, and what cy's says; those two differ."""


def chained(rest: str = "", **changes: Any) -> Table:
    """A vote on ada's and cy's answers, into either of which bob's was merged."""
    others = {agent: f"something of {agent} and no other" for agent in rest.split()}
    for seed in range(50):
        settings: dict[str, Any] = {
            "straggler": None,
            "rule": Plurality(),
            "early": False,
            **changes,
        }
        rules = Rules("slate", duplicate_over=0.5, **settings)
        table = Table(" ".join((*CHAIN, *others)), rules, seed).open()
        for agent, text in {**CHAIN, **others}.items():
            table.answers(agent, text)
        on_slate = {x for slate in table.every(SlateFrozen) for x in slate.labels}
        if {table.labels["ada"], table.labels["cy"]} <= on_slate:
            return table
    raise AssertionError("no seed puts both on the slate")


def test_a_veto_may_empty_a_vote_at_once() -> None:
    table = chained()
    vetoes(table, "bob")
    assert (table.end.status, table.end.answer) == ("failed", None)
    assert "every answer was vetoed" in table.end.detail


@pytest.mark.parametrize("is_first", [True, False])
def test_a_committee_that_is_emptied_leaves_the_others_winner(
    *, is_first: bool
) -> None:
    # Two committees of two answers each; one judges ada's and cy's.
    for seed in range(200):
        rules = Rules(
            "slate",
            duplicate_over=0.5,
            straggler=None,
            rule=Plurality(),
            early=False,
            committee_over=2,
            committee_size=2,
            judges=1,
            advance=None,
        )
        table = Table("ada bob cy dan eve", rules, seed).open()
        for agent, text in {**CHAIN, "dan": "one of dan", "eve": "two by eve"}.items():
            table.answers(agent, text)
        asked = {
            agent: set(table.ballot(agent).labels)
            for agent, turn in table.turns.items()
            if isinstance(turn.task, Review)
        }
        chain = {table.labels["ada"], table.labels["cy"]}
        if chain in asked.values():
            break
    else:
        raise AssertionError("no seed puts both before one committee")
    (other,) = [agent for agent, labels in asked.items() if labels != chain]
    steps = [lambda: table.votes(other, "dan"), lambda: vetoes(table, "bob")]
    for step in steps if is_first else reversed(steps):
        assert not table.every(WinnerDecided)
        step()
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "dan"


def test_a_runoff_that_is_emptied_goes_to_who_lost_the_first_vote() -> None:
    table = chained("dan eve", ties="runoff")
    choices = ("ada", "ada", "cy", "cy", "dan")
    for voter, author in zip(table.agents, choices, strict=True):
        table.votes(voter, author)
    assert set(table.ballot("ada").labels) == {
        table.labels[author] for author in ("ada", "cy")
    }
    vetoes(table, "bob")
    (decided,) = table.every(WinnerDecided)
    assert decided.winner == "dan"


def test_a_runoff_that_is_emptied_may_leave_nothing() -> None:
    table = chained(ties="runoff")
    table.votes("ada", "ada")
    table.votes("bob", "cy")
    table.ends("cy")
    assert len(table.every(SlateFrozen)) == 1
    vetoes(table, "bob")
    assert not table.every(WinnerDecided)
    assert (table.end.status, table.end.answer) == ("failed", None)


def test_a_runoffs_winner_and_all_that_tied_with_it_may_be_vetoed() -> None:
    table = chained("dan eve", ties="runoff")
    choices = ("ada", "ada", "cy", "cy", "dan")
    for voter, author in zip(table.agents, choices, strict=True):
        table.votes(voter, author)
    for voter in table.agents:
        table.votes(voter, "cy")
    assert table.every(WinnerDecided)[-1].winner == "cy"
    vetoes(table, "bob")
    decided = table.every(WinnerDecided)[-1]
    assert decided.winner == "dan"
    assert table.present("dan")


def test_a_revision_that_brings_back_what_was_vetoed_is_refused(seat: Seat) -> None:
    table = seat("ada bob cy", "massgen", coalesce_s=0.0)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    vetoes(table, "ada")
    table.answers("bob", "the answer of ada")
    (refused,) = table.just(AnswerRefused)
    assert refused.agent == "bob"
    assert "which a person has ruled out" in refused.reason


def test_a_veto_in_a_second_round_brings_back_the_answer_of_the_first(
    seat: Seat,
) -> None:
    table = seat("ada bob cy", rule=Plurality(), straggler=None, restarts=1)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"the answer of {agent}")
    first = table.labels["ada"]
    table.votes("ada", "bob")
    table.votes("cy", "bob")
    table.wants_more("bob")
    table.answers("ada", "something altogether different")
    vetoes(table, "ada")
    assert [out.label for out in table.just(AnswerRestored)] == [first]
    table.answers("bob", "better than before")
    table.answers("cy", "not as it was")
    assert first in table.every(SlateFrozen)[-1].labels

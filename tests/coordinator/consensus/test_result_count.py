"""Equal results: how they are grouped, and when a count can no longer be changed."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.protocol.chunks import AgentId, AnswerProposed, Label, Ranking
from coordinator.ballots.election import Number
from coordinator.consensus import result_count
from coordinator.consensus.machine import Consensus
from coordinator.consensus.result_count import entries, in_words, is_out_of_reach, lead
from coordinator.consensus.rules import Rules
from coordinator.protocol.events import (
    AnswerAccepted,
    AnswerVetoed,
    VoteForced,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat

_RESULTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=6)


def _drafts(results: list[str] | str) -> list[tuple[Label, str, Number]]:
    return [(Label(f"agent{at}.1"), result, 1) for at, result in enumerate(results)]


def _counted(results: list[str] | str) -> tuple[result_count.Entry, ...]:
    drafts = _drafts(results)
    return entries(drafts, [label for label, _, _ in drafts])


def test_the_heaviest_result_comes_first_and_of_equals_the_first_by_lot() -> None:
    found = _counted("abbac")
    assert [entry.labels for entry in found] == [
        ("agent0.1", "agent3.1"),
        ("agent1.1", "agent2.1"),
        ("agent4.1",),
    ]
    assert lead(found) == 0


def test_drafts_without_a_result_equal_nothing() -> None:
    drafts = [(Label("a.1"), "", 1), (Label("b.1"), "", 1)]
    assert len(entries(drafts, [Label("a.1"), Label("b.1")])) == 2


def test_a_weighty_author_counts_for_several() -> None:
    drafts: list[tuple[Label, str, Number]] = [
        (Label("a.1"), "41", 1),
        (Label("b.1"), "41", 1),
        (Label("c.1"), "42", 3),
    ]
    found = entries(drafts, [label for label, _, _ in drafts])
    assert [(entry.label, entry.weight) for entry in found] == [("c.1", 3), ("a.1", 2)]


@given(_RESULTS, st.integers(min_value=0, max_value=4))
def test_out_of_reach_is_what_no_completion_can_change(
    results: list[str], outstanding: int
) -> None:
    """Brute force: every way in which what is outstanding may fall, a new one too."""
    found = _counted(results)
    first = {label for entry in found[:1] for label in entry.labels}
    changes = False
    for more in product("abcx", repeat=outstanding):
        completed = _counted(results + list(more))
        is_alone = len(completed) == 1 or lead(completed) > 0
        still = is_alone and not first.isdisjoint(completed[0].labels)
        changes = changes or not still
    assert is_out_of_reach(found, outstanding) == (not changes)


@pytest.mark.parametrize(
    ("agree", "total", "result", "words"),
    [
        (5, 7, "41", "5 of 7 answers say 41"),
        (1, 7, "41", "1 of 7 answers says 41"),
        (7, 7, "41", "all 7 answers say 41"),
        (2, 3, "", "2 of 3 answers say the same"),
        (2, 3, "x" * 41, "2 of 3 answers say the same"),
        (1, 1, "41", "only one answer stood"),
    ],
)
def test_a_count_is_one_sentence(
    agree: int, total: int, result: str, words: str
) -> None:
    labels = tuple(Label(f"agent{n}.1") for n in range(agree))
    entry = result_count.Entry(labels[0], labels, agree)
    assert in_words(entry, total, result) == words


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"equal": "valeu"}, "'equal' is 'valeu'; use auto, value, text, none"),
        ({"equal": "text", "revise": True, "committee_over": None}, "'equal: none'"),
    ],
)
def test_rules_that_cannot_count_are_refused(
    settings: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Rules(**settings)  # type: ignore[arg-type]


def test_a_session_without_counting_has_no_entries() -> None:
    machine = Consensus.new([AgentId("ada")], "q", Rules("slate"))
    assert machine.rules.drafting.equal == "none"


def test_a_draft_for_what_is_vetoed_is_a_ballot_for_nothing(seat: Seat) -> None:
    table = seat("ada bob cy", equal="text", rule="borda", panel=None, straggler=None)
    for agent, result in (("ada", "1"), ("bob", "2"), ("cy", "3")):
        stamp = table.pen(agent).stamp()
        table.says(AnswerProposed(**stamp, content=f"It is {agent}'s", result=result))
    label = {x.agent: x.label for x in table.every(AnswerAccepted)}
    table.feed(AnswerVetoed(at=table.now, label=label[AgentId("cy")], reason="no"))
    table.casts("ada", Ranking(tiers=((label[AgentId("ada")],),)))
    table.feed(VoteForced(at=table.now, reason="now"))
    (decided,) = table.every(WinnerDecided)
    # Two ballots of drafts, and ada's: nothing of cy's draft.
    assert dict(decided.standings) == {
        label[AgentId("ada")]: 2.0,
        label[AgentId("bob")]: 1.0,
    }


def test_of_nothing_nothing_is_ahead() -> None:
    assert lead(()) == 0

"""Inputs that come at the wrong moment change nothing."""

from __future__ import annotations

from agents.protocol.chunks import AgentId, Choice, Part, TaskDivided
from agents.protocol.turns import Review
from coordinator.ballots import Plurality
from coordinator.consensus.rules import Division, Rules, Straggler
from coordinator.protocol.events import (
    AgentRetired,
    AgentStopped,
    AnswerVetoed,
    ArmTimer,
    CommitteeDecided,
    ResultsCounted,
    SessionOpened,
    SlateFrozen,
    TimerRang,
    VoteForced,
    VotesCarried,
    WinnerDecided,
)
from tests.coordinator.consensus.conftest import Seat, Table


def test_a_team_of_nobody_fails_at_once() -> None:
    table = Table("", Rules())
    assert table.machine.phase == "new"
    table.feed(SessionOpened(at=0.0))
    assert (table.end.status, table.end.detail) == ("failed", "the team has no agents")
    assert table.machine.phase == "concluded"


def test_a_presenter_that_answers_anew_means_what_it_presents(seat: Seat) -> None:
    table = seat("ada bob", rule=Plurality(), straggler=None)
    table.answers("ada", "Rome")
    table.answers("bob", "Oslo")
    table.votes("ada", "ada")
    table.votes("bob", "ada")
    assert table.present("ada").answers
    table.answers("ada", "It is Rome.")
    assert (table.end.winner, table.end.answer) == ("ada", "It is Rome.")


def test_an_answer_where_parts_are_asked_for_is_passed_over(seat: Seat) -> None:
    table = seat("ada bob", division=Division())
    table.answers("ada", "Rome")
    assert not table.last
    parts = (Part(title="all", instructions="do all"),)
    table.says(TaskDivided(**table.pen("ada").stamp(), parts=parts))
    table.answers("bob", "Oslo")
    assert not table.last
    assert not table.machine.answers()


def test_who_is_out_is_not_taken_out_again_by_what_it_spends(seat: Seat) -> None:
    table = seat("ada bob", agent_budget_tokens=1_000, straggler=None)
    table.feed(AgentStopped(at=0.0, agent=AgentId("ada"), reason="enough"))
    table.spends("ada", 2_000)
    assert [out.reason for out in table.every(AgentRetired)] == ["enough"]


def test_a_timer_that_nobody_set_changes_nothing(seat: Seat) -> None:
    table = seat("ada bob")
    assert table.feed(TimerRang(at=1.0, timer="tea")) == ()


def test_a_models_straggler_timer_that_rings_late_changes_nothing(seat: Seat) -> None:
    models = {AgentId("ada"): "m", AgentId("bob"): "m", AgentId("cy"): "n"}
    among = Straggler(share=0.3, factor=2.0, among="model")
    table = seat("ada bob cy", straggler=among, models=models)
    table.now = 1.0
    table.answers("ada", "Rome")
    table.answers("bob", "Oslo")
    table.answers("cy", "Bern")
    asked = table.turns["ada"].number
    assert table.feed(TimerRang(at=9.0, timer="stragglers of m")) == ()
    assert table.turns["ada"].number == asked


def test_the_last_place_taken_in_an_open_vote_leaves_the_rest_to_vote(
    seat: Seat,
) -> None:
    table = seat("ada bob cy", "massgen", coalesce_s=0.0, answers_total=2)
    table.answers("ada", "Rome")
    table.answers("bob", "Oslo")
    assert "cy" in table.cancelled
    assert table.ballot("cy").labels
    for voter in ("ada", "ada", "bob", "cy"):  # the first had not seen bob's
        table.votes(voter, "bob")
    assert table.every(WinnerDecided)[-1].winner == "bob"


def test_news_that_ring_outside_of_a_vote_change_nothing(seat: Seat) -> None:
    table = seat("ada bob", "massgen")
    assert table.feed(TimerRang(at=0.1, timer="news")) == ()


def test_a_straggler_that_is_a_person_is_waited_for(seat: Seat) -> None:
    table = seat(
        "ada bob cy pat",
        rule=Plurality(),
        people=("pat",),
        early=False,
        straggler=Straggler(share=0.6, factor=2.0),
        leader_first=None,
    )
    for agent in ("ada", "bob", "cy", "pat"):
        table.now += 1.0
        table.answers(agent, f"{agent} says something else entirely")
    for voter in ("ada", "bob", "cy"):
        table.votes(voter, "ada")
    assert not table.every(WinnerDecided)
    assert "pat" not in table.cancelled
    table.votes("pat", "bob")
    assert table.every(WinnerDecided)


def test_a_forced_vote_is_counted_in_each_committee_that_has_ballots(
    seat: Seat,
) -> None:
    names = " ".join(f"a{n}" for n in range(6))
    table = seat(
        names,
        rule=Plurality(),
        straggler=None,
        early=False,
        committee_over=2,
        committee_size=3,
        advance=None,
        judges=2,
    )
    for agent in names.split():
        table.answers(agent, f"{agent} says something else entirely")
    asked = [a for a in table.agents if isinstance(table.turns[a].task, Review)]
    first = asked[0]
    label = table.ballot(first).labels[0]
    table.casts(first, Choice(label=label))
    others = {a for a in asked if label not in table.ballot(a).labels}
    table.feed(VoteForced(at=1.0, reason="that will do"))
    (committee,) = table.every(CommitteeDecided)
    assert committee.label == label
    assert not others & set(table.cancelled)


def test_a_second_round_may_be_decided_by_its_drafts_as_well(seat: Seat) -> None:
    table = seat("ada bob cy", "evidence", equal="text", restarts=1, straggler=None)
    for agent in ("ada", "bob", "cy"):
        if agent in table.turns and not table.every(WinnerDecided):
            table.answers(agent, "Rome")
    first = table.every(WinnerDecided)[-1].winner
    table.wants_more(first)
    for agent in table.agents:
        if agent in table.turns and len(table.every(WinnerDecided)) == 1:
            table.answers(agent, "It is Oslo")
    assert len(table.every(WinnerDecided)) == 2


def test_the_stragglers_of_one_model_may_be_all_that_is_waited_for(seat: Seat) -> None:
    models = {AgentId(agent): "m" for agent in ("ada", "bob", "dan")}
    among = Straggler(share=0.51, factor=2.0, among="model")
    table = seat("ada bob cy dan", straggler=among, models={**models, "cy": "n"})
    table.now = 1.0
    for agent in ("cy", "ada", "bob"):
        table.answers(agent, f"{agent} says something else entirely")
    table.rings("stragglers of m", 2.0)
    assert table.cancelled == ["dan"]
    assert table.every(SlateFrozen)


WEIGHTS = {"ada": 2.5}
"""Two others together outweigh ada, and one alone does not."""


def test_a_forced_vote_ends_with_the_first_who_leaves_it(seat: Seat) -> None:
    table = seat("ada dan bob cy", rule=Plurality(), weights=WEIGHTS, leader_first=None)
    for agent in table.agents:
        table.answers(agent, f"{agent} says something else entirely")
    table.votes("ada", "ada")
    table.votes("dan", "dan")
    assert not table.every(WinnerDecided)
    table.feed(VoteForced(at=1.0, reason="that will do"))
    (decided,) = table.every(WinnerDecided)
    assert (decided.winner, decided.is_early) == ("ada", True)
    assert sorted(table.cancelled) == ["bob", "cy"]


def test_late_votes_are_cut_until_the_rest_cannot_matter(seat: Seat) -> None:
    slow = Straggler(share=0.51, factor=2.0)
    table = seat(
        "ada dan eve bob cy",
        rule=Plurality(),
        weights={"ada": 3.5},
        straggler=slow,
        leader_first=None,
        panel=5,
    )
    table.now = 1.0
    for agent in ("ada", "dan", "eve"):
        table.answers(agent, f"{agent} says something else entirely")
    table.rings("straggler", 3.0)
    assert sorted(table.cancelled) == ["bob", "cy"]
    table.votes("ada", "ada")
    table.votes("dan", "dan")
    table.votes("eve", "dan")
    assert not table.every(WinnerDecided)
    timer = table.every(ArmTimer)[-1].timer
    table.rings(timer, 60.0)
    (decided,) = table.every(WinnerDecided)
    assert (decided.winner, decided.is_early) == ("ada", True)


def test_no_time_is_set_to_a_person_who_was_cut_as_an_author(seat: Seat) -> None:
    table = seat(
        "ada bob pat", rule=Plurality(), people=("pat",), early=False, leader_first=None
    )
    for agent in ("ada", "bob"):
        table.answers(agent, f"{agent} says something else entirely")
    table.feed(VoteForced(at=1.0, reason="vote now"))
    assert table.cancelled == ["pat"]
    for voter in ("ada", "bob"):
        table.votes(voter, "ada")
    assert [x.timer for x in table.every(ArmTimer)] == ["deadline"]
    table.votes("pat", "bob")
    assert table.every(WinnerDecided)[-1].winner == "ada"


def test_weights_are_those_of_drafts_as_well(seat: Seat) -> None:
    table = seat(
        "ada bob cy", "evidence", equal="text", weights={"ada": 3}, straggler=None
    )
    for agent, text in (("ada", "Rome"), ("bob", "Oslo"), ("cy", "Oslo")):
        if not table.every(WinnerDecided):
            table.answers(agent, text)
    (counted,) = table.every(ResultsCounted)
    assert dict(counted.standings)[table.labels["ada"]] == 3.0


def panel_of_one(rules: Rules, *first: str) -> tuple[Table, AgentId]:
    """A vote that opens with ``first`` while others draft, and its only voter."""
    for seed in range(50):
        table = Table("ada bob cy", rules, seed).open()
        for agent in first:
            table.answers(agent, f"the answer of {agent}")
        voters = [a for a in table.agents if table.machine.member(a).contest >= 0]
        if voters == ["ada"]:
            return table, voters[0]
    raise AssertionError("no seed lets ada alone vote")


def stops(table: Table, agent: AgentId) -> None:
    table.feed(AgentStopped(at=0.0, agent=agent, reason="enough"))


PANEL = Rules("massgen", panel=1, coalesce_s=0.0, restarts=1, small_change_over=0.3)


def test_a_vote_that_its_panel_has_left_is_counted_when_all_drafts_are_in() -> None:
    table, voter = panel_of_one(PANEL, "ada")
    stops(table, voter)
    table.answers("bob", "the answer of bob, and his alone")
    assert not table.every(WinnerDecided)
    table.answers("cy", "something of cy that nobody else would say")
    assert table.every(WinnerDecided)


def test_a_veto_in_a_vote_that_its_panel_has_left_waits_for_drafts() -> None:
    table, voter = panel_of_one(PANEL, "ada", "bob")
    stops(table, voter)
    veto = AnswerVetoed(at=0.0, label=table.labels["bob"], reason="no")
    table.feed(veto)
    assert not table.every(WinnerDecided)
    table.answers("cy", "something of cy that nobody else would say")
    assert table.every(WinnerDecided)


def test_a_small_change_may_be_the_last_draft_that_a_vote_waits_for() -> None:
    table, voter = panel_of_one(PANEL, "ada", "bob", "cy")
    for _ in range(2):  # the first has not seen what came meanwhile
        table.votes(voter, "bob")
    table.wants_more("bob")
    table.answers(voter, "something wholly new, which ada has thought of")
    seated = [a for a in table.agents if table.machine.member(a).contest >= 0]
    for agent in seated:
        stops(table, agent)
    rest = [a for a in ("bob", "cy") if a not in seated]
    for agent in rest:
        assert len(table.every(WinnerDecided)) == 1
        table.answers(agent, f"the answer of {agent} indeed")
    assert table.every(VotesCarried)
    assert len(table.every(WinnerDecided)) == 2

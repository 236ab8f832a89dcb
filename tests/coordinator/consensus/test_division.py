"""A divided task: a lead splits it, agents do parts and stop, one puts it together."""

from __future__ import annotations

import pytest

from agents.protocol.chunks import AgentId, Part, PartCompleted, TaskDivided
from agents.protocol.turns import Divide, Present, Work
from coordinator.consensus.rules import Division, Rules
from coordinator.errors import ConfigInvalid
from coordinator.protocol.events import (
    AgentStopped,
    AnswerRefused,
    AnswerVetoed,
    Interrupted,
    StartTurn,
)
from coordinator.team.team import Team
from tests.coordinator.consensus.conftest import Seat, Table
from tests.coordinator.session.conftest import drafts, scripted

TITLES = ("walls", "roof", "doors")


def divided(seat: Seat, titles: tuple[str, ...] = TITLES, **changes: object) -> Table:
    table = seat("ada bob cy", **{"division": Division(), **changes})
    divides(table, "ada", titles)
    return table


def divides(table: Table, agent: str, titles: tuple[str, ...]) -> None:
    parts = tuple(Part(title=title, instructions=f"do the {title}") for title in titles)
    table.says(TaskDivided(**table.pen(agent).stamp(), parts=parts))


def stops(table: Table, agent: str, summary: str, *, complete: bool = True) -> None:
    stamp = table.pen(agent).stamp()
    table.says(PartCompleted(**stamp, summary=summary, complete=complete))


def work(table: Table, agent: str) -> Work:
    task = table.turns[agent].task
    assert isinstance(task, Work)
    return task


def test_the_lead_is_asked_to_divide_and_nobody_else_is_asked(seat: Seat) -> None:
    table = seat("ada bob cy", division=Division())
    assert list(table.turns) == ["ada"]
    assert isinstance(table.turns["ada"].task, Divide)


def test_parts_go_to_the_others_and_who_is_done_takes_the_next(seat: Seat) -> None:
    table = divided(seat)
    assert (work(table, "bob").part.title, work(table, "cy").part.title) == TITLES[:2]
    assert work(table, "bob").others == ("roof", "doors")
    stops(table, "cy", "the roof is on")
    assert work(table, "cy").part.title == "doors"


def test_the_integrator_is_given_every_part_in_order(seat: Seat) -> None:
    table = divided(seat)
    stops(table, "cy", "the roof is on")
    stops(table, "cy", "the doors are in")
    stops(table, "bob", "the walls stand")
    present = table.present("ada")
    assert present.is_integration
    told = [answer.content for answer in present.answers]
    assert told == ["the walls stand", "the roof is on", "the doors are in"]
    table.presents("ada", "A house.")
    assert (table.end.status, table.end.answer) == ("answered", "A house.")
    assert table.end.winner is None
    assert "3 of 3 parts" in table.end.detail


def test_a_part_that_fails_is_given_to_another(seat: Seat) -> None:
    table = divided(seat, ("walls", "roof"))
    stops(table, "cy", "the roof is on")
    table.fails("bob")
    assert work(table, "cy").part.title == "walls"
    stops(table, "cy", "the walls stand")
    assert isinstance(table.turns["ada"].task, Present)


def test_a_part_that_two_could_not_do_is_missing_and_said_to_be(seat: Seat) -> None:
    table = divided(seat, ("walls", "roof"))
    stops(table, "cy", "the roof is on")
    table.ends("bob")
    table.ends("bob" if isinstance(table.turns["bob"].task, Work) else "cy")
    table.presents("ada", "A roof.")
    assert "1 of 2 parts" in table.end.detail
    assert "walls" in table.end.detail


def test_a_part_given_up_counts_as_it_is_and_is_said_to_be(seat: Seat) -> None:
    table = divided(seat, ("walls",))
    stops(table, "bob", "half a wall", complete=False)
    assert [a.content for a in table.present("ada").answers] == ["half a wall"]
    table.presents("ada", "Half a house.")
    assert "unfinished: walls" in table.end.detail


def test_a_lead_that_does_not_divide_is_asked_again_then_replaced(seat: Seat) -> None:
    table = seat("ada bob cy", division=Division(), attempts=2)
    divides(table, "ada", ())
    assert "no part" in table.turns["ada"].note
    divides(table, "ada", ())
    assert isinstance(table.turns["bob"].task, Divide)
    table.fails("bob")
    assert isinstance(table.turns["cy"].task, Divide)
    table.fails("cy")
    assert table.end.status == "failed"


def test_who_leads_and_who_integrates_may_be_said(seat: Seat) -> None:
    division = Division(lead="bob", integrator="cy")
    table = seat("ada bob cy", division=division)
    divides(table, "bob", ("walls",))
    stops(table, "ada", "the walls stand")
    assert isinstance(table.turns["cy"].task, Present)


def test_no_more_parts_are_taken_than_the_rules_allow(seat: Seat) -> None:
    table = divided(seat, TITLES, division=Division(parts=1))
    assert [s.turn.agent for s in table.just(StartTurn)] == ["bob"]


def test_an_agent_alone_divides_works_and_integrates(seat: Seat) -> None:
    table = seat("ada", division=Division())
    divides(table, "ada", ("walls", "roof"))
    stops(table, "ada", "the walls stand")
    stops(table, "ada", "the roof is on")
    table.presents("ada", "A house.")
    assert table.end.answer == "A house."


@pytest.mark.parametrize("how", ["deadline", "interrupted", "integrator"])
def test_what_is_done_is_given_where_nobody_puts_it_together(
    seat: Seat, how: str
) -> None:
    table = divided(seat, ("walls", "roof"))
    stops(table, "bob", "the walls stand")
    if how == "deadline":
        table.rings("deadline", 1800.0)
    elif how == "interrupted":
        table.feed(Interrupted(at=1.0, reason="enough"))
    else:
        stops(table, "cy", "the roof is on")
        table.fails("ada")
    assert table.end.answer is not None
    assert "the walls stand" in table.end.answer


def test_a_lead_that_is_not_in_the_team_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="'zoe'"):
        Team(
            agents=(scripted("ada", [drafts("x")]),),
            rules=Rules(division=Division(lead="zoe")),
        )


def test_a_part_that_is_vetoed_while_others_work_is_missing(seat: Seat) -> None:
    table = divided(seat)
    stops(table, "cy", "the roof is on")
    vetoes = AnswerVetoed(at=0.0, label=table.labels["cy"], reason="it leaks")
    table.feed(vetoes)
    assert [(x.agent, x.reason) for x in table.just(AnswerRefused)] == [
        ("cy", "vetoed: it leaks")
    ]
    stops(table, "cy", "the doors are in")
    stops(table, "bob", "the walls stand")
    assert [a.content for a in table.present("ada").answers] == [
        "the walls stand",
        "the doors are in",
    ]


def test_parts_that_nobody_is_left_to_put_together_are_given_as_they_are(
    seat: Seat,
) -> None:
    table = divided(seat)
    stops(table, "cy", "the roof is on")
    for agent in ("ada", "cy", "bob"):
        table.feed(AgentStopped(at=0.0, agent=AgentId(agent), reason="enough"))
    assert table.end.status == "answered"
    assert "1 of 3 parts" in table.end.detail
    assert "nobody was left to put them together" in table.end.detail
    assert table.end.answer is not None
    assert "the roof is on" in table.end.answer


def test_a_part_is_ruled_out_once(seat: Seat) -> None:
    table = divided(seat)
    stops(table, "cy", "the roof is on")
    vetoes = AnswerVetoed(at=0.0, label=table.labels["cy"], reason="it leaks")
    table.feed(vetoes)
    table.feed(vetoes)
    assert table.just(AnswerRefused) == []


def test_a_task_of_which_no_part_was_done_fails(seat: Seat) -> None:
    table = divided(seat, ("walls",))
    table.ends("bob")
    table.ends("bob" if isinstance(table.turns["bob"].task, Work) else "cy")
    assert table.end.status == "failed"
    assert table.end.detail == "no part of the task was done"

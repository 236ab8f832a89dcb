"""One reviewer's request goes first, so that the others read what it has cached."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from agents.protocol.chunks import AgentId, ResponseStarted
from agents.protocol.turns import Review
from coordinator.ballots import Plurality
from coordinator.consensus.rules import LeaderFirst, Rules
from coordinator.protocol.events import (
    AgentStopped,
    AnswerVetoed,
    ArmTimer,
    MachineOutput,
    StartTurn,
    WinnerDecided,
)
from coordinator.simulation.campaign import run_settings
from coordinator.simulation.generate import Setting, setting
from tests.coordinator.consensus.conftest import Seat, Table


def drafted(seat: Seat, names: str = "ada bob cy dan", **changes: object) -> Table:
    settings: dict[str, object] = {
        "leader_first": LeaderFirst(from_chars=0),
        "straggler": None,
        "rule": Plurality(),
    }
    table = seat(names, **{**settings, **changes})
    for agent in names.split():
        table.answers(agent, f"the answer of {agent}")
    return table


def asked(outputs: Iterable[MachineOutput]) -> list[str]:
    return [
        out.turn.agent
        for out in outputs
        if isinstance(out, StartTurn) and isinstance(out.turn.task, Review)
    ]


def begins(table: Table, agent: str) -> None:
    started = ResponseStarted(
        **table.pen(agent).stamp(), model="m", message=msgspec.Raw(b"{}")
    )
    table.says(started)


def test_one_is_asked_and_the_others_once_its_response_begins(seat: Seat) -> None:
    table = drafted(seat)
    assert asked(table.last) == ["ada"]
    begins(table, "ada")
    assert asked(table.last) == ["bob", "cy", "dan"]
    begins(table, "ada")
    assert asked(table.last) == []


def test_the_others_wait_no_longer_than_is_allowed(seat: Seat) -> None:
    table = drafted(seat, leader_first=LeaderFirst(from_chars=0, wait_s=2.5))
    (timer,) = table.just(ArmTimer)
    assert timer.at == table.now + 2.5
    table.rings(timer.timer, timer.at)
    assert asked(table.last) == ["bob", "cy", "dan"]
    begins(table, "ada")
    assert asked(table.last) == []


def test_what_is_short_is_not_waited_for(seat: Seat) -> None:
    table = drafted(seat, leader_first=LeaderFirst())
    assert asked(table.last) == ["ada", "bob", "cy", "dan"]


def test_what_is_long_is_waited_for_by_default(seat: Seat) -> None:
    table = seat("ada bob cy", straggler=None)
    for agent in ("ada", "bob", "cy"):
        table.answers(agent, f"{agent} " * 500)
    assert asked(table.last) == ["ada"]


def test_where_answers_are_revised_all_are_asked_at_once(seat: Seat) -> None:
    table = drafted(seat, revise=True, committee_over=None)
    assert asked(table.last) == ["ada", "bob", "cy", "dan"]


@pytest.mark.parametrize("how", ["fails", "ends", "stops"])
def test_a_leader_that_brings_nothing_lets_the_others_begin(
    seat: Seat, how: str
) -> None:
    table = drafted(seat)
    if how == "stops":
        table.feed(AgentStopped(at=0.0, agent=AgentId("ada"), reason="enough"))
    elif how == "fails":
        table.fails("ada")
    else:
        table.ends("ada")
    assert asked(table.last) == ["bob", "cy", "dan"]


def test_a_leader_whose_vote_comes_at_once_lets_the_others_begin(seat: Seat) -> None:
    table = drafted(seat)
    table.votes("ada", "cy")
    assert asked(table.last) == ["bob", "cy", "dan"]
    assert table.counted == ["ada"]


def test_who_is_stopped_while_it_waits_is_not_asked_nor_waited_for(seat: Seat) -> None:
    table = drafted(seat, early=False)
    table.feed(AgentStopped(at=0.0, agent=AgentId("cy"), reason="enough"))
    begins(table, "ada")
    assert asked(table.last) == ["bob", "dan"]
    for voter in ("ada", "bob", "dan"):
        table.votes(voter, "cy")
    assert table.every(WinnerDecided)[0].winner == "cy"


def test_nobody_is_asked_once_a_veto_has_left_one_answer(seat: Seat) -> None:
    table = drafted(seat, "ada bob cy")
    (timer,) = table.just(ArmTimer)
    for agent in ("ada", "bob"):
        table.feed(AnswerVetoed(at=0.0, label=table.labels[agent], reason="no"))
    assert table.every(WinnerDecided)[0].winner == "cy"
    table.rings(timer.timer, timer.at)
    assert asked(table.last) == []


def test_each_committee_has_a_leader_of_its_own(seat: Seat) -> None:
    names = " ".join(f"a{number}" for number in range(10))
    table = drafted(seat, names, committee_over=8, committee_size=5, judges=3)
    first = asked(table.last)
    assert len(first) == 2
    begins(table, first[0])
    assert len(asked(table.last)) == 2


@pytest.mark.parametrize("wrong", [{"wait_s": -1.0}, {"from_chars": -1}])
def test_a_wait_of_less_than_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="leader_first"):
        LeaderFirst(**wrong)  # type: ignore[arg-type]


def led(seed: int) -> Setting:
    made = setting(seed)
    rules: Rules = made.rules.replace(
        leader_first=LeaderFirst(from_chars=0, wait_s=(0.0, 3.0)[seed % 2])
    )
    if rules.voting.committee_size > 2 and not rules.drafting.revise:
        rules = rules.replace(advance=2)
    return msgspec.structs.replace(made, rules=rules)


def test_random_sessions_with_leaders_hold_every_invariant() -> None:
    report = run_settings(led(seed) for seed in range(600))
    assert report.failures == ()

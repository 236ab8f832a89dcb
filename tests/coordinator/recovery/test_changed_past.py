"""A journal's facts stay true under other labels, rules and prices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId, Label
from agents.recovery.turn_replay import Memory
from coordinator.consensus import machine
from coordinator.consensus.rules import Rules
from coordinator.consensus.settings import Price
from coordinator.errors import (
    ConfigInvalid,
    JournalCorrupt,
    SessionFinished,
    SessionLeft,
)
from coordinator.journal.reader import read_session
from coordinator.protocol.events import AnswerAccepted, AnswerRefused
from coordinator.recovery import resume_points
from coordinator.session import resume as resuming
from coordinator.session.replay import Replay
from coordinator.session.session import Session
from coordinator.team.team import Team
from tests.coordinator.recovery.conftest import Cast

MakeCast = Callable[..., Cast]


def agent(name: str, draft_s: float = 1.0, review_s: float = 1.0) -> Agent:
    turns: list[dict[str, Any]] = [
        {
            "when": {"task": "draft"},
            "lines": [{"answer": f"the words of {name}", "delay_s": draft_s}],
        },
        {
            "when": {"task": "review"},
            "repeat": True,
            "lines": [{"rank": [{"first": True}], "delay_s": review_s}],
        },
        {"when": {"task": "present"}, "repeat": True, "lines": [{"text": "so"}]},
    ]
    backend = ScriptedBackend(parse_script({"turns": turns}))
    return Agent(id=AgentId(name), backend=backend)


def team_of(names: str, seed: int = 1, **rules: Any) -> Team:
    members = tuple(agent(name, 1.0 + at) for at, name in enumerate(names.split()))
    return Team(
        agents=members, rules=Rules("slate", straggler=None, **rules), seed=seed
    )


@pytest.mark.parametrize("seed", range(8))
async def test_a_veto_is_for_the_same_answer_in_a_larger_team(
    root: Path, seed: int
) -> None:
    async with coordinator.open_session(
        "q", team_of("ada ben cy", seed), journal=root, session_id="old"
    ) as session:
        label = await _first_answer(session)
        session.veto(label, "wrong and harmful")
        await anyio.sleep(0.2)
    count = len(read_session(root, "old").records)
    async with coordinator.branch_session(
        "old", count, team_of("ada ben cy dan", seed), session_id="new", journal=root
    ) as session:
        result = await session.wait()
    refused = [
        output
        for output in _outputs(root, "new")
        if isinstance(output, AnswerRefused) and "wrong and harmful" in output.reason
    ]
    assert [output.agent for output in refused] == ["ada"]
    assert result.winner != "ada"


async def _first_answer(session: Session) -> Label:
    feed = session.events()
    try:
        async for batch in feed:
            for event in batch:
                if isinstance(event, AnswerAccepted):
                    assert event.agent == "ada"
                    return event.label
    finally:
        feed.close()  # nobody waits for a reader that has gone
    raise AssertionError("nobody answered")


def _outputs(root: Path, session: str) -> list[object]:
    replay = Replay(read_session(root, session))
    return [event for batch in replay.batches() for event in batch.events]


async def test_no_half_turn_is_taken_over_under_other_rules(root: Path) -> None:
    names = "ada ben cy dan"
    await coordinator.run(
        "q", team_of(names, leader_first=None), journal=root, session_id="old"
    )
    count = len(read_session(root, "old").records)
    led: dict[str, Any] = {"leader_first": {"from_chars": 0, "wait_s": 5.0}}
    for record in range(2, count - 2):
        try:
            async with coordinator.branch_session(
                "old",
                record,
                team_of(names, **led),
                session_id=f"new{record}",
                journal=root,
            ) as session:
                result = await session.wait()
        except ConfigInvalid:
            continue  # it had ended by then
        assert result.status == "answered"
        _check_turns(root, f"new{record}")


def _check_turns(root: Path, session: str) -> None:
    at: dict[tuple[str, int], int] = {}
    for event in _outputs(root, session):
        seq = getattr(event, "seq", None)
        if seq is not None:
            key = (getattr(event, "agent"), getattr(event, "turn"))  # noqa: B009
            assert seq == at.get(key, -1) + 1, key
            at[key] = seq


async def test_who_the_old_rule_stopped_votes_under_the_new_one(root: Path) -> None:
    old = team_of("ada ben cy", rule="plurality")
    slow = replace(old, agents=(*old.agents[:2], agent("cy", 1.0, 50.0)))
    await coordinator.run("q", slow, journal=root, session_id="old")
    records = read_session(root, "old").records
    for record in range(len(records) - 2, 3, -1):
        try:
            async with coordinator.branch_session(
                "old",
                record,
                team_of("ada ben cy", rule="unanimity"),
                session_id=f"n{record}",
                journal=root,
            ) as session:
                result = await session.wait()
        except ConfigInvalid:
            continue
        assert "3 of 3" in result.detail, record


async def test_other_prices_do_not_decide_the_past_anew(
    root: Path, cast: MakeCast, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with coordinator.open_session(
        "q", cast(budget_usd=1.0).team, journal=root, session_id="s1"
    ):
        await anyio.sleep(2.0)
    dear = Price(input_usd=1.0, output_usd=1.0)
    from coordinator.team import team as teams  # noqa: PLC0415

    def price(_: Agent) -> Price:
        return dear

    monkeypatch.setattr(teams, "_price", price)
    async with coordinator.resume_session(
        "s1", cast(budget_usd=1.0).team, journal=root
    ) as session:
        result = await session.wait()
    assert (result.status, result.winner) == ("answered", "ada")
    assert list(Replay(read_session(root, "s1")).batches())


async def test_an_input_that_the_machine_cannot_take_does_not_stay(
    root: Path, cast: MakeCast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a mistake of the program's")

    async def dies() -> None:
        async with coordinator.open_session(
            "q", cast().team, journal=root, session_id="s1"
        ) as session:
            await anyio.sleep(1.0)
            session.interrupt()
            await session.wait()

    with monkeypatch.context() as patch:
        patch.setattr(machine, "_best_so_far", fails)
        with pytest.raises((BaseExceptionGroup, SessionLeft)):
            await dies()
    with monkeypatch.context() as patch:
        patch.setattr(machine, "_best_so_far", fails)
        async with coordinator.resume_session(
            "s1", cast().team, journal=root
        ) as session:
            result = await session.wait()
    assert (result.status, result.winner) == ("answered", "ada")
    assert Replay(read_session(root, "s1")).batches()


async def test_who_waited_for_the_lock_asks_again_whether_it_is_finished(
    root: Path, cast: MakeCast, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with coordinator.open_session(
        "q", cast().team, journal=root, session_id="s1"
    ):
        await anyio.sleep(1.0)
    looked = resume_points.insist_on_unfinished
    is_first = True

    def looked_before_it_ended(found: Any) -> None:
        nonlocal is_first
        if not is_first:
            looked(found)
        is_first = False

    async with coordinator.resume_session("s1", cast().team, journal=root) as session:
        await session.wait()
    monkeypatch.setattr(resuming, "insist_on_unfinished", looked_before_it_ended)
    before = len(read_session(root, "s1").records)
    with pytest.raises(SessionFinished):
        async with coordinator.resume_session("s1", cast().team, journal=root):
            pass
    assert len(read_session(root, "s1").records) == before


async def test_turns_that_do_not_add_up_are_refused_and_not_raised(
    root: Path, cast: MakeCast, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with coordinator.open_session(
        "q", cast().team, journal=root, session_id="s1"
    ):
        await anyio.sleep(1.0)

    def _no_block(*_: object) -> None:
        raise KeyError(0)

    monkeypatch.setattr(Memory, "__init__", _no_block)
    with pytest.raises(JournalCorrupt, match="does not add up"):
        async with coordinator.resume_session("s1", cast().team, journal=root):
            pass


async def test_a_deadline_given_to_a_session_that_had_not_begun_is_kept(
    root: Path, cast: MakeCast, write: Callable[..., Path]
) -> None:
    await coordinator.run("q", cast().team, journal=root, session_id="whole")
    write("cut", read_session(root, "whole").records[:1])
    async with coordinator.resume_session(
        "cut", cast().team, journal=root, deadline_s=0.2
    ) as session:
        result = await session.wait()
    assert result.status == "deadline"
    assert result.elapsed_s == pytest.approx(0.2, abs=0.05)

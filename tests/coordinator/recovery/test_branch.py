"""A new session from any point of an old one, which stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId
from coordinator.ballots import Borda, Plurality
from coordinator.errors import ConfigInvalid
from coordinator.journal.entries import BranchedFrom, Resumed, decode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.reader import read_session
from coordinator.protocol.events import VoteCounted
from coordinator.session.replay import Replay
from coordinator.team.team import Team
from tests.coordinator.recovery.conftest import Cast

MakeCast = Callable[..., Cast]


@pytest.fixture
async def records(root: Path, cast: MakeCast) -> tuple[Record, ...]:
    await coordinator.run("The capital?", cast().team, journal=root, session_id="whole")
    return read_session(root, "whole").records


def at(records: tuple[Record, ...], word: bytes) -> int:
    """How many records there are up to the first output that says ``word``."""
    return next(
        number
        for number, record in enumerate(records, start=1)
        if record.kind == Kind.OUTPUT and word in record.payload
    )


def check_replay(root: Path, session: str) -> None:
    played = Replay(read_session(root, session))
    assert list(played.batches())
    assert played.is_finished


async def test_a_branch_without_changes_comes_to_the_same_and_buys_less(
    root: Path, cast: MakeCast, records: tuple[Record, ...]
) -> None:
    before = (root / "whole.journal").read_bytes()
    count = at(records, b"slate_frozen")
    again = cast()
    async with coordinator.branch_session(
        "whole", count, again.team, journal=root, session_id="b1"
    ) as session:
        result = await session.wait()
    assert (result.session, result.winner) == ("b1", "ada")
    assert {number for _, number, _ in again.calls} == {2, 3}
    assert (root / "whole.journal").read_bytes() == before
    opened = read_session(root, "b1").opened
    assert opened.parent == BranchedFrom(session="whole", record=count)
    check_replay(root, "b1")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
async def test_another_rule_keeps_what_is_still_true(
    root: Path, cast: MakeCast, records: tuple[Record, ...], share: float
) -> None:
    count = int(share * at(records, b"winner_decided"))
    again = cast()
    rules = again.team.rules.replace(rule=Plurality())
    async with coordinator.branch_session(
        "whole",
        count,
        replace(again.team, rules=rules),
        say="Think of the sea.",
        journal=root,
        session_id="b1",
    ) as session:
        result = await session.wait()
    assert (result.status, result.winner) == ("answered", "ada")
    found = read_session(root, "b1")
    said = [r for r in found.records if b"Think of the sea" in r.payload]
    assert said
    assert any(b'"rule":"plurality"' in record.payload for record in found.records)
    check_replay(root, "b1")


async def test_a_branch_of_what_was_resumed_knows_which_records_stand(
    root: Path,
    cast: MakeCast,
    records: tuple[Record, ...],
    write: Callable[..., Path],
) -> None:
    # Cut within a response, so that what it had said is void after the resumption.
    write("cut", records[: at(records, b"slate_frozen") + 3])
    async with coordinator.resume_session("cut", cast().team, journal=root) as resumed:
        await resumed.wait()
    found = read_session(root, "cut").records
    assert any(record.kind == Kind.RESUMED for record in found)
    again = cast()
    rules = again.team.rules.replace(rule=Plurality())
    async with coordinator.branch_session(
        "cut",
        at(found, b"winner_decided"),
        replace(again.team, rules=rules),
        journal=root,
        session_id="b1",
    ) as session:
        result = await session.wait()
    assert (result.status, result.winner) == ("answered", "ada")
    branch = read_session(root, "b1").records
    place = [record.kind for record in branch].index(Kind.RESUMED)
    first = decode(branch[place])  # the branch's own beginning is another
    assert isinstance(first, Resumed)
    assert first.kept == place
    check_replay(root, "b1")


async def test_who_voted_is_asked_again_where_the_ballot_is_another(
    root: Path, cast: MakeCast, records: tuple[Record, ...]
) -> None:
    count = at(records, b"vote_counted")
    voted = decode(records[count - 1])
    assert isinstance(voted, VoteCounted)
    asked: list[set[AgentId]] = []
    for name, rule in (("same", Borda()), ("other", Plurality())):
        again = cast()
        rules = again.team.rules.replace(rule=rule)
        team = replace(again.team, rules=rules)
        async with coordinator.branch_session(
            "whole", count, team, journal=root, session_id=name
        ) as session:
            await session.wait()
        asked.append({agent for agent, number, _ in again.calls if number == 2})
    assert voted.voter not in asked[0]
    assert voted.voter in asked[1]


async def test_one_more_agent_drafts_while_the_others_keep_theirs(
    root: Path, cast: MakeCast, records: tuple[Record, ...]
) -> None:
    again = cast()
    turns = [
        {"when": {"task": "draft"}, "lines": [{"answer": "Brest", "delay_s": 2.0}]},
        {"when": {"task": "review"}, "lines": [{"vote": "Paris"}]},
    ]
    backend = ScriptedBackend(parse_script({"turns": turns}))
    dan = Agent(id=AgentId("dan"), backend=backend)
    team = Team(agents=(*again.team.agents, dan), rules=again.team.rules)
    async with coordinator.branch_session(
        "whole", at(records, b"slate_frozen"), team, journal=root, session_id="b1"
    ) as session:
        result = await session.wait()
    assert {answer.content for answer in result.answers} >= {"Brest", "Lyon"}
    assert result.winner == "ada"
    assert not [call for call in again.calls if call[1] == 1]
    check_replay(root, "b1")


@pytest.mark.parametrize(
    ("count", "words"), [(0, "no 0"), (9999, "and no 9999"), (-1, "had ended by")]
)
async def test_a_record_that_nothing_can_begin_at_is_refused_with_those_that_can(
    root: Path, cast: MakeCast, records: tuple[Record, ...], count: int, words: str
) -> None:
    with pytest.raises(ConfigInvalid, match=rf"{words}.*the slate is frozen"):
        async with coordinator.branch_session(
            "whole",
            count if count >= 0 else len(records),
            cast().team,
            journal=root,
        ):
            pass


async def test_a_session_goes_on_with_its_own_team_alone(
    root: Path, cast: MakeCast, records: tuple[Record, ...], write: Callable[..., Path]
) -> None:
    write("s1", records[:20])
    team = cast().team
    smaller = Team(agents=team.agents[:2], rules=team.rules)
    with pytest.raises(ConfigInvalid, match="begin a new session"):
        async with coordinator.resume_session("s1", smaller, journal=root):
            pass

"""People in a session that goes on: what they had not said yet is asked again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

import coordinator
from agents.actor.person import Person
from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId, ToolCalled, ToolReturned
from agents.protocol.turns import Draft, Review
from agents.tools.approval import Approval, Approved, Approver, Verdict, anything
from agents.tools.function import tool
from coordinator.consensus.rules import Rules
from coordinator.errors import NotAsked
from coordinator.journal.framing import Record
from coordinator.journal.reader import read_session
from coordinator.session.session import Session
from coordinator.team.team import Team

PAT = AgentId("pat")
ADA: list[dict[str, Any]] = [
    {"when": {"task": "draft"}, "lines": [{"answer": "Paris"}]},
    {"when": {"task": "review"}, "lines": [{"vote": "Lyon", "delay_s": 5.0}]},
    {"when": {"task": "present"}, "lines": [{"text": "Paris."}]},
]
CALLING: list[dict[str, Any]] = [
    {"when": {"call": 1}, "lines": [{"tool": "sell", "input": {"what": "it"}}]},
    {"when": {"call": 2, "told": "sold"}, "lines": [{"answer": "It is sold."}]},
    {"when": {"call": 2}, "lines": [{"answer": "Nobody knows."}]},
]
Write = Callable[..., Path]


def with_pat() -> Team:
    backend = ScriptedBackend(parse_script({"turns": ADA}))
    ada = Agent(id=AgentId("ada"), backend=backend)
    rules = Rules(straggler=None, early=False)
    return Team(agents=(ada, Person(id=PAT)), rules=rules, seed=1)


async def say_it_all(session: Session) -> list[str]:
    """Be Pat until the session has ended; what she was asked."""
    asked: list[str] = []
    with suppress(NotAsked):
        while True:
            turn = await session.asked(PAT)
            asked.append(type(turn.task).__name__)
            match turn.task:
                case Draft():
                    session.answer(PAT, "Lyon")
                case Review():
                    own = next(x.label for x in turn.task.answers if x.is_own)
                    session.vote(PAT, own)
                case _:
                    session.answer(PAT, "It is Lyon.")
    return asked


async def test_wherever_it_dies_a_person_is_asked_what_is_still_open(
    root: Path, write: Write
) -> None:
    async with coordinator.open_session(
        "Which?", with_pat(), journal=root, session_id="whole"
    ) as session:
        assert await say_it_all(session) == ["Draft", "Review", "Present"]
    records = read_session(root, "whole").records
    for cut in range(1, len(records)):
        path = write("cut", records[:cut])
        async with coordinator.resume_session(path, with_pat()) as session:
            asked = await say_it_all(session)
            result = await session.wait()
        assert (result.winner, result.answer) == (PAT, "It is Lyon."), cut
        said = [r.payload for r in records[:cut] if b'"turn_ended"' in r.payload]
        done = sum(b'"pat"' in payload for payload in said)
        assert asked == ["Draft", "Review", "Present"][done:], cut


def selling(sold: list[str], approver: Approver) -> Team:
    @tool
    async def sell(what: str) -> str:
        """Sell something."""
        sold.append(what)
        await anyio.sleep(1.0)
        return f"{what} is sold"

    backend = ScriptedBackend(parse_script({"turns": CALLING}))
    ada = Agent(
        id=AgentId("ada"),
        backend=backend,
        tools=(sell,),
        approval=Approval(("sell",), approver),
    )
    return Team(agents=(ada,), rules=Rules(), seed=1)


@pytest.fixture
async def records(root: Path) -> tuple[Record, ...]:
    team = selling([], anything)
    await coordinator.run("q", team, journal=root, session_id="whole")
    return read_session(root, "whole").records


def cut_behind(records: tuple[Record, ...], word: bytes) -> tuple[Record, ...]:
    """Records up to the last one that says ``word``."""
    last = max(n for n, record in enumerate(records) if word in record.payload)
    return records[: last + 1]


async def test_a_call_that_nobody_had_approved_yet_is_put_to_them_again(
    write: Write, records: tuple[Record, ...]
) -> None:
    path = write("cut", cut_behind(records, b"asking_approval"))
    sold: list[str] = []
    asked: list[str] = []

    async def approve(_agent: AgentId, call: ToolCalled) -> Verdict:
        await anyio.lowlevel.checkpoint()
        asked.append(call.name)
        return Approved()

    async with coordinator.resume_session(path, selling(sold, approve)) as session:
        result = await session.wait()
    assert (asked, sold, result.answer) == (["sell"], ["it"], "It is sold.")


async def test_a_call_that_was_approved_may_have_run_and_is_not_run_again(
    write: Write, records: tuple[Record, ...]
) -> None:
    path = write("cut", cut_behind(records, b"running_tools"))
    sold: list[str] = []
    async with coordinator.resume_session(path, selling(sold, anything)) as session:
        seen = [chunk async for chunk in session]
        result = await session.wait()
    assert (sold, result.answer) == ([], "Nobody knows.")
    (returned,) = (chunk for chunk in seen if isinstance(chunk, ToolReturned))
    assert returned.is_error

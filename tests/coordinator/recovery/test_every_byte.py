"""A journal that was torn at any byte of its last records goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

import coordinator
from agents.agent import Agent
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId
from coordinator.consensus.rules import Rules
from coordinator.errors import JournalCorrupt, SessionFinished
from coordinator.journal.framing import RECORD_HEADER_BYTES, Record
from coordinator.journal.reader import read_session
from coordinator.protocol.result import Result
from coordinator.session.replay import Replay
from coordinator.team.team import Team
from tests.coordinator.recovery.conftest import Call, CountingBackend

pytestmark = [pytest.mark.real_time, pytest.mark.long]


@dataclass
class Alone:
    """A team of one, whose session is short enough to be torn at every byte."""

    calls: list[Call] = field(default_factory=list[Call])

    @property
    def team(self) -> Team:
        script = parse_script({"turns": [{"lines": [{"answer": "A"}]}]})
        ada = Agent(id=AgentId("a"), backend=CountingBackend(script, self.calls))
        return Team(agents=(ada,), rules=Rules(), seed=1)


@pytest.fixture
async def records(root: Path) -> tuple[Record, ...]:
    await coordinator.run("q", Alone().team, journal=root, session_id="whole")
    return read_session(root, "whole").records


def without_defaults(record: Record) -> Record:
    """An outcome in few words, because each of its bytes costs a session here."""
    told = msgspec.json.decode(record.payload)
    needed = {f.name for f in msgspec.structs.fields(Result) if f.required}
    short = {name: value for name, value in told.items() if name in needed}
    short |= {"answers": [], "agents": {}, "usage": {}}
    msgspec.convert(short, Result)
    return msgspec.structs.replace(record, payload=msgspec.json.encode(short))


async def tear(path: Path, last: Sequence[Record], *, calls: int) -> None:
    """Go on from every byte of a journal's last records, its end not included.

    Args:
        path: The journal.
        last: Its last records.
        calls: How many the model is sent wherever the journal ends.
    """
    for data in cuts(path, last):
        again = Alone()
        async with coordinator.resume_session(path, again.team) as session:
            result = await session.wait()
        assert (result.status, result.answer) == ("answered", "A"), len(data)
        assert len(again.calls) == calls, len(data)
        check_kept(path, data, session.repair)


def cuts(path: Path, last: Sequence[Record]) -> Iterator[bytes]:
    """Make the journal end at every byte of ``last``, and in the end as it was."""
    whole = path.read_bytes()
    length = sum(RECORD_HEADER_BYTES + len(record.payload) for record in last)
    for cut in range(len(whole) - length, len(whole)):
        path.write_bytes(whole[:cut])
        yield whole[:cut]
    path.write_bytes(whole)


def check_kept(path: Path, data: bytes, said: str | None) -> None:
    """The journal is whole, can be played, and what was cut off is kept and said."""
    after = read_session(path.parent, path.stem)
    assert after.damage is None, len(data)
    assert list(Replay(after).batches()), len(data)
    salvaged = [*path.parent.glob("torn.damaged-*")]
    assert len(salvaged) == (said is not None), len(data)
    for salvage in salvaged:
        assert data.endswith(salvage.read_bytes()), len(data)
        assert str(salvage) in (said or ""), len(data)
        salvage.unlink()


async def test_any_byte_of_how_a_session_ended_can_be_its_last(
    records: tuple[Record, ...], write: Callable[..., Path]
) -> None:
    records = (*records[:-1], without_defaults(records[-1]))
    path = write("torn", records, marks=False)
    # That the answer was accepted, that it has won, the end, and the outcome.
    await tear(path, records[-4:], calls=0)
    with pytest.raises(SessionFinished):
        async with coordinator.resume_session(path, Alone().team):
            pass


async def test_any_byte_of_how_a_turn_began_can_be_the_last(
    records: tuple[Record, ...], write: Callable[..., Path]
) -> None:
    # The deadline, the turn, and that its request goes out.
    path = write("torn", records[:5], marks=False)
    await tear(path, records[2:5], calls=1)


async def test_a_first_record_torn_at_any_byte_is_refused_and_left_as_it_is(
    records: tuple[Record, ...], write: Callable[..., Path]
) -> None:
    path = write("torn", records[:1], marks=False)
    data = path.read_bytes()
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        with pytest.raises(JournalCorrupt, match="does not say what it is about"):
            async with coordinator.resume_session(path, Alone().team):
                pass
        assert path.read_bytes() == data[:cut], cut
    assert not [*path.parent.glob("torn.damaged-*")]

"""Journals that a later version went on with: said in a sentence, and left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import coordinator
from coordinator.errors import JournalCorrupt
from coordinator.journal.framing import Kind, Record
from coordinator.journal.index import list_sessions
from coordinator.journal.reader import read_session
from tests.coordinator.recovery.conftest import Cast

MakeCast = Callable[..., Cast]

LATER = [
    (Kind.INPUT, b'{"kind":"moon_rose","at":1.0}'),
    (Kind.FRAME, b'[{"kind":"moon_rose"}]'),
    (Kind.RESUMED, b'{"kind":"moon_rose"}'),
    (Kind.FILE, b'{"kind":"moon_rose"}'),
]


@pytest.mark.parametrize(("kind", "payload"), LATER)
async def test_a_record_that_only_a_later_version_knows_is_said_and_left_alone(
    root: Path,
    cast: MakeCast,
    write: Callable[..., Path],
    kind: Kind,
    payload: bytes,
) -> None:
    await coordinator.run("q", cast().team, journal=root, session_id="whole")
    records = read_session(root, "whole").records
    half = len(records) // 2
    later = Record(kind=kind, at=records[half].at, payload=payload)
    path = write("later", (*records[:half], later, *records[half:-1]))
    before = path.read_bytes()

    with pytest.raises(JournalCorrupt, match="later version: upgrade"):
        async with coordinator.resume_session(path, cast().team):
            pass
    assert path.read_bytes() == before

    team = cast().team
    async with coordinator.branch_session(path, half, team) as session:
        assert (await session.wait()).status == "answered"


async def test_a_branch_behind_such_a_record_is_refused(
    root: Path, cast: MakeCast, write: Callable[..., Path]
) -> None:
    await coordinator.run("q", cast().team, journal=root, session_id="whole")
    records = read_session(root, "whole").records[:6]
    later = Record(kind=Kind.INPUT, at=records[-1].at, payload=LATER[0][1])
    path = write("later", (*records, later))
    with pytest.raises(JournalCorrupt, match="later version: upgrade"):
        async with coordinator.branch_session(path, 7, cast().team):
            pass
    assert {s.session for s in list_sessions(root)} == {"whole", "later"}

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import anyio
import msgspec
import pytest

from agents.protocol.chunks import (
    AgentId,
    ResponseStarted,
    TurnNumber,
    Usage,
    UsageReported,
)
from agents.protocol.frames import encode_frame
from agents.protocol.stamper import Pen
from coordinator.errors import ConfigInvalid, JournalUnavailable
from coordinator.journal.entries import Opened, encode
from coordinator.journal.framing import Kind
from coordinator.journal.index import list_sessions, prune, remove
from coordinator.journal.open import open_journal, reopen_journal
from coordinator.journal.summaries import Summary
from coordinator.protocol.result import Result

pytestmark = pytest.mark.real_time

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
Status = Literal["answered", "interrupted"]


def ids(summaries: Iterable[Summary]) -> list[str]:
    return [summary.session for summary in summaries]


def outcome(session: str, status: Status = "answered") -> Result:
    return Result(
        session=session,
        status=status,
        question="Which city?",
        winner=AgentId("ada"),
        answer="Canberra",
        answers=(),
        votes=(),
        agents={},
        usage=Usage(),
        cost_usd=0.25,
        elapsed_s=3.5,
    )


def responses(*costs: float | None) -> list[bytes]:
    """Frames of responses that cost so much, each said twice, cumulatively."""
    pen = Pen(AgentId("ada"), TurnNumber(1), 0.0)
    frames: list[bytes] = []
    for cost in costs:
        raw = msgspec.Raw(b"{}")
        started = ResponseStarted(**pen.stamp(), model="m", message=raw)
        half = None if cost is None else cost / 2
        reports = [
            UsageReported(**pen.stamp(), model="m", usage=Usage(), cost_usd=usd)
            for usd in (half, cost)
        ]
        frames.append(encode_frame([started, *reports]))
    return frames


@pytest.fixture
def hold(root: Path, opening: Callable[..., Opened]) -> Callable[..., Awaitable[None]]:
    """Run a session of so many hours ago, with or without a result."""

    async def hold(
        session: str,
        hours: int = 0,
        *,
        ends: bool = True,
        status: Status = "answered",
    ) -> None:
        opened = opening(session, started=NOON - timedelta(hours=hours))
        async with open_journal(root, opened) as journal:
            for frame in responses(0.5, 0.25):
                journal.record(Kind.FRAME, frame, 0.0)
            if ends:
                journal.record(Kind.RESULT, encode(outcome(session, status)), 0.0)

    return hold


def names(root: Path) -> list[str]:
    return [summary.session for summary in list_sessions(root)]


def files(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


def share(folder: Path, mode: int) -> None:
    folder.chmod(mode)


def modes(root: Path) -> list[int]:
    return [path.stat().st_mode for path in root.iterdir()]


def overwrite(path: Path, data: bytes) -> None:
    path.write_bytes(data)


async def test_sessions_are_listed_newest_first(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    for session, hours in (("old", 5), ("new", 0), ("middle", 2)):
        await hold(session, hours)
    assert names(root) == ["new", "middle", "old"]
    assert names(root) == ["new", "middle", "old"]


async def test_a_summary_says_how_it_ended_and_what_it_cost(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    await hold("s1")
    (summary,) = list_sessions(root)
    assert msgspec.structs.replace(summary, size_bytes=0) == Summary(
        session="s1",
        status="answered",
        question="Which city?",
        started=NOON,
        cost_usd=0.25,
        winner=AgentId("ada"),
        elapsed_s=3.5,
    )


async def test_a_session_without_a_result_is_unfinished_and_its_cost_is_summed(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    await hold("s1", ends=False)
    (summary,) = list_sessions(root)
    assert (summary.status, summary.cost_usd) == ("unfinished", 0.75)


async def test_an_unknown_price_makes_the_sum_unknown(
    root: Path, opening: Callable[..., Opened]
) -> None:
    async with open_journal(root, opening()) as journal:
        for frame in responses(0.5, None):
            journal.record(Kind.FRAME, frame, 0.0)
    (summary,) = list_sessions(root)
    assert summary.cost_usd is None


async def test_a_session_under_way_is_running_and_then_is_not(
    root: Path, opening: Callable[..., Opened]
) -> None:
    async with open_journal(root, opening()):
        assert [s.status for s in list_sessions(root)] == ["running"]
    assert [s.status for s in list_sessions(root)] == ["unfinished"]
    async with reopen_journal(root, "s1"):
        pass
    assert [s.status for s in list_sessions(root)] == ["unfinished"]


async def test_the_index_follows_journals_that_change_or_go(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    await hold("s1", ends=False)
    await hold("s2")
    assert [s.status for s in list_sessions(root)] == ["unfinished", "answered"]
    async with reopen_journal(root, "s1") as (journal, _):
        journal.record(Kind.RESULT, encode(outcome("s1", "interrupted")), 0.0)
    assert [s.status for s in list_sessions(root)] == ["interrupted", "answered"]
    remove(root, "s1")
    assert names(root) == ["s2"]


@pytest.mark.parametrize("junk", [b"", b"junk" * 4000, b"SQLite format 3\0" * 300])
async def test_a_damaged_index_is_made_anew(
    root: Path, hold: Callable[..., Awaitable[None]], junk: bytes
) -> None:
    await hold("s1")
    before = list_sessions(root)
    for name in ("index.sqlite3", "index.sqlite3-wal"):
        overwrite(root / name, junk)
    assert list_sessions(root) == before
    with closing(sqlite3.connect(root / "index.sqlite3")) as db:
        rows = db.execute("SELECT session, status, cost_usd FROM sessions_1")
        assert rows.fetchall() == [("s1", "answered", 0.25)]


async def test_a_row_that_is_not_what_we_wrote_makes_the_index_anew(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    await hold("s1")
    before = list_sessions(root)
    with closing(sqlite3.connect(root / "index.sqlite3")) as db, db:
        db.execute("UPDATE sessions_1 SET summary = x'80'")
    assert list_sessions(root) == before


async def test_the_index_serves_unchanged_journals_without_reading_them(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    await hold("s1")
    list_sessions(root)
    with closing(sqlite3.connect(root / "index.sqlite3")) as db, db:
        changed = (
            b'{"session":"s1","status":"failed","question":"from the index",'
            b'"started":null,"cost_usd":null}'
        )
        db.execute("UPDATE sessions_1 SET summary = ?", (changed,))
    assert [s.question for s in list_sessions(root)] == ["from the index"]


async def test_a_link_in_the_indexs_place_is_not_followed(
    root: Path, hold: Callable[..., Awaitable[None]], tmp_path: Path
) -> None:
    await hold("s1")
    victim = tmp_path / "victim"
    overwrite(victim, b"precious")
    (root / "index.sqlite3").symlink_to(victim)
    assert names(root) == ["s1"]
    assert victim.read_bytes() == b"precious"


async def test_what_is_no_readable_journal_is_listed_last_and_harms_nothing(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    await hold("good")
    overwrite(root / "bad.journal", b"something else")
    overwrite(root / "empty.journal", b"")
    overwrite(root / "not a session id.journal", b"")
    (root / "link.journal").symlink_to(root / "good.journal")
    overwrite(root / "copy.journal", (root / "good.journal").read_bytes())
    listed = [(s.session, s.status) for s in list_sessions(root)]
    assert listed == [
        ("good", "answered"),
        ("bad", "unreadable"),
        ("copy", "unreadable"),
        ("empty", "unreadable"),
    ]


async def test_a_folder_that_is_not_there_has_no_sessions(root: Path) -> None:
    assert list_sessions(root) == ()
    await anyio.lowlevel.checkpoint()


async def test_the_index_is_the_owners_alone(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    await hold("s1")
    list_sessions(root)
    assert {mode & 0o077 for mode in modes(root)} == {0}


@pytest.mark.parametrize("mode", [0o777, 0o1777])
async def test_a_folder_that_others_can_write_is_listed_without_an_index(
    root: Path, hold: Callable[..., Awaitable[None]], mode: int
) -> None:
    await hold("s1")
    share(root, mode)
    assert names(root) == ["s1"]
    assert len(modes(root)) == 1


async def test_prune_deletes_the_old_and_spares_what_can_be_resumed(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    for session, hours in (("a", 1), ("b", 2), ("c", 3)):
        await hold(session, hours)
    await hold("open", 4, ends=False)
    await hold("stopped", 5, status="interrupted")
    overwrite(root / "b.damaged-1", b"tail")
    assert ids(prune(root, before=NOON - timedelta(minutes=90))) == ["b", "c"]
    assert names(root) == ["a", "open", "stopped"]
    assert "b.damaged-1" not in files(root)
    assert ids(prune(root, keep=0, may_lose_unfinished=True)) == [
        "a",
        "open",
        "stopped",
    ]
    assert names(root) == []


async def test_prune_keeps_the_newest(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    for hours in range(5):
        await hold(f"s{hours}", hours)
    assert ids(prune(root, keep=2)) == ["s2", "s3", "s4"]
    assert names(root) == ["s0", "s1"]


async def test_nobody_prunes_everything_by_accident_or_a_session_under_way(
    root: Path, opening: Callable[..., Opened]
) -> None:
    with pytest.raises(ConfigInvalid, match="everything"):
        prune(root)
    async with open_journal(root, opening()):
        assert prune(root, keep=0, may_lose_unfinished=True) == ()
        with pytest.raises(JournalUnavailable, match="in use"):
            remove(root, "s1")
    assert names(root) == ["s1"]


LISTING = """
import sys
from pathlib import Path
from coordinator.journal.index import list_sessions
for _ in range(20):
    print(len(list_sessions(Path(sys.argv[1]))))
"""


async def test_many_processes_may_list_at_once(
    root: Path, hold: Callable[..., Awaitable[None]]
) -> None:
    for number in range(5):
        await hold(f"s{number}")
    told: list[bytes] = []

    async def listing() -> None:
        words = [sys.executable, "-c", LISTING, str(root)]
        told.append((await anyio.run_process(words)).stdout)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(listing)
        for _ in range(10):
            (root / "index.sqlite3").write_bytes(b"damaged by somebody")
            await anyio.lowlevel.checkpoint()
            assert len(list_sessions(root)) == 5
    assert [lines.split() for lines in told] == [[b"5"] * 20] * 3

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from coordinator.errors import JournalUnavailable
from coordinator.journal import writer as writing
from coordinator.journal.entries import Opened
from coordinator.journal.framing import MAX_PAYLOAD_BYTES, Kind
from coordinator.journal.inputs import inputs
from coordinator.journal.open import open_journal, reopen_journal
from coordinator.journal.reader import read_session
from coordinator.journal.writer import Durability

pytestmark = pytest.mark.real_time

EVERY: list[Durability] = ["exit", "async", "sync"]


@pytest.mark.parametrize("durability", EVERY)
async def test_what_was_recorded_is_read_in_the_order_taken(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    durability: Durability,
) -> None:
    async with open_journal(root, opening(), durability=durability) as journal:
        for number in range(500):
            journal.record(Kind.FRAME, frame(number), 100.0 + number)
            if number % 50 == 0:
                await journal.commit()
    found = read_session(root, "s1")
    assert found.opened == opening()
    assert found.damage is None
    assert [r.payload for r in found.records[1:]] == [frame(n) for n in range(500)]
    assert [chunk.at for chunk in inputs(found.records)] == [
        100.0 + number for number in range(500)
    ]


@pytest.mark.parametrize("durability", EVERY)
async def test_frames_that_come_together_are_read_one_by_one_in_the_order_taken(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    durability: Durability,
) -> None:
    async with open_journal(root, opening(), durability=durability) as journal:
        journal.record_frames([frame(n) for n in range(700)], 100.0)
        journal.record_frames([frame(700)], 101.0)
        journal.record(Kind.FRAME, frame(701), 102.0)
        await journal.commit()
        journal.record_frames([frame(702), frame(703)], 103.0)
        journal.record_frames([], 104.0)
    found = read_session(root, "s1")
    assert found.damage is None
    assert [r.payload for r in found.records[1:]] == [frame(n) for n in range(704)]
    ats = [record.at for record in found.records[1:]]
    assert ats == [100.0] * 700 + [101.0, 102.0, 103.0, 103.0]


async def test_frames_larger_than_a_record_may_be_are_refused(
    root: Path, opening: Callable[..., Opened]
) -> None:
    async with open_journal(root, opening(), durability="exit") as journal:
        with pytest.raises(ValueError, match="exceeds"):
            journal.record_frames([b"x", bytes(MAX_PAYLOAD_BYTES + 1)], 100.0)
        journal.record_frames([b"y"], 101.0)
    assert [r.payload for r in read_session(root, "s1").records[1:]] == [b"y"]


async def test_a_new_session_can_be_read_before_anything_is_recorded(
    root: Path, opening: Callable[..., Opened]
) -> None:
    async with open_journal(root, opening(), durability="exit"):
        assert read_session(root, "s1").opened.question == "Which city?"


async def test_sync_returns_from_commit_when_the_records_are_durable(
    root: Path, opening: Callable[..., Opened], frame: Callable[[int], bytes]
) -> None:
    async with open_journal(root, opening(), durability="sync") as journal:
        for number in range(20):
            journal.record(Kind.FRAME, frame(number), 0.0)
            await journal.commit()
            assert journal.durable_bytes == journal.recorded_bytes
            assert len(read_session(root, "s1").records) == number + 2


async def test_async_writes_without_being_asked(
    root: Path, opening: Callable[..., Opened], frame: Callable[[int], bytes]
) -> None:
    async with open_journal(root, opening(), durability="async") as journal:
        journal.record(Kind.FRAME, frame(0), 0.0)
        with anyio.fail_after(30):
            while journal.durable_bytes < journal.recorded_bytes:
                await anyio.lowlevel.checkpoint()
        assert len(read_session(root, "s1").records) == 2


async def test_exit_writes_when_the_session_ends(
    root: Path, opening: Callable[..., Opened], frame: Callable[[int], bytes]
) -> None:
    async with open_journal(root, opening(), durability="exit") as journal:
        journal.record(Kind.FRAME, frame(0), 0.0)
        await journal.commit()
        assert (journal.written_bytes, journal.durable_bytes) == (0, 0)
        assert len(read_session(root, "s1").records) == 1
    assert len(read_session(root, "s1").records) == 2


async def test_exit_spills_rather_than_fill_the_memory(
    root: Path, opening: Callable[..., Opened]
) -> None:
    async with open_journal(root, opening(), durability="exit") as journal:
        for _ in range(4 * writing.SPILL_BYTES // 100_000):
            journal.record(Kind.FRAME, b"\n" * 100_000, 0.0)
            await journal.commit()
        with anyio.fail_after(30):
            while not journal.written_bytes:
                await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("durability", EVERY)
async def test_flush_makes_everything_durable_in_any_mode(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    durability: Durability,
) -> None:
    async with open_journal(root, opening(), durability=durability) as journal:
        journal.record(Kind.FRAME, frame(0), 0.0)
        await journal.flush()
        assert journal.durable_bytes == journal.recorded_bytes
        assert len(read_session(root, "s1").records) == 2


@pytest.mark.parametrize("durability", EVERY)
async def test_cancellation_loses_nothing_that_was_recorded(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    durability: Durability,
) -> None:
    with anyio.CancelScope() as scope:
        async with open_journal(root, opening(), durability=durability) as journal:
            for number in range(100):
                journal.record(Kind.FRAME, frame(number), 0.0)
            scope.cancel()
            await journal.commit()
    assert scope.cancelled_caught
    assert len(read_session(root, "s1").records) == 101


@pytest.mark.parametrize("durability", EVERY)
async def test_an_error_of_the_session_loses_nothing_that_was_recorded(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    durability: Durability,
) -> None:
    with pytest.RaisesGroup(ZeroDivisionError):
        async with open_journal(root, opening(), durability=durability) as journal:
            journal.record(Kind.FRAME, frame(0), 0.0)
            raise ZeroDivisionError
    assert len(read_session(root, "s1").records) == 2


class Disk:
    """Stands between the writer and ``os``: can hold a commit back, or fail it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commits = 0
        self.trouble: OSError | None = None
        self.is_free = threading.Event()
        self.is_free.set()
        self._sync = os.fsync
        monkeypatch.setattr(writing, "sync_data", self.sync)

    def sync(self, fd: int) -> None:
        self.is_free.wait(30)
        if self.trouble is not None:
            raise self.trouble
        self._sync(fd)
        self.commits += 1


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


async def test_records_that_come_during_a_commit_share_the_next_one(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    disk: Disk,
) -> None:
    async with open_journal(root, opening(), durability="sync") as journal:
        disk.is_free.clear()

        async def one(number: int) -> None:
            journal.record(Kind.FRAME, frame(number), 0.0)
            await journal.commit()

        async with anyio.create_task_group() as group:
            group.start_soon(one, 0)
            while not journal.written_bytes:
                await anyio.lowlevel.checkpoint()
            for number in range(1, 50):
                group.start_soon(one, number)
            await anyio.wait_all_tasks_blocked()
            disk.is_free.set()
        assert disk.commits == 2
    assert len(read_session(root, "s1").records) == 51


async def test_a_slow_disk_holds_the_session_back(
    root: Path, opening: Callable[..., Opened], disk: Disk
) -> None:
    large = b"\n" * 1_000_000
    async with open_journal(root, opening(), durability="async") as journal:
        disk.is_free.clear()
        journal.record(Kind.FRAME, large, 0.0)
        while not journal.written_bytes:
            await anyio.lowlevel.checkpoint()
        ahead = 0
        with anyio.move_on_after(0.2) as held:
            while True:
                journal.record(Kind.FRAME, large, 0.0)
                await journal.commit()
                ahead += 1
        assert held.cancelled_caught
        assert ahead * len(large) <= writing.WAITING_BYTES
        disk.is_free.set()
        await journal.commit()
    assert len(read_session(root, "s1").records) == ahead + 3


async def test_the_first_commit_after_the_disk_has_failed_says_so(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    disk: Disk,
) -> None:
    async with open_journal(root, opening(), durability="async") as journal:
        disk.trouble = OSError(errno.EIO, "broken")
        journal.record(Kind.FRAME, frame(0), 0.0)
        with anyio.fail_after(30):
            while journal.failure is None:
                await anyio.lowlevel.checkpoint()
        with pytest.raises(JournalUnavailable):
            await journal.commit()
        await journal.commit()


@pytest.mark.parametrize("durability", ["async", "exit"])
async def test_a_failing_disk_is_said_once_and_the_session_may_go_on(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    disk: Disk,
    durability: Durability,
) -> None:
    async with open_journal(root, opening(), durability=durability) as journal:
        disk.trouble = OSError(errno.EIO, "broken")
        journal.record(Kind.FRAME, frame(0), 0.0)
        with pytest.raises(JournalUnavailable, match="disk reports an error"):
            await journal.flush()
        recorded = journal.recorded_bytes
        for number in range(1, 100):
            journal.record(Kind.FRAME, frame(number), 0.0)
            await journal.commit()
        assert journal.recorded_bytes == recorded
        assert journal.failure is not None


async def test_with_sync_no_commit_ever_passes_after_the_disk_has_failed(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    disk: Disk,
) -> None:
    async with open_journal(root, opening(), durability="sync") as journal:
        disk.trouble = OSError(errno.EIO, "broken")
        for number in range(3):
            journal.record(Kind.FRAME, frame(number), 0.0)
            with pytest.raises(JournalUnavailable):
                await journal.commit()
        assert journal.durable_bytes == 0


@pytest.mark.parametrize("durability", EVERY)
async def test_a_disk_that_fails_at_the_very_end_is_not_silent(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    disk: Disk,
    durability: Durability,
) -> None:
    async def session() -> None:
        async with open_journal(root, opening(), durability=durability) as journal:
            disk.trouble = OSError(errno.EIO, "broken")
            journal.record(Kind.FRAME, frame(0), 0.0)

    with pytest.raises(JournalUnavailable, match="disk reports an error"):
        await session()


async def test_after_a_failed_fdatasync_it_is_never_called_again(
    root: Path,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
    disk: Disk,
) -> None:
    async with open_journal(root, opening(), durability="async") as journal:
        disk.trouble = OSError(errno.EIO, "broken")
        journal.record(Kind.FRAME, frame(0), 0.0)
        with pytest.raises(JournalUnavailable):
            await journal.flush()
        disk.trouble = None
        journal.record(Kind.FRAME, frame(1), 0.0)
        with pytest.raises(JournalUnavailable):
            await journal.flush()
    assert disk.commits == 0


async def test_marks_say_what_was_durable_after_each_commit(
    root: Path, opening: Callable[..., Opened], frame: Callable[[int], bytes]
) -> None:
    async with open_journal(root, opening(), durability="sync") as journal:
        for number in range(10):
            journal.record(Kind.FRAME, frame(number), 0.0)
            await journal.commit()
    path = root / "s1.journal"
    data = bytearray(path.read_bytes())
    data[data.index(b'"5 "')] ^= 1
    path.write_bytes(data)
    found = read_session(root, "s1")
    assert len(found.records) == 6
    assert found.damage is not None
    assert found.damage.is_inside


async def test_a_reopened_journal_goes_on_where_it_ended(
    root: Path, opening: Callable[..., Opened], frame: Callable[[int], bytes]
) -> None:
    async with open_journal(root, opening()) as journal:
        journal.record(Kind.FRAME, frame(0), 0.0)
    for number in range(1, 4):
        async with reopen_journal(root, "s1") as (journal, reopened):
            assert len(reopened.journal.records) == number + 1
            assert reopened.repair is None
            journal.record(Kind.FRAME, frame(number), 0.0)
    payloads = [r.payload for r in read_session(root, "s1").records[1:]]
    assert payloads == [frame(number) for number in range(4)]

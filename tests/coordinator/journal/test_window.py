"""How much ``async`` may lose: ten milliseconds, and the one commit before them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import anyio.from_thread
import pytest

from coordinator.journal import writer as writing
from coordinator.journal.entries import Opened
from coordinator.journal.framing import Kind
from coordinator.journal.open import open_journal

GIVE_UP_S = 30.0


class Disk:
    """Writes as ever, says at which virtual time it was asked, and can be held up."""

    def __init__(self) -> None:
        self.asked_at = 0.0
        self.was_asked = anyio.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self._write = writing.write_pieces

    def write(self, fd: int, pieces: Sequence[bytes]) -> None:
        anyio.from_thread.run_sync(self._note)
        assert self.may_go_on.wait(GIVE_UP_S)
        self._write(fd, list(pieces))

    def _note(self) -> None:
        self.asked_at = anyio.current_time()
        self.was_asked.set()

    async def wait_asked(self) -> float:
        """No timer of the test's runs: only the writer's own can move the clock."""
        await self.was_asked.wait()
        self.was_asked = anyio.Event()
        return self.asked_at


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(writing, "write_pieces", disk.write)
    return disk


async def test_async_hands_all_over_ten_milliseconds_after_the_first(
    root: Path, opening: Callable[..., Opened], disk: Disk
) -> None:
    async with open_journal(root, opening(), durability="async") as journal:
        first = anyio.current_time()
        for number in range(3):
            journal.record(Kind.FRAME, b"record %d\n" % number, 0.0)
            await anyio.sleep(writing.GROUP_S / 4)
        assert await disk.wait_asked() - first <= writing.GROUP_S + 1e-6
        await journal.flush()
        assert journal.written_bytes == journal.recorded_bytes


async def test_what_comes_during_a_commit_leaves_ten_milliseconds_after_it(
    root: Path, opening: Callable[..., Opened], disk: Disk
) -> None:
    async with open_journal(root, opening(), durability="async") as journal:
        disk.may_go_on.clear()
        journal.record(Kind.FRAME, b"one\n", 0.0)
        await disk.wait_asked()
        journal.record(Kind.FRAME, b"two\n", 0.0)
        ended = anyio.current_time()
        disk.may_go_on.set()
        assert await disk.wait_asked() - ended <= writing.GROUP_S + 1e-6
        await journal.flush()
        assert journal.written_bytes == journal.recorded_bytes


async def test_a_busy_loop_steps_aside_for_a_commit_that_takes_long(
    root: Path,
    opening: Callable[..., Opened],
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aside: list[float] = []
    monkeypatch.setattr(writing.time, "sleep", aside.append)
    async with open_journal(root, opening(), durability="async") as journal:
        disk.may_go_on.clear()
        journal.record(Kind.FRAME, b"first\n", 5.0)
        await disk.wait_asked()
        began = 5.0 + writing.BEHIND_S
        journal.record(Kind.FRAME, b"too soon\n", began - 1e-6)
        assert not aside
        journal.record(Kind.FRAME, b"long enough\n", began)
        journal.record(Kind.FRAME, b"not again at once\n", began + 1e-6)
        assert aside == [writing.ASIDE_S]
        journal.record(Kind.FRAME, b"still there\n", began + writing.BEHIND_S)
        assert aside == [writing.ASIDE_S] * 2
        disk.may_go_on.set()
        await journal.flush()
        journal.record(Kind.FRAME, b"nobody writes\n", 9.0)
        assert len(aside) == 2

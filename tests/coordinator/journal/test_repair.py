from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coordinator.errors import JournalCorrupt, JournalUnavailable
from coordinator.journal import open as opening_of_journals
from coordinator.journal.entries import Opened
from coordinator.journal.framing import Kind
from coordinator.journal.open import open_journal, reopen_journal
from coordinator.journal.reader import read_session

pytestmark = [pytest.mark.real_time, pytest.mark.long]

FRAMES = 5


@pytest.fixture
async def whole(
    root: Path, opening: Callable[..., Opened], frame: Callable[[int], bytes]
) -> bytes:
    """A journal whose records were committed one by one."""
    async with open_journal(root, opening(), durability="sync") as journal:
        for number in range(FRAMES):
            journal.record(Kind.FRAME, frame(number), 0.0)
            await journal.commit()
    return (root / "s1.journal").read_bytes()


def inode(path: Path) -> int:
    return path.stat().st_ino


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def lay_out(root: Path, data: bytes) -> None:
    for old in root.iterdir():
        old.unlink()
    (root / "s1.journal").write_bytes(data)


async def test_cut_at_any_byte_it_goes_on_with_every_whole_record(
    root: Path, whole: bytes, frame: Callable[[int], bytes]
) -> None:
    path = root / "s1.journal"
    boundaries = [whole.index(frame(n)) + len(frame(n)) for n in range(FRAMES)]
    # Every byte of the last record and of the mark before it, and every boundary; the
    # scan itself is cut at every byte of a whole file elsewhere.
    for cut in (*boundaries[:-1], *range(boundaries[-2] + 1, len(whole) + 1)):
        lay_out(root, whole[:cut])
        kept = sum(boundary <= cut for boundary in boundaries)
        async with reopen_journal(root, "s1") as (journal, reopened):
            assert len(reopened.journal.records) == kept + 1
            journal.record(Kind.FRAME, frame(77), 0.0)
        found = read_session(root, "s1")
        assert found.damage is None
        assert [r.payload for r in found.records[1:]] == [
            *(frame(number) for number in range(kept)),
            frame(77),
        ]
        salvaged = root / "s1.damaged-1"
        if reopened.salvage is None:
            assert not salvaged.exists()
            assert path.read_bytes().startswith(whole[:cut])
            continue
        assert reopened.salvage == salvaged
        tail = salvaged.read_bytes()
        assert tail
        assert whole[:cut].endswith(tail)
        assert path.read_bytes().startswith(whole[: cut - len(tail)])


async def test_a_repair_is_said_in_one_line(root: Path, whole: bytes) -> None:
    (root / "s1.journal").write_bytes(whole[:-3])
    async with reopen_journal(root, "s1") as (_, reopened):
        pass
    assert reopened.repair is not None
    assert "\n" not in reopened.repair
    assert "cut short" in reopened.repair
    assert "s1.damaged-1" in reopened.repair


async def test_what_was_salvaged_is_never_overwritten(root: Path, whole: bytes) -> None:
    for number in (1, 2, 3):
        (root / "s1.journal").write_bytes(whole + b"junk %d" % number)
        async with reopen_journal(root, "s1") as (_, reopened):
            pass
        assert reopened.salvage == root / f"s1.damaged-{number}"
    for number in (1, 2, 3):
        salvaged = (root / f"s1.damaged-{number}").read_bytes()
        assert salvaged == b"junk %d" % number


async def test_a_journal_changed_after_it_was_durable_is_refused_untouched(
    root: Path, whole: bytes, frame: Callable[[int], bytes]
) -> None:
    path = root / "s1.journal"
    flipped = bytearray(whole)
    flipped[whole.index(frame(1)) + 8] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(JournalCorrupt, match="branch from a record before") as caught:
        await _reopen(root)
    assert caught.value.path == path
    assert caught.value.offset is not None
    assert f"at byte {caught.value.offset}," in str(caught.value)
    assert path.read_bytes() == flipped
    assert names(root) == ["s1.journal"]
    assert len(read_session(root, "s1").records) == 2


async def test_a_journal_changed_after_it_was_closed_is_refused_untouched(
    root: Path, opening: Callable[..., Opened], frame: Callable[[int], bytes]
) -> None:
    async with open_journal(root, opening(), durability="exit") as journal:
        for number in range(FRAMES):  # one commit, at the end
            journal.record(Kind.FRAME, frame(number), 0.0)
    path = root / "s1.journal"
    flipped = bytearray(path.read_bytes())
    flipped[flipped.index(frame(FRAMES - 1)) + 8] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(JournalCorrupt, match="branch from a record before"):
        await _reopen(root)
    assert path.read_bytes() == flipped


async def test_a_tail_that_cannot_be_kept_is_not_cut_off(
    root: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn = whole + b"junk"
    (root / "s1.journal").write_bytes(torn)

    def full(fd: int, data: bytes) -> None:
        os.write(fd, data[:1])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(opening_of_journals, "write_all", full)
    with pytest.raises(JournalUnavailable, match="disk is full"):
        await _reopen(root)
    assert (root / "s1.journal").read_bytes() == torn
    assert names(root) == ["s1.journal"]


@pytest.fixture
def durable(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Bytes that survive a power loss: inode → size as of the last ``fsync``."""
    sizes: dict[int, int] = {}
    sync = os.fsync

    def fsync(fd: int) -> None:
        sync(fd)
        state = os.fstat(fd)
        sizes[state.st_ino] = state.st_size

    monkeypatch.setattr(os, "fsync", fsync)
    return sizes


async def test_a_new_session_survives_power_loss_before_anything_happens(
    root: Path, opening: Callable[..., Opened], durable: dict[int, int]
) -> None:
    async with open_journal(root, opening()) as journal:
        assert durable[inode(journal.path)] == len(journal.path.read_bytes())
        assert inode(root) in durable  # its name


async def test_a_tail_survives_power_loss_before_it_is_cut_off(
    root: Path,
    whole: bytes,
    durable: dict[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (root / "s1.journal").write_bytes(whole + b"junk")
    cut = os.ftruncate
    safe: list[bool] = []

    def ftruncate(fd: int, length: int) -> None:
        safe.append(durable[inode(root / "s1.damaged-1")] == len(b"junk"))
        safe.append(inode(root) in durable)  # its name
        cut(fd, length)

    monkeypatch.setattr(os, "ftruncate", ftruncate)
    await _reopen(root)
    assert safe == [True, True]


async def test_a_branch_begins_with_the_records_it_takes_over(
    root: Path,
    whole: bytes,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
) -> None:
    assert whole
    taken_over = read_session(root, "s1").records[1:3]
    async with open_journal(root, opening("s2"), taken_over=taken_over) as journal:
        journal.record(Kind.FRAME, frame(9), 0.0)
    found = read_session(root, "s2")
    assert [r.payload for r in found.records[1:]] == [frame(0), frame(1), frame(9)]


async def test_a_file_without_a_first_record_says_so(root: Path, whole: bytes) -> None:
    for cut in (0, 7, 20, 40):
        (root / "s1.journal").write_bytes(whole[:cut])
        with pytest.raises(JournalCorrupt, match="does not say what it is about"):
            await _reopen(root)


async def _reopen(root: Path) -> None:
    async with reopen_journal(root, "s1"):
        pass

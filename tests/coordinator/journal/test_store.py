from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest

from coordinator.errors import ConfigInvalid, JournalCorrupt, JournalUnavailable
from coordinator.journal.entries import Opened
from coordinator.journal.framing import Kind
from coordinator.journal.index import list_sessions
from coordinator.journal.lookup import find_session
from coordinator.journal.open import open_journal, reopen_journal
from coordinator.journal.reader import read_journal, read_session

pytestmark = pytest.mark.real_time

Mount: TypeAlias = Callable[[str], Awaitable[Path]]

BAD_IDS = [
    "",
    ".",
    "..",
    "../s1",
    "a/b",
    "a\\b",
    "/etc/passwd",
    "a.journal",
    "-rf",
    "_a",
    "a b",
    "a\n",
    "a\0b",
    "é",
    "a" * 65,
]


async def begin(root: Path, opened: Opened) -> None:
    async with open_journal(root, opened):
        pass


async def go_on(root: Path, session: str = "s1") -> None:
    async with reopen_journal(root, session):
        pass


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def make(folder: Path, mode: int) -> Path:
    folder.mkdir()
    folder.chmod(mode)
    return folder


@pytest.mark.parametrize("session", BAD_IDS)
async def test_a_session_id_that_is_no_plain_word_is_refused(
    root: Path, opening: Callable[..., Opened], session: str
) -> None:
    with pytest.raises(ConfigInvalid, match="session id"):
        await begin(root, opening(session))
    with pytest.raises(ConfigInvalid, match="session id"):
        await go_on(root, session)
    with pytest.raises(ConfigInvalid, match="session id"):
        read_session(root, session)
    assert not names(root.parent)


async def test_only_the_owner_can_read_journals(
    root: Path, opening: Callable[..., Opened]
) -> None:
    before = os.umask(0)
    try:
        await begin(root, opening())
    finally:
        os.umask(before)
    assert mode(root) == 0o700
    assert mode(root / "s1.journal") == 0o600


async def test_a_folder_that_others_can_write_is_refused(
    root: Path, opening: Callable[..., Opened]
) -> None:
    make(root, 0o777)
    with pytest.raises(JournalUnavailable, match="chmod 700"):
        await begin(root, opening())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
async def test_a_folder_of_another_user_is_refused(
    root: Path, opening: Callable[..., Opened]
) -> None:
    os.chown(make(root, 0o755), 12_345, -1)
    with pytest.raises(JournalUnavailable, match=r"belongs to user 12345.*your own"):
        await begin(root, opening())
    assert not names(root)


async def test_a_folder_like_tmp_is_not_refused(
    root: Path, opening: Callable[..., Opened]
) -> None:
    make(root, 0o1777)
    await begin(root, opening())
    assert names(root) == ["s1.journal"]


async def test_a_session_is_never_begun_twice(
    root: Path, opening: Callable[..., Opened]
) -> None:
    await begin(root, opening())
    before = (root / "s1.journal").read_bytes()
    with pytest.raises(JournalUnavailable, match="resume that session"):
        await begin(root, opening(question="Another?"))
    assert (root / "s1.journal").read_bytes() == before


async def test_a_session_that_never_was_is_said_to_be_missing(
    root: Path, opening: Callable[..., Opened]
) -> None:
    await begin(root, opening())
    with pytest.raises(JournalUnavailable, match="sessions list"):
        await go_on(root, "s2")
    with pytest.raises(JournalUnavailable, match="sessions list"):
        read_session(root, "s2")


async def test_a_journal_that_was_renamed_is_not_taken_for_another(
    root: Path, opening: Callable[..., Opened]
) -> None:
    await begin(root, opening())
    copy = root / "copy.journal"
    copy.write_bytes((root / "s1.journal").read_bytes())
    before = copy.read_bytes()
    with pytest.raises(JournalCorrupt, match=r"of session 's1'.*s1\.journal again"):
        read_session(root, "copy")
    with pytest.raises(JournalCorrupt, match="of session 's1'"):
        await go_on(root, "copy")
    assert copy.read_bytes() == before


@pytest.mark.parametrize("read", [list_sessions, partial(find_session, text="s1")])
async def test_a_folder_that_the_system_refuses_to_look_at_is_said(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    with pytest.raises(JournalUnavailable, match="name is too long"):
        read(tmp_path / ("a" * 300))
    await anyio.lowlevel.checkpoint()


async def test_a_file_in_the_place_of_the_folder_is_no_session_to_resume(
    tmp_path: Path, opening: Callable[..., Opened]
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalUnavailable, match="it is not a folder"):
        await begin(tmp_path / "file", opening())


async def test_links_are_not_followed(
    root: Path, opening: Callable[..., Opened], tmp_path: Path
) -> None:
    await begin(root, opening())
    victim = tmp_path / "victim"
    victim.write_bytes((root / "s1.journal").read_bytes())
    (root / "s2.journal").symlink_to(victim)
    with pytest.raises(JournalUnavailable, match="link"):
        await go_on(root, "s2")
    with pytest.raises(JournalUnavailable, match="link"):
        read_session(root, "s2")
    with pytest.raises(JournalUnavailable, match="link"):
        read_journal(root / "s2.journal")
    with pytest.raises(JournalUnavailable):
        await begin(root, opening("s2"))
    dangling = root / "s3.journal"
    dangling.symlink_to(tmp_path / "made-by-link")
    with pytest.raises(JournalUnavailable):
        await begin(root, opening("s3"))
    assert not (tmp_path / "made-by-link").exists()


async def test_a_link_in_the_folders_place_is_not_followed(
    root: Path, opening: Callable[..., Opened], tmp_path: Path
) -> None:
    real = make(tmp_path / "real", 0o700)
    link(root, real)
    with pytest.raises(JournalUnavailable, match="link"):
        await begin(root, opening())
    assert not names(real)


async def test_a_pipe_in_a_journals_place_is_refused_without_waiting(
    root: Path, opening: Callable[..., Opened]
) -> None:
    await begin(root, opening())
    os.mkfifo(root / "s2.journal")
    with pytest.raises(JournalUnavailable, match="plain file"):
        await go_on(root, "s2")


async def test_another_kind_of_file_is_no_journal(
    root: Path, opening: Callable[..., Opened]
) -> None:
    await begin(root, opening())
    (root / "s2.journal").write_bytes(b"PK\x03\x04 something else entirely")
    with pytest.raises(JournalCorrupt, match="not a journal"):
        await go_on(root, "s2")
    assert (root / "s2.journal").read_bytes().startswith(b"PK")


async def test_one_session_is_not_written_twice_at_a_time(
    root: Path, opening: Callable[..., Opened]
) -> None:
    async with open_journal(root, opening()):
        with pytest.raises(JournalUnavailable, match="in use by another process"):
            await go_on(root)
        assert read_session(root, "s1").opened.session == "s1"
    await go_on(root)


HOLD = """
import os, sys, anyio
from pathlib import Path
from coordinator.journal.open import reopen_journal
async def hold():
    async with reopen_journal(Path(sys.argv[1]), "s1"):
        os.write(1, b"held")
        sys.stdin.read()
anyio.run(hold)
"""


async def test_a_lock_is_held_across_processes_and_dies_with_its_holder(
    root: Path, opening: Callable[..., Opened]
) -> None:
    await begin(root, opening())
    words = [sys.executable, "-c", HOLD, str(root)]
    async with await anyio.open_process(words, stderr=None) as other:
        assert other.stdout is not None
        assert await other.stdout.receive() == b"held"
        with pytest.raises(JournalUnavailable, match="in use by another process"):
            await go_on(root)
        other.kill()
        await other.wait()
    await go_on(root)


@pytest.fixture
async def mount(tmp_path: Path) -> AsyncGenerator[Mount]:
    """Mount a small file system of memory; only root may."""
    place = make(tmp_path / "disk", 0o700)
    is_mounted = False

    async def mount(options: str) -> Path:
        nonlocal is_mounted
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        done = await anyio.run_process(words, check=False)
        if done.returncode:
            pytest.skip(f"cannot mount a file system here: {done.stderr.decode()}")
        is_mounted = True
        return place

    yield mount
    if is_mounted:
        await anyio.run_process(["umount", str(place)])


async def test_a_full_disk_is_said_and_keeps_every_whole_record(
    mount: Mount,
    opening: Callable[..., Opened],
    frame: Callable[[int], bytes],
) -> None:
    root = await mount("size=64k,mode=700")
    safe = 0

    async def session() -> None:
        nonlocal safe
        async with open_journal(root, opening(), durability="sync") as journal:
            while True:
                journal.record(Kind.FRAME, frame(safe) * 10, 0.0)
                await journal.commit()
                safe += 1

    with pytest.RaisesGroup(pytest.RaisesExc(JournalUnavailable, match="disk is full")):
        await session()
    found = read_session(root, "s1")
    assert safe > 0
    assert len(found.records) >= safe + 1
    with pytest.raises(JournalUnavailable, match="disk is full"):
        await begin(root, opening("s2"))
    assert not (root / "s2.journal").exists()


async def test_a_read_only_folder_is_said_and_can_still_be_read(
    mount: Mount, opening: Callable[..., Opened]
) -> None:
    root = await mount("size=1m,mode=700")
    await begin(root, opening())
    await mount("remount,ro")
    with pytest.raises(JournalUnavailable, match="read-only"):
        await begin(root, opening("s2"))
    with pytest.raises(JournalUnavailable, match="read-only"):
        await go_on(root)
    assert read_session(root, "s1").opened.session == "s1"


async def test_a_folder_that_cannot_be_made_is_said(
    opening: Callable[..., Opened], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalUnavailable):
        await begin(tmp_path / "file" / "sessions", opening())
    with pytest.raises(JournalUnavailable):
        await begin(tmp_path / "file", opening())


async def test_who_is_killed_while_it_makes_a_journal_leaves_none_that_is_empty(
    root: Path, opening: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_: int, __: bytes) -> None:
        assert not list(root.glob("*.journal"))
        raise OSError(errno.EIO, "killed here")

    monkeypatch.setattr("coordinator.journal.open.write_all", dies)
    with pytest.raises(JournalUnavailable):
        async with open_journal(root, opening()):
            pass
    monkeypatch.undo()
    assert not os.listdir(root)  # noqa: PTH208  (a list of names)
    async with open_journal(root, opening()):
        assert os.listdir(root) == ["s1.journal"]  # noqa: PTH208


async def test_no_journal_takes_anothers_name(
    root: Path, opening: Callable[..., Opened]
) -> None:
    async with open_journal(root, opening()):
        pass
    before = read_session(root, "s1").records
    with pytest.raises(JournalUnavailable, match="there already"):
        async with open_journal(root, opening()):
            pass
    assert read_session(root, "s1").records == before
    assert len(os.listdir(root)) == 1  # noqa: PTH208

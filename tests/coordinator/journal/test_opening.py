"""Opening a journal beside many others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import anyio
from anyio.lowlevel import checkpoint

from agents.boundary.threads import (
    CallClock,
    ThreadLimit,
    in_thread,
    use_thread_limit,
)
from coordinator.journal.entries import Opened
from coordinator.journal.open import DISK_S, open_journal


async def test_a_wait_for_a_thread_is_not_the_disks(
    root: Path, opening: Callable[..., Opened]
) -> None:
    use_thread_limit(ThreadLimit(most=1))
    release = threading.Event()
    opened: list[Path] = []

    async def hold_the_thread() -> None:
        # A clock that ends nothing: virtual time goes on while the thread is held.
        with CallClock(anyio.CancelScope(), 0.0).in_use():
            await in_thread(release.wait, name="held")

    async def open_one() -> None:
        async with open_journal(root, opening()) as journal:
            opened.append(journal.path)

    async with anyio.create_task_group() as group:
        group.start_soon(hold_the_thread)
        await checkpoint()
        group.start_soon(open_one)
        await anyio.sleep(10 * DISK_S)
        assert not opened
        release.set()
    assert opened == [root / "s1.journal"]

"""Writes one session's journal: recording is instant, one task does the rest.

``record`` keeps what it is given in a list and returns. A writer task takes what has
gathered and hands it to a thread, which frames it, writes it and calls ``fdatasync``:
one group, one commit. So the event loop pays for a list's growth and little else, and
checksums are computed while it goes on (zlib lets go of the interpreter for that).
What that promises is a matter of the durability:

========= ============================== =================== =======================
mode      effects leave                  kill -9 may lose    power loss may lose
========= ============================== =================== =======================
``sync``  when their input is durable    nothing that had    nothing that had an
                                         an effect           effect
``async`` at once                        the last 10 ms plus the same
                                         one commit
``exit``  at once                        all since the last  the same
                                         4 MiB
========= ============================== =================== =======================

What may be done only once (a tool that is not rerunnable, a question to whoever
approves, an upload, a turn's next model call) waits for ``hand_over`` in every mode:
what asked for it is then with the system, where a kill cannot take it away, and under
``sync`` on the disk.

Whoever needs certainty in any mode awaits ``flush``. Memory is bounded: ``commit``
waits while more than 8 MiB wait behind the group that is being written.

An error of the disk ends the writing for good, because after a failed ``fdatasync``
nobody knows which pages are safe. It is never silent: ``sync`` raises it at every
``commit``, the other modes at the first one; see :meth:`JournalWriter.commit`. A
session under ``sync`` then ends as interrupted, with the best answer so far; under the
others it goes on and says so.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeAlias

import anyio
import anyio.lowlevel
import anyio.to_thread

from agents.boundary.root import Loop
from agents.limits.outside_work import outside_work
from coordinator.errors import JournalUnavailable
from coordinator.journal.framing import (
    FRAMES_TOGETHER,
    MAX_PAYLOAD_BYTES,
    RECORD_HEADER_BYTES,
    Chain,
    Frames,
    Kind,
    Record,
    checked_payload,
)
from coordinator.journal.store import (
    sync_data,
    unavailable,
    write_all,
    write_pieces,
)

Durability: TypeAlias = Literal["exit", "async", "sync"]

GROUP_S = 0.01
"""How long ``async`` gathers before it writes: at most 100 commits a second, so that
thread hops and ``fdatasync`` (0.2 ms here, 10 ms on a disk that turns) stay cheap."""

GROUP_BYTES = 1 << 20
"""Enough for a group: then ``async`` does not wait any longer. A quarter of it made
four times the thread hops, and cost a tenth of all throughput of a team of three."""

SPILL_BYTES = 1 << 22
"""The most that ``exit`` keeps in memory before it writes all the same."""

WAITING_BYTES = 1 << 23
"""How far recording may be ahead of the group that is being written; ``commit`` waits
beyond it."""

BEHIND_S = 0.0005
"""How long a group may be in the writing before a busy loop steps aside for it."""

ASIDE_S = 0.0002
"""How long the loop then does nothing, so that the writing thread gets the
interpreter's lock. A loop that is never idle lets go of it for a microsecond each turn,
and a thread takes thirty to wake up: it comes too late every time. With three agents
at full speed a group was 310 ms in the writing (median; at most 740) where the disk
needs half of one, all of which a kill would have lost, and waking the thread in vain
cost a quarter of the speed; with it a group is 3 ms in the writing (at most 10; CPython
3.11, 2026-11-23). A loop that waits for a network is idle enough."""

_BEGIN_AT: dict[Durability, int] = {
    "sync": GROUP_BYTES,  # or at the next commit, which is sooner
    "async": 1,
    "exit": SPILL_BYTES,
}


@dataclass(frozen=True, kw_only=True)
class OpenFile:
    """A journal open for appending, and locked; whoever enters it closes it."""

    fd: int
    path: Path
    session: str
    chain: Chain
    """Behind its last record."""
    size: int
    """Bytes in it, all of them durable."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


class JournalWriter:
    """The writing end of one journal. Made by :mod:`coordinator.journal.open`.

    Attributes:
        failure: What the disk said, once it has failed; nothing is recorded then.
        recorded_bytes: All that ``record`` took, since this writer began.
        written_bytes: The part of it that survives ``kill -9``.
        durable_bytes: The part of it that survives power loss.
    """

    def __init__(self, file: OpenFile, durability: Durability) -> None:
        self.session = file.session
        self.path = file.path
        self.durability: Durability = durability
        self.failure: JournalUnavailable | None = None
        self.recorded_bytes = 0
        self.written_bytes = 0
        self.durable_bytes = 0
        self._file = file
        self._chain = file.chain
        self._size = file.size
        self._at = 0.0
        self._waiting: list[Record | Frames] = []
        self._frames: Frames | None = None
        """The last of what is waiting, if more frames may join it."""
        self._waiting_bytes = 0
        self._begin = anyio.Event()
        self._hurry = anyio.Event()
        self._progress = anyio.Event()
        self._is_closing = False
        self._is_writing = False
        self._durable_size = file.size
        """Bytes of the file that are on the disk."""
        self._synced_size = file.size
        """How long the file was when the system was last asked to make it durable."""
        self._taken_bytes = 0
        """Bytes recorded when the group under way was taken."""
        self._handing_over = 0
        """Callers of :meth:`hand_over` who wait for the group under way."""
        self._aside_from = 0.0
        self._was_told = False
        self._threads = anyio.CapacityLimiter(1)  # one commit at a time
        self._has_begun = False  # cheaper to ask than the event
        self._begin_at = _BEGIN_AT[durability]

    def record(self, kind: Kind, payload: bytes, at: float) -> None:
        """Take one record, at once; when it is safe depends on the durability.

        Args:
            kind: What the payload is.
            payload: Goes in byte for byte.
            at: The session's clock, in seconds.

        Raises:
            ValueError: The payload is larger than a record may be.
        """
        if self.failure is None:
            size = RECORD_HEADER_BYTES + len(checked_payload(payload))
            self._waiting.append(Record(kind=kind, at=at, payload=payload))
            self._frames = None
            self._count(size, at)

    def record_frames(self, frames: Sequence[bytes], at: float) -> None:
        """Take frames that came together, each as a record; see :meth:`record`.

        Args:
            frames: Agents' frames, in the order taken.
            at: The session's clock, in seconds.

        Raises:
            ValueError: One is larger than a record may be.
        """
        if self.failure is not None:
            return
        size = sum(map(len, frames))
        if size > MAX_PAYLOAD_BYTES:
            for frame in frames:
                checked_payload(frame)
        for begin in range(0, len(frames), FRAMES_TOGETHER):
            group = self._frames
            if group is None or len(group.payloads) >= FRAMES_TOGETHER:
                group = self._frames = Frames()
                self._waiting.append(group)
            group.take(frames[begin : begin + FRAMES_TOGETHER], at)
        self._count(size + RECORD_HEADER_BYTES * len(frames), at)

    def _count(self, size: int, at: float) -> None:
        self._at = at
        self.recorded_bytes += size
        waiting = self._waiting_bytes = self._waiting_bytes + size
        if waiting >= self._begin_at and not self._has_begun:
            self._has_begun = True
            self._begin.set()
        if waiting >= GROUP_BYTES:
            self._hurry.set()
        if self._is_writing and at >= self._aside_from:
            self._aside_from = at + BEHIND_S
            _step_aside()

    @property
    def is_due(self) -> bool:
        """Whether :meth:`commit` has anything to wait for or to say.

        Where it has not, a caller that passes checkpoints of its own need not await
        one more: while it did, a thousand agents would run ahead of the fan-in.
        """
        return (
            self.durability == "sync"
            or self.failure is not None
            or (self._is_writing and self._waiting_bytes > WAITING_BYTES)
        )

    async def commit(self) -> None:
        """Return when effects of what was recorded may leave.

        With ``sync`` that is when it is durable. Otherwise it is now, unless the disk
        has fallen too far behind.

        Raises:
            JournalUnavailable: The disk has failed. With ``sync`` every call raises, so
                no effect can leave. Otherwise the first call after the failure raises
                and later ones return: the session may go on, unrecorded, once somebody
                has been told.
        """
        if self.durability == "sync":
            await self._wait_durable(self.recorded_bytes)
        elif self.is_due and self.failure is None:
            await self._wait_room()
        else:
            await anyio.lowlevel.checkpoint()
        self._raise_failure()

    async def flush(self) -> None:
        """Return when everything recorded so far is durable, in any mode.

        Raises:
            JournalUnavailable: The disk has failed.
        """
        await self._wait_durable(self.recorded_bytes)
        if self.failure is not None:
            self._was_told = True
            raise self.failure

    def _raise_failure(self) -> None:
        if self.failure is None or (self._was_told and self.durability != "sync"):
            return
        self._was_told = True
        raise self.failure

    async def hand_over(self) -> None:
        """Return when all that was recorded survives ``kill -9``; ``sync``: power loss.

        Where no group is being written it is written here: that is a copy into the
        system's memory, and cheaper than a thread. Does not say whether the disk has
        failed; ask :attr:`failure`.
        """
        if self.durability == "sync":
            await self._wait_durable(self.recorded_bytes)
            return
        target = self.recorded_bytes
        self._handing_over += 1  # before it looks: the thread writes, then looks
        try:
            while self.failure is None and self.written_bytes < target:
                if not self._is_writing or self.written_bytes >= self._taken_bytes:
                    self._write_here()  # a group that is written may still be synced
                else:
                    await self._progress.wait()
        finally:
            self._handing_over -= 1
        await anyio.lowlevel.checkpoint()

    def _write_here(self) -> None:
        """Write what waits, without waiting for the disk; the task makes it durable."""
        group, recorded = self._waiting, self.recorded_bytes
        self._waiting, self._waiting_bytes, self._frames = [], 0, None
        pieces = self._chain.framed(group)
        try:
            write_pieces(self._file.fd, pieces)
        except OSError as trouble:
            self._fail(trouble)
            return
        self.written_bytes = recorded
        self._size += sum(map(len, pieces))
        if self.durability == "async":
            self._has_begun = True
            self._begin.set()

    def _fail(self, trouble: OSError) -> None:
        self.failure = unavailable(self.path, trouble)
        self._waiting, self._waiting_bytes = [], 0

    async def _wait_durable(self, target: int) -> None:
        while self.durable_bytes < target and self.failure is None:
            self._urge()
            await self._progress.wait()
        await anyio.lowlevel.checkpoint()

    async def _wait_room(self) -> None:
        while self.is_due and self.failure is None:
            self._urge()
            await self._progress.wait()

    def _urge(self) -> None:
        self._has_begun = True
        self._begin.set()
        self._hurry.set()

    async def run(self) -> None:
        """Commit group after group until :meth:`finish`. The one task that writes.

        Shielded: whatever is cancelled around it, what was recorded gets written. How
        long that takes is up to the disk: a write cannot be withdrawn, and leaving its
        thread behind would leave somebody writing a file we say is closed.
        """
        loop = Loop()
        with anyio.CancelScope(shield=True):
            while self.failure is None and not (self._is_closing and self._is_safe):
                await self._begin.wait()
                if self.durability == "async":
                    with anyio.move_on_after(GROUP_S):
                        await self._hurry.wait()
                await self._commit_group(loop)
            if self.failure is None and self.recorded_bytes:
                await self._close_with_mark()

    @property
    def _is_safe(self) -> bool:
        """Whether all that was recorded is durable."""
        return not self._waiting and self._durable_size == self._size

    def finish(self) -> None:
        """Let :meth:`run` commit what is left and return."""
        self._is_closing = True
        self._urge()

    def raise_untold_failure(self) -> None:
        """Say at the very end what nobody has been told.

        Raises:
            JournalUnavailable: The disk has failed.
        """
        if self.failure is not None and not self._was_told:
            self._was_told = True
            raise self.failure

    async def _commit_group(self, loop: Loop) -> None:
        self._begin, self._hurry = anyio.Event(), anyio.Event()
        self._has_begun = False
        if self._is_safe:
            return
        group, recorded = self._waiting, self.recorded_bytes
        self._waiting, self._waiting_bytes, self._frames = [], 0, None
        self._is_writing = True
        self._taken_bytes = recorded
        self._aside_from = self._at + BEHIND_S
        self._tell_progress()  # there is room again, though nothing is safe yet
        try:
            with outside_work():  # a virtual clock must not jump over the disk
                await anyio.to_thread.run_sync(
                    self._write, group, recorded, self._at, loop, limiter=self._threads
                )
        except OSError as trouble:
            self._fail(trouble)
        else:
            self.durable_bytes = recorded
            self._durable_size = self._synced_size
        self._is_writing = False
        self._tell_progress()

    def _tell_progress(self) -> None:
        progress, self._progress = self._progress, anyio.Event()
        progress.set()

    async def _close_with_mark(self) -> None:
        """Mark the last group as durable too: later damage to it is no torn tail.

        Where it cannot be written, or power loss takes it, nothing is lost that was
        recorded.
        """
        with contextlib.suppress(OSError), outside_work():
            await anyio.to_thread.run_sync(self._write_mark, limiter=self._threads)

    def _write_mark(self) -> None:
        """In a thread: end the file with a whole mark, or without any."""
        try:
            mark = self._chain.mark(self._at, self._size, self._size)
            write_all(self._file.fd, mark)
        except OSError:
            os.ftruncate(self._file.fd, self._size)
            raise

    def _write(
        self, group: list[Record | Frames], recorded: int, at: float, loop: Loop
    ) -> None:
        """In a thread: frame a group, write it and make it durable."""
        if group:
            mark = self._chain.mark(at, self._durable_size, self._size)
            pieces = [mark, *self._chain.framed(group)]
            write_pieces(self._file.fd, pieces)
            self._size += sum(map(len, pieces))
        self._synced_size = self._size
        self.written_bytes = recorded
        if self._handing_over:
            # They need no disk, and whoever asks for it would wait for milliseconds.
            loop.call_soon(self._tell_progress)
        sync_data(self._file.fd)


def _step_aside() -> None:
    """Let a writing thread have the interpreter's lock, for :data:`ASIDE_S`.

    Called on the event loop, and blocks it on purpose: only a thread that sleeps or
    waits outside of Python hands the lock over. A checkpoint does not, nor does a
    writer in a thread of its own, which is the one that waits here. At most once for
    each :data:`BEHIND_S` (a tenth of the loop's time would be 50 µs), and only while a
    group is being written.
    """
    time.sleep(ASIDE_S)


@asynccontextmanager
async def writing(
    file: OpenFile, durability: Durability
) -> AsyncGenerator[JournalWriter]:
    """Run a writer on an open journal, and close both.

    Raises:
        JournalUnavailable: On leaving: the disk has failed and nobody was told yet.
    """
    with file:
        writer = JournalWriter(file, durability)
        async with anyio.create_task_group() as group:
            group.start_soon(writer.run, name=f"journal {file.session}")
            try:
                yield writer
            finally:
                writer.finish()
        writer.raise_untold_failure()

"""The recorder of a session's journal: inputs before their effects.

Owns the order of records and what a lost journal means for the session. How records are
framed, batched and made durable is :mod:`coordinator.journal`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coordinator.errors import JournalUnavailable
from coordinator.journal.entries import FileKept, encode
from coordinator.journal.framing import Kind
from coordinator.protocol.events import (
    Event,
    JournalLost,
    MachineOutput,
    ShellInput,
    StartTurn,
    TellAgent,
)

if TYPE_CHECKING:
    from agents.conversation.uploads import FileKey
    from coordinator.journal.writer import JournalWriter
    from coordinator.protocol.result import Result

_REPEATS = (StartTurn, TellAgent)
"""Outputs that only repeat, at length, what other records say."""


class Recorder:
    """Records one session. The journal is closed by whoever opened it."""

    def __init__(self, journal: JournalWriter) -> None:
        self._journal = journal
        self.lost: str | None = None
        """Why nothing more is kept; ``None`` where all is well."""

    async def record_inputs(
        self, items: Sequence[bytes | ShellInput], at: float, events: list[Event]
    ) -> bool:
        """Record what the session takes in; where a mode waits for the disk, wait.

        Args:
            items: Frames, and what no agent said, in the order they came.
            at: Seconds on the session's clock.
            events: Gets a :class:`JournalLost` where the disk fails.

        Returns:
            Whether anything may follow from them: not where ``sync`` promises that they
            are safe, and they are not.
        """
        journal = self._journal
        frames: list[bytes] = []
        for item in items:
            if isinstance(item, bytes):
                if item:
                    frames.append(item)
                continue
            if frames:
                journal.record_frames(frames, at)
                frames = []
            journal.record(Kind.INPUT, encode(item), at)
        if frames:
            journal.record_frames(frames, at)
        if not journal.is_due:
            return True  # the fan-in has passed a checkpoint for these already
        try:
            await journal.commit()
        except JournalUnavailable as error:
            self._lose(error, events)
            return journal.durability != "sync"
        return True

    def record_output(self, output: MachineOutput, at: float) -> None:
        """Record a decision, for readers: resuming feeds the machine its inputs."""
        if not isinstance(output, _REPEATS):
            self._journal.record(Kind.OUTPUT, encode(output), at)

    def record_file(
        self, key: FileKey, file_id: str, *, is_deleted: bool, at: float
    ) -> None:
        """Record what lies with a provider, so that it is not uploaded twice."""
        account, digest = key
        entry = FileKept(
            account=account, digest=digest, file_id=file_id, is_deleted=is_deleted
        )
        self._journal.record(Kind.FILE, encode(entry), at)

    async def record_result(self, result: Result, at: float) -> Sequence[Event]:
        """Record the outcome; a disk that refuses it must not take it away as well."""
        self._journal.record(Kind.RESULT, encode(result), at)
        events: list[Event] = []
        if self._journal.durability == "exit":
            return events  # leaving the session writes it
        try:
            await self._journal.flush()
        except JournalUnavailable as error:
            self._lose(error, events)
        return events

    async def settle(self) -> bool:
        """Wait until all that is recorded is where a kill cannot take it away.

        Under ``sync`` that is on the disk.

        Returns:
            Whether an effect may follow: under ``sync`` not where the disk has failed.
        """
        await self._journal.hand_over()
        return self._journal.failure is None or self._journal.durability != "sync"

    def _lose(self, error: JournalUnavailable, events: list[Event]) -> None:
        if self.lost is None:
            self.lost = str(error)
            events.append(JournalLost(reason=self.lost))

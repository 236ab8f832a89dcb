"""MassGen's automation mode: what programs that start it read, line by line and file.

It prints some ten lines (``LOG_DIR: …``, ``STATUS: …``, ``WINNER: …``), and keeps
``status.json`` and ``events.jsonl`` up to date while the session runs; at its end the
whole log directory is there, as :mod:`coordinator.massgen.logs` has it. Read of MassGen
0.1.97 on 2026-11-30.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import anyio
from anyio.to_thread import run_sync

from agents.protocol.chunks import StreamChunk
from coordinator.displays.base import Cast
from coordinator.displays.sanitizer import clean
from coordinator.massgen.logs import ATTEMPT, Scribe, log_folder
from coordinator.protocol.events import Event, Output
from coordinator.protocol.result import Result

STATUS_S = 0.25
"""``status.json`` is written no more often; MassGen's own writes it twice a second."""
PREVIEW_CHARS = 200

LOGS = Path(".massgen/massgen_logs")
"""MassGen's folder of logs, from where it is started."""


class AutomationDisplay:
    """Prints MassGen's lines to ``out`` and keeps its log directory.

    Args:
        cast: Who takes part.
        out: Where the lines go.
        folder: Of log directories.
    """

    is_lossless = True

    def __init__(self, cast: Cast, out: IO[str], folder: Path = LOGS) -> None:
        self._cast, self._out = cast, out
        started = datetime.now(UTC).astimezone()
        self.folder = log_folder(folder.absolute(), started)
        """The log directory of the session."""
        self._attempt = self.folder / ATTEMPT
        self._scribe = Scribe(
            session="attempt_1",
            question=cast.question,
            agents=tuple(cast.models),
            started=started,
            at=0.0,
        )
        self._scribe.log_dir = str(self._attempt)
        self._written = 0
        """Events that are in the file."""

    async def show(self, events: AsyncIterator[Sequence[Event]]) -> None:
        """Keep the log directory up to date.

        Raises:
            OSError: It cannot be written.
        """
        began = anyio.current_time()
        self._scribe.begin(began)
        await run_sync(self._open)
        self._say(f"LOG_DIR: {self.folder}", f"STATUS: {self._attempt}/status.json")
        self._say(
            f"QUESTION: {self._cast.question}",
            "[Coordination in progress - monitor status.json for real-time updates]",
        )
        told_at = began
        async for batch in events:
            now = anyio.current_time()
            for event in batch:
                self._take(event, now)
            if now - told_at >= STATUS_S:
                told_at = now
                await run_sync(self._update)

    def _take(self, event: Event, now: float) -> None:
        if isinstance(event, Output):
            self._scribe.take(now, event)
        elif isinstance(event, StreamChunk):
            self._scribe.take(now, [event])

    def conclude(self, result: Result) -> None:
        """Write what is left of the directory, and say who has won."""
        self._scribe.conclude(result)
        for name, data in self._scribe.files():
            path = self._attempt / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, data)
        self._say("")
        if result.winner is not None and result.answer is not None:
            answer = self._attempt / "final" / result.winner / "answer.txt"
            self._say(
                f"WINNER: {result.winner}",
                f"ANSWER_FILE: {answer}",
                f"DURATION: {result.elapsed_s:.1f}s",
                f"ANSWER_PREVIEW: {_preview(result.answer)}",
                f"ANSWER: {answer}",
            )
        else:
            self._say(f"DURATION: {result.elapsed_s:.1f}s")

    @property
    def answer_folders(self) -> dict[str, str]:
        """The folder of each answer, by the answer's label."""
        return {
            label: str(self._attempt / name)
            for label, name in self._scribe.answer_folders.items()
        }

    def _say(self, *lines: str) -> None:
        self._out.write("".join(f"{clean(line)}\n" for line in lines))
        self._out.flush()

    def _open(self) -> None:
        self._attempt.mkdir(parents=True)
        self._update()

    def _update(self) -> None:
        count, lines = self._scribe.events(self._written)
        with (self._attempt / "events.jsonl").open("ab") as file:
            file.write(lines)
        self._written = count
        _write(self._attempt / "status.json", self._scribe.status())


def _write(path: Path, data: bytes) -> None:
    """Write a file that others read meanwhile: they see it whole, old or new."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)


def _preview(answer: str) -> str:
    begin = " ".join(answer[:PREVIEW_CHARS].split())
    return begin + ("..." if len(answer) > PREVIEW_CHARS else "")

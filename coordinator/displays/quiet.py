"""Shows nothing until the end, then the answer alone: for pipes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import IO

from coordinator.displays.sanitizer import clean
from coordinator.protocol.events import Event
from coordinator.protocol.result import Result


class QuietDisplay:
    """Writes the final answer, and nothing else, to ``out``; nowhere if ``None``."""

    is_lossless = False

    def __init__(self, out: IO[str] | None = None) -> None:
        self._out = out

    async def show(self, events: AsyncIterator[Sequence[Event]]) -> None:
        """Let the events pass."""
        async for _ in events:
            pass

    def conclude(self, result: Result) -> None:
        """Write the answer, if there is one."""
        if self._out is not None and result.answer is not None:
            self._out.write(clean(result.answer).rstrip("\n") + "\n")
            self._out.flush()

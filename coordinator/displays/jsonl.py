"""Every event a JSON line, as it came: for programs.

The lines are :data:`coordinator.protocol.events.Event` as they travel, one object each,
told apart by ``kind``. Nothing is left out, so a reader that lags slows the session
down. Model text is not stripped here: JSON escapes what a terminal would obey, and
what it does not is escaped where the lines go to one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import IO

import msgspec

from coordinator.displays.sanitizer import for_output
from coordinator.displays.sink import Sink
from coordinator.protocol.events import Event
from coordinator.protocol.result import Result

_encoder = msgspec.json.Encoder()


class JsonLinesDisplay:
    """Writes events to ``out`` as JSON lines."""

    is_lossless = True

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._sink = Sink(out)

    async def show(self, events: AsyncIterator[Sequence[Event]]) -> None:
        """Write every batch as it comes.

        Raises:
            BrokenPipeError: The reader has gone.
        """
        async for batch in events:
            lines = _encoder.encode_lines(batch)
            await self._sink.write(for_output(lines, self._out))

    def conclude(self, result: Result) -> None:
        """Nothing: the event ``conclude`` has said it."""

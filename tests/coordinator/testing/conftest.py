"""A small backend of one's own, and ways to break it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from agents.protocol.backend import Request
from agents.protocol.chunks import (
    BlockEnded,
    BlockStarted,
    ResponseEnded,
    ResponseStarted,
    StreamChunk,
    TextDelta,
    ToolCalled,
    TurnEnded,
)
from agents.protocol.stamper import Pen

NOTHING = msgspec.Raw(b"{}")


class Own:
    """Says two words after a second; ``fault`` names the rule that it breaks."""

    model = "own"
    limit_key = None
    fault = ""

    @asynccontextmanager
    async def open_stream(
        self, request: Request, pen: Pen
    ) -> AsyncGenerator[AsyncIterator[list[StreamChunk]]]:
        if self.fault == "opens before a checkpoint":
            yield self._said(pen)
            return
        await anyio.sleep(0.1)
        if self.fault == "refuses wrongly":
            raise RuntimeError(request.turn.agent)
        if self.fault == "leaves its generator":
            yield self._said(pen)
            return
        try:
            async with aclosing(self._said(pen)) as said:
                yield said
        finally:
            if self.fault == "shields its close":
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(500)

    async def _said(self, pen: Pen) -> AsyncGenerator[Any]:
        pen.at = anyio.current_time()
        if self.fault != "no start":
            yield [ResponseStarted(**pen.stamp(), model="own", message=NOTHING)]
        await anyio.sleep(1)
        pen.at = anyio.current_time()
        if self.fault == "raises":
            raise ValueError("own trouble")
        if self.fault == "empty":
            yield []
        if self.fault == "no list":
            yield ResponseStarted(**pen.stamp(), model="own", message=NOTHING)
        if self.fault == "the agent's word":
            yield [TurnEnded(**pen.stamp(), outcome="stopped")]
        if self.fault == "bad JSON":
            yield [
                BlockStarted(
                    **pen.stamp(), block=7, type="text", content=msgspec.Raw(b"{")
                )
            ]
        if self.fault == "a line feed":
            raw = msgspec.Raw(b'{"a":\n1}')
            yield [BlockStarted(**pen.stamp(), block=7, type="text", content=raw)]
        if self.fault == "seq":
            pen.next_seq()
        if self.fault != "delta without block":
            yield [BlockStarted(**pen.stamp(), block=0, type="text", content=NOTHING)]
        if self.fault == "call in a block":
            yield [ToolCalled(**pen.stamp(), block=0, id="c1", name="x", input=NOTHING)]
        said: list[StreamChunk] = [TextDelta(**pen.stamp(), block=0, text="well")]
        if self.fault not in {"open block", "delta without block"}:
            said.append(BlockEnded(**pen.stamp(), block=0))
        if self.fault != "no end":
            said.append(
                ResponseEnded(**pen.stamp(), stop_reason="end_turn", delta=NOTHING)
            )
        if self.fault == "after the end":
            said.append(TextDelta(**pen.stamp(), block=0, text="again"))
        yield said

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()


@pytest.fixture
def own() -> type[Own]:
    """A backend of one's own."""
    return Own

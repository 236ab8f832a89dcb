"""A backend of a caller's own that streams garbage is soon out, with the reason."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import anyio
import msgspec
import pytest

from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import (
    AgentFailed,
    BlockEnded,
    BlockStarted,
    ResponseAbandoned,
    TextDelta,
)

Staging: TypeAlias = Callable[..., AbstractAsyncContextManager[Any]]
Asking: TypeAlias = Any


class Endless(ScriptedBackend):
    """Streams what ``make`` makes of a pen, for ever."""

    def __init__(self, make: Callable[[Any, int], Any]) -> None:
        super().__init__(parse_script({"turns": [{"lines": [{"text": "So"}]}]}))
        self._make = make

    @asynccontextmanager
    async def open_stream(self, request: Any, pen: Any) -> AsyncGenerator[Any]:
        del request

        async def batches() -> AsyncGenerator[Any]:
            number = 0
            while True:
                yield self._make(pen, number)
                number += 1

        inner = batches()
        try:
            yield inner
        finally:
            await inner.aclose()


BLOCK: dict[str, Any] = {
    "type": "text",
    "content": msgspec.Raw(b'{"type":"text","text":""}'),
}


def _text(pen: Any, number: int) -> list[Any]:
    if not number:
        return [BlockStarted(**pen.stamp(), block=0, **BLOCK)]
    return [TextDelta(**pen.stamp(), block=0, text="hm " * 20_000)]


def _blocks(pen: Any, number: int) -> list[Any]:
    return [
        BlockStarted(**pen.stamp(), block=number, **BLOCK),
        BlockEnded(**pen.stamp(), block=number),
    ]


def _nothing(*_: Any) -> list[Any]:
    return []


def _bytes(*_: Any) -> list[Any]:
    return [b"\0"]


def _none(*_: Any) -> None:
    return None


ENDLESS: list[tuple[Callable[[Any, int], Any], str]] = [
    (_nothing, "brings nothing"),
    (_bytes, "an item holds chunks, not bytes"),
    (_none, "an item is a list of chunks, not NoneType"),
    (_text, "characters is no answer"),
    (_blocks, "brings nothing"),
]


@pytest.mark.parametrize(("make", "rule"), ENDLESS, ids=range(len(ENDLESS)))
async def test_garbage_without_an_end_is_out_after_a_few_tries_and_says_why(
    make: Callable[[Any, int], Any], rule: str, stage: Staging, ask: Asking
) -> None:
    began = anyio.current_time()
    async with stage(Endless(make)) as actor:
        failed = (await actor.play(ask.draft()))[-1]
        tries = [c for c in actor.said if isinstance(c, ResponseAbandoned)]
        assert anyio.current_time() - began < 2
    assert isinstance(failed, AgentFailed)
    assert rule in failed.message
    assert len(tries) <= 2

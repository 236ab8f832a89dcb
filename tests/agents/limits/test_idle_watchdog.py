"""Streams that fall silent are left, at their time, and no others."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from agents.limits.idle_watchdog import Reading, SilenceWatch, reading


@asynccontextmanager
async def watched() -> AsyncGenerator[None]:
    watch = SilenceWatch()
    async with anyio.create_task_group() as group:
        group.start_soon(watch.run)
        with watch.installed():
            yield
        group.cancel_scope.cancel("the test is over")


async def read(stream: Reading, takes_s: float) -> None:
    broken = anyio.Event()

    async def drop() -> None:
        await anyio.lowlevel.checkpoint()
        broken.set()

    stream.drop, stream.since = drop, stream.now()
    with anyio.move_on_after(takes_s):
        await broken.wait()
    stream.since = float("inf")


async def test_a_read_that_takes_too_long_is_broken_off_at_its_time() -> None:
    async with watched():
        began = anyio.current_time()
        with reading(30.0) as stream:
            await read(stream, 29.0)
            await read(stream, 10_000.0)
        assert stream.is_silent
        assert anyio.current_time() - began == pytest.approx(59.0)


async def test_time_that_the_consumer_takes_is_nobodys_silence() -> None:
    async with watched():
        with reading(30.0) as stream:
            for _ in range(3):
                await read(stream, 20.0)
                await anyio.sleep(1_000.0)
        assert not stream.is_silent


async def test_a_stream_whose_consumer_was_away_is_still_watched() -> None:
    async with watched():
        with reading(30.0) as stream:
            await anyio.sleep(1_000.0)
            began = anyio.current_time()
            await read(stream, 10_000.0)
        assert stream.is_silent
        assert anyio.current_time() - began == pytest.approx(30.0)


async def test_each_stream_has_its_own_limit() -> None:
    left: list[tuple[float, float]] = []

    async def stall(limit_s: float, after_s: float) -> None:
        await anyio.sleep(after_s)
        with reading(limit_s) as stream:
            await read(stream, 10_000.0)
        left.append((limit_s, anyio.current_time() - began))

    began = anyio.current_time()
    async with watched(), anyio.create_task_group() as group:
        for limit_s, after_s in ((100.0, 0.0), (10.0, 20.0), (50.0, 60.0)):
            group.start_soon(stall, limit_s, after_s)
    assert left == [
        (10.0, pytest.approx(30.0)),
        (100.0, pytest.approx(100.0)),
        (50.0, pytest.approx(110.0)),
    ]


async def test_without_a_watch_the_reader_is_told_to_limit_itself() -> None:
    await anyio.lowlevel.checkpoint()
    with reading(30.0) as stream:
        assert not stream.is_watched
        assert stream.limit_s == 30.0


async def test_a_cancelled_reader_leaves_nothing_to_watch() -> None:
    async with watched():
        with anyio.move_on_after(5.0) as ours, reading(30.0) as stream:
            await read(stream, 10_000.0)
        assert ours.cancelled_caught
        await anyio.sleep(1_000.0)
        assert not stream.is_silent

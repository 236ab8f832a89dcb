"""The clock that all other tests stand on."""

from __future__ import annotations

import time

import anyio


async def test_an_hour_passes_in_no_time() -> None:
    real, virtual = time.monotonic(), anyio.current_time()
    await anyio.sleep(3600)
    assert anyio.current_time() - virtual >= 3600
    assert time.monotonic() - real < 30


async def test_timers_fire_in_the_order_of_their_times() -> None:
    fired: list[float] = []

    async def wait(seconds: float) -> None:
        await anyio.sleep(seconds)
        fired.append(seconds)

    async with anyio.create_task_group() as group:
        for seconds in (30, 10, 20):
            group.start_soon(wait, seconds)
    assert fired == [10, 20, 30]

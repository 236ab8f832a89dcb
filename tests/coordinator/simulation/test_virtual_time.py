"""The clock that all other tests stand on."""

from __future__ import annotations

import time

import anyio


async def test_an_hour_passes_in_no_time() -> None:
    real, virtual = time.monotonic(), anyio.current_time()
    await anyio.sleep(3600)
    assert anyio.current_time() - virtual >= 3600
    assert time.monotonic() - real < 30


async def test_decades_pass_as_an_hour_does() -> None:
    # From 4e6 s on floats lie further apart than the resolution of asyncio's timers.
    virtual = anyio.current_time()
    for years in (0.4, 0.6, 5, 50):
        await anyio.sleep(years * 365 * 86_400)
    await anyio.sleep(0.5)
    with anyio.move_on_after(1):
        await anyio.sleep_forever()
    assert anyio.current_time() - virtual >= 56 * 365 * 86_400


async def test_timers_fire_in_the_order_of_their_times() -> None:
    fired: list[float] = []

    async def wait(seconds: float) -> None:
        await anyio.sleep(seconds)
        fired.append(seconds)

    async with anyio.create_task_group() as group:
        for seconds in (30, 10, 20):
            group.start_soon(wait, seconds)
    assert fired == [10, 20, 30]

"""Blocking calls: bounded, abandoned at once, counted until their threads end."""

from __future__ import annotations

import threading
import time

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from agents.boundary.threads import CallClock, ThreadLimit
from agents.errors import ToolFailed

pytestmark = pytest.mark.real_time


async def test_what_work_raises_is_raised_whatever_it_is() -> None:
    def leaves() -> None:
        raise SystemExit(3)

    def stops() -> None:
        raise KeyboardInterrupt

    limit = ThreadLimit()
    with pytest.raises(SystemExit):
        await limit.run(leaves, name="leaves")
    with pytest.raises(KeyboardInterrupt):
        await limit.run(stops, name="stops")


async def test_work_that_hangs_is_abandoned_at_once_and_counted_till_it_ends() -> None:
    limit, release = ThreadLimit(2), threading.Event()
    with anyio.move_on_after(0.01):
        await limit.run(release.wait, name="hangs")
    assert limit.abandoned == 1
    assert await limit.run(lambda: "one is left", name="works") == "one is left"
    with anyio.move_on_after(0.01):
        await limit.run(release.wait, name="hangs")
    with pytest.raises(ToolFailed, match="2 calls that were given up still run"):
        await limit.run(lambda: None, name="refused")
    release.set()
    with anyio.fail_after(5):
        while limit.abandoned:  # noqa: ASYNC110  (a thread's end, of which nobody tells)
            await anyio.sleep(0.001)
    await limit.run(lambda: None, name="works again")


async def test_whoever_waits_hears_that_no_thread_will_be_free() -> None:
    limit, release = ThreadLimit(1), threading.Event()
    heard: list[str] = []

    async def waits() -> None:
        try:
            await limit.run(lambda: None, name="waits")
        except ToolFailed as error:
            heard.append(str(error))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            with anyio.move_on_after(0.5):
                async with anyio.create_task_group() as first:
                    first.start_soon(lambda: limit.run(release.wait, name="hangs"))
                    await anyio.wait_all_tasks_blocked()
                    group.start_soon(waits)
    release.set()
    assert "no thread is free" in heard[0]


async def test_a_calls_clock_stands_still_while_it_waits_for_a_thread() -> None:
    limit, release = ThreadLimit(1), threading.Event()
    done: list[str] = []

    async def first() -> None:
        await limit.run(release.wait, name="first")

    async def second() -> None:
        scope = anyio.CancelScope()
        with CallClock(scope, 0.2).in_use(), scope:
            await limit.run(lambda: done.append("second"), name="second")

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(first)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(second)
            await anyio.sleep(0.4)
            assert not done
            release.set()
    assert done == ["second"]


async def test_a_calls_clock_does_not_run_before_its_thread_does() -> None:
    # As where sixteen threads that another response asks for take 50 ms to start.
    limit, release = ThreadLimit(1), threading.Event()
    with anyio.move_on_after(0.01):
        await limit.run(release.wait, name="hangs")
    told: list[str] = []

    async def call() -> None:
        scope = anyio.CancelScope()
        try:
            with CallClock(scope, 0.05).in_use(), scope:
                await limit.run(lambda: None, name="never runs")
        except ToolFailed as error:
            told.append(str(error))
        assert not scope.cancel_called

    async def keeps_the_loop() -> None:
        await anyio.lowlevel.checkpoint()
        time.sleep(0.1)  # noqa: ASYNC251  (the loop is held up: that is the case)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(call)
            group.start_soon(keeps_the_loop)
    release.set()
    assert len(told) == 3
    assert all("no thread is free" in text for text in told)


async def test_work_calls_back_into_its_event_loop() -> None:
    async def doubled(number: int) -> int:
        await anyio.lowlevel.checkpoint()
        return 2 * number

    def works() -> int:
        anyio.from_thread.check_cancelled()
        return anyio.from_thread.run(doubled, 21)

    assert await ThreadLimit().run(works, name="works") == 42

"""A task that callers' code starts ends nobody's program by ``SystemExit``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import anyio
import pytest

from agents.boundary.child_tasks import Exited
from agents.boundary.guard import first_of
from agents.boundary.root import RootTask


async def exits() -> None:
    await anyio.lowlevel.checkpoint()
    sys.exit(3)


async def in_a_group() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(exits)


async def in_a_group_below_a_group() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(in_a_group)


async def gathered() -> None:
    await asyncio.gather(exits(), asyncio.sleep(3))


async def by_asyncios_own_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(exits())


async def at_once() -> None:
    async def at_its_first_step() -> None:
        sys.exit(3)

    async with anyio.create_task_group() as group:
        group.start_soon(at_its_first_step)


async def as_it_is_cancelled() -> None:
    async def hard_to_stop() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            sys.exit(3)

    async with anyio.create_task_group() as group:
        group.start_soon(hard_to_stop)
        await anyio.sleep(1)
        group.cancel_scope.cancel()


ON_ASYNCIO = pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
BOTH = [in_a_group, in_a_group_below_a_group, at_once, as_it_is_cancelled]


@pytest.mark.parametrize("code", BOTH)
async def test_the_exit_of_a_started_task_is_an_outcome(
    code: Callable[[], Awaitable[None]],
) -> None:
    task = RootTask("theirs", code)
    await task.wait()
    assert task.error is not None
    assert isinstance(first_of(task.error), Exited | SystemExit)


@ON_ASYNCIO
@pytest.mark.parametrize("code", [gathered, by_asyncios_own_group])
async def test_the_exit_of_a_task_of_asyncios_own_is_an_outcome(
    code: Callable[[], Awaitable[None]],
) -> None:
    task = RootTask("theirs", code)
    await task.wait()
    assert task.error is not None
    assert isinstance(first_of(task.error), Exited)
    assert "SystemExit: 3" in str(first_of(task.error))


@ON_ASYNCIO
async def test_the_event_loop_is_as_it_was_afterwards() -> None:
    loop = asyncio.get_running_loop()
    assert loop.get_task_factory() is None
    tasks = [RootTask("theirs", in_a_group), RootTask("theirs", in_a_group)]
    assert loop.get_task_factory() is not None
    for task in tasks:
        await task.wait()
    assert loop.get_task_factory() is None


@ON_ASYNCIO
async def test_a_programs_own_task_factory_stays() -> None:
    loop = asyncio.get_running_loop()

    def make(
        loop: asyncio.AbstractEventLoop, coroutine: object, **options: object
    ) -> asyncio.Task[None]:
        return asyncio.Task(coroutine, loop=loop, **options)  # type: ignore[arg-type]

    loop.set_task_factory(make)  # type: ignore[arg-type]
    try:
        task = RootTask("theirs", anyio.lowlevel.checkpoint)
        await task.wait()
        assert loop.get_task_factory() is make
    finally:
        loop.set_task_factory(None)


async def test_a_task_that_is_cancelled_before_it_begins_warns_of_nothing() -> None:
    async def cancels_what_it_starts() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(exits)
            group.cancel_scope.cancel()

    task = RootTask("theirs", cancels_what_it_starts)
    await task.wait()
    # trio runs each task to its first checkpoint, which is where it is cancelled.
    assert task.error is None

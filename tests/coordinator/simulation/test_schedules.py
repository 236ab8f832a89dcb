"""The clocks of scenarios and measurements jump, in order, and wait for threads."""

from __future__ import annotations

from functools import partial

import anyio
import anyio.to_thread
import pytest

from coordinator.simulation.virtual_time import RUNTIMES, Runtime, virtual

both = pytest.mark.parametrize("runtime", RUNTIMES)


@both
def test_the_clock_jumps_from_timer_to_timer(runtime: Runtime) -> None:
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await anyio.sleep(seconds)
        woken.append(anyio.current_time())

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for seconds in (7200.0, 0.25, 3600.0):
                group.start_soon(sleep, seconds)

    anyio.run(main, backend=runtime, backend_options=virtual(runtime))
    assert woken == pytest.approx([0.25, 3600.0, 7200.0])


@both
def test_the_clock_stands_still_while_something_is_ready(runtime: Runtime) -> None:
    async def main() -> float:
        now = -1.0
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep, 60)
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            now = anyio.current_time()
            group.cancel_scope.cancel("seen enough")
        return now

    assert anyio.run(main, backend=runtime, backend_options=virtual(runtime)) == 0.0


@both
@pytest.mark.real_time
def test_a_thread_is_waited_for_where_no_timer_is_set(runtime: Runtime) -> None:
    work = partial(anyio.to_thread.run_sync, lambda: 42)
    assert anyio.run(work, backend=runtime, backend_options=virtual(runtime)) == 42

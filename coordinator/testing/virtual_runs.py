"""Runs an async function on an event loop whose time is virtual."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import TypeVar, TypeVarTuple

import anyio

from coordinator.simulation.virtual_time import Runtime, seeded_schedule, virtual

T = TypeVar("T")
Args = TypeVarTuple("Args")


def run_virtual(
    function: Callable[[*Args], Awaitable[T]],
    *args: *Args,
    runtime: Runtime = "asyncio",
    schedule: int | None = None,
) -> T:
    """Run ``function(*args)`` in virtual time; what it returns.

    Args:
        function: An async function; ``functools.partial`` gives it keywords.
        args: Its arguments.
        runtime: Whose event loop.
        schedule: Decides in which order trio runs what is ready together; ``None``:
            chance does. asyncio's order is its own.
    """
    is_ordered = runtime == "trio" and schedule is not None
    with seeded_schedule(schedule or 0) if is_ordered else nullcontext():
        return anyio.run(
            function, *args, backend=runtime, backend_options=virtual(runtime)
        )

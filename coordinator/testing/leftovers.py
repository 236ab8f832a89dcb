"""A block that must leave nothing behind."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

from coordinator.simulation.leftovers import tasks_watched

SETTLE_PASSES = 5
"""Passes of the event loop in which what was told to end does so."""


@asynccontextmanager
async def no_leftovers() -> AsyncGenerator[None]:
    """Fail where the block leaves a task of the running event loop behind.

    Raises:
        AssertionError: Names each.
    """
    with tasks_watched() as left:
        yield
        for _ in range(SETTLE_PASSES):
            await anyio.lowlevel.checkpoint()
    assert not left, f"left over: {'; '.join(left)}"

"""The seam between a remote agent's two ends, and a wire that stays in the process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import anyio
import anyio.lowlevel

from agents.remote.host import Host

FETCH_S = 5.0
"""How long a fetch waits before it says that there is nothing; a sign of life, too."""


class WireLost(Exception):
    """The far end has died, or cannot be reached any more."""


class WireRefused(WireLost):
    """No far end can be had, and another try would change nothing."""


class Wire(Protocol):
    """A way to one far end, for one epoch."""

    def tell(self, number: int, order: bytes) -> None:
        """Send an order; returns at once, raises nothing."""
        ...

    async def fetch(self, have: int) -> bytes:
        """Fetch a batch; see :meth:`agents.remote.host.Host.fetch`.

        Raises:
            WireLost: There is nobody to fetch from any more.
        """
        ...


class Elsewhere(Protocol):
    """Where an agent lives: makes far ends."""

    def opened(self, epoch: int, session: str) -> AbstractAsyncContextManager[Wire]:
        """A far end that is told to end when the block is left.

        Args:
            epoch: Which of the agent's lives it is, counted from 1.
            session: The session's name, for what is kept by it.

        Raises:
            WireLost: There is no room for it, or it cannot begin.
            WireRefused: It never will.
        """
        ...


class InProcess:
    """Far ends in this event loop: all that a wire does, and nothing in between.

    Args:
        make: Makes the host of an epoch.
    """

    def __init__(self, make: Callable[[int], Host]) -> None:
        self._make = make
        self._newest: _Direct | None = None

    @asynccontextmanager
    async def opened(self, epoch: int, session: str) -> AsyncGenerator[Wire]:
        """A host in a task of its own."""
        del session  # nothing is kept by it
        host = self._make(epoch)
        async with anyio.create_task_group() as group:
            wire = self._newest = _Direct(host)
            group.start_soon(wire.run, name=f"remote agent, epoch {epoch}")
            try:
                yield wire
            finally:
                host.close()
                group.cancel_scope.cancel("the near end has left")

    def kill(self) -> None:
        """Have the newest far end die, as a process does; for tests."""
        if self._newest is not None:
            self._newest.kill()


class _Direct:
    def __init__(self, host: Host) -> None:
        self._host = host
        self._life = anyio.CancelScope()
        self._fetching: anyio.CancelScope | None = None
        self._is_dead = False

    async def run(self) -> None:
        with self._life:
            await self._host.run()

    def kill(self) -> None:
        self._is_dead = True
        self._life.cancel("killed")
        if self._fetching is not None:
            self._fetching.cancel("killed")

    def tell(self, number: int, order: bytes) -> None:
        if not self._is_dead:
            self._host.obey(number, order)

    async def fetch(self, have: int) -> bytes:
        await anyio.lowlevel.checkpoint()
        if not self._is_dead:
            with anyio.CancelScope() as self._fetching:
                batch = await self._host.fetch(have, FETCH_S)
                if not self._is_dead:
                    return batch
        raise WireLost("it was killed")

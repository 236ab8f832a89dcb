"""Workers on Ray: one async actor a core, each running many sessions.

Only bytes cross, by two calls: ``tell`` takes messages, ``listen`` waits for some. No
generator is involved, so nothing goes on unheard when a sweep lets go of it, and a
driver that dies takes its actors with it: none of them is detached. Ray restarts
nothing either: what a lost worker had begun is handed out again by the driver, and goes
on from its journal.

Keys are read where a worker runs, by the names that the team file gives. Needs the
extra ``[ray]``; importing this module imports Ray, as
:func:`coordinator.cluster.ray_cluster.started` wants it.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio

from agents.boundary.threads import in_thread
from coordinator.cluster.ray_cluster import gotten, is_gone, ray
from coordinator.sweep.places import Link, PlaceGone, WorkerLost
from coordinator.sweep.ray_worker import Host, unpacked

LOOK_S = 5.0
"""How often it is looked whether a cluster without room for a worker is still there."""
LISTEN_S = 3.0
"""How long a worker waits for news before it says that there are none."""
SILENCE_S = 5.0
"""A worker that has not even said that there is no news for so long beyond that is
lost: its node is gone, or cut off. Ray itself says so after 3 to 30 s."""
KILL_GRACE_S = 4.0
"""How long a worker may take to leave its sessions; then its process is killed."""


class RayPlace:
    """Starts workers as actors of the cluster that this process is connected to."""

    name = "ray"

    @asynccontextmanager
    async def worker(self, number: int) -> AsyncGenerator[Link]:
        """An actor; killed at the end, after it has left its sessions."""
        await _insist_on_cluster()
        actor = (
            ray().remote(Host).options(num_cpus=1, max_restarts=0, max_concurrency=16)
        )
        try:
            handle = actor.remote(number)
        except _errors() as error:
            raise WorkerLost(f"a worker cannot begin: {said(error)}") from error
        link = _RayLink(handle)
        try:
            yield link
        finally:
            if link.has_begun:  # else it waits for room, and would not hear it
                with anyio.move_on_after(KILL_GRACE_S, shield=True):
                    with suppress(*_errors()):
                        await gotten(handle.leave.remote())
            with suppress(Exception):
                if not await _is_gone():  # noqa: ASYNC102  (shielded, and bounded by the look)
                    ray().kill(handle)


async def _is_gone() -> bool:
    seen: list[bool] = []
    with anyio.CancelScope(shield=True):  # bounded by the look itself
        seen.append(await in_thread(is_gone, name="Ray"))
    return any(seen)


async def _insist_on_cluster() -> None:
    if await _is_gone():
        raise PlaceGone(
            "the Ray cluster is gone; what is done is kept, and the same command goes "
            "on with it where there is one"
        )


def _errors() -> tuple[type[Exception], ...]:
    return (ray().exceptions.RayError, ConnectionError, RuntimeError)


class _RayLink:
    """One actor, as the sweep sees it."""

    def __init__(self, handle: Any) -> None:  # noqa: ANN401
        self._handle = handle
        self._told = 0
        self.has_begun = False
        """Whether it could hear us now."""
        self._patience_s = math.inf
        """Until it has begun, which takes as long as the cluster has no room."""
        self.loss = "a worker has left"

    def tell(self, message: bytes) -> None:
        with suppress(*_errors()):
            self._handle.tell.remote(self._told, message)
            self._told += 1

    async def news(self) -> AsyncGenerator[bytes]:
        while True:
            batch: bytes | None = None
            heard = self._handle.listen.remote(LISTEN_S)
            with anyio.move_on_after(self._patience_s) as silence:
                try:
                    batch = await self._heard(heard)
                except _errors() as error:
                    self.loss = f"a worker on Ray was lost: {said(error)}"
                    self.has_begun = False
                    return
            if silence.cancelled_caught:
                self.loss = f"a worker on Ray was silent for {self._patience_s:g} s"
                return
            self._patience_s = LISTEN_S + SILENCE_S
            self.has_begun = True
            if batch is None:
                return
            for message in unpacked(batch):
                yield message

    async def _heard(self, heard: Any) -> bytes | None:  # noqa: ANN401
        while True:
            with anyio.move_on_after(LOOK_S):
                return await gotten(heard)
            if not self.has_begun:
                await _insist_on_cluster()


def said(error: BaseException) -> str:
    """The first line of what Ray says, which has many."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"


def cores() -> int:
    """How many cores the cluster has."""
    return max(1, int(ray().cluster_resources().get("CPU", 1.0)))

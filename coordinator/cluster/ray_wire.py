"""The near end's wire to an agent that lives on Ray.

Two calls carry everything: ``tell`` an order, ``fetch`` a batch. A fetch that fails is
made again with the same number, so no call's fate matters. Leaving ends the far end's
model stream first, and then its process.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from agents.boundary.log_context import bound_logger
from agents.boundary.threads import in_thread
from agents.remote.wire import FETCH_S, Wire, WireLost, WireRefused
from coordinator.cluster.ray_cluster import connect, gotten, is_gone, ray
from coordinator.errors import ConfigInvalid
from coordinator.journal.entries import library_version

if TYPE_CHECKING:
    from coordinator.team.team_file_schema import RayPlace

BEGIN_S = 120.0
"""How long a far end may take to begin: Ray starts a process, which imports an SDK; a
cluster that grows by a node takes longer, and is waited for by the next try."""
LOOK_S = 1.0
"""How often it is looked for a node that could ever be the place."""
NOWHERE_S = 2.0
"""After so long without a node that could be it, an agent whose node is gone fails."""
SUSPECT_S = 8.0
"""The same where such a node is listed, but is the one that was lost: a dead one stays
listed for 15 to 20 s (2.60), and one that is well begins a process sooner."""
TRUSTED_S = 60.0
"""A node that is listed for so long after it was lost is well."""
SILENCE_S = 7.0
"""A fetch that has been out for so long beyond its own wait is lost: the node is gone,
or cut off. Ray itself says so after 2 to 30 s."""
END_S = 2.0
"""How long a far end may take to close its streams; then it is killed."""
_NODE = "ray.io/node-id"
"""The label that Ray gives each node."""

_log = bound_logger("coordinator.cluster")


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """The start parameters of a far end, as bytes. Keys are named in it, never said."""

    version: str
    source: msgspec.Raw
    agent: str
    epoch: int
    now: float
    """The session's clock when this was sent, in seconds."""
    batch: int = 32
    linger_s: float = 0.0
    share: float = 1.0
    """The agent's part of every rate limit, 0…1."""
    session: str = ""


class OnRay:
    """Where an agent lives: an actor of a Ray cluster.

    Args:
        source: The team, as :func:`coordinator.team.team_source.source_of` wrote it.
        agent: Which of its agents.
        place: Where on the cluster.
        share: The agent's part of every rate limit.
    """

    def __init__(
        self, source: bytes, agent: str, place: RayPlace, *, share: float = 1.0
    ) -> None:
        self._source = source
        self._agent = agent
        self._place = place
        self._share = share
        self._lost_at: dict[str, float] = {}
        """Nodes that went with an agent → when, on the session's clock."""

    def __repr__(self) -> str:
        return f"OnRay({self._agent!r})"

    @asynccontextmanager
    async def opened(self, epoch: int, session: str) -> AsyncGenerator[Wire]:
        """An actor of a process of its own; ended and killed when the block is left.

        Raises:
            WireLost: There is no cluster, no room on it, or the agent cannot be made
                there.
        """
        try:
            await in_thread(lambda: connect(self._place.address), name="Ray")
        except ConfigInvalid as error:
            raise WireLost(str(error)) from error
        await _insist_on_cluster()
        suspects = self._suspects()
        try:
            away = await in_thread(lambda: self._others(suspects), name="Ray")
            handle = self._actor(away)
        except _errors() as error:
            raise WireLost(first_line(error)) from error
        wire: _RayWire | None = None
        try:
            wire = await self._begin(handle, epoch, session)
            yield wire
        finally:
            if wire is not None and not wire.is_lost:  # else there is nobody who could
                with anyio.move_on_after(END_S, shield=True), suppress(*_errors()):
                    await gotten(handle.end.remote())
            with suppress(Exception):
                ray().kill(handle)

    def _actor(self, away: Sequence[str]) -> Any:  # noqa: ANN401  (Ray's handles are untyped)
        """A new actor, on any node that suits but those in ``away``."""
        from coordinator.cluster.ray_agent import AgentHost  # noqa: PLC0415

        place = self._place
        options: dict[str, Any] = {
            "num_cpus": place.cpus,
            "num_gpus": place.gpus,
            "resources": dict(place.resources),
            "max_restarts": 0,
            "max_concurrency": 64,
        }
        labels = dict(place.labels)
        if away:
            labels[_NODE] = f"!in({','.join(away)})"
        if labels:
            options["label_selector"] = labels
        return ray().remote(AgentHost).options(**options).remote()

    async def _begin(self, handle: Any, epoch: int, session: str) -> _RayWire:  # noqa: ANN401
        problem: bytes | None = None
        wire = _RayWire(handle, self._suspect)
        with anyio.move_on_after(BEGIN_S), wire.losing():
            wire.node = await self._wait_for_process(handle.ready.remote(), epoch)
            # Now: the far clock is set by when this comes, not by when it leaves.
            spec = msgspec.json.encode(self._spec(epoch, session))
            problem = await gotten(handle.begin.remote(spec))
        if problem is None:
            raise WireLost(
                f"no room for agent {self._agent!r} on the cluster within "
                f"{BEGIN_S:g} s; its place asks for {self._place}"
            )
        if problem:
            raise WireRefused(problem.decode())
        return wire

    async def _wait_for_process(self, ready: Any, epoch: int) -> str:  # noqa: ANN401
        """Wait for room on the cluster.

        Returns:
            The node that has it.

        Raises:
            WireRefused: No node has what the place asks for, after one had: it is gone.
        """
        nowhere_s = 0.0
        while True:
            with anyio.move_on_after(LOOK_S):
                return await gotten(ready)
            await _insist_on_cluster()
            nodes = await in_thread(self._nodes, name="Ray")
            if nodes - self._suspects():
                nowhere_s = 0.0
                continue
            problem = f"no node of the cluster has what {self._agent!r} asks for"
            if not (nodes or nowhere_s):  # a cluster may grow, so that is no error yet
                _log.warning("%s (%s); it waits for one", problem, self._place)
            nowhere_s += LOOK_S
            if epoch > 1 and nowhere_s >= (SUSPECT_S if nodes else NOWHERE_S):
                raise WireRefused(f"{problem}: {self._place}")

    def _suspect(self, node: str) -> None:
        self._lost_at[node] = anyio.current_time()

    def _suspects(self) -> set[str]:
        since = anyio.current_time() - TRUSTED_S
        return {node for node, at in self._lost_at.items() if at >= since}

    def _others(self, suspects: set[str]) -> list[str]:
        """The nodes to avoid: none, where no other node will do."""
        if not suspects or _NODE in self._place.labels or not self._nodes() - suspects:
            return []
        return sorted(suspects)

    def _nodes(self) -> set[str]:
        """Nodes that could be the place, if they had room."""
        place = self._place
        needs = {**place.resources, "CPU": place.cpus, "GPU": place.gpus}
        # A label may be a condition, like "!in(a,b)"; those are Ray's to judge.
        labels = {
            key: text
            for key, text in place.labels.items()
            if not text.startswith(("!", "in("))
        }
        return {
            node["NodeID"]
            for node in ray().nodes()
            if node["Alive"]
            and all(node["Resources"].get(key, 0) >= n for key, n in needs.items())
            and all(node["Labels"].get(key) == value for key, value in labels.items())
        }

    def _spec(self, epoch: int, session: str) -> Spec:
        return Spec(
            version=library_version(),
            source=msgspec.Raw(self._source),
            agent=self._agent,
            epoch=epoch,
            now=anyio.current_time(),
            batch=self._place.batch,
            linger_s=self._place.linger_ms / 1_000,
            share=self._share,
            session=session,
        )


async def _insist_on_cluster() -> None:
    if await in_thread(is_gone, name="Ray"):
        raise WireRefused("the Ray cluster is gone")


class _RayWire:
    """The way to one actor.

    Args:
        handle: The actor.
        suspect: Called with its node, where that may have gone with it.
    """

    def __init__(self, handle: Any, suspect: Callable[[str], None]) -> None:  # noqa: ANN401
        self._handle = handle
        self._suspect = suspect
        self.node = ""
        self.is_lost = False

    def tell(self, number: int, order: bytes) -> None:
        with suppress(*_errors()):
            self._handle.tell.remote(number, order)

    async def fetch(self, have: int) -> bytes:
        with anyio.move_on_after(FETCH_S + SILENCE_S), self.losing():
            return await gotten(self._handle.fetch.remote(have))
        self._lose(is_with_node=True)
        raise WireLost(f"nothing was heard of it for {FETCH_S + SILENCE_S:g} s")

    @contextmanager
    def losing(self) -> Generator[None]:
        """Say of Ray's errors that the far end is lost."""
        try:
            yield
        except _errors() as error:
            # Of a process that has ended alone, its node would have said so.
            unheard = ray().exceptions.ActorUnavailableError
            self._lose(is_with_node=isinstance(error, unheard))
            raise WireLost(first_line(error)) from error

    def _lose(self, *, is_with_node: bool) -> None:
        self.is_lost = True
        if is_with_node and self.node:
            self._suspect(self.node)


def _errors() -> tuple[type[Exception], ...]:
    return (ray().exceptions.RayError, ConnectionError, RuntimeError, ValueError)


def first_line(error: BaseException) -> str:
    """The first line of Ray's error message."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"

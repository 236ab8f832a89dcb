"""The far end on Ray: one agent of a team, in an actor's process.

The agent runs in an event loop of its own, whose clock is the session's: what it stamps
needs no translation, so the bytes that it makes are the ones that the team takes. Keys,
tools and folders are those of the machine it runs on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

import anyio
import msgspec

from agents.actor.actor import Actor
from agents.boundary.session_tools import let_go, tools_in_session
from agents.limits.shared_limits import use_limits_share
from agents.protocol.chunks import AgentId
from agents.remote.host import Host
from agents.remote.wire import FETCH_S
from agents.tools.base import InSession
from coordinator.cluster.ray_cluster import ray
from coordinator.cluster.ray_wire import Spec
from coordinator.journal.entries import library_version
from coordinator.session.engine import redactor_of
from coordinator.team.emulation import at_work
from coordinator.team.team_source import config_of

if TYPE_CHECKING:
    from agents.actor.publisher import Outbox, Recorded
    from coordinator.team.team import Team

READY_S = 60.0
"""How long an agent may take to be made; importing an SDK takes seconds."""


class AgentHost:
    """One agent, as an actor holds it; made anew for each epoch."""

    def __init__(self) -> None:
        self._host: Host | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scope: anyio.CancelScope | None = None
        self._over: Future[None] = Future()

    async def ready(self) -> str:
        """Return once the process is there, so that no clock waits for it.

        Returns:
            The node that it is on, by Ray's name.
        """
        return ray().get_runtime_context().get_node_id()

    async def begin(self, spec: bytes) -> bytes:
        """Make the agent and have it wait for orders.

        Returns:
            Why it cannot; empty: it does.
        """
        start = msgspec.json.decode(spec, type=Spec)
        own = library_version()
        if start.version != own:
            return (
                f"this node has massgen-coordinator {own}, and the session's is "
                f"{start.version}; install the same version everywhere"
            ).encode()
        shift_s = start.now - time.monotonic()
        ready: Future[None] = Future()
        thread = threading.Thread(
            target=self._run, args=(start, shift_s, ready), name="agent", daemon=True
        )
        thread.start()
        try:
            await asyncio.wait_for(asyncio.wrap_future(ready), READY_S)
        except TimeoutError:
            return f"the agent could not be made within {READY_S:g} s".encode()
        except Exception as error:  # noqa: BLE001  (told in words, whatever it is)
            return f"{type(error).__name__}: {error}".encode()
        return b""

    async def tell(self, number: int, order: bytes) -> None:
        """Take an order; see :meth:`agents.remote.host.Host.obey`."""
        self._in_loop(lambda host: host.obey(number, order))

    async def fetch(self, have: int) -> bytes:
        """Fetch a batch; see :meth:`agents.remote.host.Host.fetch`."""
        assert self._host is not None
        assert self._loop is not None
        fetching = self._host.fetch(have, FETCH_S)
        future = asyncio.run_coroutine_threadsafe(fetching, self._loop)
        return await asyncio.wrap_future(future)

    async def end(self) -> None:
        """Close what is open and end; returns when that is done."""
        if self._loop is not None and self._scope is not None:
            scope = self._scope
            try:
                self._loop.call_soon_threadsafe(scope.cancel, "the session is over")
            except RuntimeError:  # its loop has ended
                return
            await asyncio.wrap_future(self._over)

    def _in_loop(self, call: Callable[[Host], None]) -> None:
        host, loop = self._host, self._loop
        assert host is not None
        assert loop is not None
        loop.call_soon_threadsafe(partial(call, host))

    def _run(self, spec: Spec, shift_s: float, ready: Future[None]) -> None:
        """The agent's own thread, from its first line to its last."""
        options = {"loop_factory": partial(_SessionLoop, shift_s)}
        try:
            anyio.run(self._serve, spec, ready, backend_options=options)
        except Exception as error:  # noqa: BLE001  (told, or in the log by then)
            if not ready.done():
                ready.set_exception(error)
        finally:
            self._over.set_result(None)

    async def _serve(self, spec: Spec, ready: Future[None]) -> None:
        use_limits_share(spec.share)
        config = config_of(bytes(spec.source))
        self._loop = asyncio.get_running_loop()
        async with at_work(config, here=spec.agent) as team:
            host, places = _host(spec, team)
            with anyio.CancelScope() as self._scope:
                self._host = host
                ready.set_result(None)
                try:
                    await host.run()
                    await anyio.sleep_forever()  # its last frames are still fetched
                finally:
                    let_go(places)


def _host(spec: Spec, team: Team) -> tuple[Host, list[InSession]]:
    """The agent's actor, and those of its tools that hold a folder of the session's."""
    agent = next(one for one in team.with_models if one.id == spec.agent)
    tools, held = tools_in_session(agent.tools, spec.session)
    agent = agent.with_tools(tools, agent.toolboxes)
    limiters = team.limiters()[AgentId(agent.id)]

    def actor(outbox: Outbox, recorded: Recorded) -> Actor:
        return Actor(
            agent,
            outbox,
            limiter=limiters[0],
            fallback_limiters=limiters[1:],
            recorded=recorded,
            redactor=redactor_of(team),
        )

    host = Host(spec.epoch, actor, batch=spec.batch, linger_s=spec.linger_s)
    return host, held


class _SessionLoop(asyncio.SelectorEventLoop):
    """An event loop on the session's clock.

    Args:
        shift_s: What that is ahead of this machine's, in seconds.
    """

    def __init__(self, shift_s: float) -> None:
        self._shift_s = shift_s
        super().__init__()

    def time(self) -> float:
        return time.monotonic() + self._shift_s

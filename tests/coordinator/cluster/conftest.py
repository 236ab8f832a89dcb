"""A Ray cluster of two nodes on this machine, for the tests of one module."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Generator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from coordinator.journal.store import SUFFIX

TOKEN = "a-token-of-the-tests-and-of-nothing-else"  # noqa: S105  (guards a test's cluster)
CANARY = "canary-key-5f0c-that-may-appear-nowhere"

STORE_BYTES = 80_000_000
"""Of each node's object store: Ray takes no less than 75 MB."""


class TwoNodes:
    """The cluster, and what tests do to it."""

    canary = CANARY
    """A key that its nodes have in their environment."""

    def __init__(self, cluster: Any, client_port: int) -> None:
        self.cluster = cluster
        self.client = f"ray://127.0.0.1:{client_port}"
        self.logs = Path(cluster.head_node.get_session_dir_path()) / "logs"

    def add(self, **said: Any) -> Any:
        """One more node, of two cores."""
        return _tried(
            lambda: self.cluster.add_node(
                num_cpus=2, object_store_memory=STORE_BYTES, **_ports(), **said
            )
        )

    def remove(self, node: Any) -> None:
        """Take a node away as a power cut does."""
        self.cluster.remove_node(node, allow_graceful=False)

    def pids(self, actor: str) -> list[int]:
        """Processes of this cluster's actors of a class, oldest first."""
        found: list[tuple[int, int]] = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdecimal():
                continue
            try:
                line = (folder / "cmdline").read_bytes()
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if line.startswith(b"ray::" + actor.encode()) and _is_ours(int(stat[1])):
                found.append((int(stat[19]), int(folder.name)))
        return [pid for _, pid in sorted(found)]

    def node_of(self, pid: int) -> int:
        """The process that began this one: its node's raylet."""
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(stat[1])

    def has(self, node: Any, pid: int) -> bool:
        """Whether a process is the node's."""
        return self.node_of(pid) in {one.pid for one in _processes(node)}

    def kill(self, actor: str) -> None:
        """End one process of such an actor as the kernel would."""
        os.kill(self.pids(actor)[-1], signal.SIGKILL)

    async def kill_at_work(self, actor: str) -> None:
        """The same in the midst of a session."""
        os.kill(await self._stopped_at_work(lambda: self.pids(actor)), signal.SIGKILL)

    async def remove_at_work(self, node: Any, actor: str) -> None:
        """Take a node away in the midst of a session of such an actor's."""
        pid = await self._stopped_at_work(
            lambda: [pid for pid in self.pids(actor) if self.has(node, pid)]
        )
        await to_thread.run_sync(self.remove, node)
        with suppress(ProcessLookupError):  # what has stopped would hold its locks
            os.kill(pid, signal.SIGCONT)

    async def _stopped_at_work(self, pids: Callable[[], list[int]]) -> int:
        """Stop a process where it has a session open, and nobody can have ended it."""
        while True:
            for pid in pids():
                with suppress(ProcessLookupError, FileNotFoundError):  # it has ended
                    os.kill(pid, signal.SIGSTOP)
                    if _is_at_work(pid):
                        return pid
                    os.kill(pid, signal.SIGCONT)
            await anyio.sleep(0.05)  # what others do has no event here


def _is_at_work(pid: int) -> bool:
    """Whether it writes a journal that says already that a turn has begun."""
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            # Linux shows the name by which a file was opened; ours begin as others.
            name = file.readlink().name
            if SUFFIX in name and b"turn_started" in file.read_bytes():
                return True
    return False


def _processes(node: Any) -> list[subprocess.Popen[bytes]]:
    """The processes that a node of Ray's began itself."""
    return [one.process for each in node.all_processes.values() for one in each]


def _tried(begin: Callable[[], Any]) -> Any:
    """A node of Ray's, begun again where it did not begin.

    A node gives up where a helper of its is not there after 15 s, which on a machine at
    work is what an import may take. No setting of Ray's changes that (2.60).
    """
    for tries_left in (2, 1, 0):
        before = _descendants()
        try:
            return begin()
        except Exception:
            if not tries_left:
                raise
            for pid in _descendants() - before:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    return None


def _descendants() -> set[int]:
    pids = (int(one.name) for one in Path("/proc").iterdir() if one.name.isdecimal())
    found: set[int] = set()
    for pid in pids:
        with suppress(OSError):  # gone meanwhile
            if pid != os.getpid() and _is_ours(pid):
                found.add(pid)
    return found


def _ports(*more: str) -> dict[str, int]:
    """Ports of a node's helpers, for most of which it would else wait, too."""
    names = (
        "metrics_agent_port",
        "metrics_export_port",
        "dashboard_agent_listen_port",
        "runtime_env_agent_port",
        *more,
    )
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in names]
        for each in sockets:
            each.bind(("", 0))
        numbers = [each.getsockname()[1] for each in sockets]
    return dict(zip(names, numbers, strict=True))


def _is_ours(pid: int) -> bool:
    """Whether a process is a descendant of this one."""
    while pid > 1:
        if pid == os.getpid():
            return True
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        pid = int(stat[1])
    return False


@pytest.fixture(scope="module")
def two_nodes() -> Generator[TwoNodes]:
    """Two nodes of two cores each: token authentication on, statistics off."""
    settings = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_agent_register_timeout_ms": "180000",  # of a machine that is busy
        "COORDINATOR_TEST_KEY": CANARY,  # of the machine that agents live on
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)

        utils: Any = importlib.import_module("ray.cluster_utils")  # an extra
        head = {
            "num_cpus": 2,
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            # A full store is full, and not the disk's load.
            "_system_config": {"automatic_object_spilling_enabled": False},
        }
        ports: dict[str, int] = {}

        def begin() -> Any:
            ports.update(_ports("ray_client_server_port"))
            return utils.Cluster(initialize_head=True, head_node_args={**head, **ports})

        nodes = TwoNodes(_tried(begin), ports["ray_client_server_port"])
        nodes.add(resources={"far": 4.0}, labels={"zone": "far"})
        patch.setenv("RAY_ADDRESS", nodes.cluster.address)
        ray: Any = importlib.import_module("ray")
        ray.init(nodes.cluster.address, log_to_driver=False, logging_level=40)
        try:
            yield nodes
        finally:
            ray.shutdown()
            nodes.cluster.shutdown()

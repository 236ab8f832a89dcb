"""A Ray cluster of two nodes on this machine, for the tests of one module."""

from __future__ import annotations

import importlib
import os
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

TOKEN = "a-token-of-the-tests-and-of-nothing-else"  # noqa: S105  (guards a test's cluster)
CANARY = "canary-key-5f0c-that-may-appear-nowhere"

STORE_BYTES = 80_000_000
"""Of each node's object store: Ray takes no less than 75 MB."""
CLIENT_PORT = 20_161
"""Of the server for ``ray://``."""


class TwoNodes:
    """The cluster, and what tests do to it."""

    canary = CANARY
    """A key that its nodes have in their environment."""
    client = f"ray://127.0.0.1:{CLIENT_PORT}"

    def __init__(self, cluster: Any, session: Path) -> None:
        self.cluster = cluster
        self.logs = session / "logs"

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

    def kill(self, actor: str) -> None:
        """End one process of such an actor as the kernel would."""
        os.kill(self.pids(actor)[-1], signal.SIGKILL)


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


def _ports() -> dict[str, int]:
    """Ports of a node's helpers, for most of which it would else wait, too."""
    names = (
        "metrics_agent_port",
        "metrics_export_port",
        "dashboard_agent_listen_port",
        "runtime_env_agent_port",
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
            "ray_client_server_port": CLIENT_PORT,
            "object_store_memory": STORE_BYTES,
            # A full store is full, and not the disk's load.
            "_system_config": {"automatic_object_spilling_enabled": False},
        }
        cluster = _tried(
            lambda: utils.Cluster(
                initialize_head=True, head_node_args={**head, **_ports()}
            )
        )
        nodes = TwoNodes(cluster, Path(cluster.head_node.get_session_dir_path()))
        nodes.add(resources={"far": 4.0}, labels={"zone": "far"})
        patch.setenv("RAY_ADDRESS", cluster.address)
        ray: Any = importlib.import_module("ray")
        ray.init(cluster.address, log_to_driver=False, logging_level=40)
        try:
            yield nodes
        finally:
            ray.shutdown()
            cluster.shutdown()

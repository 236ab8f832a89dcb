"""A Ray cluster of two nodes on this machine, for the tests of one module."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

TOKEN = "a-token-of-the-tests-and-of-nothing-else"  # noqa: S105  (guards a test's cluster)
CANARY = "canary-key-5f0c-that-may-appear-nowhere"


class TwoNodes:
    """The cluster, and what tests do to it."""

    canary = CANARY
    """A key that its nodes have in their environment."""

    def __init__(self, cluster: Any, session: Path) -> None:
        self.cluster = cluster
        self.logs = session / "logs"

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

    def kill(self, actor: str) -> None:
        """End one process of such an actor as the kernel would."""
        os.kill(self.pids(actor)[-1], signal.SIGKILL)


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
        "COORDINATOR_TEST_KEY": CANARY,  # of the machine that agents live on
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)

        utils: Any = importlib.import_module("ray.cluster_utils")  # an extra
        cluster = utils.Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 2, "include_dashboard": False},
        )
        cluster.add_node(num_cpus=2, resources={"far": 4.0}, labels={"zone": "far"})
        patch.setenv("RAY_ADDRESS", cluster.address)
        ray: Any = importlib.import_module("ray")
        ray.init(cluster.address, log_to_driver=False, logging_level=40)
        try:
            yield TwoNodes(cluster, Path(cluster.head_node.get_session_dir_path()))
        finally:
            ray.shutdown()
            cluster.shutdown()

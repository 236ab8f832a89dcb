"""Child processes: none is left where it cannot be waited for."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from agents.tools.workspace.child_process import open_process

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(sys.platform != "linux", reason="descriptors of processes"),
]


async def test_no_process_is_left_where_no_descriptor_is_left_to_wait_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = await open_process(["true"], cwd=None, env={})
    assert await process.wait() == 0
    await process.aclose()
    pids: list[int] = []

    def none_left(pid: int) -> int:
        pids.append(pid)
        raise OSError(errno.EMFILE, "too many open files")

    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (names, at once)
    monkeypatch.setattr("os.pidfd_open", none_left)
    with pytest.raises(OSError, match="too many open files"):
        await open_process(["sleep", "600"], cwd=None, env=dict(os.environ))
    (pid,) = pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

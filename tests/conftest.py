"""Every test runs on asyncio and on trio, in virtual time unless it says otherwise."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

import pytest
import trio.testing


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: tells the loop how long it would have waited instead."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            # Nothing is scheduled: only another thread or a socket can wake the loop.
            return super().select(1.0)
        if timeout > 0:
            self.skipped_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose clock stands still, and jumps when nothing is ready."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.skipped_s


def _virtual(backend: str) -> tuple[str, dict[str, Any]]:
    if backend == "trio":
        return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}
    return "asyncio", {"loop_factory": VirtualTimeLoop}


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    if request.node.get_closest_marker("real_time"):
        return request.param, {}
    return _virtual(request.param)


@pytest.fixture
def anyio_backend_name(anyio_backend: Any) -> str:
    return anyio_backend[0]

"""One key, one limit: sessions, threads and loops of a process wait together."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from agents.errors import BackendUnavailable
from agents.limits.limiter import Limiter
from agents.limits.shared_limits import shared_limiter
from agents.protocol.chunks import AgentId


async def refused(limiter: Limiter, retry_after_s: float) -> None:
    """Have an agent refused by the server."""
    with pytest.raises(BackendUnavailable):
        async with limiter.slot(AgentId("ada")):
            raise BackendUnavailable(
                "429", is_rate_limit=True, retry_after_s=retry_after_s
            )


async def test_whoever_asks_under_one_key_in_one_loop_has_one_limiter() -> None:
    one = shared_limiter("a key of a loop")
    assert shared_limiter("a key of a loop") is one
    assert shared_limiter("another key of a loop") is not one
    await refused(one, 30)
    began = anyio.current_time()
    async with shared_limiter("a key of a loop").slot(AgentId("ben")):
        assert anyio.current_time() - began >= 30
    began = anyio.current_time()
    async with shared_limiter("another key of a loop").slot(AgentId("ben")):
        assert anyio.current_time() == began


@pytest.mark.real_time
@pytest.mark.parametrize("other", ["asyncio", "trio"])
async def test_a_refusal_in_one_loop_shuts_the_gates_of_all_others(
    anyio_backend_name: str, other: Any
) -> None:
    key = f"a key of loops/{anyio_backend_name}/{other}"
    watching = threading.Event()
    left_s: dict[str, float] = {}

    def in_a_thread(work: Callable[[], Awaitable[None]]) -> None:
        thread = threading.Thread(target=lambda: anyio.run(work, backend=other))
        thread.start()
        threads.append(thread)

    async def before() -> None:
        limiter = shared_limiter(key)
        watching.set()
        with anyio.fail_after(30):
            while limiter.gate_left_s <= 0:  # noqa: ASYNC110  (told by another thread)
                await anyio.sleep(0.01)
        left_s["before"] = limiter.gate_left_s

    async def afterwards() -> None:
        await anyio.lowlevel.checkpoint()
        left_s["afterwards"] = shared_limiter(key).gate_left_s

    threads: list[threading.Thread] = []
    in_a_thread(before)
    await anyio.to_thread.run_sync(watching.wait)
    await refused(shared_limiter(key), 30)
    in_a_thread(afterwards)
    for thread in threads:
        await anyio.to_thread.run_sync(thread.join)
    assert set(left_s) == {"before", "afterwards"}
    assert all(20 < left <= 30.5 for left in left_s.values()), left_s

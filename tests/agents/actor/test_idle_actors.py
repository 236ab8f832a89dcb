"""Ten thousand agents that wait must cost little."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import anyio

from agents.actor.actor import Actor
from agents.agent import Agent
from agents.limits.limiter import Limiter
from agents.protocol.chunks import AgentId

ACTORS = 1000
ALLOWED_BYTES = 30_000


async def test_an_idle_actor_costs_less_than_thirty_kilobytes(
    scripted: Callable[..., Any],
) -> None:
    backend = scripted([{"answer": "Canberra"}])
    limiter = Limiter.unlimited()
    outbox, inbox = anyio.create_memory_object_stream[bytes](10)
    used = 0
    with inbox:
        async with anyio.create_task_group() as group:
            gc.collect()
            tracemalloc.start()
            actors: list[Actor] = []
            for number in range(ACTORS):
                agent = Agent(id=AgentId(f"agent{number}"), backend=backend)
                actor = Actor(agent, outbox.clone(), limiter=limiter)
                group.start_soon(actor.run)
                actors.append(actor)
            await anyio.wait_all_tasks_blocked()
            used, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            outbox.close()
            for actor in actors:
                actor.close()
    assert used / ACTORS < ALLOWED_BYTES

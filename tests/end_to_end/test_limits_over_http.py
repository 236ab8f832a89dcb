"""A team against a server that allows few requests: over real HTTP, in jumping time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from agents.actor.model_call import ask
from agents.actor.publisher import Voice
from agents.backends.claude.backend import ClaudeBackend
from agents.backends.scripted.script import parse_script
from agents.emulator import Recorded, serve
from agents.limits.limiter import Limiter
from agents.limits.retry import RetryPolicy
from agents.protocol.backend import Message, Request
from agents.protocol.chunks import AgentId, TurnNumber
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn

MODEL = "claude-haiku-5-5"
AGENTS, EACH, PER_MINUTE = 6, 10, 4
LEAST_S = (AGENTS * EACH - PER_MINUTE) * 60 / PER_MINUTE
"""The server's bucket is full at first, and refills steadily."""


@pytest.fixture
def anyio_backend(patient_backend: Any) -> Any:
    return patient_backend


async def team_at_work() -> tuple[list[Recorded], float]:
    """The requests that the server saw, each as it was answered, and the time taken."""
    script = parse_script(
        {"model": MODEL, "turns": [{"lines": [{"text": "Hi"}], "repeat": True}]}
    )
    seen: list[Recorded] = []
    async with serve(
        script, requests_per_minute=PER_MINUTE, on_answer=seen.append
    ) as server:
        backend = ClaudeBackend(MODEL, api_key="sk-test", base_url=server.base_url)
        began, limiter = anyio.current_time(), Limiter()
        async with anyio.create_task_group() as group:
            for number in range(AGENTS):
                group.start_soon(asks, f"agent{number}", backend, limiter)
        elapsed_s = anyio.current_time() - began
        await backend.aclose()
    return seen, elapsed_s


async def asks(name: str, backend: ClaudeBackend, limiter: Limiter) -> None:
    async def publish(_: Any) -> None:
        await anyio.lowlevel.checkpoint()

    for number in range(1, EACH + 1):
        turn = Turn(
            agent=AgentId(name), number=TurnNumber(number), question="?", task=Draft()
        )
        message = Message(role="user", content=msgspec.Raw(b'"Hello"'))
        pen = Pen(turn.agent, turn.number, anyio.current_time())
        await ask(
            backend,
            Request(turn=turn, messages=(message,)),
            Voice(pen, publish),
            limiter=limiter,
            retry=RetryPolicy(),
        )


async def test_a_team_takes_what_a_limit_allows_in_equal_shares_and_no_longer() -> None:
    seen, elapsed_s = await team_at_work()
    served = Counter(record.agent for record in seen if record.status == 200)
    assert set(served.values()) == {EACH}, "nobody fails"
    assert elapsed_s <= LEAST_S * 1.1

    halfway = [r.agent for r in seen if r.status == 200][: AGENTS * EACH // 2]
    shares = Counter(halfway).values()
    assert len(shares) == AGENTS
    assert all(abs(share - EACH / 2) <= EACH / 2 * 0.2 for share in shares)

    refusals = [r for r in seen if r.status == 429]
    assert refusals, "six at once, where four are allowed"
    for refusal in refusals:
        assert refusal.retry_after_s
        # What was under way at the same moment could not know.
        too_soon = refusal.came_at, refusal.came_at + refusal.retry_after_s - 0.1
        assert not [r for r in seen if too_soon[0] < r.came_at < too_soon[1]]

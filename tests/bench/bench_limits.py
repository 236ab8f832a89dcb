"""Many agents against a server that allows few requests: shares, waiting, total time.

::

    PYTHONPATH=. python tests/bench/bench_limits.py --agents 64 --each 3 --per-minute 60

Real HTTP on loopback, in virtual time: trio's clock jumps when nothing has happened for
a moment, so that minutes of waiting take seconds. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import trio
import trio.testing

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
JUMP_S = 0.05
"""Real seconds without anything to do before the clock jumps: loopback takes less."""


class Watch:
    """Requests as the server saw them."""

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()
        self.halfway: Counter[str] = Counter()
        self.refused = 0

    def answered(self, record: Recorded) -> None:
        if record.status == 429:
            self.refused += 1
        else:
            self.served[record.agent or ""] += 1


async def _agent(
    name: str, each: int, backend: ClaudeBackend, limiter: Limiter, failed: list[str]
) -> None:
    async def publish(_: Any) -> None:
        await anyio.lowlevel.checkpoint()

    for number in range(1, each + 1):
        turn = Turn(
            agent=AgentId(name), number=TurnNumber(number), question="?", task=Draft()
        )
        message = Message(role="user", content=msgspec.Raw(b'"Hello"'))
        pen = Pen(turn.agent, turn.number, anyio.current_time())
        try:
            await ask(
                backend,
                Request(turn=turn, messages=(message,)),
                Voice(pen, publish),
                limiter=limiter,
                retry=RetryPolicy(),
            )
        except Exception as error:  # noqa: BLE001  (counted, and said)
            failed.append(f"{name}: {error!r}")


async def measure(agents: int, each: int, per_minute: int) -> dict[str, Any]:
    script = parse_script(
        {"model": MODEL, "turns": [{"lines": [{"text": "Hi"}], "repeat": True}]}
    )
    watch, failed = Watch(), list[str]()
    total = agents * each

    def note(record: Recorded) -> None:
        watch.answered(record)
        if watch.served.total() == total // 2:
            watch.halfway.update(watch.served)

    async with serve(script, requests_per_minute=per_minute, on_answer=note) as server:
        backend = ClaudeBackend(MODEL, api_key="sk-test", base_url=server.base_url)
        began = anyio.current_time()
        limiter = Limiter()
        async with anyio.create_task_group() as group:
            for number in range(agents):
                name = f"agent{number}"
                group.start_soon(_agent, name, each, backend, limiter, failed)
        elapsed_s = anyio.current_time() - began
        await backend.aclose()
    least_s = max(0.0, (total - per_minute) * 60 / per_minute)
    counts = [watch.halfway[f"agent{n}"] for n in range(agents)]
    return {
        "agents": agents,
        "requests": total,
        "elapsed_s": round(elapsed_s, 1),
        "least_s": least_s,
        "over": round(elapsed_s / least_s - 1, 3) if least_s else None,
        "refused": watch.refused,
        "failed": failed,
        "halfway_least": min(counts),
        "halfway_most": max(counts),
    }


def main() -> int:
    """Measure, and say whether the promise holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--agents", type=int, default=64)
    parser.add_argument("--each", type=int, default=3)
    parser.add_argument("--per-minute", type=int, default=60)
    asked = parser.parse_args()
    clock = trio.testing.MockClock(autojump_threshold=JUMP_S)
    found: dict[str, Any] = trio.run(
        measure, asked.agents, asked.each, asked.per_minute, clock=clock
    )
    print(json.dumps(found))  # noqa: T201  (a program's answer)
    return 1 if found["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())

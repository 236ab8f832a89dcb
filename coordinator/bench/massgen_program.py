"""MassGen measured from within; run by its own environment's Python, never imported.

``python -I massgen_program.py scripted CHUNKS SIZE…`` plays scripted backends through
its orchestrator, ``… claude EVENTS URL SIZE…`` reads streams with its Claude backend. A
line of JSON for each size: what was said, CPU time and time that passed, in seconds.
Everything of MassGen's is of its version 0.1.97, read 2026-11-22.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from importlib import import_module
from typing import Any

AT_ONCE = 256
"""Chunks without a pause, as our scripted backend has it."""


def _theirs(module: str, name: str) -> Any:  # noqa: ANN401  (not installed here)
    return getattr(import_module(f"massgen.{module}"), name)


def _call(name: str, content: dict[str, str], number: str) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(content)}
    return {"id": f"call_{number}", "type": "function", "function": function}


def _scripted(chunks: int) -> Callable[[int], Any]:
    """Make what makes a backend that answers, votes for the first, and presents."""
    backend: type[Any] = _theirs("backend.base", "LLMBackend")
    chunk_type: Any = _theirs("backend.base", "StreamChunk")

    class Scripted(backend):
        number = 0
        calls = 0

        def get_provider_name(self) -> str:
            return "scripted"

        async def stream_with_tools(
            self,
            messages: list[dict[str, Any]],  # noqa: ARG002  (theirs)
            tools: list[dict[str, Any]],
            **_options: object,
        ) -> AsyncGenerator[Any, None]:
            self.calls += 1
            offered = {(tool.get("function") or tool).get("name") for tool in tools}
            if self.calls == 1:
                for number in range(1, chunks + 1):
                    yield chunk_type(type="content", content="word ")
                    if number % AT_ONCE == 0:
                        await asyncio.sleep(0)
                answer = {"content": f"an answer of {self.number}"}
                call = _call("new_answer", answer, f"{self.number}_{self.calls}")
            elif "vote" in offered:
                vote = {"agent_id": "agent1", "reason": "it is first"}
                call = _call("vote", vote, f"{self.number}_{self.calls}")
            else:
                yield chunk_type(type="content", content="It is settled.")
                yield chunk_type(type="done")
                return
            message = {"role": "assistant", "content": "", "tool_calls": [call]}
            yield chunk_type(type="tool_calls", tool_calls=[call])
            yield chunk_type(type="complete_message", complete_message=message)
            yield chunk_type(type="done")

    def make(number: int) -> Any:  # noqa: ANN401  (theirs)
        backend: Any = Scripted(api_key="none")
        backend.number = number
        return backend

    return make


async def _coordinated(make: Callable[[int], Any], agents: int) -> None:
    config_of, agent_of = (
        _theirs("agent_config", "AgentConfig"),
        _theirs("chat_agent", "ConfigurableAgent"),
    )
    team: dict[str, Any] = {}
    for number in range(agents):
        config = config_of(backend_params={"model": "scripted"})
        config.agent_id = f"agent{number:04d}"
        team[config.agent_id] = agent_of(config=config, backend=make(number))
    orchestrator = _theirs("orchestrator", "Orchestrator")(agents=team)
    messages = [{"role": "user", "content": "What is worth measuring?"}]
    async for _ in orchestrator.chat(messages):
        pass


async def _read(agents: int) -> None:
    """Read that many streams at once, each with a backend of its own."""
    backend = _theirs("backend.claude", "ClaudeBackend")

    async def one() -> None:
        stream = backend(api_key="none").stream_with_tools(
            [{"role": "user", "content": "What is worth measuring?"}],
            [],
            model="claude-haiku-5-5",
            max_tokens=1_000,
        )
        async with aclosing(stream):
            async for _ in stream:
                pass

    await asyncio.gather(*(one() for _ in range(agents)))


async def _measured(play: Callable[[int], Awaitable[None]], agents: int) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    await play(agents)
    took = {
        "agents": agents,
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
    }
    print(json.dumps(took), file=_OUT, flush=True)


async def _main(kind: str, chunks: int, words: list[str]) -> None:
    if kind == "scripted":
        make = _scripted(chunks)

        async def play(agents: int) -> None:
            await _coordinated(make, agents)
    else:
        os.environ["ANTHROPIC_BASE_URL"] = words.pop(0)
        play = _read
    await play(1)  # imports, once
    for word in words:
        await _measured(play, int(word))


_OUT = sys.stdout

if __name__ == "__main__":
    sys.stdout = sys.stderr  # it talks
    with tempfile.TemporaryDirectory() as _folder:
        os.chdir(_folder)  # it keeps logs where it is
        asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
        os.chdir("/")

"""Runs MassGen's own orchestrator with a backend of ours; by its environment's Python.

``python massgen_backend_program.py FOLDERS URL AGENTS`` takes the folders
that our package and what it needs are in, joined as PATH is, and writes one line of
JSON for each chunk, then the result and the books. Everything of MassGen's is of its
version 0.1.97.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from importlib import import_module
from typing import Any

# Behind MassGen's own: what both have comes from its environment.
sys.path += sys.argv[1].split(os.pathsep)


def _theirs(module: str, name: str) -> Any:
    return getattr(import_module(f"massgen.{module}"), name)


async def _main(url: str, agents: int) -> None:
    from agents import ClaudeBackend  # noqa: PLC0415  (behind the path above)
    from coordinator.massgen import as_llm_backend  # noqa: PLC0415

    config_of = _theirs("agent_config", "AgentConfig")
    agent_of = _theirs("chat_agent", "ConfigurableAgent")
    backend = ClaudeBackend(
        "claude-haiku-5-5",
        api_key="sk-ant-emulated",
        base_url=url,
        max_tokens=4000,
        server_tools=("code_execution",),
    )
    team: dict[str, Any] = {}
    for number in range(agents):
        config = config_of(backend_params={"model": "claude-haiku-5-5"})
        config.agent_id = f"agent{number}"
        team[config.agent_id] = agent_of(config=config, backend=as_llm_backend(backend))
    orchestrator = _theirs("orchestrator", "Orchestrator")(agents=team)
    asked = [{"role": "user", "content": "What is worth measuring?"}]
    async for chunk in orchestrator.chat(asked):
        told = {
            name: str(value)
            for name in ("type", "source", "content", "error", "status")
            if (value := getattr(chunk, name, None)) is not None
        }
        _say(told)
    books: dict[str, Any] = {
        name: vars(agent.backend.token_usage) for name, agent in team.items()
    }
    killed = [name for name, x in orchestrator.agent_states.items() if x.is_killed]
    result = orchestrator.get_coordination_result()
    _say({"type": "RESULT", "result": result, "books": books, "killed": killed})
    await backend.aclose()


def _say(told: dict[str, Any]) -> None:
    _OUT.write(json.dumps(told, default=str) + "\n")
    _OUT.flush()


_OUT = sys.stdout

if __name__ == "__main__":
    sys.stdout = sys.stderr  # it talks
    with tempfile.TemporaryDirectory() as _folder:
        os.chdir(_folder)  # it keeps logs where it is
        asyncio.run(_main(sys.argv[2], int(sys.argv[3])))
        os.chdir("/")

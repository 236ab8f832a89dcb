"""Runs a team of MassGen's own; by an environment that has it.

``python -I massgen_program.py URL AGENTS`` writes one line of JSON for each chunk that
its orchestrator gives. Everything of MassGen's is of its version 0.1.97.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from importlib import import_module
from typing import Any


def _theirs(module: str, name: str) -> Any:
    return getattr(import_module(f"massgen.{module}"), name)


async def _main(agents: int) -> None:
    backend = _theirs("backend.claude", "ClaudeBackend")
    config_of = _theirs("agent_config", "AgentConfig")
    agent_of = _theirs("chat_agent", "ConfigurableAgent")
    team: dict[str, Any] = {}
    for number in range(agents):
        config = config_of(backend_params={"model": "claude-haiku-5-5"})
        config.agent_id = f"agent{number}"
        made = backend(api_key="sk-ant-emulated")
        team[config.agent_id] = agent_of(config=config, backend=made)
    orchestrator = _theirs("orchestrator", "Orchestrator")(agents=team)
    asked = [{"role": "user", "content": "What is worth measuring?"}]
    async for chunk in orchestrator.chat(asked):
        told = {
            name: str(value)
            for name in ("type", "source", "content", "error")
            if (value := getattr(chunk, name, None)) is not None
        }
        _OUT.write(json.dumps(told) + "\n")
        _OUT.flush()


_OUT = sys.stdout

if __name__ == "__main__":
    sys.stdout = sys.stderr  # it talks
    os.environ["ANTHROPIC_BASE_URL"] = sys.argv[1]
    with tempfile.TemporaryDirectory() as _folder:
        os.chdir(_folder)  # it keeps logs where it is
        asyncio.run(_main(int(sys.argv[2])))
        os.chdir("/")

"""A backend of ours in MassGen's own orchestrator, asked over HTTP by the emulator.

What MassGen's own Claude backend gets wrong happens here, one thing after the other: an
answer that the output limit cuts, code that writes something, a vote for nobody amid
thoughts. The emulator refuses an invalid history as the API does.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest

from agents.backends.scripted.script import parse_script
from agents.emulator import Server, serve
from tests.end_to_end.test_massgen_agents import PATIENCE_S, PYTHON
from tests.end_to_end.test_massgen_display import FOLDERS

PROGRAM = Path(__file__).with_name("massgen_backend_program.py")

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.long,
    pytest.mark.skipif(
        not PYTHON,
        reason="NO MASSGEN: run `coordinator bench --peers massgen` once, or name the "
        "Python of its environment in COORDINATOR_TEST_MASSGEN",
    ),
]

THOUGHT = {"thinking": "Let me see."}
CODE = {
    "server_tool": "bash_code_execution",
    "input": {"command": "echo 42"},
    "result": {"stdout": "42\n", "return_code": 0},
}


def call(name: str, **given: str) -> dict[str, Any]:
    return {"tool": name, "input": given}


def turn(*lines: Any, offered: str = "vote", repeat: bool = False) -> dict[str, Any]:
    return {"when": {"offered": offered}, "lines": [*lines], "repeat": repeat}


SCRIPTS: dict[str, list[dict[str, Any]]] = {
    "agent0": [
        turn(
            THOUGHT,
            "In short:",
            {"tool": "new_answer", "input_text": '{"content": "The ti'},
            {"stop_reason": "max_tokens"},
        ),
        turn(THOUGHT, CODE, call("new_answer", content="The tides, every hour.")),
        turn(THOUGHT, call("vote", agent_id="agent9", reason="so")),
        turn(THOUGHT, call("vote", reason="so")),
        turn(call("vote", agent_id="agent1", reason="it is measured"), repeat=True),
        {"lines": ["Measure the tides."], "repeat": True},
    ],
    "agent1": [
        turn(call("new_answer", content="Sleep, every night.")),
        turn(call("vote", agent_id="agent1", reason="tides are real"), repeat=True),
        {"lines": ["Measure sleep."], "repeat": True},
    ],
}
REFUSING: dict[str, list[dict[str, Any]]] = {
    "agent0": [
        {"lines": ["I", {"stop_reason": "refusal", "category": "cyber"}]},
    ],
    "agent1": [
        turn(call("new_answer", content="Sleep, every night.")),
        turn(call("vote", agent_id="agent2", reason="it is alone"), repeat=True),
        {"lines": ["Measure sleep."], "repeat": True},
    ],
}


async def played(server: Server, agents: int = 2) -> list[dict[str, Any]]:
    """The chunks of MassGen's orchestrator, and at last the result."""
    with anyio.fail_after(PATIENCE_S):
        done = await anyio.run_process(
            [PYTHON, str(PROGRAM), FOLDERS, server.base_url, str(agents)],
            check=False,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 0, done.stderr.decode()[-2_000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def scripts_of(turns: dict[str, list[dict[str, Any]]]) -> Any:
    return {name: parse_script({"turns": each}) for name, each in turns.items()}


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
async def test_massgen_comes_to_an_answer_over_histories_that_are_whole() -> None:
    async with serve(scripts_of(SCRIPTS)) as server:
        *chunks, last = await played(server)
        assert {each.status for each in server.requests} == {200}
        asked = [json.dumps(each.body) for each in server.requests]
    assert last["killed"] == []
    result = last["result"]
    assert result["selected_agent"] == "agent0"
    assert result["vote_results"]["vote_counts"] == {"agent0": 2}
    answers = {each["content"] for each in result["answers"]}
    assert answers == {"The tides, every hour.", "Sleep, every night."}
    told = "\n".join(str(each.get("content", "")) for each in chunks)
    assert "return code 0\n42" in told
    assert "Measure the tides." in result["final_answer"]
    # The call that was refused goes back with the thought before it.
    retry = next(each for each in asked if "agent9" in each)
    assert retry.index('"signature"') < retry.index("agent9")
    books = last["books"]["agent0"]
    assert books["output_tokens"] > 0
    assert books["estimated_cost"] > 0


@pytest.mark.parametrize("anyio_backend", [("asyncio", {})])
async def test_a_refusal_costs_massgen_one_agent_and_one_request() -> None:
    async with serve(scripts_of(REFUSING)) as server:
        *_, last = await played(server)
        asked = [each.agent for each in server.requests]
    assert last["killed"] == ["agent0"]
    assert asked.count("agent0") == 1
    assert last["result"]["selected_agent"] == "agent1"

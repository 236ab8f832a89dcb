"""A backend of one's own is held to the protocol, and told which rule it broke."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from agents.agent import Agent
from agents.backends.scripted.backend import ScriptedBackend
from agents.emulator.default_scripts import sample_script
from agents.protocol.chunks import AgentId
from coordinator import Team, run
from coordinator.simulation.virtual_time import RUNTIMES, Runtime
from coordinator.testing import (
    BackendFaulty,
    Checked,
    check_backend,
    faulty,
    no_leftovers,
    run_virtual,
)

both = pytest.mark.parametrize("runtime", RUNTIMES)

BROKEN = {
    "raises": "a backend raises AgentError and nothing else (ValueError: own trouble)",
    "refuses wrongly": "a backend raises AgentError and nothing else (RuntimeError",
    "no start": "ResponseStarted comes before what the model says",
    "empty": "each item holds what one read brought",
    "no list": "each item is a list of chunks (ResponseStarted)",
    "the agent's word": "a backend says what the model says (TurnEnded is the agent's",
    "bad JSON": "what is carried is JSON (BlockStarted.content",
    "a line feed": "what is carried has no line feed",
    "seq": "chunks bear the pen's stamp: agent, turn, seq and time",
    "delta without block": "a delta belongs to a block that has begun and not ended",
    "call in a block": "ToolCalled follows its block's end",
    "open block": "all blocks have ended before ResponseEnded",
    "after the end": "nothing follows ResponseEnded",
    "no end": "a stream that ends says ResponseEnded before",
    "shields its close": "A stream that is cancelled after its first read closes soon",
    "opens before a checkpoint": "A stream that is entered already cancelled never",
}


def _broken(own: type[Any], fault: str) -> type[Any]:
    return type("Broken", (own,), {"fault": fault})


def test_a_backend_that_keeps_to_the_protocol_passes(own: type[Any]) -> None:
    check_backend(own)
    check_backend(lambda: ScriptedBackend(sample_script()))


@pytest.mark.parametrize("fault", BROKEN)
@both
def test_a_broken_rule_is_named(own: type[Any], fault: str, runtime: Runtime) -> None:
    kind = _broken(own, fault)
    with pytest.raises(BackendFaulty) as caught:
        check_backend(kind, runtimes=[runtime])
    assert BROKEN[fault] in str(caught.value)
    assert all(line.startswith(f"{runtime}: ") for line in caught.value.broken)


def test_a_generator_that_is_left_open_is_named(own: type[Any]) -> None:
    with pytest.raises(BackendFaulty, match=r"trio: .*: it leaves an async generator"):
        check_backend(_broken(own, "leaves its generator"), runtimes=["trio"])


@both
def test_in_a_session_a_broken_rule_is_that_agents_failure(
    own: type[Any], runtime: Runtime
) -> None:
    bad: Any = Checked(_broken(own, "raises")())
    team = Team(
        agents=(
            Agent(id=AgentId("ada"), backend=bad),
            Agent(id=AgentId("ben"), backend=ScriptedBackend(sample_script())),
        ),
        seed=1,
    )
    result = run_virtual(run, "Why?", team, runtime=runtime)
    assert result.status == "answered"
    error = result.agents[AgentId("ada")].error
    assert error is not None
    assert "broke the protocol for agent 'ada': a backend raises AgentError" in error


@both
@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ("fails", "failed"),
        ("fails once", "done"),
        ("fails every second", "done"),
        ("slow 2 s", "done"),
        ("cut", "failed"),
        ("floods", "done"),
    ],
)
def test_faults_are_put_around_a_real_backend_by_a_word(
    runtime: Runtime, faults: str, status: str
) -> None:
    backend = faulty(ScriptedBackend(sample_script()), faults)
    team = Team(agents=(Agent(id=AgentId("ada"), backend=backend),), seed=1)
    result = run_virtual(run, "Why?", team, runtime=runtime)
    assert result.agents[AgentId("ada")].status == status


async def test_what_a_block_leaves_running_is_named() -> None:
    async with anyio.create_task_group() as group:
        with pytest.raises(AssertionError, match="task 'forgotten' still runs"):
            await _forget(group)
        group.cancel_scope.cancel()


async def _forget(group: TaskGroup) -> None:
    async with no_leftovers():
        group.start_soon(anyio.sleep_forever, name="forgotten")
        await anyio.wait_all_tasks_blocked()


@both
def test_an_hour_takes_no_time(runtime: Runtime) -> None:
    assert run_virtual(partial(anyio.sleep, 3600), runtime=runtime) is None

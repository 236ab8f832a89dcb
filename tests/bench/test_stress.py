"""Faults that the stress campaign finds: each clause, broken on purpose."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pytest

from coordinator.bench.stress import Ending, Trouble, faults_of, play, troubled
from coordinator.simulation.virtual_time import RUNTIMES, Runtime


@cache
def played() -> tuple[Trouble, Ending]:
    """One session that ended as it must."""
    made = troubled(16, 11, deadline_s=60.0)
    return made, play(made, "asyncio", is_virtual=True)


def faults(**changes: Any) -> list[str]:
    made, ending = played()
    outer = {name: changes.pop(name) for name in {*changes} & {*Ending._fields}}
    result = msgspec.structs.replace(ending.result, **changes)
    return faults_of(made, ending._replace(result=result, **outer))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_small_teams_end_as_they_must(runtime: Runtime) -> None:
    for seed in range(20):
        made = troubled(12, seed)
        assert faults_of(made, play(made, runtime, is_virtual=True)) == []


def test_each_clause_is_checked() -> None:
    made, ending = played()
    assert faults() == []
    assert "past its deadline" in faults(took_s=ending.took_s + made.deadline_s)[0]
    assert "status failed, not" in faults(status="failed")[0]
    assert "but it gives None" in faults(answer=None)[0]
    assert "not every agent" in faults(agents={})[0]
    assert faults(tasks_left=2) == ["2 tasks are left"]
    assert faults(files_left=1) == ["1 files are left open"]


def test_an_agent_that_is_recorded_as_what_it_was_not_is_found() -> None:
    made, ending = played()
    refused = next(agent for agent, kind in made.kinds.items() if kind == "refused")
    records = dict(ending.result.agents)
    records[refused] = msgspec.structs.replace(records[refused], status="done")
    assert faults(agents=records) == [f"{refused}, refused, is recorded as done"]

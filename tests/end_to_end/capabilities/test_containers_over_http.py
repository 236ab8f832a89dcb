from __future__ import annotations

from pathlib import Path

import pytest

from coordinator import run
from coordinator.team.builder import assemble, closing
from coordinator.team.emulation import NO_KEY, emulated
from coordinator.team.reader import read_team

pytestmark = pytest.mark.real_time

FILE = Path(__file__).parents[3] / "scenarios" / "capabilities" / "code_execution.yaml"


async def test_an_agents_container_is_used_again_by_its_later_turns_alone() -> None:
    async with emulated(read_team(FILE)) as (pretended, server):
        async with closing(assemble(pretended, environment=NO_KEY)) as team:
            result = await run("Which is it?", team)
        asked = [(request.agent, request.body) for request in server.requests]
    assert result.status == "answered"
    used = [body.get("container") for agent, body in asked if agent == "ada"]
    # Her draft opens it; she votes in it, and presents in it.
    assert used == [None, "container_ada", "container_ada"]
    assert {body.get("container") for who, body in asked if who != "ada"} == {None}

"""The same seed brings the same chunks in the same order, also where they are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from agents import tool
from agents.protocol.chunks import Chunk
from coordinator.session.session import open_session
from coordinator.simulation.virtual_time import Runtime, seeded_schedule, virtual
from coordinator.team.team import Team
from tests.coordinator.session.conftest import MakeTeam, drafts, votes

AGENTS = 25
FLOOD = {"repeat_text": {"text": "on and on ", "times": 60}}


@tool
async def look(n: int) -> str:
    """Look it up."""
    await anyio.sleep(0.1 * (n % 4))
    return str(n)


def order_of(team: Team, journal: Path, runtime: Runtime) -> list[tuple[str, str, int]]:
    """Every chunk's agent, kind and number, as a reader got them."""
    order: list[tuple[str, str, int]] = []

    async def play() -> None:
        async with open_session("Is it?", team, journal=journal) as session:
            async for batch in session.events():
                order.extend(
                    (one.agent, type(one).__name__, one.seq)
                    for one in batch
                    if isinstance(one, Chunk)
                )

    with seeded_schedule(7):
        anyio.run(play, backend=runtime, backend_options=virtual(runtime))
    return order


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_the_same_seed_says_the_same_in_the_same_order_with_a_journal(
    team: MakeTeam, tmp_path: Path, runtime: Runtime
) -> None:
    def made() -> Team:
        agents = {
            # Many at one instant: who of them is first is the schedule's to say. A call
            # of a tool waits until it is recorded, which is a thread's work.
            f"a{n}": [
                {"lines": [FLOOD, {"tool": "look", "input": {"n": n}, "delay_s": 1}]},
                drafts("Yes.", 1.0 + n % 5),
                votes("Yes.", 1.0 + n % 3),
            ]
            for n in range(AGENTS)
        }
        made = team(agents, "slate", final="reuse", deadline_s=60)
        return made.changed(lambda one: replace(one, tools=(look,)))

    first, *others = (order_of(made(), tmp_path / str(n), runtime) for n in range(3))
    assert len(first) > AGENTS * 10
    assert all(other == first for other in others)

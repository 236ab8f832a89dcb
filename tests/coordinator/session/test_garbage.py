"""A session that is over is freed at once, and does not wait for garbage collection."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import anyio.lowlevel
import pytest

import coordinator
from coordinator.team.team import Team
from tests.coordinator.session.conftest import MakeTeam, drafts, votes

ROOMS = ("coordinator.session.", "agents.actor.")
"""Not the threads' room: an idle thread remembers its last call."""


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def living() -> Counter[str]:
    """The objects of the rooms that run a session, by the names of their types."""
    return Counter(
        type(one).__qualname__
        for one in gc.get_objects()
        if str(type(one).__module__).startswith(ROOMS)
    )


async def play(team: Team, journal: Path | Literal[False]) -> None:
    result = await coordinator.run("Is it?", team, journal=journal)
    assert result.status == "answered"


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.usefixtures("no_collection")
async def test_a_session_that_is_over_is_freed_without_a_collection(
    team: MakeTeam, tmp_path: Path, is_kept: bool
) -> None:
    agents = {
        "ada": [drafts("Yes.", 1.0), votes("Yes.", 1.0)],
        "ben": [drafts("No.", 1.1), votes("Yes.", 1.1)],
    }
    settings = {"final": "reuse", "deadline_s": 30}
    first, second = (team(agents, "slate", **settings) for _ in range(2))
    journal: Path | Literal[False] = tmp_path if is_kept else False
    await play(first, journal)  # what is made once and kept for good
    before = living()
    await play(second, journal)
    await anyio.lowlevel.checkpoint()
    assert living() - before == Counter()

"""The machine's clock may be set while a session runs: the session has its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

import coordinator
from coordinator.journal.index import list_sessions
from coordinator.session import resume, session
from coordinator.team.team import Team
from tests.coordinator.session.conftest import drafts, scripted

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Wall:
    """A wall clock that somebody sets."""

    now = NOW

    def seconds(self) -> float:
        return self.now.timestamp()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        wall = self

        class Set(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return wall.now.astimezone(tz)

        for module in (session, resume):
            patch.setattr(module, "datetime", Set)
        patch.setattr(time, "time", self.seconds)


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
async def test_a_deadline_and_a_resumption_do_not_go_by_the_wall_clock(
    jump: timedelta, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = Wall()
    wall.install(monkeypatch)
    root = tmp_path / "journals"
    stalls = {"repeat": True, "lines": [{"stall": True}]}
    rules = coordinator.Rules("slate", final="reuse", deadline_s=100, straggler=None)
    members = (scripted("ada", [drafts("Ada says.")]), scripted("ben", [stalls]))
    team = Team(agents=members, rules=rules, seed=1)
    began = anyio.current_time()
    async with coordinator.open_session(
        "?", team, journal=root, session_id="one"
    ) as running:
        await anyio.sleep(10)
        wall.now += jump
        await anyio.sleep(10)
    assert anyio.current_time() - began < 21  # it was left
    async with coordinator.resume_session("one", team, journal=root) as resumed:
        result = await resumed.wait()
    assert running.id == result.session == "one"
    # It goes on from its last record, a second after it began.
    assert anyio.current_time() - began == pytest.approx(20 + 99, abs=1)
    assert result.status == "deadline"
    assert result.elapsed_s == pytest.approx(100, abs=1)
    (listed,) = list_sessions(root)
    assert (listed.session, listed.started) == ("one", NOW)
    assert [path.name for path in root.glob("*.journal")] == ["one.journal"]

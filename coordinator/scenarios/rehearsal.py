"""A scenario as a session to watch: in real time, in any display, kept in a journal."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from coordinator.scenarios.facts import Chronicle
from coordinator.scenarios.runner import People, with_faults, with_pretended
from coordinator.scenarios.schema import ScenarioFile

if TYPE_CHECKING:
    from coordinator.session.session import Session
    from coordinator.team.team import Team
    from coordinator.team.team_file_schema import TeamFile


class Rehearsal:
    """A scenario's parts beside its team: pretended tools, faults, people.

    Args:
        file: The scenario's; nothing that it expects is looked at here.
    """

    def __init__(self, file: TeamFile) -> None:
        assert isinstance(file, ScenarioFile)
        self._file = file

    def team(self, team: Team) -> Team:
        """The team, with the tools and faults of the scenario."""
        return with_faults(with_pretended(team, self._file), self._file.faults)

    @asynccontextmanager
    async def acted(
        self, opening: AbstractAsyncContextManager[Session]
    ) -> AsyncGenerator[Session]:
        """Open the session, and have people do what the file says that they do."""
        chronicle = Chronicle(anyio.current_time())
        people = People(self._file.people, chronicle)
        async with opening as session, anyio.create_task_group() as group:
            group.start_soon(_follow, session, chronicle, name="chronicle")
            group.start_soon(people.act, session, name="people of the scenario")
            yield session
            group.cancel_scope.cancel("the session is over")


async def _follow(session: Session, chronicle: Chronicle) -> None:
    async for batch in session.events():
        chronicle.take(batch, anyio.current_time())

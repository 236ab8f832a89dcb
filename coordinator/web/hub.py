"""All sessions that the page shows: those asked here, and those in the folder.

Owns the tasks: one for each session asked or gone on with here, one for each journal
that somebody watches. They end with the hub's task group.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.abc
import msgspec

from agents.boundary.log_context import bound_logger
from coordinator.errors import ConfigInvalid, NotAsked
from coordinator.journal.index import list_sessions
from coordinator.journal.lookup import find_session
from coordinator.journal.reader import read_session
from coordinator.journal.store import is_there
from coordinator.journal.summaries import Summary
from coordinator.recovery.follow_up import continued_from
from coordinator.session.resume import resume_session
from coordinator.session.session import Session, open_session
from coordinator.team.emulation import at_work
from coordinator.team.team import Team, read_described
from coordinator.team.team_file_schema import TeamConfig
from coordinator.team.team_source import config_of
from coordinator.web import acts
from coordinator.web.event_log import EventLog
from coordinator.web.kept_log import KeptLog, events_of
from coordinator.web.live_session import Approvals, LiveSession
from coordinator.web.pictures import Pictures

SESSIONS_AT_ONCE = 8
"""Sessions of this page under way; a click too many costs no more."""
LOGS_KEPT = 20
"""Logs of sessions that have ended here; others are read from their journals."""

_log = bound_logger("coordinator.web")


class Offer(NamedTuple):
    """A team that may be asked from the page."""

    name: str
    note: str
    """Its description, in a line: models, budget, deadline."""
    config: TeamConfig
    question: str = ""
    """The question in its file."""


class Listed(Summary, frozen=True, kw_only=True):
    """One session in the page's list."""

    is_ours: bool
    """Whether it runs here, so that it may be acted upon."""


class Hub:
    """Sessions, by id.

    Args:
        root: The folder of journals.
        offers: The teams that may be asked.
        group: Where the sessions' tasks run.
    """

    def __init__(
        self, root: Path, offers: Sequence[Offer], group: anyio.abc.TaskGroup
    ) -> None:
        self._root, self._group = root, group
        self.offers = tuple(offers)
        self.pictures = Pictures(root)
        self._live: dict[str, LiveSession] = {}
        self._logs: dict[str, EventLog] = {}
        self._watched: dict[str, KeptLog] = {}

    async def listed(self) -> list[Listed]:
        """Every session in the folder, the newest first."""

        def read() -> tuple[Summary, ...]:
            return list_sessions(self._root) if is_there(self._root) else ()

        summaries = await anyio.to_thread.run_sync(read)
        return [
            Listed(**msgspec.structs.asdict(each), is_ours=each.session in self._live)
            for each in summaries
        ]

    async def ask(self, wish: acts.Ask) -> str:
        """Begin a session; its id.

        Raises:
            CoordinatorError: It cannot be begun.
        """
        if not 0 <= wish.team < len(self.offers):
            raise ConfigInvalid(f"there is no team {wish.team}; reload the page")
        self._check_room()
        config = self.offers[wish.team].config
        return await self._group.start(self._asked, config, wish)

    async def go_on(self, session: str) -> str:
        """Go on with a session that was interrupted; its id.

        Raises:
            CoordinatorError: There is none, it is over, or somebody writes it.
        """
        if session in self._live:
            raise NotAsked("it is under way")
        self._check_room()
        return await self._group.start(self._resumed, session)

    def _check_room(self) -> None:
        if len(self._live) >= SESSIONS_AT_ONCE:
            raise NotAsked(
                f"{SESSIONS_AT_ONCE} sessions are under way here; end one of them first"
            )

    async def _asked(  # noqa: ASYNC114, ASYNC128  (_follow calls it)
        self,
        config: TeamConfig,
        wish: acts.Ask,
        *,
        task_status: anyio.abc.TaskStatus[str],
    ) -> None:
        continued = None
        if wish.continues:
            continued = await anyio.to_thread.run_sync(
                lambda: continued_from(
                    self._root, find_session(self._root, wish.continues)
                )
            )
        approvals = Approvals()
        async with AsyncExitStack() as stack:
            team = await stack.enter_async_context(at_work(config, approver=approvals))
            session = await stack.enter_async_context(
                open_session(
                    wish.question, team, journal=self._root, continues=continued
                )
            )
            live = LiveSession(session, team, approvals, wish.question, EventLog())
            await self._follow(live, task_status)

    async def _resumed(  # noqa: ASYNC114, ASYNC128  (_follow calls it)
        self, session: str, *, task_status: anyio.abc.TaskStatus[str]
    ) -> None:
        journal = await anyio.to_thread.run_sync(read_session, self._root, session)
        _, source = read_described(journal.opened.team)
        approvals = Approvals()
        async with AsyncExitStack() as stack:
            working = at_work(config_of(source), approver=approvals)
            team: Team = await stack.enter_async_context(working)
            resumed: Session = await stack.enter_async_context(
                resume_session(session, team, journal=self._root)
            )
            question = journal.opened.question
            live = LiveSession(resumed, team, approvals, question, EventLog())
            live.log.add(await anyio.to_thread.run_sync(events_of, journal))
            await self._follow(live, task_status)

    async def _follow(  # noqa: ASYNC114  (started by those two)
        self, live: LiveSession, task_status: anyio.abc.TaskStatus[str]
    ) -> None:
        """Keep a session's log until it is over; the boundary of its failures.

        Whatever a session dies of, the page and the other sessions go on.
        """
        session = live.session.id
        self._watched.pop(session, None)
        self._live[session] = live
        self._logs.pop(session, None)
        self._logs[session] = live.log
        task_status.started(session)
        try:
            await live.follow()
        except Exception as error:  # noqa: BLE001  (see the docstring)
            _log.exception("session %s", session)
            live.log.add([{"kind": "page.failed", "reason": str(error)}])
        finally:
            del self._live[session]
            ended = [name for name in self._logs if name not in self._live]
            for name in ended[:-LOGS_KEPT]:
                del self._logs[name]

    @asynccontextmanager
    async def watched(self, session: str) -> AsyncGenerator[EventLog]:
        """The log of a session, which is followed while the block lasts.

        Raises:
            JournalUnavailable: There is none.
        """
        log = self._logs.get(session)
        if log is not None:
            yield log
            return
        watched_log = self._watched.get(session)
        if watched_log is None or watched_log.log.is_over:
            await anyio.to_thread.run_sync(read_session, self._root, session)
            watched_log = self._watched[session] = KeptLog(self._root, session)
            self._group.start_soon(
                self._keep, session, watched_log, name=f"watch {session}"
            )
        yield watched_log.log

    def leave(self) -> None:
        """Let every watcher go, so that the server may stop at once."""
        for log in (*self._logs.values(), *(x.log for x in self._watched.values())):
            log.leave()

    async def _keep(self, session: str, log: KeptLog) -> None:
        await log.follow()
        # Read anew by whoever comes later: it may have been gone on with.
        if self._watched.get(session) is log:
            del self._watched[session]

    def act(self, session: str, act: acts.Act) -> None:
        """Do something in a session that runs here.

        Raises:
            NotAsked: It does not, or not now.
            NotInTeam: There is no such agent.
        """
        live = self._live.get(session)
        if live is None:
            raise NotAsked("this session does not run here, so it can only be watched")
        live.act(act)


@asynccontextmanager
async def open_hub(root: Path, offers: Sequence[Offer]) -> AsyncGenerator[Hub]:
    """A hub; its sessions stop when the block is left, and can be gone on with."""
    async with anyio.create_task_group() as group:
        yield Hub(root, offers, group)
        group.cancel_scope.cancel("the page is closed")

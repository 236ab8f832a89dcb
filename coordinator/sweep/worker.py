"""A worker: runs many sessions at once in one event loop, wherever that is.

It is told what to run and says what came of it, in bytes (:mod:`.messages`), so the
same code serves in this process, in one a core, and on another machine. Its journals
are all that a worker that dies leaves behind, and all that is needed to go on.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import anyio

from agents.boundary.log_context import bound_logger
from agents.boundary.root import Loop
from agents.boundary.threads import in_thread
from agents.limits.shared_limits import gates_watched, hold_back, use_limits_share
from coordinator.errors import (
    ConfigInvalid,
    CoordinatorError,
    JournalCorrupt,
    JournalUnavailable,
    SessionFinished,
)
from coordinator.journal.entries import library_version
from coordinator.journal.reader import Journal, read_session
from coordinator.journal.store import SUFFIX, is_locked, open_folder
from coordinator.journal.summaries import result_in
from coordinator.session.resume import resume_session
from coordinator.session.session import open_session
from coordinator.sweep.check import checked
from coordinator.sweep.messages import (
    Assign,
    Finished,
    HoldBack,
    News,
    Ready,
    Refused,
    Setup,
    Throttled,
    decode_order,
    encode,
)
from coordinator.sweep.open_files import shortage
from coordinator.sweep.outcome import Outcome, outcome_of, without_result
from coordinator.sweep.teams import Teams

if TYPE_CHECKING:
    from coordinator.protocol.result import Result
    from coordinator.session.session import Session
    from coordinator.sweep.plan import Job
    from coordinator.team.team import Team

Say: TypeAlias = Callable[[bytes], Awaitable[None]]
"""Sends one message to the sweep."""

SEAL = "sweep.seal"
"""The file by which a worker knows that it sees the sweep's own folder."""
LOCK_PATIENCE_S = 20.0
"""How long the journal of a worker that is thought dead may be held by it: a killed
process lets go at once, one that was cut off may take its time."""
LOCK_POLL_S = 0.25
NEWS_WAITING = 256
"""Messages that a worker may have waiting; beyond that its sessions wait with it."""

_log = bound_logger("coordinator.sweep")


async def work(orders: AsyncIterator[bytes], say: Say) -> None:
    """Run sessions as ``orders`` say, until there are no more.

    The end of ``orders`` means that nobody waits for anything: what runs is left, and
    its journals keep what they have.
    """
    first = decode_order(await anext(orders))
    assert isinstance(first, Setup)
    problem = _unfit(first)
    if problem is not None:
        await say(encode(Refused(problem=problem)))
        return
    try:
        teams = Teams(first.teams)
        problem = shortage(first.at_once, teams.configs)
        if problem is not None:
            await say(encode(Refused(problem=problem)))
            return
        async with teams:
            await teams.make()
            await _Worker(first, teams, say).run(orders)
    except ConfigInvalid as error:
        await say(encode(Refused(problem=str(error))))


def _unfit(setup: Setup) -> str | None:
    """Why this worker cannot take part; ``None``: it can."""
    own = library_version()
    if setup.version == own:
        return None
    return (
        f"a worker has massgen-coordinator {own}, and the sweep was begun by "
        f"{setup.version}; install the same version everywhere"
    )


class _Worker:
    def __init__(self, setup: Setup, teams: Teams, say: Say) -> None:
        self._setup = setup
        self._teams = teams
        self._say = say
        self._loop = Loop()
        self._news, self._unsaid = anyio.create_memory_object_stream[News](NEWS_WAITING)
        self._root: Path | None = None

    async def run(self, orders: AsyncIterator[bytes]) -> None:
        use_limits_share(self._setup.share)
        self._root, sees_folder = await in_thread(self._find_root, name="journals")
        with self._news, self._unsaid, gates_watched(self._throttled):
            async with anyio.create_task_group() as group:
                group.start_soon(self._speak, name="worker's news")
                self._news.send_nowait(Ready(sees_folder=sees_folder))
                async for order in orders:
                    self._obey(order, group)
                group.cancel_scope.cancel("the sweep has no more for this worker")

    def _obey(self, order: bytes, group: anyio.abc.TaskGroup) -> None:
        match decode_order(order):
            case Assign() as assign:
                group.start_soon(self._play, assign, name=assign.job.session)
            case HoldBack(key=key, delay_s=delay_s):
                hold_back(key, delay_s)
            case Setup():
                raise AssertionError("a worker is set up once")

    def _find_root(self) -> tuple[Path | None, bool]:
        """Where journals go, and whether other workers see them there."""
        if not self._setup.seal:
            return None, True
        root = Path(self._setup.folder)
        with suppress(OSError):
            if (root.parent / SEAL).read_text() == self._setup.seal:
                return root, True
        return Path(tempfile.mkdtemp(prefix="coordinator-sweep-")), False

    async def _speak(self) -> None:
        async for news in self._unsaid:
            await self._say(encode(news))

    def _throttled(self, key: str, delay_s: float) -> None:
        """A gate has shut, in whichever event loop of this process."""

        def tell() -> None:
            with suppress(
                anyio.WouldBlock, anyio.ClosedResourceError, anyio.BrokenResourceError
            ):
                self._news.send_nowait(Throttled(key=key, delay_s=delay_s))

        if self._loop.is_running_here:
            tell()
        else:
            self._loop.call_soon(tell)

    async def _play(self, assign: Assign) -> None:
        """Run one session; whatever goes wrong with it is its outcome.

        A boundary: a mistake of ours ends this session, with its traceback in the log,
        and not the thousands beside it.
        """
        job = assign.job
        try:
            outcome = await self._outcome(assign)
        except CoordinatorError as error:
            outcome = without_result(job, "refused", str(error))
        except Exception as error:  # noqa: BLE001  (a boundary: see above)
            _log.exception("session %s", job.session)
            first = _first(error)
            outcome = without_result(job, "broken", f"{type(first).__name__}: {first}")
        if self._setup.check and outcome.status not in {"refused", "broken"}:
            outcome = await checked(
                outcome, job.question, self._setup.check, self._setup.check_s
            )
        await self._news.send(Finished(outcome=outcome))

    async def _outcome(self, assign: Assign) -> Outcome:
        job = assign.job
        async with self._teams.lent(job, assign.grant) as team:
            journal = await self._existing_journal(job)
            if journal is not None:
                over = result_in(journal.records)
                if over is not None:  # the worker died between result and news
                    return _outcome_of(job, over, team, is_resumed=True)
            with_journal = journal is not None
            async with self._opened(job, team, goes_on=with_journal) as session:
                result = await session.wait()
            return _outcome_of(job, result, team, is_resumed=with_journal)

    def _opened(
        self, job: Job, team: Team, *, goes_on: bool
    ) -> AbstractAsyncContextManager[Session]:
        durability = self._setup.durability
        assert durability in {"exit", "async", "sync"}
        if goes_on:
            return resume_session(
                job.session,
                team,
                journal=self._root,
                durability=durability,  # type: ignore[arg-type]  (asserted above)
            )
        return open_session(
            job.question.question,
            team,
            session_id=job.session,
            journal=self._root,
            durability=durability,  # type: ignore[arg-type]  (asserted above)
        )

    async def _existing_journal(self, job: Job) -> Journal | None:
        """Another process's journal of it; waits until that lets go of it."""
        root = self._root
        if root is None or not (root / (job.session + SUFFIX)).exists():
            return None
        with anyio.move_on_after(LOCK_PATIENCE_S):
            # A lock of another process's has no event to wait for.
            while await in_thread(lambda: _is_held(root, job), name="lock"):  # noqa: ASYNC110
                await anyio.sleep(LOCK_POLL_S)
        try:
            return await in_thread(lambda: read_session(root, job.session), name="read")
        except JournalCorrupt as error:
            # Not even its first record: nothing is lost with it.
            _log.warning("%s; it is begun anew", error)
            path = root / (job.session + SUFFIX)
            await in_thread(lambda: _put_aside(path), name="put aside")
            return None
        except SessionFinished:
            return None


def _first(error: Exception) -> Exception:
    """The first error in a group of groups: one sentence is enough."""
    if isinstance(error, ExceptionGroup):
        return _first(cast("ExceptionGroup[Exception]", error).exceptions[0])
    return error


def _outcome_of(job: Job, result: Result, team: Team, *, is_resumed: bool) -> Outcome:
    rules = team.rules
    return outcome_of(
        job,
        result,
        policy=rules.policy,
        rule=rules.voting.rule.name,
        is_resumed=is_resumed,
    )


def _is_held(root: Path, job: Job) -> bool:
    try:
        with open_folder(root) as folder:
            fd = folder.open(job.session + SUFFIX)
    except JournalUnavailable:
        return False
    try:
        return is_locked(fd)
    finally:
        os.close(fd)


def _put_aside(path: Path) -> None:
    for number in range(1, 1_000):
        aside = path.with_name(f"{path.stem}.damaged-{number}")
        if not aside.exists():
            path.rename(aside)
            return

"""Hands sessions out to workers, shares budgets and limits, and collects what comes.

One task looks after each worker's place. A worker that dies is replaced, and its
sessions go to whoever is free, who goes on with their journals.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeAlias

import anyio
import msgspec

from agents.boundary.log_context import bound_logger
from coordinator.errors import ConfigInvalid
from coordinator.sweep.budget import Grant, SweepBudget
from coordinator.sweep.messages import (
    Assign,
    Finished,
    HoldBack,
    Ready,
    Refused,
    Setup,
    Throttled,
    decode_news,
    encode,
)
from coordinator.sweep.outcome import AGAIN, Outcome, without_result
from coordinator.sweep.places import Link, Place, PlaceGone, WorkerLost
from coordinator.sweep.plan import Job

LOSSES_MOST = 3
"""A session whose workers have died so often is what kills them."""
STARTS_MOST = 5
"""So often workers of one place may die in a row before any session has ended."""
AGAIN_S = 0.5
"""A pause before a lost worker is replaced, doubled for each that was lost in a row."""

_log = bound_logger("coordinator.sweep")


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a sweep is."""

    total: int
    """Sessions, those of earlier runs included."""
    done: int = 0
    earlier: int = 0
    """Of ``done``, what earlier runs had done."""
    running: int = 0
    failed: int = 0
    right: int = 0
    judged: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    is_cost_known: bool = True
    workers: int = 0
    workers_lost: int = 0
    elapsed_s: float = 0.0

    @property
    def rate(self) -> float:
        """Sessions a second, of this run."""
        return (self.done - self.earlier) / self.elapsed_s if self.elapsed_s else 0.0

    @property
    def left_s(self) -> float | None:
        """How long it will take at that rate; ``None``: nobody knows yet."""
        return (self.total - self.done) / self.rate if self.rate else None


Watch: TypeAlias = Callable[[Progress], object]


class _Hand:
    """A worker's place: who is there, and what it is running."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self.is_ready = False
        self.jobs: dict[str, Job] = {}


class Driver:
    """Runs the jobs that are missing.

    Args:
        todo: The jobs, in the order in which they begin.
        budgets: A team's name → what its sessions may spend by their own rules.
        begun: A session that an earlier run has begun → what it may still spend.
        setup: What workers are told first; the share is filled in.
        budget: The sweep's, with earlier outcomes settled.
        concurrency: Sessions at once, of all workers together.
        workers: How many.
        keep: Called with each outcome, at once.
        progress: Where the sweep stands before it begins.
        watch: Called whenever that changes.
    """

    def __init__(
        self,
        todo: Sequence[Job],
        *,
        budgets: Mapping[str, Grant],
        begun: Mapping[str, Grant],
        setup: Setup,
        budget: SweepBudget,
        concurrency: int,
        workers: int,
        keep: Callable[[Outcome], object],
        progress: Progress,
        watch: Watch,
    ) -> None:
        self._queue = deque(todo)
        self._left = len(todo)
        self._budgets = budgets
        self._begun = dict(begun)
        for session, grant in begun.items():
            budget.reserve(session, grant)
        self._granted = dict(begun)
        self._budget = budget
        self._at_once = concurrency
        self._most = -(-concurrency // workers)
        """Sessions at once of one worker."""
        self._setup = msgspec.structs.replace(
            setup, share=1.0 / workers, at_once=min(self._most, len(todo))
        )
        self._hands = [_Hand() for _ in range(workers)]
        self._keep = keep
        self._progress = progress
        self._began = time.monotonic()
        self._watch = watch
        self._losses: dict[str, int] = {}
        self._over = anyio.Event()
        self._refusal: str | None = None
        """Why no worker can run any session."""
        self.problem: str | None = None
        """Why the sweep has stopped before all was done."""

    async def run(self, place: Place) -> None:
        """Run all jobs, or as many as the budget allows.

        Raises:
            ConfigInvalid: No worker can run any: a key is not set, a version differs.
        """
        if not self._left:
            return
        async with anyio.create_task_group() as group:
            for number in range(len(self._hands)):
                name = f"worker {number}"
                group.start_soon(self._look_after, number, place, name=name)
            await self._over.wait()
            group.cancel_scope.cancel("the sweep is over")
        if self._refusal is not None:
            raise ConfigInvalid(self._refusal)

    async def _look_after(self, number: int, place: Place) -> None:
        hand = self._hands[number]
        in_a_row = 0
        while self._left:
            done = self._progress.done
            try:
                loss = await self._with_worker(number, place, hand)
            except PlaceGone as error:
                self._refuse(str(error))
                return
            except WorkerLost as error:
                loss = str(error)
            if not self._left or self._refusal:
                return
            in_a_row = 1 if self._progress.done > done else in_a_row + 1
            self._lose(hand, loss)
            if in_a_row >= STARTS_MOST:
                self._refuse(
                    f"{in_a_row} workers in a row have ended before any session did: "
                    f"{loss}"
                )
                return
            await anyio.sleep(AGAIN_S * 2 ** (in_a_row - 1))

    async def _with_worker(self, number: int, place: Place, hand: _Hand) -> str:
        """Have a worker work until it has ended; how it has."""
        async with place.worker(number) as link:
            hand.link = link
            link.tell(encode(self._setup))
            try:
                async with aclosing(link.news()) as all_news:
                    async for news in all_news:
                        self._hear(hand, news)
            finally:
                hand.link, hand.is_ready = None, False
            return link.loss

    def _refuse(self, problem: str) -> None:
        if self._refusal is None:
            self._refusal = problem
        self._over.set()

    def _hear(self, hand: _Hand, news: bytes) -> None:
        match decode_news(news):
            case Ready(sees_folder=sees_folder):
                hand.is_ready = True
                if not sees_folder:
                    _log.warning(
                        "a worker does not see %s: what it loses is begun anew",
                        self._setup.folder,
                    )
                self._hand_out()
            case Refused(problem=problem):
                self._refuse(problem)
            case Finished(outcome=outcome):
                if hand.jobs.pop(outcome.session, None) is not None:
                    self._settle(outcome)
                    self._hand_out()
            case Throttled(key=key, delay_s=delay_s):
                order = encode(HoldBack(key=key, delay_s=delay_s))
                for other in self._hands:
                    if other is not hand and other.link is not None:
                        other.link.tell(order)

    def _settle(self, outcome: Outcome) -> None:
        self._left -= 1
        self._budget.settle(
            outcome.session,
            outcome.cost_usd,
            outcome.tokens,
            is_cut_short=outcome.agents_retired > 0,
        )
        self._keep(outcome)
        self._progress = counted(self._progress, outcome)
        self._tell()
        if not self._left:
            self._over.set()

    def _lose(self, hand: _Hand, how: str) -> None:
        """A worker has died with its sessions; others go on with them."""
        _log.warning("%s; %d sessions go on elsewhere", how, len(hand.jobs))
        lost, hand.jobs = hand.jobs, {}
        self._progress = msgspec.structs.replace(
            self._progress, workers_lost=self._progress.workers_lost + 1
        )
        for session, job in reversed(lost.items()):
            self._losses[session] = self._losses.get(session, 0) + 1
            if self._losses[session] < LOSSES_MOST:
                self._queue.appendleft(job)
            else:
                detail = f"{LOSSES_MOST} workers died with it, the last: {how}"
                self._settle(without_result(job, "lost", detail))
        self._hand_out()

    def _hand_out(self) -> None:
        """Give what is to be done to whoever has room, the idlest first."""
        while self._queue:
            hand = self._idlest()
            if hand is None or hand.link is None:
                break
            grant = self._grant(self._queue[0])
            if grant is None:
                break
            job = self._queue.popleft()
            hand.jobs[job.session] = job
            hand.link.tell(encode(Assign(job=job, grant=grant)))
        self._tell()
        if self._queue and not self._running and any(h.is_ready for h in self._hands):
            self.problem = (
                f"the budget is used up: {len(self._queue):,} sessions were not begun; "
                "raise it and run this again"
            )
            self._over.set()

    def _idlest(self) -> _Hand | None:
        ready = [hand for hand in self._hands if hand.is_ready]
        if not ready or self._running >= self._at_once:
            return None
        idlest = min(ready, key=lambda hand: len(hand.jobs))
        return idlest if len(idlest.jobs) < self._most else None

    def _grant(self, job: Job) -> Grant | None:
        """The session's budget; one that goes on has its grant already."""
        if not self._budget.is_set:
            return Grant()
        granted = self._granted.get(job.session)
        if granted is None:
            places = min(len(self._queue), self._at_once - self._running)
            own = self._budgets[job.team]
            granted = self._budget.grant(job.session, own, places)
            if granted is not None:
                self._granted[job.session] = granted
        return granted

    @property
    def _running(self) -> int:
        return sum(len(hand.jobs) for hand in self._hands)

    def _tell(self) -> None:
        self._progress = msgspec.structs.replace(
            self._progress,
            running=self._running,
            workers=sum(hand.is_ready for hand in self._hands),
            elapsed_s=time.monotonic() - self._began,
        )
        self._watch(self._progress)


def counted(
    progress: Progress, outcome: Outcome, *, is_earlier: bool = False
) -> Progress:
    """The progress with one more outcome."""
    cost = outcome.cost_usd
    return msgspec.structs.replace(
        progress,
        done=progress.done + 1,
        earlier=progress.earlier + is_earlier,
        failed=progress.failed + (outcome.status in AGAIN),
        right=progress.right + bool(outcome.is_right),
        judged=progress.judged + (outcome.is_right is not None),
        tokens=progress.tokens + outcome.tokens,
        cost_usd=progress.cost_usd + (cost or 0.0),
        is_cost_known=progress.is_cost_known and cost is not None,
    )

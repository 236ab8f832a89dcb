"""The rate limiter that agents with the same key and model share.

Three things hold a request back, each learnt from the server:

- the *gate*: after "too many" (429) or any ``retry-after`` nothing starts before the
  time named. Then requests are let out one at a time, two, four, … as they are taken,
  so that a reopened gate does not bring the whole team's refusal;
- the *buckets*: ``anthropic-ratelimit-*`` headers tell of the server's allowances of
  requests and tokens, which refill steadily. They are mirrored here (see
  :mod:`agents.limits.token_buckets`), so once known, requests are spaced instead of
  refused;
- the *window*: requests under way at once. It grows by one a windowful of successes and
  is halved by a refusal, but never below what the server is visibly serving.

Who has been served least goes first, then who came first. There is no task behind it:
the waiter at the head of the queue sleeps until it may start, the others until they are
the head. Time is the event loop's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
from types import TracebackType
from typing import Self

import anyio
import anyio.lowlevel

from agents.errors import BackendUnavailable
from agents.limits.token_buckets import KINDS, Bucket, Told, told
from agents.protocol.chunks import AgentId, Allowance

WINDOW_START = 64
"""Requests at once before anything is learnt: more than most teams have agents, fewer
than the smallest documented rate limits refuse at once."""
WINDOW_MOST = 1000
"""The SDK's pool holds as many connections (anthropic 2.12.0)."""
GATE_S = 1.0
"""How long "too many" without a ``retry-after`` shuts the gate."""
GATE_MOST_S = 30.0
"""The longest that refusals in a row shut it for, unless the server asks for more."""
PATIENCE_S = 900.0
"""A server that asks for more is not waited for: ``retry-after`` has no limit of its
own, and a mistaken one would stall a run for weeks."""

_LEAST_WAIT_S = 0.001
"""Waiting for a rounding error's worth would not move the clock, nor end."""


class Slot:
    """One request's leave to be under way; made by :meth:`Limiter.slot`.

    A ``BackendUnavailable`` that passes through it is observed.
    """

    __slots__ = ("_agent", "_is_opened", "_limiter", "_started")

    def __init__(self, limiter: Limiter, agent: AgentId) -> None:
        self._limiter = limiter
        self._agent = agent
        self._is_opened = False
        self._started = 0.0

    async def __aenter__(self) -> Self:
        self._started = await self._limiter.enter(self._agent)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Nothing here awaits, so a cancelled scope cannot keep the slot from closing.
        self._limiter.leave(
            self._agent, self._started, error, is_opened=self._is_opened
        )

    def opened(
        self,
        headers: Mapping[str, str] | None = None,
        allowances: Sequence[Allowance] = (),
    ) -> None:
        """The server has taken the request and begun to answer; call it once.

        Args:
            headers: The response's, names in lower case; unknown ones do not matter.
            allowances: What the backend has read in them.
        """
        if not self._is_opened:
            self._is_opened = True
            self._limiter.opened(headers, allowances)


class _Waiter:
    """One place in the queue; ordered by service had, then by arrival."""

    __slots__ = ("arrival", "called", "is_gone", "served")

    def __init__(self, served: int, arrival: int) -> None:
        self.served = served
        self.arrival = arrival
        self.called = anyio.Event()
        self.is_gone = False

    def __lt__(self, other: _Waiter) -> bool:
        return (self.served, self.arrival) < (other.served, other.arrival)


class Limiter:
    """Holds requests back as the server asks, and shares what it allows.

    Args:
        window: Requests under way at once, to begin with.
        most: The most that ``window`` grows to.
        share: The part of all this that is for this process, 0…1: others ask with the
            same key, and what the server allows is for them all.
    """

    def __init__(
        self,
        *,
        window: float = WINDOW_START,
        most: float = WINDOW_MOST,
        share: float = 1.0,
    ) -> None:
        self._share = share
        self._window = max(1.0, min(window, most) * share)
        self._most = max(1.0, most * share)
        self._under_way = 0
        self._opening = 0
        self._openings = math.inf
        """Requests that may be starting at once; doubles as they are taken."""
        self._gate_at = -math.inf
        self.on_gate: Callable[[float], object] | None = None
        """Told, in seconds from now, how long the gate is shut whenever it is."""
        self._refusals = 0
        """In a row: nothing has been taken since the first of them."""
        self._refused_at = -math.inf
        self._shrunk_at = -math.inf
        self._buckets = {kind: Bucket(kind) for kind in KINDS}
        self._served: dict[AgentId, int] = {}
        self._floor = 0
        self._queue: list[_Waiter] = []
        self._arrivals = 0
        self._is_unlimited = math.isinf(window)

    @classmethod
    def unlimited(cls) -> Limiter:
        """A limiter that holds nothing back and learns nothing."""
        return cls(window=math.inf, most=math.inf)

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing is ever held back."""
        return self._is_unlimited

    @property
    def would_wait(self) -> bool:
        """Whether a request that came now would have to wait; for displays."""
        if self._is_unlimited:
            return False
        return self._head() is not None or self._waits_s(anyio.current_time()) > 0

    @property
    def window(self) -> float:
        """Requests that may be under way at once, as learnt so far."""
        return self._window

    @property
    def gate_left_s(self) -> float:
        """How long nothing may start, because the server said so; in seconds."""
        return max(0.0, self._gate_at - anyio.current_time())

    def hold(self, delay_s: float, *, is_told: bool = False) -> None:
        """Let nothing start for ``delay_s`` seconds from now.

        Args:
            delay_s: Seconds.
            is_told: Another limiter of the same key says so; it is not told in turn.
        """
        if not self._is_unlimited:
            self._shut(anyio.current_time() + delay_s, is_told=is_told)

    def _shut(self, opens_at: float, *, is_told: bool = False) -> None:
        if opens_at > self._gate_at:
            self._gate_at = opens_at
            if self.on_gate is not None and not is_told:
                self.on_gate(opens_at - anyio.current_time())

    def slot(self, agent: AgentId) -> Slot:
        """Leave for one request of ``agent``, waited for by ``async with``."""
        return Slot(self, agent)

    async def enter(self, agent: AgentId) -> float:
        """Wait until ``agent`` may start a request; returns the time it did.

        :meth:`leave` must follow; :class:`Slot` sees to that.
        """
        await anyio.lowlevel.checkpoint()
        now = anyio.current_time()
        if self._is_unlimited:
            return now
        if self.would_wait:
            now = await self._wait(agent)
        for bucket in self._buckets.values():
            bucket.take(now)
        self._under_way += 1
        self._opening += 1
        self._floor = self._fair_start(agent)
        self._served[agent] = self._floor + 1
        return now

    async def _wait(self, agent: AgentId) -> float:
        self._arrivals += 1
        waiter = _Waiter(self._fair_start(agent), self._arrivals)
        heappush(self._queue, waiter)
        try:
            while True:
                now = anyio.current_time()
                # Only the head looks at the clock: a thousand waiters, one timer.
                wait_s = self._waits_s(now) if self._head() is waiter else math.inf
                if wait_s <= 0:
                    return now
                waiter.called = anyio.Event()
                with anyio.move_on_after(max(wait_s, _LEAST_WAIT_S)):
                    await waiter.called.wait()
        finally:
            waiter.is_gone = True
            self._call_head()

    def _fair_start(self, agent: AgentId) -> int:
        """``agent``'s service so far; a newcomer is level with who is served now."""
        return self._served.setdefault(agent, self._floor)

    def _head(self) -> _Waiter | None:
        while self._queue and self._queue[0].is_gone:
            heappop(self._queue)
        return self._queue[0] if self._queue else None

    def _call_head(self) -> None:
        head = self._head()
        if head is not None:
            head.called.set()

    def _waits_s(self, now: float) -> float:
        """How long from ``now`` nothing may start; infinite: until a call says."""
        if self._under_way + 1 > self._window:
            return math.inf
        if self._opening >= self._openings:
            return math.inf
        waits = (bucket.wait_s(now) for bucket in self._buckets.values())
        return max(0.0, self._gate_at - now, *waits)

    def opened(
        self,
        headers: Mapping[str, str] | None,
        allowances: Sequence[Allowance] = (),
    ) -> None:
        """A request that started has been taken by the server."""
        if self._is_unlimited:
            return
        self._opening -= 1
        self._openings *= 2
        self._refusals = 0
        if headers is not None:
            self.observe_headers(headers)
        for each in allowances:
            state = (each.size, each.left, each.a_second)
            self._tell(each.of, state, anyio.current_time())
        self._call_head()

    def leave(
        self,
        agent: AgentId,
        started: float,
        error: BaseException | None,
        *,
        is_opened: bool,
    ) -> None:
        """A request that started is over, by ``error`` or well."""
        if self._is_unlimited:
            return
        self._under_way -= 1
        if not is_opened:
            self._opening -= 1
        if isinstance(error, BackendUnavailable):
            self.observe_error(error, started)
            if error.is_rate_limit:
                self._served[agent] -= 1  # it has waited in vain; that is no service
        elif error is None:
            self._window = min(self._most, self._window + 1 / self._window)
        self._call_head()

    def observe_headers(self, headers: Mapping[str, str]) -> None:
        """Learn the server's buckets from a response's headers.

        Args:
            headers: Names in lower case; what is absent or no number is passed over.
        """
        now = anyio.current_time()
        for kind, state in told(headers).items():
            self._tell(kind, state, now)

    def _tell(self, kind: str, state: Told, now: float) -> None:
        """Have a bucket know what the server said of it, as far as it is for us."""
        size, left, rate = state
        if self._share < 1.0:
            size, rate = max(1.0, size * self._share), rate * self._share
            left = None if left is None else left * self._share
        self._buckets[kind].told((size, left, rate), self._opening, now)

    def observe_error(self, error: BackendUnavailable, started: float) -> None:
        """Slow the team down after a refusal.

        Args:
            error: As the backend raised it.
            started: When the refused request began; one that began before the last
                refusal says nothing new about the window.
        """
        if not error.is_rate_limit and error.retry_after_s is None:
            return
        now = anyio.current_time()
        asked_s = error.retry_after_s
        # Who asked gives up where it is too long; the others may hear for themselves.
        is_told = asked_s is not None and asked_s <= PATIENCE_S
        wait_s = asked_s if is_told and asked_s is not None else GATE_S
        if not error.is_rate_limit:
            self._shut(now + wait_s)
            return
        if started >= self._refused_at:  # those of one moment are one refusal
            self._refusals += 1
            self._refused_at = now
        # What was told to wait did not do if all is refused that waited so long.
        doublings = self._refusals - (2 if is_told else 1)
        if doublings >= 0:
            wait_s = max(wait_s, min(GATE_MOST_S, GATE_S * 2.0 ** min(doublings, 16)))
        self._shut(now + wait_s)
        self._openings = 1.0
        for bucket in self._buckets.values():
            bucket.refused(now)
        is_told = self._buckets["requests"].is_known
        if not is_told and started >= self._shrunk_at:
            served = self._under_way - self._opening
            self._window = max(1.0, served, self._window / 2)
            self._shrunk_at = now

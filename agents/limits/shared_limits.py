"""One limiter for each rate limit and event loop, and what all loops know of it.

A server counts by key, not by session. So sessions of one loop share a limiter, and a
refusal in one loop of the process shuts the gates of all others: they have clocks of
their own, so what travels is how long to wait from now.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from weakref import WeakKeyDictionary

import anyio.lowlevel

from agents.boundary.root import Loop
from agents.limits.limiter import Limiter

_here = anyio.lowlevel.RunVar[dict[str, Limiter]]("shared_limiters")
_lock = threading.Lock()
_others: dict[str, WeakKeyDictionary[Limiter, Loop]] = {}
_gates: dict[str, float] = {}
"""Key → when its gate opens, by ``time.monotonic``."""
GATES_MOST = 1_000
"""Keys that are remembered; a server that has more of them forgets the oldest."""


def shared_limiter(key: str) -> Limiter:
    """This event loop's limiter for ``key``; made when it is first asked for."""
    limiters = _here.get(None)
    if limiters is None:
        limiters = dict[str, Limiter]()
        _here.set(limiters)
    limiter = limiters.get(key)
    if limiter is None:
        limiter = limiters[key] = Limiter()
        loop = Loop()
        if loop.has_real_clock:
            limiter.on_gate = partial(_spread, key, limiter)
            with _lock:
                others = _others.setdefault(key, WeakKeyDictionary[Limiter, Loop]())
                others[limiter] = loop
                left_s = _gates.get(key, 0.0) - time.monotonic()
            if left_s > 0:
                limiter.hold(left_s)
    return limiter


def _spread(key: str, limiter: Limiter, delay_s: float) -> None:
    """Tell the limiters of other event loops to wait as well."""
    opens_at = time.monotonic() + delay_s
    with _lock:
        if opens_at <= _gates.pop(key, 0.0):
            return
        while len(_gates) >= GATES_MOST:
            del _gates[next(iter(_gates))]
        _gates[key] = opens_at
        others = [*_others[key].items()]
    for other, loop in others:
        if other is limiter:
            continue

        def hold(other: Limiter = other) -> None:
            other.hold(opens_at - time.monotonic(), is_told=True)

        loop.call_soon(hold)

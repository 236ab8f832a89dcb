"""One limiter for each rate limit and event loop, and what all loops know of it.

A server counts by key, not by session. So sessions of one loop share a limiter, and a
refusal in one loop of the process shuts the gates of all others: they have clocks of
their own, so what travels is how long to wait from now. Where several processes ask
with one key, each has a share of what the server allows (:func:`use_limits_share`), and
whoever starts them tells each what the others have met (:func:`gates_watched`,
:func:`hold_back`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias
from weakref import WeakKeyDictionary

import anyio.lowlevel

from agents.boundary.root import Loop
from agents.limits.limiter import Limiter

_here = anyio.lowlevel.RunVar[dict[str, Limiter]]("shared_limiters")
_share = anyio.lowlevel.RunVar[float]("limits_share", 1.0)
_lock = threading.Lock()
GateWatcher: TypeAlias = Callable[[str, float], object]
"""Told of a key, and for how many seconds nothing may be asked under it."""
_watchers: list[GateWatcher] = []
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
        limiter = limiters[key] = Limiter(share=_share.get())
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


def use_limits_share(share: float) -> None:
    """Have this event loop's limiters take no more than their part from now on.

    Args:
        share: The part of every rate limit, 0…1, which is for this event loop.
    """
    _share.set(share)


@contextmanager
def gates_watched(watcher: GateWatcher) -> Generator[None]:
    """Have ``watcher`` told of every refusal in this process, from any thread."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def hold_back(key: str, delay_s: float) -> None:
    """Another process was refused: ask nothing under ``key`` for so long."""
    _shut_others(key, None, delay_s)


def _spread(key: str, limiter: Limiter, delay_s: float) -> None:
    """Tell other event loops to wait as well, and whoever watches."""
    for watcher in tuple(_watchers):
        watcher(key, delay_s)
    _shut_others(key, limiter, delay_s)


def _shut_others(key: str, limiter: Limiter | None, delay_s: float) -> None:
    opens_at = time.monotonic() + delay_s
    with _lock:
        if opens_at <= _gates.pop(key, 0.0):
            return
        while len(_gates) >= GATES_MOST:
            del _gates[next(iter(_gates))]
        _gates[key] = opens_at
        others = [*_others[key].items()] if key in _others else []
    for other, loop in others:
        if other is limiter:
            continue

        def hold(other: Limiter = other) -> None:
            other.hold(opens_at - time.monotonic(), is_told=True)

        loop.call_soon(hold)

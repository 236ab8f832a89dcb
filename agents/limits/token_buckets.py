"""A server's limits, mirrored: buckets that refill steadily. Pure; time is given.

The API has a bucket of requests and several of tokens (docs.claude.com, rate limits,
read 2026-11-22). Each response's ``anthropic-ratelimit-*`` headers say how large a
bucket is and how much is left in it, so that a request which would be refused can wait
instead. What a request will take of the tokens nobody knows before; here it is taken to
be what the largest of late have taken, as the server itself has counted. To wait for
more than is needed costs nothing: the bucket is just kept fuller.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

KINDS = ("requests", "tokens", "input-tokens", "output-tokens")
"""The buckets that the headers tell of."""
_A_MINUTE_S = 60.0
"""The server's limits are given for a minute."""
_REFILL_MOST_S = 900.0
"""The longest that a bucket is believed to take until it is full again."""
_FORGETS = 0.02
"""How fast the largest request is forgotten, for each that was smaller."""
_MORE = 1.2
"""How much more than that is waited for: prompts grow from turn to turn."""
_SURE = 1 - 1e-9
"""One request's allowance, as far as sums of floats can tell."""

Told: TypeAlias = tuple[float, float | None, float]
"""A bucket's size, what is left in it if that was said, and its refill a second."""


class Bucket:
    """One kind of allowance."""

    __slots__ = (
        "_at",
        "_counts_requests",
        "_left",
        "_need",
        "_rate",
        "_since",
        "_size",
    )

    def __init__(self, kind: str) -> None:
        self._counts_requests = kind == "requests"
        self._need = 1.0
        """The size of one request."""
        self._rate = 0.0
        """The refill a second; 0: the bucket is not known of."""
        self._size = math.inf
        self._left = math.inf
        self._at = 0.0
        self._since = 0
        """Requests begun since the server last told."""

    @property
    def is_known(self) -> bool:
        """Whether the server has told of it."""
        return self._rate > 0

    def wait_s(self, now: float) -> float:
        """How long from ``now`` until there is enough for one more request."""
        if not self._rate:
            return 0.0
        self._refill(now)
        need = self._need if self._counts_requests else self._need * _MORE
        need = min(need, self._size)
        if self._left >= need * _SURE:
            return 0.0
        return (need - self._left) / self._rate

    def take(self, now: float) -> None:
        """A request begins."""
        self._refill(now)
        self._left -= min(self._need, self._size)
        self._since += 1

    def refused(self, now: float) -> None:
        """A request that began was refused, for whatever limit; it took nothing."""
        self._refill(now)
        if self._counts_requests:
            self._left = min(self._left, 0.0)  # there was less than was thought
        else:
            self._left += self._need
            self._since -= self._since > 0

    def told(self, told: Told, under_way: int, now: float) -> None:
        """Learn from a response's headers.

        Args:
            told: What they say.
            under_way: Requests that have begun and of which the server has not told.
            now: The time.
        """
        size, left, rate = told
        if left is not None:
            # Less than nothing, or more than all, is a mistake: believed, it would
            # hold the team up for as long as it likes.
            left = min(max(left, 0.0), size)
        rate = max(rate, size / _REFILL_MOST_S)
        self._refill(now)
        if not self._counts_requests and left is not None:
            self._weigh(left)
        self._size, self._rate = size, rate
        self._since = 0
        known = size if left is None else left
        if self._counts_requests:
            # Requests that were under way when the server counted are in neither number
            # for sure; the smaller one errs on the side that is not refused.
            self._left = min(self._left, known)
        else:
            self._left = known - under_way * min(self._need, size)

    def _weigh(self, left: float) -> None:
        """Learn what one request takes from what was really taken."""
        if not self._rate or not self._since:
            return
        taken = self._left + self._since * self._need - left
        each = max(1.0, taken / self._since)
        self._need = max(each, self._need - _FORGETS * (self._need - each))

    def _refill(self, now: float) -> None:
        if self._rate:
            gained = (now - self._at) * self._rate
            self._left = min(self._size, self._left + gained)
        self._at = now


def told(headers: Mapping[str, str]) -> dict[str, Told]:
    """The state of each bucket, from the headers of a response.

    Args:
        headers: Names in lower case; what is absent or no number is passed over.
    """
    states: dict[str, Told] = {}
    for kind in KINDS:
        size = _number(headers.get(f"anthropic-ratelimit-{kind}-limit"))
        if size is not None and size > 0:
            left = _number(headers.get(f"anthropic-ratelimit-{kind}-remaining"))
            states[kind] = (size, left, size / _A_MINUTE_S)
    return states


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None

"""The API's rate limits, emulated: buckets that refill evenly over a minute."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

_NOTHING = 1e-9
"""The rounding error of sums of floats."""

Kind: TypeAlias = Literal["requests", "input-tokens"]


class RateLimit:
    """So much a minute, as the ``anthropic-ratelimit-*`` headers report it.

    Args:
        kind: What is counted.
        per_minute: How much; also how much may come at once.
    """

    def __init__(self, kind: Kind, per_minute: int) -> None:
        self.kind = kind
        self._per_minute = per_minute
        self._left = float(per_minute)
        self._counted_at: float | None = None

    def waits_s(self, now: float, amount: int) -> float:
        """How long it is until ``amount`` may be taken; a full bucket gives anything.

        Args:
            now: Monotonic seconds.
            amount: What a request takes of it.
        """
        if self._counted_at is not None:
            refilled = (now - self._counted_at) * self._per_minute / 60
            self._left = min(float(self._per_minute), self._left + refilled)
        self._counted_at = now
        short = min(amount, self._per_minute) - self._left
        return short * 60 / self._per_minute if short > _NOTHING else 0.0

    def take(self, amount: int) -> None:
        """Count a request that passes."""
        self._left -= amount

    def headers(self) -> dict[str, str]:
        """Report the limit as the API does."""
        full_in_s = (self._per_minute - self._left) * 60 / self._per_minute
        # The API names a moment; only a reader's own clock can make seconds of it.
        reset = datetime.now(UTC) + timedelta(seconds=math.ceil(full_in_s))
        values = {
            "limit": str(self._per_minute),
            "remaining": str(max(0, int(self._left))),
            "reset": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return {f"anthropic-ratelimit-{self.kind}-{n}": v for n, v in values.items()}

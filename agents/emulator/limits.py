"""The API's limit on requests, emulated: a bucket that refills evenly over a minute."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta


class RequestLimit:
    """Requests a minute, as ``anthropic-ratelimit-requests-*`` reports them.

    Args:
        per_minute: How many; also how many may come at once.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left = float(per_minute)
        self._counted_at: float | None = None

    def take(self, now: float) -> float | None:
        """Count a request.

        Args:
            now: Monotonic seconds.

        Returns:
            ``None`` if it may pass, else seconds until one may.
        """
        if self._counted_at is not None:
            refilled = (now - self._counted_at) * self._per_minute / 60
            self._left = min(float(self._per_minute), self._left + refilled)
        self._counted_at = now
        if self._left >= 1:
            self._left -= 1
            return None
        return (1 - self._left) * 60 / self._per_minute

    def headers(self) -> dict[str, str]:
        """Report the limit as the API does."""
        full_in_s = (self._per_minute - self._left) * 60 / self._per_minute
        # The API names a moment; only a reader's own clock can make seconds of it.
        reset = datetime.now(UTC) + timedelta(seconds=math.ceil(full_in_s))
        return {
            "anthropic-ratelimit-requests-limit": str(self._per_minute),
            "anthropic-ratelimit-requests-remaining": str(int(self._left)),
            "anthropic-ratelimit-requests-reset": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

"""The retry policy, its delays, and the wait before a failed call is tried again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b

import anyio

from agents.errors import BackendUnavailable, ProtocolBroken
from agents.limits.limiter import PATIENCE_S, Limiter

OVERLOAD_LIMIT_S = 900.0
"""Hours of overload that users of other clients report last 5 to 15 minutes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Exponential backoff, capped, with jitter; the server's own word goes first.

    Only :class:`agents.errors.BackendUnavailable` is retried: anything else would fail
    the same way again. What the policy says is a pure function of its arguments, so a
    run can be repeated.
    """

    attempts: int = 6
    """Tries of one call, the first included."""
    rate_limited_attempts: int = 40
    """Tries of one call that the server put off with "too many" (429). Such a call will
    get its turn, and a busy team must fail nobody; still the loop has an end."""
    overload_limit_s: float = OVERLOAD_LIMIT_S
    """How long a server that is overloaded is asked again, however often: such hours
    pass, and all that the agent has done would be lost. 0: by ``attempts`` alone."""
    broken_attempts: int = 3
    """Tries of one call whose backend broke the protocol: a mistake of its program's
    mostly, which the next try makes as well."""
    base_s: float = 0.5
    """Wait after the first failure; doubles with each."""
    cap_s: float = 30.0
    """Longest wait of our own choosing."""
    patience_s: float = PATIENCE_S
    """A server that asks for more than this is not waited for."""
    seed: int = 0
    """Decides the jitter."""

    def delay_s(
        self,
        error: BackendUnavailable,
        failures: int,
        *,
        who: str = "",
        waited_s: float = math.inf,
    ) -> float | None:
        """How long to wait before the next try; ``None``: give up.

        Args:
            error: Why the call failed just now.
            failures: How often it has failed, this time included.
            who: Whatever sets this call apart from others that fail at the same time.
            waited_s: How long ago it failed first.
        """
        delay_s = self._delay_s(error, failures, who)
        if error.is_rate_limit:
            is_over = failures >= self.rate_limited_attempts
        elif isinstance(error, ProtocolBroken):
            is_over = failures >= self.broken_attempts
        else:
            is_over = failures >= self.attempts
        if is_over and error.is_overload and delay_s is not None:
            is_over = waited_s + delay_s > self.overload_limit_s
        return None if is_over else delay_s

    def _delay_s(
        self, error: BackendUnavailable, failures: int, who: str
    ) -> float | None:
        # The exponent stops growing long before a float would overflow.
        backoff_s = min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, 32))
        asked_s = error.retry_after_s
        if asked_s is None:
            return backoff_s * (0.5 + 0.5 * self._fraction(who, failures))
        if asked_s > self.patience_s:
            return None
        if failures > 1:
            # Who has waited as asked and was refused again waits for longer: a server
            # that always says 0 must not be asked for ever at once.
            asked_s = max(asked_s, backoff_s / 2)
        if error.is_rate_limit:
            return asked_s  # the limiter spaces what is let through afterwards
        return asked_s + self.base_s * self._fraction(who, failures)

    def _fraction(self, who: str, failures: int) -> float:
        """A number in [0, 1) that looks drawn; a hash needs no state an agent."""
        key = f"{self.seed}/{who}/{failures}".encode()
        return int.from_bytes(blake2b(key, digest_size=8).digest()) / 2**64


class RetryWait:
    """The wait of one failed call, begun when it is made.

    Args:
        delay_s: As the policy says.
        gate: The limiter that puts the call off; ``None``: nobody else has to wait.
    """

    __slots__ = ("_gate", "wait_s")

    def __init__(self, delay_s: float, gate: Limiter | None) -> None:
        self._gate = gate
        self.wait_s = delay_s
        """Seconds."""
        if gate is not None:
            # One wait, by the longer of two measures; it is the one that is told.
            self.wait_s = max(delay_s, gate.gate_left_s)
            gate.hold(self.wait_s)

    async def over(self) -> None:
        """Wait until the call may be tried again.

        Where a limiter's gate is shut for as long, its queue is the place to wait: this
        returns at once, or the agent would lose its place by sleeping elsewhere.
        """
        if self._gate is None:
            await anyio.sleep(self.wait_s)

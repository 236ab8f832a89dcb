"""The budget of a whole sweep, shared out among its sessions. Pure.

A session begins with a grant, which its own rules never exceed. What is granted is off
the sweep's budget until the session has ended and says what it has spent, so all
sessions of all workers together never cost more than the sweep may.
"""

from __future__ import annotations

import math

import msgspec

SPARE = 3.0
"""A session's grant, where its team names no budget: at least so many times what one
has cost on average, because grants come back and a session cut short is wasted."""


GROWTH = 2.0
"""A grant is at least so many times the largest that was seen to be too little: what a
session may spend at worst is more than what it does spend, and a call for which there
is no room is not made, so its team is fewer than it should be."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The budget of one session; ``None``: nothing bounds it."""

    usd: float | None = None
    tokens: int | None = None


class _Pot:
    """One kind of allowance."""

    def __init__(self, most: float | None) -> None:
        self.most = math.inf if most is None else most
        self.spent = 0.0
        self.reserved = 0.0
        self.settled = 0
        self.too_little = 0.0
        """The largest grant that has cut a session short."""

    @property
    def free(self) -> float:
        return self.most - self.spent - self.reserved

    @property
    def average(self) -> float:
        return self.spent / self.settled if self.settled else 0.0

    def share(self, own: float | None, places: int) -> float:
        """The grant for the next session; 0: not now."""
        if math.isinf(self.most):
            return math.inf if own is None else own
        least = self.average if own is None else min(own, max(self.average, 1e-12))
        # An even part of what is free; more where sessions are seen to need it.
        enough = GROWTH * self.too_little
        least = max(least, enough if own is None else min(own, enough))
        even = max(self.free / max(1, places), SPARE * self.average, enough)
        part = min(self.free, even if own is None else own)
        return part if part > 0 and part >= least else 0.0


class SweepBudget:
    """Grants, and takes back what was not spent.

    Args:
        usd: What the sweep may spend; ``None``: nothing bounds it.
        tokens: The same in tokens.
    """

    def __init__(self, usd: float | None = None, tokens: int | None = None) -> None:
        self._usd = _Pot(usd)
        self._tokens = _Pot(tokens)
        self._granted: dict[str, tuple[float, float]] = {}

    @property
    def is_set(self) -> bool:
        """Whether anything bounds the sweep."""
        return math.isfinite(self._usd.most) or math.isfinite(self._tokens.most)

    def grant(self, session: str, own: Grant, places: int) -> Grant | None:
        """Grant a session its share.

        Args:
            session: Its name.
            own: What its team may spend in a session by its own rules.
            places: Sessions that may begin now, this one included.

        Returns:
            ``None``: there is not enough now; ask again when a session has ended.
        """
        usd = self._usd.share(own.usd, places)
        tokens = self._tokens.share(own.tokens, places)
        if usd <= 0 or tokens < 1:
            return None
        return self.reserve(
            session,
            Grant(
                usd=None if math.isinf(usd) else usd,
                tokens=None if math.isinf(tokens) else math.floor(tokens),
            ),
        )

    def reserve(self, session: str, grant: Grant) -> Grant:
        """Put aside what a session may spend, that another process had begun too."""
        usd, tokens = grant.usd or 0.0, grant.tokens or 0
        self._granted[session] = (usd, tokens)
        self._usd.reserved += usd
        self._tokens.reserved += tokens
        return grant

    def take_back(self, session: str) -> None:
        """A session was not begun after all."""
        usd, tokens = self._granted.pop(session, (0.0, 0))
        self._usd.reserved -= usd
        self._tokens.reserved -= tokens

    def settle(
        self,
        session: str,
        cost_usd: float | None,
        tokens: int,
        *,
        is_cut_short: bool = False,
    ) -> None:
        """A session has ended; what it cost. Unknown costs count as what was granted.

        One that was granted nothing had ended in an earlier run, and counts as well.
        """
        granted_usd, granted_tokens = self._granted.get(session, (0.0, 0))
        if is_cut_short:
            self._usd.too_little = max(self._usd.too_little, granted_usd)
            self._tokens.too_little = max(self._tokens.too_little, granted_tokens)
        self.take_back(session)
        self._usd.spent += granted_usd if cost_usd is None else cost_usd
        self._tokens.spent += tokens
        self._usd.settled += 1
        self._tokens.settled += 1

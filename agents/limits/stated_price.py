"""The price of one model's tokens: by the price list, or as a team file says."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from agents.limits import pricing
from agents.protocol.chunks import Usage

Usd: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class TokenPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """USD for a million tokens of each kind, where no price list knows the model."""

    input: Usd
    """Of a million tokens that are read."""
    output: Usd
    """Of a million that are written, thinking included."""
    cached: Usd | None = None
    """Input read from a cache; left out: as any input."""

    def cost_usd(self, usage: Usage) -> float:
        """The cost of ``usage`` in USD; tokens written to a cache count as input."""
        cached = self.input if self.cached is None else self.cached
        read = usage.input_tokens + (usage.cache_creation_input_tokens or 0)
        tokens = (
            read * self.input
            + (usage.cache_read_input_tokens or 0) * cached
            + usage.output_tokens * self.output
        )
        return tokens / 1_000_000


Given: TypeAlias = TokenPrice | Literal["free"] | None
"""A price from the user: per token, free of charge, or ``None``: not stated."""


class ModelPrice:
    """The price of one backend's models.

    Args:
        providers: Who may be paid, as ``genai-prices`` calls them; the first that knows
            the model counts. Empty: nobody, and then nothing is known.
        stated: The price that people say; it goes first.
    """

    def __init__(self, providers: tuple[str, ...] = (), stated: Given = None) -> None:
        self._providers = providers
        self._given = stated

    def cost_usd(self, model: str, usage: Usage, factor: float = 1.0) -> float | None:
        """The cost of ``usage`` in USD; ``None`` where no price is known.

        Args:
            model: As the server names it.
            usage: Of one request.
            factor: Of the listed price, see :func:`agents.limits.pricing.factor_of`.
        """
        if self._given == "free":
            return 0.0
        if isinstance(self._given, TokenPrice):
            return self._given.cost_usd(usage)
        for provider in self._providers:
            cost = pricing.cost_usd(model, usage, factor, provider=provider)
            if cost is not None:
                return cost
        return None

    def load(self) -> None:
        """Have the price list ready, if it is asked at all."""
        if self._given is None and self._providers:
            pricing.load()

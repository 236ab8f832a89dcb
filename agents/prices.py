"""What usage costs, offline, by ``genai-prices``; an unknown model has no price.

Prices age. They are the library's data, as of its release; nothing here is fetched.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agents.chunks import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

_SCRIPTED = "scripted"


def cost_usd(model: str, usage: Usage) -> float | None:
    """What ``usage`` of ``model`` costs in USD; ``None`` where no price is known.

    Models whose name begins with ``scripted`` cost nothing. Code execution is free
    beside web tools of 20260209 or later, and the API has no counter for it, so it
    adds nothing here (docs.claude.com, pricing, read 2026-11-22).
    """
    if model.startswith(_SCRIPTED):
        return 0.0
    price = _calculator(model)
    if price is None:
        return None
    read = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    # The library's input includes what was read from and written to the cache, and
    # what was written includes what was written for an hour.
    return price(
        input_tokens=usage.input_tokens + read + written,
        output_tokens=usage.output_tokens,
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(usage.cache_creation_1h_input_tokens or 0, written),
        web_searches=usage.web_search_requests or 0,
    )


def load() -> None:
    """Import the library (0.2 s) and its data now, rather than amid a stream."""
    _calculator("claude-haiku-4-5")


@lru_cache(maxsize=256)
def _calculator(model: str) -> Callable[..., float] | None:
    """The pricing of ``model``, found once."""
    import genai_prices  # noqa: PLC0415  (0.2 s, and scripts cost nothing)

    def price(**tokens: int) -> float:
        counted: Any = genai_prices.Usage(**tokens)
        found = genai_prices.calc_price(counted, model, provider_id="anthropic")
        return float(found.total_price)

    try:
        price(input_tokens=1)
    except LookupError:
        return None
    return price

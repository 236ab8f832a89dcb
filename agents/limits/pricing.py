"""What usage costs, offline, by ``genai-prices``; an unknown model has no price.

Prices age. They are the library's data, as of its release; nothing here is fetched.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import structs

from agents.protocol.chunks import Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

_PRICED = {
    "input_mtok": 1_000_000,
    "cache_read_mtok": 1_000_000,
    "cache_write_mtok": 1_000_000,
    "cache_write_1h_mtok": 1_000_000,
    "output_mtok": 1_000_000,
    "web_searches_kcount": 1_000,
}
"""What the library has a price for, and for how many of them."""

_Rates: TypeAlias = tuple[tuple[float, tuple[float, ...]], ...]
"""Above how much input of one response, in tokens, which USD for one of each kind."""

_SCRIPTED = "scripted"

CODE_USD_AN_HOUR = 0.05
"""A container that runs code, whatever the model (docs.claude.com, pricing, read
2026-11-22); the library has no price for it."""


def cost_usd(model: str, usage: Usage) -> float | None:
    """What ``usage`` of ``model`` costs in USD; ``None`` where no price is known.

    Models whose name begins with ``scripted`` cost nothing.
    """
    if model.startswith(_SCRIPTED):
        return 0.0
    price = _price(model)
    if price is None:
        return None
    rates = _rates(model)
    counted = float(price(usage)) if rates is None else _by_rates(rates, usage)
    return counted + (usage.code_execution_s or 0.0) * CODE_USD_AN_HOUR / 3600


def saved_usd(model: str, usage: Usage) -> float | None:
    """How much less ``usage`` cost than the same tokens without a prompt cache.

    Negative where more was paid for writing to the cache than was saved by reading from
    it; ``None`` where no price is known.
    """
    read = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    if not read and not written:
        return 0.0
    uncached = structs.replace(
        usage,
        input_tokens=usage.input_tokens + read + written,
        cache_read_input_tokens=None,
        cache_creation_input_tokens=None,
        cache_creation_1h_input_tokens=None,
    )
    without, paid = cost_usd(model, uncached), cost_usd(model, usage)
    return None if without is None or paid is None else without - paid


def load() -> None:
    """Import the library (0.2 s) and its data now, rather than amid a stream."""
    _rates("claude-haiku-4-5")


def _by_rates(rates: _Rates, usage: Usage) -> float:
    read = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    for_an_hour = min(usage.cache_creation_1h_input_tokens or 0, written)
    total = usage.input_tokens + read + written
    rate = next(rate for above, rate in rates if total > above or above == 0)
    return (
        usage.input_tokens * rate[0]
        + read * rate[1]
        + (written - for_an_hour) * rate[2]
        + for_an_hour * rate[3]
        + usage.output_tokens * rate[4]
        + (usage.web_search_requests or 0) * rate[5]
    )


@lru_cache(maxsize=256)
def _price(model: str) -> Callable[[Usage], Decimal] | None:
    """How the library prices ``model``; it takes 0.2 ms a call."""
    import genai_prices  # noqa: PLC0415  (0.2 s, and scripts cost nothing)

    def price(usage: Usage) -> Decimal:
        counted: Any = genai_prices.Usage(**_counted(usage))
        found = genai_prices.calc_price(counted, model, provider_id="anthropic")
        return found.total_price

    try:
        price(Usage(input_tokens=1))
    except LookupError:
        return None
    return price


def _counted(usage: Usage) -> dict[str, int]:
    read = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    # The library's input includes what was read from and written to the cache, and
    # what was written includes what was written for an hour.
    return {
        "input_tokens": usage.input_tokens + read + written,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "cache_write_1h_tokens": min(
            usage.cache_creation_1h_input_tokens or 0, written
        ),
        "web_searches": usage.web_search_requests or 0,
    }


@lru_cache(maxsize=256)
def _rates(model: str) -> _Rates | None:
    """The prices of ``model`` as rates, the dearest bracket first.

    ``None`` where the library prices something that is not counted here, or counts
    one kind as another: then it must be asked itself.
    """
    import genai_prices  # noqa: PLC0415

    one: Any = genai_prices.Usage(input_tokens=1)
    found = genai_prices.calc_price(one, model, provider_id="anthropic").model_price
    prices = {name: price for name, price in vars(found).items() if price is not None}
    if prices.keys() != _PRICED.keys():
        return None
    starts = {
        tier.start for price in prices.values() for tier in getattr(price, "tiers", ())
    }
    return tuple(
        (start, tuple(_rate(prices[name], start, per) for name, per in _PRICED.items()))
        for start in sorted({0, *starts}, reverse=True)
    )


def _rate(price: Any, start: float, per: int) -> float:  # noqa: ANN401  (a Decimal, or tiers of them)
    """USD for one, where a response has more than ``start`` tokens of input."""
    rate = getattr(price, "base", price)
    for tier in getattr(price, "tiers", ()):
        if tier.start <= start and start > 0:
            rate = tier.price
    return float(rate) / per

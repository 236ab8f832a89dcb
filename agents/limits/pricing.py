"""Prices of usage, offline, by ``genai-prices``; an unknown model has none.

Prices age. They are the library's data, as of its release; nothing here is fetched.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import structs

from agents.limits.library_warnings import warnings_logged
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
"""Priced quantities by the library's names, and the units per price."""

_Rates: TypeAlias = tuple[tuple[float, tuple[float, ...]], ...]
"""Above how much input of one response, in tokens, which USD for one of each kind."""

_SCRIPTED = "scripted"

ANTHROPIC = "anthropic"
MAKERS = (ANTHROPIC, "openai", "google", "x-ai")
"""Those whose models are known by name alone, as the library calls them."""

CODE_USD_AN_HOUR = 0.05
"""A container that runs code, whatever the model (docs.claude.com, pricing, read
2026-11-22); the library has no price for it."""


FAST_FACTOR = 2.0
"""Of every token's price in fast mode (docs.claude.com, read 2026-11-30)."""
ONE_COUNTRY_FACTOR = 1.1
"""Where inference is kept in one country (docs.claude.com, read 2026-11-30)."""
BATCH_FACTOR = 0.5
_ANYWHERE = frozenset({"", "global", "not_available"})


def factor_of(
    speed: str | None, inference_geo: str | None, service_tier: str | None
) -> float:
    """How many times the standard price tokens cost, as they were served.

    Args:
        speed: ``standard`` or ``fast``.
        inference_geo: ``global``, ``not_available``, or a country.
        service_tier: ``standard``, ``priority`` or ``batch``.
    """
    factor = FAST_FACTOR if speed == "fast" else 1.0
    if (inference_geo or "") not in _ANYWHERE:
        factor *= ONE_COUNTRY_FACTOR
    return factor * BATCH_FACTOR if service_tier == "batch" else factor


def cost_usd(
    model: str, usage: Usage, factor: float = 1.0, *, provider: str = ANTHROPIC
) -> float | None:
    """The cost of ``usage`` of ``model`` in USD; ``None`` where no price is known.

    Models whose name begins with ``scripted`` cost nothing.

    Args:
        model: As the API names it; platforms' forms of a name will do.
        usage: Of one request: prices may go by the size of its input.
        factor: Of the tokens' price, see :func:`factor_of`; searches and code have one.
        provider: Who is paid, as the library calls them.
    """
    if model.startswith(_SCRIPTED):
        return 0.0
    price = _price(model, provider)
    if price is None:
        return None
    rates = _rates(model, provider)
    searches = usage.web_search_requests or 0
    code = (usage.code_execution_s or 0.0) * CODE_USD_AN_HOUR / 3600
    if rates is not None:
        tokens, search = _by_rates(rates, usage)
        return tokens * factor + searches * search + code
    if not searches or factor == 1:
        return float(price(usage)) * factor + code
    alone = structs.replace(usage, web_search_requests=None)
    tokens = float(price(alone))
    return tokens * factor + float(price(usage)) - tokens + code


def is_above_bracket(model: str, usage: Usage) -> bool:
    """Whether ``usage``, as one request, is so large that tokens cost more."""
    if model.startswith(_SCRIPTED) or _price(model, ANTHROPIC) is None:
        return False
    rates = _rates(model, ANTHROPIC)
    return rates is not None and any(
        0 < above < usage.prompt_tokens for above, _ in rates
    )


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
    provider = next((p for p in MAKERS if _price(model, p) is not None), ANTHROPIC)
    without = cost_usd(model, uncached, provider=provider)
    paid = cost_usd(model, usage, provider=provider)
    return None if without is None or paid is None else without - paid


def load() -> None:
    """Import the library (0.2 s) and its data now, rather than amid a stream."""
    _rates("claude-haiku-4-5", ANTHROPIC)


def _by_rates(rates: _Rates, usage: Usage) -> tuple[float, float]:
    """The cost of all tokens, and the cost of one search, in USD."""
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
    ), rate[5]


_PLATFORM = re.compile(r"^.*\banthropic[./]|-v\d+(?::\d+)?$|\[\w+\]$")
"""Affixes that Bedrock, gateways and Claude Code put around a model's name."""


def plain_name(model: str) -> str:
    """A model's own name: ``us.anthropic.claude-opus-5-5-v1:0`` is one of Bedrock's."""
    return _PLATFORM.sub("", model)


def _listed(model: str, provider: str) -> str:
    """The name under which a provider's models are listed."""
    return plain_name(model) if provider == "anthropic" else model


@lru_cache(maxsize=256)
def _price(model: str, provider: str) -> Callable[[Usage], Decimal] | None:
    """How the library prices ``model``; it takes 0.2 ms a call."""
    import genai_prices  # noqa: PLC0415  (0.2 s, and scripts cost nothing)

    def price(usage: Usage) -> Decimal:
        with warnings_logged():
            counted: Any = genai_prices.Usage(**_counted(usage))
            calculation = genai_prices.calc_price(
                counted, _listed(model, provider), provider_id=provider
            )
        return calculation.total_price

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
def _rates(model: str, provider: str) -> _Rates | None:
    """The prices of ``model`` as rates, the dearest bracket first.

    ``None`` where the library prices something that is not counted here, or counts
    one kind as another: then it must be asked itself.
    """
    import genai_prices  # noqa: PLC0415

    with warnings_logged():
        one: Any = genai_prices.Usage(input_tokens=1)
        name = _listed(model, provider)
        priced = genai_prices.calc_price(one, name, provider_id=provider)
        prices_listed = priced.model_price
    prices = {
        name: price for name, price in vars(prices_listed).items() if price is not None
    }
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

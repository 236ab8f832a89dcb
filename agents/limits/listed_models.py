"""Models of other makers, as the price list has them: their names, context and prices.

Nothing is asked: the data is ``genai-prices``' as of its release, and what it calls
deprecated, or prices otherwise than by tokens, is left out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agents.limits.pricing import cost_usd
from agents.protocol.chunks import Usage

MILLION = 1_000_000


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model."""

    id: str
    """As a team file names it, with its provider."""
    context_tokens: int | None
    input_usd: float | None
    """For a million tokens."""
    output_usd: float | None
    cached_usd: float | None


def listed_models(provider: str, prefix: str) -> tuple[ListedModel, ...]:
    """The models of ``provider`` that answer in words.

    Args:
        provider: Who is paid, as the library calls them.
        prefix: What stands before their names in a team file.
    """
    # 0.2 s, and asked for by one command alone.
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415

    every: Any = next((p for p in get_snapshot().providers if p.id == provider), None)
    models: list[Any] = [] if every is None else list(every.models)
    listed = [
        _listed(model, provider, prefix) for model in models if not model.deprecated
    ]
    return tuple(each for each in listed if each.input_usd and each.output_usd)


def _listed(model: Any, provider: str, prefix: str) -> ListedModel:  # noqa: ANN401  (the library's)
    def usd(usage: Usage) -> float | None:
        cost = cost_usd(model.id, usage, provider=provider)
        return None if cost is None else round(cost * MILLION, 4)

    return ListedModel(
        id=f"{prefix}/{model.id}",
        context_tokens=model.context_window,
        input_usd=usd(Usage(input_tokens=1)),
        output_usd=usd(Usage(output_tokens=1)),
        cached_usd=usd(Usage(cache_read_input_tokens=1)),
    )

"""Claude's models: what is known of each without asking, and what the API's list says.

Data with a date. Prices and context windows are those of ``genai-prices``; what a model
refuses is :mod:`agents.backends.claude.model_limits`'. Pure.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from agents.backends.claude.model_limits import READ, limits_of, most_output
from agents.limits.pricing import cost_usd
from agents.protocol.chunks import Usage

NAMES = (
    "claude-fable-5-2",
    "claude-fable-5-1",
    "claude-opus-5-5",
    "claude-opus-5",
    "claude-opus-4-8",
    "claude-opus-4-7",
    "claude-opus-4-6",
    "claude-opus-4-5",
    "claude-sonnet-5-5",
    "claude-sonnet-5",
    "claude-sonnet-4-6",
    "claude-sonnet-4-5",
    "claude-haiku-5-5",
    "claude-haiku-4-5",
)
"""Those in use, by line (docs.claude.com, models overview, read 2026-11-30)."""
RETIRES = {"claude-opus-4-5": "2027-01-22", "claude-sonnet-4-5": "2026-11-30"}
"""As announced (docs.claude.com, model deprecations, read 2026-11-30)."""
MILLION = 1_000_000


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One model; ``None`` is unknown here."""

    id: str
    name: str = ""
    context_tokens: int | None = None
    """Most that it reads and writes together."""
    output_tokens: int | None = None
    """Most of one response."""
    input_usd: float | None = None
    """For a million tokens, of the smallest bracket."""
    output_usd: float | None = None
    cached_usd: float | None = None
    capabilities: tuple[str, ...] = ()
    lifecycle: str = ""
    """``active``, ``deprecated`` or ``retired``, where the API says so."""
    retires: str | None = None
    """The day, as announced."""
    source: str = f"data of {READ}"
    """Where this is from."""


def known_models() -> tuple[ModelInfo, ...]:
    """The models that are known without asking the API."""
    return tuple(
        _priced(
            ModelInfo(
                id=name,
                context_tokens=_context(name),
                output_tokens=most_output(name),
                capabilities=_thinking(name),
                retires=RETIRES.get(name),
            )
        )
        for name in NAMES
    )


def listed_model(fields: dict[str, Any]) -> ModelInfo:
    """A model as the API's list has it, with its price."""
    model = str(fields.get("id", ""))
    retires = fields.get("retires_at")
    return _priced(
        ModelInfo(
            id=model,
            name=str(fields.get("display_name") or ""),
            context_tokens=_tokens(fields.get("max_input_tokens")) or _context(model),
            output_tokens=_tokens(fields.get("max_tokens")) or most_output(model),
            capabilities=_capabilities(fields.get("capabilities")) or _thinking(model),
            lifecycle=str(fields.get("lifecycle") or ""),
            retires=str(retires)[:10] if retires else RETIRES.get(model),
            source="the API's list",
        )
    )


def _priced(model: ModelInfo) -> ModelInfo:
    one = [
        cost_usd(model.id, usage)
        for usage in (
            Usage(input_tokens=1),
            Usage(output_tokens=1),
            Usage(cache_read_input_tokens=1),
        )
    ]
    each = [None if cost is None else round(cost * MILLION, 4) for cost in one]
    return msgspec.structs.replace(
        model, input_usd=each[0], output_usd=each[1], cached_usd=each[2]
    )


def _context(model: str) -> int | None:
    """The context window that the price list names."""
    import genai_prices  # noqa: PLC0415  (0.2 s)

    try:
        calculation = genai_prices.calc_price(
            cast("Any", genai_prices.Usage(input_tokens=1)),
            model,
            provider_id="anthropic",
        )
    except LookupError:
        return None
    return calculation.model.context_window


def _thinking(model: str) -> tuple[str, ...]:
    """How it can be asked to think."""
    refused = limits_of(model).refused_thinking
    modes = [
        mode for mode in ("adaptive", "enabled", "disabled") if mode not in refused
    ]
    return (f"thinking: {', '.join(modes)}",)


def _tokens(count: object) -> int | None:
    """A number of tokens, if it is one."""
    return count if isinstance(count, int) and count > 0 else None


def _capabilities(capabilities: object) -> tuple[str, ...]:
    """The names of what is supported, as the list nests them."""
    if not isinstance(capabilities, dict):
        return ()
    names: list[str] = []
    for name, value in cast("dict[str, Any]", capabilities).items():
        fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        if value is True or fields.get("supported"):
            names.append(name)
    return tuple(names)

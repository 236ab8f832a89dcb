"""The money of a turn: its grant, and the most a request will cost. Pure.

A turn that a budget bounds has a purse. Before each try of a model call, what the call
reads (counted, or estimated from above) and what its server tools may cost is taken off
it, at the price of the model that serves; the rest is the most that the model may
write. What was really spent, by broken tries too, is paid out of it afterwards, so that
a turn never costs more than it was granted. The bill alone can tell what a server tool
reads beyond its caps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec

from agents.limits.pricing import cost_usd
from agents.protocol.chunks import (
    ResponseAbandoned,
    ResponseStarted,
    Usage,
    UsageReported,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agents.protocol.backend import Backend, Forecast, Request
    from agents.protocol.chunks import StreamChunk
    from agents.protocol.turns import Turn

BYTES_A_TOKEN = 2
"""Of text, at least: English has four, code three, Chinese two (by the counts of
docs.claude.com, token counting, read 2026-11-30)."""
HIDDEN_TOKENS = 1_000
"""Tokens that the API adds to a prompt with tools: 290 to 804 (docs.claude.com, tool
use, read 2026-11-30)."""
PICTURE_TOKENS = 5_000
"""The largest picture that is not scaled down (docs.claude.com, vision, read
2026-11-30)."""
FILE_BYTES_A_TOKEN = 20
"""Of a PDF: a page of 50 KB is some 3,000 tokens of text and picture."""
WRITTEN_CHARACTERS_A_TOKEN = 3
"""Of what a model has written: where a stream breaks off, nobody says how much that
was, and it is rather told too high."""

MILLION = 1_000_000


Price: TypeAlias = Callable[[Usage], float | None]
"""Cost of one model's usage in USD; ``None`` where that is not known."""


def price_of(backend: Backend) -> Price | None:
    """The pricing function of ``backend``; ``None``: it has none."""
    return getattr(backend, "cost_usd", None)


@dataclass(slots=True)
class Purse:
    """The rest of a turn's budget; infinite where nothing bounds it."""

    tokens: float = math.inf
    usd: float = math.inf
    output_tokens: float = math.inf

    @classmethod
    def of(cls, turn: Turn) -> Purse:
        """The purse that ``turn`` comes with."""
        most = (turn.budget_tokens, turn.budget_usd, turn.output_tokens)
        return cls(*(math.inf if each is None else each for each in most))

    @property
    def needs_forecast(self) -> bool:
        """Whether it matters what a request reads."""
        return min(self.tokens, self.usd) < math.inf

    def most_output(
        self, model: str, forecast: Forecast | None, price: Price | None = None
    ) -> int | None:
        """The most tokens that ``model`` may write; ``None``: nothing bounds it.

        Args:
            model: Who serves.
            price: What its usage costs; ``None``: as Claude's are listed.
            forecast: What the request costs beside; ``None``: that is not known.
        """
        most = self.output_tokens
        if forecast is not None:
            read = forecast.input_tokens * forecast.readings
            listed = partial(cost_usd, model, factor=forecast.factor)
            affordable = self._affordable(price or listed, forecast)
            most = min(most, self.tokens - read, affordable)
        return None if most == math.inf else math.floor(most)

    def _affordable(self, price: Price, forecast: Forecast) -> float:
        if self.usd == math.inf:
            return math.inf
        read = forecast.input_tokens
        fresh = Usage(
            cache_creation_input_tokens=read,
            cache_creation_1h_input_tokens=read if forecast.is_for_an_hour else None,
        )
        again = Usage(cache_read_input_tokens=read)
        wordy = msgspec.structs.replace(fresh, output_tokens=MILLION)
        costs = [price(each) for each in (fresh, again)]
        written = price(wordy)
        if written is None or costs[0] is None or costs[1] is None:
            return math.inf  # whoever keeps the budget takes such an agent out
        rate = (written - costs[0]) / MILLION
        left = self.usd - costs[0] - costs[1] * (forecast.readings - 1)
        left -= forecast.extras_usd
        return left / rate if rate else math.inf

    def pay(self, chunks: Iterable[StreamChunk]) -> None:
        """Take off what the responses among ``chunks`` have cost."""
        for usage, cost in _bills(chunks):
            self.tokens -= usage.total_tokens
            self.output_tokens -= usage.output_tokens
            self.usd -= cost or 0.0


def _bills(chunks: Iterable[StreamChunk]) -> list[tuple[Usage, float | None]]:
    """The last usage report of each response, with its cost."""
    bills: list[tuple[Usage, float | None]] = []
    last: tuple[Usage, float | None] | None = None
    for chunk in chunks:
        match chunk:
            case UsageReported():
                last = (chunk.usage, chunk.cost_usd)
            case ResponseStarted() | ResponseAbandoned() if last is not None:
                bills.append(last)
                last = None
            case _:
                pass
    return bills if last is None else [*bills, last]


def tokens_at_most(request: Request) -> int:
    """An upper estimate of the tokens that a model reads of ``request``."""
    contents = [message.content for message in request.messages]
    raw = (
        *contents,
        *request.attached,
        msgspec.Raw(msgspec.json.encode(request.tools)),
    )
    weights = [_weighed(msgspec.json.decode(each)) for each in raw]
    text = sum(weights) + len(request.system.encode("utf-8", "replace"))
    return HIDDEN_TOKENS + math.ceil(text / BYTES_A_TOKEN)


def _weighed(value: object) -> float:
    """The bytes of text that a model reads in a piece of JSON, or their worth."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if isinstance(value, list):
        return sum(map(_weighed, cast("list[object]", value)))
    if not isinstance(value, dict):
        return 8
    fields = cast("dict[str, Any]", value)
    kind, source = fields.get("type"), cast("object", fields.get("source"))
    if kind == "image":
        return PICTURE_TOKENS * BYTES_A_TOKEN
    if kind == "document" and isinstance(source, dict):
        data = str(cast("dict[str, Any]", source).get("data", ""))
        pages = max(PICTURE_TOKENS, len(data) / FILE_BYTES_A_TOKEN)
        return max(pages * BYTES_A_TOKEN, _weighed(data) if "text" in source else 0)
    return sum(_weighed(each) + len(key) + 4 for key, each in fields.items())

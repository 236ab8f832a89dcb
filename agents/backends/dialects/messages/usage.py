"""The bill of one response of the Messages API, from what it says of its usage.

The top level of ``usage`` is the model's own sampling. Beside it ``iterations`` has
what the top level leaves out: compaction, and the advisor's tokens at the advisor's
price (the SDK's docstring of ``BetaUsage.iterations``, 2.14.0). Tries of models that
declined, before a fallback served, stand there too and are not billed. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from agents.backends.dialects.messages.event_types import (
    ServerToolUse,
    WireIteration,
    WireUsage,
)
from agents.limits.pricing import factor_of, is_above_bracket
from agents.protocol.chunks import Usage, UsagePart, UsageReported
from agents.protocol.stamper import Stamp

Price: TypeAlias = Callable[[str, Usage, float], float | None]
"""The cost of a model's usage in USD, its tokens at so many times the standard price;
``None`` where that is not known."""

COMMITTED = "priority capacity is billed by its contract; this is the list price"
"""Where the bill alone can tell."""
NOT_APART = "its samplings are not told apart, and prices go by their size"
_FIELDS = frozenset({*WireUsage.__struct_fields__, "fallback_credit", "prompt_tokens"})
"""Fields of a usage that are read, or have no effect on the bill."""
_NOTHING = frozenset({b"null", b"0", b"0.0", b"{}", b"[]", b"false", b'""'})


class _Noted(msgspec.Struct, frozen=True):
    usage: dict[str, msgspec.Raw] | None = None


_noted: msgspec.json.Decoder[_Noted] = msgspec.json.Decoder(_Noted)
_tools_noted: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(
    dict[str, msgspec.Raw]
)
_TOOLS = frozenset(ServerToolUse.__struct_fields__)
_USUAL = frozenset({"", "standard", "global", "not_available"})


class Meter:
    """Counts one response.

    Args:
        price: What usage costs.
        model: Who was asked, until the response says who answers.
    """

    __slots__ = (
        "_factor",
        "_iterations",
        "_others",
        "_price",
        "_told",
        "_usage",
        "model",
    )

    def __init__(self, price: Price, model: str = "") -> None:
        self._price = price
        self.begin(model)

    def begin(self, model: str) -> None:
        """A response of ``model`` has begun; whatever was counted was another's."""
        self.model = model
        """The model that serves the response, as far as it has said."""
        self._usage = Usage()
        self._told = WireUsage()
        self._factor = 1.0
        self._iterations: tuple[WireIteration, ...] = ()
        self._others: dict[str, msgspec.Raw] = {}

    def note(self, raw: msgspec.Raw | bytes) -> None:
        """Keep what a message, or an event, counts that is not known here."""
        try:
            usage = _noted.decode(raw).usage
        except msgspec.ValidationError:
            return  # it is no object of counts
        for name, count in (usage or {}).items():
            if name not in _FIELDS and bytes(count) not in _NOTHING:
                self._others[name] = count
            elif name == "server_tool_use" and bytes(count) not in _NOTHING:
                self._note_tools(count)

    def _note_tools(self, counts: msgspec.Raw) -> None:
        """The same of the API's own tools: one that is new may be billed by its use."""
        try:
            used = _tools_noted.decode(counts)
        except msgspec.ValidationError:
            return
        for name, count in used.items():
            if name not in _TOOLS and bytes(count) not in _NOTHING:
                self._others[f"server_tool_use.{name}"] = count

    def count(self, counted: WireUsage) -> None:
        """Take in what the API has counted; counts are cumulative."""
        self._usage = merged(self._usage, counted)
        self._iterations = counted.iterations or self._iterations
        if counted.speed or counted.service_tier or counted.inference_geo:
            usage = self._told = WireUsage(
                speed=counted.speed or self._told.speed,
                service_tier=counted.service_tier or self._told.service_tier,
                inference_geo=counted.inference_geo or self._told.inference_geo,
            )
            self._factor = factor_of(
                usage.speed, usage.inference_geo, usage.service_tier
            )

    def report(
        self, stamp: Stamp, code_s: float | None, *, is_last: bool = False
    ) -> UsageReported:
        """Say what it comes to.

        Args:
            stamp: Of the chunk.
            code_s: Seconds of code that are charged for so far.
            is_last: Whether the response is at its end.
        """
        counted, factor = self._told, self._factor
        own = replace(self._usage, code_execution_s=code_s) if code_s else self._usage
        parts = self._parts(own, factor) if self._iterations else ()
        usage, cost = own, None
        if parts:
            usage = sum((part.usage for part in parts), Usage())
            costs = [part.cost_usd for part in parts]
            known = [each for each in costs if each is not None]
            cost = sum(known) if len(known) == len(costs) else None
        else:
            cost = self._price(self.model, own, factor)
        estimated = ""
        if counted.service_tier == "priority":
            estimated = COMMITTED
        elif not parts and _has_searched(own) and is_above_bracket(self.model, own):
            estimated = NOT_APART
        return UsageReported(
            **stamp,
            model=self.model,
            usage=usage,
            cost_usd=cost,
            parts=_apart(parts) if parts else msgspec.UNSET,
            speed=_unusual(counted.speed),
            service_tier=_unusual(counted.service_tier),
            inference_geo=_unusual(counted.inference_geo),
            estimated=estimated or msgspec.UNSET,
            others=self._others if self._others and is_last else msgspec.UNSET,
        )

    def _parts(self, own: Usage, factor: float) -> tuple[UsagePart, ...]:
        """The billed parts, each model's sampling at its own price."""
        served = [x for x in self._iterations if x.type == "fallback_message"]
        if served and served[-1].model:
            self.model = served[-1].model
        messages: list[UsagePart] = []
        extras: list[UsagePart] = []
        for each in self._iterations:
            is_message = each.type in {"message", "fallback_message"}
            model = each.model or self.model
            if is_message and model != self.model:
                continue  # it declined, and is not billed
            usage = merged(Usage(), each)
            part = UsagePart(of=each.type, model=model, usage=usage)
            (messages if is_message else extras).append(part)
        counted = sum((part.usage for part in messages), Usage())
        if counted.total_tokens == own.total_tokens and messages:
            # Each is a request of its own, and prices may go by its size; what has no
            # counter there (searches, thinking, code) is the last one's.
            last = messages[-1].usage
            messages[-1] = replace(
                messages[-1],
                usage=replace(
                    last,
                    thinking_tokens=own.thinking_tokens,
                    web_search_requests=own.web_search_requests,
                    web_fetch_requests=own.web_fetch_requests,
                    code_execution_s=own.code_execution_s,
                ),
            )
        else:
            messages = [UsagePart(of="message", model=self.model, usage=own)]
        return tuple(
            replace(part, cost_usd=self._price(part.model, part.usage, factor))
            for part in (*messages, *extras)
        )


def _has_searched(usage: Usage) -> bool:
    return bool(usage.web_search_requests or usage.web_fetch_requests)


def _apart(
    parts: tuple[UsagePart, ...],
) -> tuple[UsagePart, ...] | msgspec.UnsetType:
    """The parts to report: none, where one model did it all in plain samplings."""
    is_plain = len({part.model for part in parts}) == 1
    has_extras = any(part.of != "message" for part in parts)
    return msgspec.UNSET if is_plain and not has_extras else parts


def _unusual(served: str | None) -> str | msgspec.UnsetType:
    return msgspec.UNSET if (served or "") in _USUAL else served or ""


def merged(usage: Usage, counted: WireUsage | WireIteration) -> Usage:
    """``usage`` overwritten by what was counted since; counts are cumulative.

    Gateways end with zeros for what they do not count: they take nothing back. Where
    the end has counted at least as much input as the start, all of it is believed,
    because some count at the end as plain input what was read from the cache.
    """
    hour = counted.cache_creation and counted.cache_creation.ephemeral_1h_input_tokens
    read = (
        (counted.input_tokens or 0)
        + (counted.cache_read_input_tokens or 0)
        + (counted.cache_creation_input_tokens or 0)
    )
    is_recount = read >= usage.prompt_tokens

    thinking, searches, fetches = (
        usage.thinking_tokens,
        usage.web_search_requests,
        usage.web_fetch_requests,
    )
    if isinstance(counted, WireUsage):
        if (details := counted.output_tokens_details) is not None:
            thinking = _counted(thinking, details.thinking_tokens)
        if (used := counted.server_tool_use) is not None:
            searches = _counted(searches, used.web_search_requests)
            fetches = _counted(fetches, used.web_fetch_requests)
    return Usage(
        input_tokens=_counted(
            usage.input_tokens, counted.input_tokens, is_recount=is_recount
        )
        or 0,
        output_tokens=_counted(usage.output_tokens, counted.output_tokens) or 0,
        cache_read_input_tokens=_counted(
            usage.cache_read_input_tokens,
            counted.cache_read_input_tokens,
            is_recount=is_recount,
        ),
        cache_creation_input_tokens=_counted(
            usage.cache_creation_input_tokens,
            counted.cache_creation_input_tokens,
            is_recount=is_recount,
        ),
        cache_creation_1h_input_tokens=_counted(
            usage.cache_creation_1h_input_tokens, hour, is_recount=is_recount
        ),
        thinking_tokens=thinking,
        web_search_requests=searches,
        web_fetch_requests=fetches,
        code_execution_s=usage.code_execution_s,
    )


def _counted(
    old: int | None, new: int | None, *, is_recount: bool = False
) -> int | None:
    """A count after another: zero takes nothing back, unless all is counted anew.

    Less than nothing is no count.
    """
    is_count = new is not None and new >= 0
    return new if is_count and (new or not old or is_recount) else old

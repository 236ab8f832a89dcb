"""Metrics: how long things take and how many tokens they cost."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agents.tracing import names

if TYPE_CHECKING:
    from opentelemetry.metrics import Counter, Histogram, Meter

    from agents.protocol.chunks import Usage

SCOPE = "massgen-coordinator"


class Instruments:
    """The instruments of one program.

    Args:
        meter: Where they are made.
        profile: How they are called.
    """

    def __init__(self, meter: Meter, profile: names.Profile) -> None:
        self._meter = meter
        self._profile = profile
        self.call = self._seconds(profile.duration, "One model call, tries apart.")
        self.first_chunk = self._seconds(profile.first_chunk, "Until its first chunk.")
        self.workflow = self._seconds(names.WORKFLOW_S, "One session.")
        self.agent = self._seconds(names.AGENT_S, "One turn of an agent.")
        self.tool = self._seconds(names.TOOL_S, "One call of a tool.")
        self._tokens: Histogram | None = None
        self._counters: dict[str, Counter] = {}
        if profile.token_histogram is not None:
            self._tokens = meter.create_histogram(
                profile.token_histogram,
                unit="{token}",
                description="Tokens of one model call.",
                explicit_bucket_boundaries_advisory=names.TOKENS,
            )

    def _seconds(self, name: str, what: str) -> Histogram:
        return self._meter.create_histogram(
            name,
            unit="s",
            description=what,
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )

    def count(self, usage: Usage, attributes: dict[str, str]) -> None:
        """Book what one call has cost."""
        if self._tokens is not None:
            for kind, tokens in (
                ("input", usage.prompt_tokens),
                ("output", usage.output_tokens),
            ):
                self._tokens.record(tokens, {**attributes, names.TOKEN_TYPE: kind})
            return
        for name, tokens in (
            ("input_tokens", usage.prompt_tokens),
            ("output_tokens", usage.output_tokens),
            ("cache_read.input_tokens", usage.cache_read_input_tokens),
            ("cache_write.input_tokens", usage.cache_creation_input_tokens),
            ("reasoning.output_tokens", usage.thinking_tokens),
        ):
            if tokens:
                self._counter(names.COUNTERS + name).add(tokens, attributes)

    def _counter(self, name: str) -> Counter:
        if name not in self._counters:
            self._counters[name] = self._meter.create_counter(name, unit="{token}")
        return self._counters[name]


def instruments_of(profile: names.Profile) -> Instruments | None:
    """The program's, where it has set a provider of meters."""
    api = sys.modules.get("opentelemetry.metrics")
    if api is None:
        return None
    provider = api.get_meter_provider()
    if type(provider).__module__.startswith("opentelemetry.metrics"):
        return None  # the API's own, which do nothing
    return Instruments(provider.get_meter(SCOPE), profile)

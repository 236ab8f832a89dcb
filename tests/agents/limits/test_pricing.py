"""The cost of usage, by the library's data; unknown is never zero."""

from __future__ import annotations

from typing import Any

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.limits.pricing import cost_usd
from agents.protocol.chunks import Usage

MODEL = "claude-opus-5-5"


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(input_tokens=1_000), 0.004),
        (Usage(output_tokens=1_000), 0.020),
        (Usage(cache_read_input_tokens=1_000), 0.0002),
        (Usage(cache_creation_input_tokens=1_000), 0.005),
        (
            Usage(
                cache_creation_input_tokens=1_000, cache_creation_1h_input_tokens=1_000
            ),
            0.008,
        ),
        (Usage(web_search_requests=3), 0.03),
        (Usage(), 0.0),
    ],
)
def test_each_kind_of_usage_has_its_own_price(usage: Usage, usd: float) -> None:
    assert cost_usd(MODEL, usage) == pytest.approx(usd)


def test_kinds_of_usage_add_up() -> None:
    usage = Usage(input_tokens=500, output_tokens=100, cache_read_input_tokens=2_000)
    assert cost_usd(MODEL, usage) == pytest.approx(0.002 + 0.002 + 0.0004)


@pytest.mark.parametrize("model", ["claude-opus-9-9", "gpt-4o", "", "llama"])
def test_a_model_that_the_library_does_not_know_has_no_price(model: str) -> None:
    assert cost_usd(model, Usage(input_tokens=1)) is None


def test_what_is_scripted_costs_nothing() -> None:
    assert cost_usd("scripted", Usage(output_tokens=1_000_000)) == 0.0


COUNTS = st.integers(0, 300_000)


@given(
    model=st.sampled_from(
        ["claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-4-5", "claude-2"]
    ),
    fresh=COUNTS,
    read=COUNTS,
    written=COUNTS,
    for_an_hour=COUNTS,
    out=COUNTS,
    searches=st.integers(0, 50),
)
def test_rates_give_what_the_library_asks(
    *,
    model: str,
    fresh: int,
    read: int,
    written: int,
    for_an_hour: int,
    out: int,
    searches: int,
) -> None:
    for_an_hour = min(for_an_hour, written)
    usage = Usage(
        input_tokens=fresh,
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        cache_creation_1h_input_tokens=for_an_hour,
        output_tokens=out,
        web_search_requests=searches,
    )
    counted: Any = genai_prices.Usage(
        input_tokens=fresh + read + written,
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=for_an_hour,
        output_tokens=out,
        web_searches=searches,
    )
    asked = genai_prices.calc_price(counted, model, provider_id="anthropic")
    assert cost_usd(model, usage) == pytest.approx(float(asked.total_price))


@pytest.mark.parametrize(
    "name",
    [
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
        "claude-sonnet-4-5@20250929",
        "anthropic/claude-sonnet-4-5",
        "claude-sonnet-4-5[1m]",
    ],
)
def test_a_platforms_name_of_a_model_has_the_models_price(name: str) -> None:
    usage = Usage(input_tokens=1_000, output_tokens=10)
    assert cost_usd(name, usage) == cost_usd("claude-sonnet-4-5", usage)

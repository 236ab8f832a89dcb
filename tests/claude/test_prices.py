"""What usage costs, by the library's data; unknown is never zero."""

from __future__ import annotations

import pytest

from agents.chunks import Usage
from agents.prices import cost_usd

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

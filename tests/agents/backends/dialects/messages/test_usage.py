"""The reported usage of one response is the billed one, in every shape it has.

The oracle is a count by hand over the raw events, which shares nothing with the reader;
on the recordings it is compared with what each real stream is told to cost.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.backends.dialects.messages.event_types import WireUsage
from agents.backends.dialects.messages.reader import Translator
from agents.backends.dialects.messages.usage import Meter
from agents.errors import BackendUnavailable
from agents.limits.pricing import cost_usd
from agents.protocol.chunks import AgentId, TurnNumber, Usage, UsageReported
from agents.protocol.stamper import Pen
from tests.agents.backends.dialects.messages.mutations import RECORDINGS

STREAMS = RECORDINGS if RECORDINGS.name == "streams" else RECORDINGS / "streams"

PRICES = {
    # USD for a million: input, output, cache read, cache write of 5 min and of 1 h
    # (docs.claude.com, pricing, read 2026-11-30).
    "claude-fable-5": (10, 50, 1.0, 12.5, 20),
    "claude-opus-5-5": (4, 20, 0.2, 5, 8),
    "claude-opus-5": (5, 25, 0.5, 6.25, 10),
    "claude-opus-4-8": (5, 25, 0.5, 6.25, 10),
    "claude-opus-4-7": (5, 25, 0.5, 6.25, 10),
    "claude-opus-4-6": (5, 25, 0.5, 6.25, 10),
    "claude-opus-4-5": (5, 25, 0.5, 6.25, 10),
    "claude-opus-4-1": (15, 75, 1.5, 18.75, 30),
    "claude-opus-4": (15, 75, 1.5, 18.75, 30),
    "claude-sonnet-5-5": (2, 10, 0.1, 2.5, 4),
    "claude-sonnet-5": (2, 10, 0.2, 2.5, 4),
    "claude-sonnet-4": (3, 15, 0.3, 3.75, 6),
    "claude-3-7-sonnet": (3, 15, 0.3, 3.75, 6),
    "claude-3-5-sonnet": (3, 15, 0.3, 3.75, 6),
    "claude-haiku-4-5": (1, 5, 0.1, 1.25, 2),
    "claude-3-5-haiku": (0.8, 4, 0.08, 1, 1.6),
    "claude-3-haiku": (0.25, 1.25, 0.03, 0.3, 0.5),
    "claude-3-opus": (15, 75, 1.5, 18.75, 30),
    "claude-3-sonnet": (3, 15, 0.3, 3.75, 6),
}
LARGE = {"claude-sonnet-4": (200_000, 2, 1.5), "claude-haiku-5-5": (100_000, 5, 5)}
"""Above so much input a request costs so many times as much, input and output."""
SEARCH_USD = 0.01


def rates(model: str) -> tuple[float, ...] | None:
    known = [name for name in PRICES if model.startswith(name)]
    return PRICES[max(known, key=len)] if known else None


def _part(of: dict[str, Any], name: str) -> dict[str, Any]:
    return of.get(name) or {}


def by_hand(events: list[dict[str, Any]]) -> tuple[int, float | None]:
    """All tokens that a stream is billed for, and USD; ``None``: no price here."""
    usage: dict[str, Any] = {}
    model = ""
    for event in events:
        if event.get("type") == "message_start":
            model = event["message"].get("model") or ""
            usage = dict(event["message"].get("usage") or {})
        elif _part(event, "content_block").get("type") == "fallback":
            model = event["content_block"]["to"]["model"]
        elif event.get("type") == "message_delta":
            told: dict[str, Any] = event.get("usage") or {}
            usage |= {k: v for k, v in told.items() if v}
    bills = [(model, usage)]
    iterations = usage.get("iterations") or ()
    if any(x["type"] == "fallback_message" for x in iterations):
        bills = [(x["model"], x) for x in iterations if x["type"] == "fallback_message"]
    bills += [
        (x.get("model") or model, x)
        for x in iterations
        if x["type"] in ("compaction", "advisor_message")
    ]
    searches = _part(usage, "server_tool_use").get("web_search_requests") or 0
    tokens, usd = 0, searches * SEARCH_USD
    for who, bill in bills:
        fresh, out = bill.get("input_tokens") or 0, bill.get("output_tokens") or 0
        read = bill.get("cache_read_input_tokens") or 0
        written = bill.get("cache_creation_input_tokens") or 0
        creation = _part(bill, "cache_creation")
        hour = creation.get("ephemeral_1h_input_tokens") or 0
        tokens += fresh + out + read + written
        price = rates(who)
        if price is None:
            return tokens, None
        above, more, more_out = next(
            (LARGE[x] for x in LARGE if who.startswith(x)), (10**9, 1, 1)
        )
        if fresh + read + written <= above:
            more = more_out = 1
        counts = (fresh, out, read, written - hour, hour)
        times = (more, more_out, more, more, more)
        usd += sum(map(prod, zip(counts, price, times, strict=True))) / 1e6
    return tokens, usd


def events_of(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in path.read_bytes().decode("utf-8", "replace").splitlines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data.startswith("{"):
            try:
                found.append(json.loads(data))
            except ValueError:
                continue
    return found


def reports(events: list[dict[str, Any]]) -> list[UsageReported]:
    translator = Translator(Pen(AgentId("ada"), TurnNumber(1), 0.0), cost_usd)
    raw = [(b"", json.dumps(event).encode()) for event in events]
    said = translator.translate(raw)
    return [chunk for chunk in said if isinstance(chunk, UsageReported)]


@pytest.mark.skipif(
    not STREAMS.is_dir(), reason=f"NO RECORDINGS at {STREAMS}: no cost was compared"
)
def test_every_recorded_stream_costs_what_a_count_by_hand_comes_to() -> None:
    compared = 0
    for path in sorted(STREAMS.glob("*.sse")):
        events = events_of(path)
        starts = [x for x in events if x.get("type") == "message_start"]
        if len(starts) != 1:
            continue
        told = reports(events)
        if not told:
            continue
        tokens, usd = by_hand(events)
        assert told[-1].usage.total_tokens == tokens, path.name
        if usd is not None and told[-1].cost_usd is not None:
            assert told[-1].cost_usd == pytest.approx(usd), path.name
            compared += 1
    assert compared > 400


def start(model: Any = "claude-opus-5-5", **usage: Any) -> dict[str, Any]:
    counted = {"input_tokens": 1_000, "output_tokens": 1, **usage}
    content: list[Any] = []
    message = {"model": model, "content": content, "usage": counted}
    return {"type": "message_start", "message": message}


def end(**usage: Any) -> dict[str, Any]:
    delta = {"stop_reason": "end_turn"}
    return {"type": "message_delta", "delta": delta, "usage": usage}


def iteration(of: str, given: int, out: int, **more: Any) -> dict[str, Any]:
    return {"type": of, "input_tokens": given, "output_tokens": out, **more}


def test_compaction_and_the_advisor_are_counted_at_their_own_prices() -> None:
    told = reports(
        [
            start(),
            end(
                input_tokens=1_000,
                output_tokens=100,
                iterations=[
                    iteration("compaction", 60_000, 500),
                    iteration("message", 600, 60),
                    iteration("advisor_message", 2_000, 20, model="claude-fable-5-1"),
                    iteration("message", 400, 40),
                ],
            ),
        ]
    )[-1]
    assert told.usage.input_tokens == 63_000
    assert told.usage.output_tokens == 620
    own = (1_000 * 4 + 100 * 20) / 1e6
    compaction = (60_000 * 4 + 500 * 20) / 1e6
    advisor = (2_000 * 10 + 20 * 50) / 1e6
    assert told.cost_usd == pytest.approx(own + compaction + advisor)
    assert [(part.of, part.model) for part in told.parts or ()] == [
        ("message", "claude-opus-5-5"),
        ("message", "claude-opus-5-5"),
        ("compaction", "claude-opus-5-5"),
        ("advisor_message", "claude-fable-5-1"),
    ]


def test_a_fallback_is_billed_at_its_price_and_declined_tries_are_not() -> None:
    block = {"type": "fallback", "to": {"model": "claude-haiku-4-5"}}
    told = reports(
        [
            start("claude-opus-4-5", input_tokens=100_000),
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_stop", "index": 0},
            end(
                input_tokens=100_000,
                output_tokens=10_000,
                iterations=[
                    iteration("message", 99_000, 0, model="claude-opus-4-5"),
                    iteration(
                        "fallback_message", 100_000, 10_000, model="claude-haiku-4-5"
                    ),
                ],
            ),
        ]
    )[-1]
    assert told.model == "claude-haiku-4-5"
    assert told.usage.total_tokens == 110_000
    assert told.cost_usd == pytest.approx(0.15)


def test_a_fallback_without_iterations_is_billed_as_the_model_that_served() -> None:
    block = {"type": "fallback", "to": {"model": "claude-haiku-4-5"}}
    told = reports(
        [
            start("claude-opus-4-5", input_tokens=100_000),
            {"type": "content_block_start", "index": 0, "content_block": block},
            end(input_tokens=100_000, output_tokens=10_000),
        ]
    )[-1]
    assert (told.model, told.cost_usd) == ("claude-haiku-4-5", pytest.approx(0.15))


@pytest.mark.parametrize(
    ("served", "times"),
    [
        ({"speed": "fast"}, 2.0),
        ({"speed": "standard"}, 1.0),
        ({"inference_geo": "us"}, 1.1),
        ({"inference_geo": "global"}, 1.0),
        ({"inference_geo": "not_available"}, 1.0),
        ({"speed": "fast", "inference_geo": "us"}, 2.2),
        ({"service_tier": "batch"}, 0.5),
        ({"service_tier": "standard", "speed": None}, 1.0),
    ],
)
def test_tokens_cost_what_they_were_served_as_and_searches_do_not(
    served: dict[str, Any], times: float
) -> None:
    used = {"web_search_requests": 3}
    told = reports([start(**served), end(output_tokens=100, server_tool_use=used)])[-1]
    assert told.cost_usd == pytest.approx(times * 0.006 + 0.03)


def test_priority_capacity_is_said_to_be_an_estimate() -> None:
    told = reports([start(service_tier="priority"), end(output_tokens=100)])[-1]
    assert told.service_tier == "priority"
    assert "by its contract" in str(told.estimated)


def test_each_sampling_has_its_own_bracket() -> None:
    # Haiku 5.5 costs five times as much above 100,000 tokens of input; the loop of a
    # server tool is two requests of 60,000, not one of 120,000.
    both = [iteration("message", 60_000, 10), iteration("message", 60_000, 10)]
    told = reports(
        [
            start("claude-haiku-5-5", input_tokens=60_000),
            end(input_tokens=120_000, output_tokens=20, iterations=both),
        ]
    )[-1]
    assert told.cost_usd == pytest.approx((120_000 * 0.1 + 20 * 0.5) / 1e6)
    large = reports([start("claude-haiku-5-5", input_tokens=120_000)])[-1]
    assert large.estimated is msgspec.UNSET
    assert large.cost_usd == pytest.approx((120_000 * 0.5 + 1 * 2.5) / 1e6)


def test_samplings_that_are_not_told_apart_are_priced_as_one_and_said_to_be() -> None:
    used = {"web_search_requests": 3}
    ended = end(input_tokens=120_000, output_tokens=1, server_tool_use=used)
    told = reports([start("claude-haiku-5-5", input_tokens=60_000), ended])[-1]
    assert "not told apart" in str(told.estimated)
    small = end(input_tokens=90_000, output_tokens=1, server_tool_use=used)
    told = reports([start("claude-haiku-5-5", input_tokens=60_000), small])[-1]
    assert told.estimated is msgspec.UNSET


def test_cache_writes_are_priced_by_their_life() -> None:
    life = {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 300}
    told = reports([start(cache_creation_input_tokens=400, cache_creation=life)])[-1]
    assert told.cost_usd == pytest.approx(
        (1_000 * 4 + 1 * 20 + 100 * 5 + 300 * 8) / 1e6
    )


@pytest.mark.parametrize(
    "zeros",
    [
        {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 7},
        {"input_tokens": 0, "output_tokens": 7},
        {"input_tokens": None, "cache_read_input_tokens": None, "output_tokens": 7},
        {"output_tokens": 7, "cache_creation": None, "server_tool_use": None},
    ],
)
def test_zeros_and_nulls_of_gateways_take_nothing_back(zeros: dict[str, Any]) -> None:
    counted = {"input_tokens": 5_000, "cache_read_input_tokens": 90_000}
    told = reports([start(**counted), end(**zeros)])[-1].usage
    assert (told.input_tokens, told.cache_read_input_tokens) == (5_000, 90_000)
    assert told.output_tokens == 7


def test_a_zero_at_the_end_does_not_take_back_what_was_written() -> None:
    told = reports([start(output_tokens=40), end(output_tokens=0)])[-1]
    assert told.usage.output_tokens == 40


def test_what_the_end_counts_in_full_is_not_added_to_the_start() -> None:
    # A gateway that says at the end that nothing was read from the cache after all.
    counted = {"input_tokens": 5_000, "cache_read_input_tokens": 90_000}
    ended = {"input_tokens": 95_000, "cache_read_input_tokens": 0, "output_tokens": 7}
    told = reports([start(**counted), end(**ended)])[-1].usage
    assert told.prompt_tokens == 95_000


def test_iterations_of_a_new_kind_are_billed_as_their_model() -> None:
    new = iteration("reviewer_message", 1_000, 10, model="claude-haiku-4-5")
    told = reports([start(), end(output_tokens=1, iterations=[new])])[-1]
    assert told.usage.input_tokens == 2_000
    assert told.cost_usd == pytest.approx((1_000 * 4 + 20 + 1_000 * 1 + 10 * 5) / 1e6)


def test_one_unknown_price_makes_the_sum_unknown() -> None:
    advisor = iteration("advisor_message", 10, 10, model="somebody-elses")
    told = reports([start(), end(output_tokens=1, iterations=[advisor])])[-1]
    assert told.cost_usd is None
    assert told.usage.input_tokens == 1_010


def test_what_came_in_the_same_read_as_an_error_is_told() -> None:
    translator = Translator(Pen(AgentId("ada"), TurnNumber(1), 0.0), cost_usd)
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
    raw = [(b"", json.dumps(event).encode()) for event in (start(), error)]
    said = translator.translate(raw)
    assert [chunk.seq for chunk in said] == [0, 1]
    assert isinstance(said[-1], UsageReported)
    for ask_on in (translator.check, translator.finish):
        with pytest.raises(BackendUnavailable, match="Busy"):
            ask_on()
    with pytest.raises(BackendUnavailable, match="Busy"):
        translator.translate([])


def test_code_is_priced_beside_the_tokens() -> None:
    meter = Meter(cost_usd)
    meter.begin("claude-opus-5-5")
    meter.count(WireUsage(input_tokens=1_000))
    pen = Pen(AgentId("ada"), TurnNumber(1), 0.0)
    told = meter.report(pen.stamp(), 3600.0)
    assert told.usage == Usage(input_tokens=1_000, code_execution_s=3600.0)
    assert told.cost_usd == pytest.approx(0.004 + 0.05)


JUNK: list[dict[str, Any]] = [
    {"server_tool_use": []},
    {"cache_creation": 5},
    {"iterations": [None, 5, {"type": None}]},
    {"iterations": "none"},
    {"speed": 1, "service_tier": {}, "inference_geo": []},
    {"output_tokens_details": "x"},
]


@pytest.mark.parametrize("junk", JUNK)
def test_what_cannot_be_read_of_a_usage_costs_no_other_count(
    junk: dict[str, Any],
) -> None:
    reported = reports([start(), end(output_tokens=500, **junk)])[-1]
    assert reported.usage.output_tokens == 500


def test_less_than_nothing_is_no_count() -> None:
    reported = reports([start(), end(output_tokens=-3, input_tokens=-7)])[-1]
    assert (reported.usage.input_tokens, reported.usage.output_tokens) == (1_000, 1)

"""The budget of a turn: never exceeded, whatever breaks on the way."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.limits.pricing import cost_usd, load
from agents.limits.turn_budget import HIDDEN_TOKENS, Purse, tokens_at_most
from agents.protocol.backend import Forecast, Message, Request
from agents.protocol.chunks import (
    AgentId,
    ResponseAbandoned,
    ResponseStarted,
    StreamChunk,
    TurnNumber,
    Usage,
    UsageReported,
)
from agents.protocol.stamper import Pen
from agents.protocol.turns import Draft, Turn

load()  # takes longer than an example may
MODELS = (
    "claude-opus-5-5",
    "claude-haiku-5-5",
    "claude-fable-5-2",
    "claude-sonnet-4-5",
)


def turn(**more: Any) -> Turn:
    return Turn(
        agent=AgentId("ada"),
        number=TurnNumber(1),
        question="q",
        task=Draft(),
        **more,
    )


def test_a_turn_without_a_budget_is_bounded_by_nothing() -> None:
    purse = Purse.of(turn())
    assert not purse.needs_forecast
    assert purse.most_output("claude-opus-5-5", None) is None


def test_what_is_read_is_taken_off_what_may_be_written() -> None:
    purse = Purse.of(turn(budget_tokens=3_000))
    assert purse.needs_forecast
    assert purse.most_output("claude-opus-5-5", Forecast(1_000)) == 2_000
    assert purse.most_output("claude-opus-5-5", Forecast(1_000, readings=2)) == 1_000


def test_no_room_is_no_limit_of_nothing() -> None:
    purse = Purse.of(turn(output_tokens=1_000))
    purse.output_tokens -= 1_001
    assert purse.most_output("claude-opus-5-5", None) == -1


@given(
    model=st.sampled_from(MODELS),
    usd=st.floats(0.001, 5),
    read=st.integers(0, 300_000),
    readings=st.integers(1, 11),
    extras_usd=st.floats(0, 0.2),
    factor=st.sampled_from([1.0, 2.0, 1.1]),
    is_for_an_hour=st.booleans(),
    cached=st.floats(0, 1),
)
def test_no_answer_of_the_length_allowed_costs_more_than_there_is(
    *,
    model: str,
    usd: float,
    read: int,
    readings: int,
    extras_usd: float,
    factor: float,
    is_for_an_hour: bool,
    cached: float,
) -> None:
    purse = Purse.of(turn(budget_usd=usd))
    forecast = Forecast(read, readings, extras_usd, factor, is_for_an_hour)
    most = purse.most_output(model, forecast)
    assert most is not None
    if most <= 0:
        return
    from_cache = math.floor(read * cached)
    written = read - from_cache
    usage = Usage(
        cache_read_input_tokens=from_cache,
        cache_creation_input_tokens=written,
        cache_creation_1h_input_tokens=written if is_for_an_hour else None,
        output_tokens=most,
    )
    again = Usage(cache_read_input_tokens=read)
    cost = cost_usd(model, usage, factor)
    assert cost is not None
    cost += (readings - 1) * (cost_usd(model, again, factor) or 0.0) + extras_usd
    assert cost <= usd * (1 + 1e-9)


def said(*usages: Usage | None) -> list[StreamChunk]:
    """Responses of one turn, each with reports; ``None`` abandons the one before."""
    pen = Pen(AgentId("ada"), TurnNumber(1), 0.0)
    chunks: list[StreamChunk] = []
    for usage in usages:
        if usage is None:
            stamp = pen.stamp()
            chunks.append(ResponseAbandoned(**stamp, reason="broke", retry_in_s=0.0))
            continue
        message = msgspec.Raw(b"{}")
        chunks.append(ResponseStarted(**pen.stamp(), model="m", message=message))
        for count in (1, usage.output_tokens):
            told = msgspec.structs.replace(usage, output_tokens=count)
            chunks.append(
                UsageReported(**pen.stamp(), model="m", usage=told, cost_usd=0.1)
            )
    return chunks


def test_each_response_is_paid_for_once_also_if_it_broke_off() -> None:
    purse = Purse(tokens=10_000, usd=1.0, output_tokens=1_000)
    usage = Usage(input_tokens=1_000, output_tokens=100)
    purse.pay(said(usage, None, usage, usage))
    assert (purse.tokens, purse.output_tokens) == (6_700, 700)
    assert purse.usd == pytest.approx(0.7)


@given(st.text(max_size=400))
def test_the_estimate_of_a_text_is_from_above(text: str) -> None:
    content = msgspec.Raw(msgspec.json.encode([{"type": "text", "text": text}]))
    request = Request(turn=turn(), messages=(Message(role="user", content=content),))
    assert tokens_at_most(request) >= HIDDEN_TOKENS + len(text) / 2


def test_pictures_and_files_are_not_counted_by_their_bytes() -> None:
    data = "A" * 4_000_000
    source = {"type": "base64", "media_type": "image/png", "data": data}
    blocks = [{"type": "image", "source": source}]
    content = msgspec.Raw(msgspec.json.encode(blocks))
    request = Request(turn=turn(), messages=(Message(role="user", content=content),))
    assert tokens_at_most(request) < 10_000
    blocks = [{"type": "document", "source": {**source, "media_type": "x/pdf"}}]
    content = msgspec.Raw(msgspec.json.encode(blocks))
    request = Request(turn=turn(), messages=(Message(role="user", content=content),))
    assert 100_000 < tokens_at_most(request) < 500_000

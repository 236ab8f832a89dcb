"""Whatever bytes come in any dialect: chunks that can be used, or one clear error.

Seeded: a failure names its seed, and the seed alone repeats it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.backends.dialects.decoder import Dialect
from agents.protocol.chunks import ResponseEnded
from tests.agents.backends.dialects.messages.mutations import check as messages_check
from tests.agents.backends.dialects.messages.mutations import mutated, seeded
from tests.agents.backends.dialects.stream_mutations import (
    WRITTEN,
    check,
    chunks_of,
    seeds,
)

CASES = 2_000
"""Millions were run once: tests/bench/mutate_streams.py --dialect."""


@pytest.mark.parametrize("dialect", WRITTEN)
def test_the_unharmed_stream_is_an_answer(dialect: Dialect) -> None:
    said, error = chunks_of(WRITTEN[dialect], dialect, 65_536)
    assert error is None
    assert isinstance(said[-1], ResponseEnded)


@pytest.mark.parametrize("dialect", WRITTEN)
def test_a_mutated_stream_gives_chunks_or_one_clear_error(dialect: Dialect) -> None:
    streams = seeds(dialect)
    for case in range(CASES):
        random = seeded(case)
        stream = mutated(random.choice(streams), random)
        try:
            check(stream, dialect, random)
        except Exception as error:
            error.add_note(f"seed {case}: {stream!r}")
            raise


@pytest.mark.parametrize("dialect", WRITTEN)
def test_counts_below_nothing_are_nothing(dialect: Dialect) -> None:
    counted = WRITTEN[dialect]
    for name in (b"input_tokens", b"prompt_tokens", b"promptTokenCount"):
        counted = counted.replace(b'"' + name + b'": 9', b'"' + name + b'": -9')
    for name in (b"output_tokens", b"completion_tokens", b"candidatesTokenCount"):
        counted = counted.replace(b'"' + name + b'": 5', b'"' + name + b'": -5')
    assert counted != WRITTEN[dialect]
    assert check(counted, dialect, seeded(1)) is None


def test_an_item_below_the_first_that_nobody_ends_is_one_clear_error() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f"}
    end: dict[str, Any] = {"status": "completed", "output": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "r", "model": "m"}},
        {"type": "response.output_item.added", "output_index": -1, "item": item},
        {"type": "response.completed", "response": end},
    ]
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    check(stream, "responses", seeded(1))


BRACKETS = "[" * 3_000


def _partial(path: str) -> dict[str, Any]:
    piece = {"jsonPath": path, "stringValue": "x", "willContinue": True}
    return {"functionCall": {"name": "f", "partialArgs": [piece], "willContinue": True}}


@pytest.mark.parametrize(
    ("dialect", "event"),
    [
        ("gemini", {"codeExecutionResult": {"outcome": [], "output": "1"}}),
        ("gemini", {"codeExecutionResult": {"outcome": {}, "output": "1"}}),
        ("gemini", _partial(f"$.location{BRACKETS}")),
        ("gemini", _partial("$.location[999999999]")),
    ],
)
def test_what_a_campaign_has_found_is_usable_or_one_clear_error(
    dialect: Dialect, event: dict[str, Any]
) -> None:
    parts = {"candidates": [{"content": {"role": "model", "parts": [event]}}]}
    end = {"candidates": [{"finishReason": "STOP"}]}
    stream = "".join(f"data: {json.dumps(each)}\n\n" for each in (parts, end))
    check(stream.encode(), dialect, seeded(1))


def test_a_finish_message_of_any_length_is_cut() -> None:
    end = {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": BRACKETS}
    stream = f"data: {json.dumps({'candidates': [end]})}\n\n"
    assert check(stream.encode(), "gemini", seeded(1)) is not None


def test_what_a_body_said_before_it_broke_off_is_cut() -> None:
    told = json.dumps({"type": BRACKETS})
    stream = f"event: message_stop\ndata: {told}\n\n"
    error = messages_check(stream.encode(), seeded(1))
    assert error is not None
    assert len(error) < 1_000

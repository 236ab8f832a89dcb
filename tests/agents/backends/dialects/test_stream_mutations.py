"""Whatever bytes come in any dialect: chunks that can be used, or one clear error.

Seeded: a failure names its seed, and the seed alone repeats it.
"""

from __future__ import annotations

import pytest

from agents.backends.dialects.decoder import Dialect
from agents.protocol.chunks import ResponseEnded
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

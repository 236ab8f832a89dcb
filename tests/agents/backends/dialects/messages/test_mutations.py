"""Whatever bytes come, there are chunks that can be used, or one clear error.

Seeded: a failure names its seed, and the seed alone repeats it. Real streams are
mutated where the recordings are at hand, and one written here in any case.
"""

from __future__ import annotations

import pytest

from agents.protocol.chunks import ResponseEnded
from tests.agents.backends.dialects.messages.mutations import (
    RECORDINGS,
    WRITTEN,
    check,
    chunks_of,
    mutated,
    recorded,
    seeded,
)

CASES = 3_000
"""Millions were run once, see the README: tests/bench/mutate_streams.py."""


def test_the_unharmed_stream_is_an_answer() -> None:
    said, error = chunks_of(WRITTEN, 65_536)
    assert error is None
    assert isinstance(said[-1], ResponseEnded)


@pytest.mark.parametrize("part", range(4))
def test_a_mutated_stream_gives_chunks_or_one_clear_error(part: int) -> None:
    for case in range(part, CASES, 4):
        random = seeded(case)
        stream = mutated(WRITTEN, random)
        try:
            check(stream, random)
        except Exception as error:
            error.add_note(f"seed {case}: {stream!r}")
            raise


@pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"NO RECORDINGS at {RECORDINGS}: none was mutated"
)
def test_a_mutated_recording_gives_chunks_or_one_clear_error() -> None:
    streams = recorded()
    for case in range(CASES):
        random = seeded(case)
        stream = mutated(random.choice(streams), random)
        try:
            check(stream, random)
        except Exception as error:
            error.add_note(f"seed {case}: {stream!r}")
            raise

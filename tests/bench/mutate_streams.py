"""Millions of broken streams: each gives chunks that can be used, or one clear error.

::

    PYTHONPATH=. python tests/bench/mutate_streams.py --cases 10000000 --workers 2

Guided by coverage: first some thousand mutants are followed line by line through the
files that read the wire, and each that reaches a transition between lines which none
before it has reached becomes a seed itself. Then the seeds are mutated without being
followed. Prints one JSON object; a case that breaks a promise prints its number, which
repeats it, and ends the run with 1.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import Counter
from multiprocessing import get_context
from random import Random
from types import FrameType, TracebackType
from typing import Any, Self

from agents.backends.claude import decoder
from agents.backends.dialects import event_stream, json_text
from agents.backends.dialects.decoder import Dialect
from agents.backends.dialects.messages import event_types, reader
from tests.agents.backends.dialects import stream_mutations
from tests.agents.backends.dialects.messages.mutations import (
    WRITTEN,
    check,
    mutated,
    recorded,
    seeded,
)

FOLLOWED = {
    str(module.__file__)
    for module in (decoder, reader, event_types, event_stream, json_text)
}
SEED_BYTES = 6_000
"""Larger recordings make it slower and reach nothing more."""
HANG_S = 10.0
"""A case that takes more of the processor counts as hanging."""

Arc = tuple[str, int, int]


class Following:
    """Notes which lines of the followed files came after which."""

    def __init__(self) -> None:
        self.arcs: set[Arc] = set()
        self._last: dict[int, int] = {}

    def __enter__(self) -> Self:
        self.arcs.clear()
        sys.settrace(self._call)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, _event: str, _arg: object) -> Any:
        if frame.f_code.co_filename not in FOLLOWED:
            return None
        name, last = frame.f_code.co_filename, frame.f_code.co_firstlineno

        def line(frame: FrameType, event: str, _arg: object) -> Any:
            nonlocal last
            if event == "line":
                self.arcs.add((name, last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line


def grown_seeds(cases: int) -> tuple[list[bytes], int]:
    """The recordings, and every mutant that reached something new; arcs reached."""
    seeds = [*recorded(SEED_BYTES), WRITTEN]
    known: set[Arc] = set()
    following = Following()
    for case in range(-cases, 0):
        random = seeded(case)
        stream = mutated(random.choice(seeds), random)
        with following:
            check(stream, random)
        if not following.arcs <= known:
            known |= following.arcs
            seeds.append(stream)
    return seeds, len(known)


_seeds: list[bytes] = []


_chosen: dict[str, Dialect] = {"dialect": "messages"}
"""Set before the workers are forked."""


def _check(stream: bytes, random: Random) -> str | None:
    dialect = _chosen["dialect"]
    if dialect == "messages":
        return check(stream, random)
    return stream_mutations.check(stream, dialect, random)


def _share(bounds: tuple[int, int]) -> tuple[Counter[str], list[str]]:
    counted: Counter[str] = Counter()
    broken: list[str] = []
    for case in range(*bounds):
        random = seeded(case)
        began = time.process_time()
        try:
            stream = mutated(random.choice(_seeds), random)
            error = _check(stream, random)
        except Exception as fault:  # noqa: BLE001  (any fault is what is looked for)
            broken.append(f"case {case}: {fault!r}")
            continue
        counted["one clear error" if error else "usable chunks"] += 1
        if time.process_time() - began > HANG_S:
            broken.append(f"case {case}: took {time.process_time() - began:.1f} s")
    return counted, broken


def main() -> int:
    """Run the campaign."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=100_000)
    options.add_argument("--first", type=int, default=0, help="a case's number")
    options.add_argument("--guide", type=int, default=20_000)
    options.add_argument("--workers", type=int, default=1)
    options.add_argument("--share", type=int, default=10_000)
    dialects = ("messages", "responses", "chat", "gemini")
    options.add_argument("--dialect", choices=dialects, default="messages")
    given = options.parse_args()
    global _seeds
    dialect = _chosen["dialect"] = given.dialect
    recordings = len(recorded(SEED_BYTES))
    if dialect == "messages":
        _seeds, arcs = grown_seeds(given.guide)
    else:
        _seeds, arcs = stream_mutations.seeds(dialect), 0
    last = given.first + given.cases
    shares = [
        (first, min(first + given.share, last))
        for first in range(given.first, last, given.share)
    ]
    total: Counter[str] = Counter()
    broken: list[str] = []
    began = time.monotonic()
    with get_context("fork").Pool(given.workers) as pool:
        for done, (counted, faults) in enumerate(
            pool.imap_unordered(_share, shares), start=1
        ):
            total += counted
            broken += faults
            sys.stderr.write(f"\r{done * given.share:,} of {given.cases:,}")
            for fault in faults:
                sys.stderr.write(f"\n{fault}\n")
    report = {
        "dialect": dialect,
        "first": given.first,
        "cases": given.cases,
        "recordings": recordings,
        "seeds": len(_seeds),
        "line transitions reached": arcs,
        **total,
        "broken or hanging": len(broken),
        "seconds": round(time.monotonic() - began, 1),
        "peak MB": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())

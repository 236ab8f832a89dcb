"""The promise of each durability, held against processes that are killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen
from typing import TypeAlias

import pytest

from agents.protocol.frames import decode_frame
from coordinator.journal.framing import Kind
from coordinator.journal.reader import read_session

Start: TypeAlias = Callable[..., AbstractContextManager[Popen[bytes]]]
Seen: TypeAlias = list[tuple[str, int, int]]


CHUNKS = 40
"""A tenth of a second of a team that talks."""


def _stopped(
    start: Start,
    team: str,
    root: Path,
    *more: str,
    by: signal.Signals = signal.SIGKILL,
) -> Seen:
    """Chunks that a run had shown when a signal had ended it."""
    seen: Seen = []
    with start(
        "run", "-c", team, "--display", "jsonl", "--journal", str(root), *more,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        is_told = False
        for line in process.stdout:
            event = json.loads(line)
            if "seq" in event:
                seen.append((event["agent"], event["turn"], event["seq"]))
            if len(seen) == CHUNKS and not is_told:
                process.send_signal(by)
                is_told = True
        process.wait(timeout=30)
    return seen


def _kept(root: Path) -> tuple[int, Seen]:
    """How many records there are, and the chunks in them."""
    (path,) = root.glob("*.journal")
    records = read_session(root, path.stem).records
    frames = (r.payload for r in records if r.kind == Kind.FRAME)
    chunks = (chunk for frame in frames for chunk in decode_frame(frame))
    return len(records), [(c.agent, c.turn, c.seq) for c in chunks]


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_with_sync_all_that_anybody_saw_is_kept(
    started: Start, talking: str, root: Path, runtime: str
) -> None:
    seen = _stopped(
        started, talking, root, "--durability", "sync", "--runtime", runtime
    )
    _, kept = _kept(root)
    assert len(seen) >= CHUNKS
    assert kept[: len(seen)] == seen


def test_with_async_what_is_kept_has_no_holes(
    started: Start, talking: str, root: Path
) -> None:
    seen = _stopped(started, talking, root, "--durability", "async")
    _, kept = _kept(root)
    shared = min(len(seen), len(kept))
    assert shared > 0
    assert kept[:shared] == seen[:shared]


def test_with_exit_a_kill_may_lose_all_but_the_beginning(
    started: Start, talking: str, root: Path
) -> None:
    _stopped(started, talking, root, "--durability", "exit")
    assert _kept(root) == (1, [])


@pytest.mark.parametrize(
    ("durability", "by"),
    [
        ("exit", signal.SIGINT),
        ("async", signal.SIGINT),
        ("sync", signal.SIGINT),
        ("exit", signal.SIGHUP),  # the terminal was closed
    ],
)
def test_an_interruption_loses_nothing_in_any_mode(
    started: Start, talking: str, root: Path, durability: str, by: signal.Signals
) -> None:
    seen = _stopped(started, talking, root, "--durability", durability, by=by)
    assert len(seen) >= CHUNKS
    assert _kept(root)[1][: len(seen)] == seen

"""MassGen beside us: in an environment of its own, through its own orchestrator.

It is 265 packages and 1.8 GB, so it is installed only where somebody asks for it, once,
and never as a dependency of ours. Nothing of it is in here; :mod:`.massgen_program`
is run by its Python. All 275 versions are pinned, in ``massgen.lock`` beside this file:
0.1.97 leaves most of them open, and with ``mcp`` 2 it does not start (2026-11-30).
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from coordinator.bench.measurements import Figure
from coordinator.errors import CoordinatorError

VERSION = "0.1.97"
INSTALL_S = 900.0
"""It takes two to five minutes."""
MEASURE_S = 600.0

TARGETS = {3: 30.0, 16: 85.0, 128: 1_000.0}
"""How many times its throughput ours is at least, by the number of agents."""


class PeerMissing(CoordinatorError):
    """A peer to compare with cannot be installed or run here."""


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """One size, measured."""

    agents: int
    cpu_s: float
    wall_s: float


def installed() -> Path:
    """The Python of MassGen's own environment; made at the first call.

    Raises:
        PeerMissing: It cannot be installed.
    """
    import platformdirs  # noqa: PLC0415  (only needed where peers are asked for)

    cache = platformdirs.user_cache_path("massgen-coordinator")
    folder = cache / "peers" / f"massgen-{VERSION}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        sys.stderr.write(f"installing MassGen {VERSION} in {folder} (some minutes)\n")
        venv.create(folder, with_pip=True, clear=True)
        lock = Path(__file__).with_name("massgen.lock")
        words = ("-m", "pip", "install", "--quiet", "-r", str(lock))
        _output(python, words, INSTALL_S, "installed")
        done.touch()
    return python


def scripted(chunks: int, sizes: Sequence[int]) -> Iterator[Took]:
    """Its orchestrator with scripted backends, each saying ``chunks`` chunks.

    Raises:
        PeerMissing: It cannot be run.
    """
    yield from _measured("scripted", str(chunks), *map(str, sizes))


def streams(events: int, url: str, sizes: Sequence[int]) -> Iterator[Took]:
    """Its Claude backend, reading that many streams of ``events`` text deltas at once.

    Raises:
        PeerMissing: It cannot be run.
    """
    yield from _measured("claude", str(events), url, *map(str, sizes))


def beside(ours: tuple[float, float], agents: int, total: int) -> Iterator[Figure]:
    """Its orchestrator's throughput, and how ours compares, by either clock.

    At some sizes it waits for most of the time, and costs little while it does. The
    target is of time that passed, as its speed is stated by those who use it.

    Args:
        ours: Chunks a second of that size, with the journal and a reader, on asyncio:
            of CPU time, of time that passed. Its own run has a reader, too.
        agents: The size.
        total: Chunks of its whole team, about: it is slow, and slower with more agents.

    Raises:
        PeerMissing: It cannot be run.
    """
    chunks = max(10, total // agents)
    try:
        (took,) = scripted(chunks, [agents])
    except PeerMissing:
        yield from _compared(ours, None, agents, chunks)
        raise
    yield from _compared(ours, took, agents, chunks)


def _compared(
    ours: tuple[float, float], took: Took | None, agents: int, chunks: int
) -> Iterator[Figure]:
    """Both speeds and their ratio; ours alone where it could not be measured."""
    of_both = agents * chunks
    for what, unit, speed, spent_s, target in (
        ("", "chunks/CPU-s", ours[0], took and took.cpu_s, None),
        (
            ", time that passed",
            "chunks/s",
            ours[1],
            took and took.wall_s,
            TARGETS.get(agents),
        ),
    ):
        name = f"{agents:,} agents, "
        if spent_s:
            name_and_size = f"{name}its orchestrator, {chunks:,} chunks each{what}"
            yield _figure(name_and_size, of_both / spent_s, unit)
        yield _figure(f"{name}coordinator{what}", speed, unit)
        if spent_s:
            beside = speed * spent_s / of_both
            yield _figure(f"{name}coordinator beside it{what}", beside, "times", target)


def _figure(name: str, value: float, unit: str, target: float | None = None) -> Figure:
    return Figure(
        group="MassGen",
        name=name,
        value=value,
        unit=unit,
        target=target,
        runtime="asyncio",
    )


def _measured(*words: str) -> Iterator[Took]:
    program = Path(__file__).with_name("massgen_program.py")
    output = _output(installed(), ("-I", str(program), *words), MEASURE_S, "run")
    for line in output.splitlines():
        yield msgspec.json.decode(line, type=Took)


def _output(python: Path, words: Sequence[str], most_s: float, done: str) -> bytes:
    """Run its Python; what that prints.

    Raises:
        PeerMissing: It fails, or takes longer than ``most_s``.
    """
    try:
        return subprocess.run(  # noqa: S603  (its own environment)
            [str(python), *words],
            capture_output=True,
            check=True,
            timeout=most_s,
            env={**os.environ, "ANTHROPIC_API_KEY": "none"},
        ).stdout
    except (OSError, subprocess.SubprocessError) as exc:
        stderr = bytes(getattr(exc, "stderr", b"") or b"").decode("utf-8", "replace")
        last = (stderr.strip().splitlines() or [str(exc)])[-1]
        raise PeerMissing(
            f"MassGen {VERSION} cannot be {done} here: {last}; "
            "measure without '--peers massgen'"
        ) from exc

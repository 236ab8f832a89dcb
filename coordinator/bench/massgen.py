"""MassGen beside us: in an environment of its own, through its own orchestrator.

It is 265 packages and 1.8 GB, so it is installed only where somebody asks for it, once,
and never as a dependency of ours. Nothing of it is in here; :mod:`.in_massgen` is run
by its Python.
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
    """What is to be compared with cannot be installed or run here."""


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
        words = ("-m", "pip", "install", "--quiet", f"massgen=={VERSION}")
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
    (took,) = scripted(chunks, [agents])
    yield from _compared(ours, took, agents, chunks)


def _compared(
    ours: tuple[float, float], took: Took, agents: int, chunks: int
) -> Iterator[Figure]:
    for what, unit, speed, spent_s, target in (
        ("", "chunks/CPU-s", ours[0], took.cpu_s, None),
        (", time that passed", "chunks/s", ours[1], took.wall_s, TARGETS.get(agents)),
    ):
        theirs = agents * chunks / spent_s
        said = f"{agents:,} agents, its orchestrator, {chunks:,} chunks each{what}"
        for name, value, of, aim in (
            (said, theirs, unit, None),
            (f"{agents:,} agents, coordinator{what}", speed, unit, None),
            (
                f"{agents:,} agents, coordinator beside it{what}",
                speed / theirs,
                "times",
                target,
            ),
        ):
            yield Figure(
                group="MassGen",
                name=name,
                value=value,
                unit=of,
                target=aim,
                runtime="asyncio",
            )


def _measured(*words: str) -> Iterator[Took]:
    program = Path(__file__).with_name("in_massgen.py")
    said = _output(installed(), ("-I", str(program), *words), MEASURE_S, "run")
    for line in said.splitlines():
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
        said = bytes(getattr(exc, "stderr", b"") or b"").decode("utf-8", "replace")
        last = (said.strip().splitlines() or [str(exc)])[-1]
        raise PeerMissing(
            f"MassGen {VERSION} cannot be {done} here: {last}; "
            "measure without '--peers massgen'"
        ) from exc

"""Start-up times: imports, help, the first paint."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from coordinator.bench.measurements import Figure

_WRITES_NOTHING = {"PYTHONDONTWRITEBYTECODE"}


def starting(rounds: int) -> Iterator[Figure]:
    """Milliseconds on the wall from nothing, the interpreter included; best of some."""
    with tempfile.TemporaryDirectory() as folder:
        # Without this a read-only or fresh installation would be compiled each time.
        place = {k: v for k, v in os.environ.items() if k not in _WRITES_NOTHING}
        place["PYTHONPYCACHEPREFIX"] = folder
        for name, most, begin in (
            ("import coordinator", 100.0, _ended(place, "-c", "import coordinator")),
            ("the engine", None, _ended(place, "-c", "from coordinator import run")),
            ("coordinator --help", 200.0, _ended(place, "-m", "coordinator", "--help")),
            ("run --demo, first paint", 300.0, partial(_painted, place)),
        ):
            best_s = min(_timed(begin) for _ in range(1 + rounds))
            yield Figure(
                group="start",
                name=name,
                value=best_s * 1e3,
                unit="ms",
                target=most,
                is_at_most=True,
            )


def _timed(begin: Callable[[], None]) -> float:
    began = time.perf_counter()
    begin()
    return time.perf_counter() - began


def _ended(place: Mapping[str, str], *words: str) -> Callable[[], None]:
    def begin() -> None:
        subprocess.run(  # noqa: S603  (our own program)
            [sys.executable, *words],
            stdout=subprocess.DEVNULL,
            check=True,
            env=place,
            start_new_session=True,  # Ctrl-C is ours; it would answer with a traceback
        )

    return begin


def _painted(place: Mapping[str, str]) -> None:
    """Start the demo on a terminal and stop it as soon as it draws."""
    import pty  # noqa: PLC0415  (where there are terminals)

    ours, its = pty.openpty()
    command = [sys.executable, "-m", "coordinator", "run", "--demo"]
    terminal = {**place, "TERM": "xterm-256color"}
    with subprocess.Popen(  # noqa: S603  (our own program)
        command, stdin=its, stdout=its, stderr=its, env=terminal
    ) as process:
        os.read(ours, 1)
        process.kill()
    os.close(its)
    os.close(ours)

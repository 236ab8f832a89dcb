"""Other transports beside ours: aiohttp under the SDK, and uvloop; run by hand.

::

    python tests/bench/bench_transports.py [--streams 50] [--events 1000] [--rounds 3]

Makes an environment of its own in a temporary folder, installs the transports extra
there from requirements.lock beside what we depend on, and measures all ways in turns
against one server in another process: one event a read (a steady pace, all streams at
once or one after another), and at full speed. Prints events a CPU-second, the median of
the rounds, and how each compares with the first.
None of it is a dependency of ours.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, cast

import anthropic
import anyio

from coordinator.bench.http_throughput import WAYS, Way, server
from coordinator.bench.measurements import Stopwatch

INSIDE = "--inside"


async def by_aiohttp(url: str, agents: int) -> None:
    """The SDK's own stream of events, over its aiohttp client."""
    http = anthropic.DefaultAioHttpClient()
    async with anthropic.AsyncAnthropic(
        api_key="none", base_url=url, max_retries=0, http_client=http
    ) as client:

        async def one() -> None:
            create = cast("Any", client.messages.create)
            asked = [{"role": "user", "content": "What is worth measuring?"}]
            stream = await create(
                stream=True, model="claude-haiku-5-5", max_tokens=1_000, messages=asked
            )
            async with stream:
                async for _ in stream:
                    pass

        async with anyio.create_task_group() as group:
            for _ in range(agents):
                group.start_soon(one)


def ways() -> dict[str, tuple[Way, bool]]:
    """By name: how it is read, and whether uvloop turns the wheel."""
    read = {**WAYS, "SDK over aiohttp": by_aiohttp}
    return {
        name + (", uvloop" if is_uv else ""): (way, is_uv)
        for is_uv in (False, True)
        for name, way in read.items()
    }


def rate(way: Way, url: str, streams: int, events: int, *, is_uv: bool) -> float:
    """Events a CPU-second of reading so many streams."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if is_uv:
        factory = import_module("uvloop").new_event_loop
    watch = Stopwatch()
    anyio.run(partial(way, url, streams), backend_options={"loop_factory": factory})
    return streams * events / watch.cpu_s


def measure(streams: int, events: int, rounds: int) -> None:
    """Measure every way in turns, and print."""
    even = f"{15_000 / streams}"
    for pace, what in (
        (f"{even}/abreast", "one event a read, all at once"),
        (even, "one event a read, one after another"),
        ("0", "full speed"),
    ):
        rates: dict[str, list[float]] = {name: [] for name in ways()}
        with server() as base:
            for way, is_uv in ways().values():  # imports, once
                rate(way, f"{base}/1/0", 1, 1, is_uv=is_uv)
            for _ in range(rounds):
                for name, (way, is_uv) in ways().items():
                    url = f"{base}/{events}/{pace}"
                    rates[name].append(rate(way, url, streams, events, is_uv=is_uv))
        print(f"{streams} streams, {what}")  # noqa: T201 (a report)
        ours = rates["coordinator"]
        for name, found in rates.items():
            beside = median(a / b for a, b in zip(found, ours, strict=True))
            print(  # noqa: T201 (a report)
                f"  {name:<36}{median(found):>10,.0f} events/CPU-s"
                f"{beside:>7.2f} times coordinator"
            )


def main(words: list[str]) -> None:
    """Install what is to be compared, and measure with it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--streams", type=int, default=50)
    options.add_argument("--events", type=int, default=1_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    asked = options.parse_args(words)
    if asked.inside:
        measure(asked.streams, asked.events, asked.rounds)
        return
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        lock, wanted = str(root / "requirements.lock"), f"{root}[transports]"
        install = [python, "-m", "pip", "install", "--quiet", "-c", lock, wanted]
        subprocess.run(install, check=True)  # noqa: S603 (its own environment)
        subprocess.run(  # noqa: S603 (its own environment)
            [python, __file__, INSIDE, *words],
            check=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )


if __name__ == "__main__":
    main(sys.argv[1:])

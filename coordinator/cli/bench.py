"""``coordinator bench``: measures this machine, prints the table."""

from __future__ import annotations

import gc
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from coordinator.bench import plan
from coordinator.bench.markdown import in_markdown
from coordinator.bench.massgen import PeerMissing
from coordinator.bench.measurements import Figure
from coordinator.bench.plot import plot
from coordinator.cli.exit_codes import Exit, complain
from coordinator.cli.garbage_collection import collecting_rarely
from coordinator.cli.output_files import check_output
from coordinator.errors import ConfigInvalid


class _Report(msgspec.Struct, frozen=True, kw_only=True):
    """The output of ``--json``."""

    python: str
    machine: str
    cpus: int
    figures: Sequence[Figure]


def bench_command(
    *,
    is_quick: bool,
    is_json: bool,
    peers: Sequence[str],
    only: Sequence[str],
    soaked: int | None,
    stressed: int | None,
    picture: Path | None,
    markdown: Path | None,
) -> int:
    """Measure, say what is being measured meanwhile, and print what came of it."""
    try:
        sizes = _sizes(is_quick=is_quick, soaked=soaked, stressed=stressed)
        named = _check(peers, only, sizes)
        check_output(picture, "--plot")
        check_output(markdown, "--markdown")
    except ConfigInvalid as error:
        complain(str(error))
        return Exit.CONFIGURATION
    figures = _measured(sizes, named, only)
    if is_json:
        report = _Report(
            python=platform.python_version(),
            machine=platform.platform(),
            cpus=os.cpu_count() or 0,
            figures=figures,
        )
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    _show(figures, is_silent=is_json)
    is_written = [
        _write(path, draw(figures))
        for path, draw in ((picture, plot), (markdown, in_markdown))
        if path is not None
    ]
    return Exit.ANSWERED if all(is_written) else Exit.CONFIGURATION


def _sizes(*, is_quick: bool, soaked: int | None, stressed: int | None) -> plan.Sizes:
    sizes = plan.QUICK if is_quick else plan.FULL
    for option, count in (("--soak", soaked), ("--stress", stressed)):
        if count is not None and count < 1:
            raise ConfigInvalid(
                f"{option} {count} measures nothing; give 1 or more, or leave it out"
            )
    if soaked is not None:
        sizes = msgspec.structs.replace(sizes, soaked=soaked)
    if stressed is not None:
        sizes = msgspec.structs.replace(sizes, stressed=(sizes.stressed[0], stressed))
    return sizes


def _check(
    peers: Sequence[str], only: Sequence[str], sizes: plan.Sizes
) -> list[plan.Peer]:
    named: list[plan.Peer] = [peer for peer in plan.PEERS if peer in peers]
    if unknown := sorted({*peers} - {*named}):
        raise ConfigInvalid(
            f"no peer {unknown[0]!r}; there are: {', '.join(plan.PEERS)}"
        )
    known = [name for name, _ in plan.parts(sizes, named)]
    for prefix in only:
        if not prefix or not any(name.startswith(prefix) for name in known):
            raise ConfigInvalid(
                f"no measurement {prefix!r}; there are: {'; '.join(known)}"
            )
    return named


def _measured(
    sizes: plan.Sizes, peers: Sequence[plan.Peer], only: Sequence[str]
) -> list[Figure]:
    figures: list[Figure] = []
    with collecting_rarely():
        for name, part in plan.parts(sizes, peers):
            if only and not name.startswith(tuple(only)):
                continue
            sys.stderr.write(f"measuring: {name}\n")
            gc.collect()  # what was measured before is no part of this
            try:
                figures += part()
            except PeerMissing as missing:
                complain(str(missing))
    return figures


def _show(figures: Sequence[Figure], *, is_silent: bool) -> None:
    from rich.console import Console  # noqa: PLC0415  (70 ms)

    from coordinator.bench.table import print_table  # noqa: PLC0415

    if not is_silent:
        # A file has no width, and lines that break are no table.
        print_table(figures, Console(width=None if sys.stdout.isatty() else 150))


def _write(path: Path, text: str) -> bool:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        complain(
            f"{path} could not be written: {error.strerror}; the figures are above"
        )
        return False
    return True

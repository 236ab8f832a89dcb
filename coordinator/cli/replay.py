"""``coordinator replay``: shows a kept session again, and proves its journal."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from agents.boundary.own_loop import run_loop
from coordinator.cli.display_choice import DisplayName, display, fitting
from coordinator.cli.error_report import at_the_boundary
from coordinator.cli.exit_codes import Exit, complain, exit_of
from coordinator.cli.journal_paths import call, root_of
from coordinator.displays.base import Cast
from coordinator.displays.sanitizer import clean
from coordinator.errors import (
    ConfigInvalid,
    JournalCorrupt,
    JournalUnavailable,
    ReplayDiffers,
)
from coordinator.journal.index import summary_of
from coordinator.journal.lookup import find_session
from coordinator.journal.reader import Journal, read_journal, read_session
from coordinator.journal.store import SUFFIX
from coordinator.session.replay import Replay, replay

if TYPE_CHECKING:
    from coordinator.displays.base import Display


def replay_command(
    session: str,
    journal: Path | None,
    *,
    speed: str,
    name: DisplayName | None,
    runtime: Literal["asyncio", "trio"],
) -> int:
    """Show a session again.

    Raises:
        BrokenPipeError: Whoever read standard output has gone.
    """

    def work() -> int:
        if Path(session).is_dir():
            return prove_folder(Path(session))
        times = speed_of(speed)
        root = root_of(journal)
        kept_journal = read_session(root, find_session(root, session))
        if kept_journal.damage is not None:
            complain(f"{kept_journal.path.name}: {kept_journal.damage}")
        cast = _cast(kept_journal, times or 0.0)
        shown = display(
            fitting(name or "rich", sys.stdout), cast, sys.stdout, sys.stdout
        )
        return run_loop(_replay, root, kept_journal, shown, times, runtime=runtime)

    return at_the_boundary(work)


def prove_folder(folder: Path) -> int:
    """Replay every journal of a folder, and say which decide something else today.

    Raises:
        ConfigInvalid: It holds none.
    """
    paths = sorted(folder.rglob(f"*{SUFFIX}"))
    if not paths:
        raise ConfigInvalid(f"{folder}: holds no journal; name another folder")
    differ = broken = 0
    for path in paths:
        try:
            verdict = _proved(read_journal(path))
        except ReplayDiffers as error:
            differ += 1
            verdict = f"DIFFERS: {error}"
        except (JournalCorrupt, JournalUnavailable, ConfigInvalid) as error:
            broken += 1
            verdict = f"cannot be read: {error}"
        sys.stdout.write(f"{clean(str(path.relative_to(folder)))}  {clean(verdict)}\n")
    counts = f"{len(paths) - differ - broken} of {len(paths)} decide what they decided"
    sys.stdout.write(f"\n{counts}\n")
    if differ:
        return Exit.EXECUTION
    return Exit.CONFIGURATION if broken else Exit.ANSWERED


def _proved(journal: Journal) -> str:
    played = Replay(journal)
    count = sum(len(batch.events) for batch in played.batches())
    assert played.result is not None
    left = "" if played.is_finished else ", left before its end"
    return f"ok, {played.result.status}{left}, {count:,} events"


async def _replay(
    root: Path, journal: Journal, shown: Display, speed: float | None
) -> int:
    played = await replay(journal, shown, speed=speed)
    assert played.result is not None
    if not played.is_finished and _is_running(root, journal):
        complain("the session is still running; this is how far it has come")
        return Exit.INTERRUPTED
    if not played.is_finished:
        again = call("resume", journal.opened.session, root)
        complain(f"here the session was left; go on with it: {again}")
        return Exit.INTERRUPTED
    return exit_of(played.result)


def _is_running(root: Path, journal: Journal) -> bool:
    """Whether another process is at work on the session now."""
    try:
        return summary_of(root, journal.opened.session).status == "running"
    except JournalUnavailable:
        return False


def speed_of(text: str) -> float | None:
    """Read ``--speed``: a number of times, or ``max``.

    Raises:
        ConfigInvalid: It is neither.
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise ConfigInvalid(
            f"--speed {text!r} is no speed; give a number over 0 (2: twice as fast), "
            "or max"
        )
    return speed


def _cast(journal: Journal, speed: float) -> Cast:
    opened = journal.opened
    team = msgspec.json.decode(opened.team, type=_Told)
    title = team.source.file.title if team.source else ""
    return Cast(
        question=opened.question,
        models={**opened.models},
        deadline_s=team.rules.deadline_s,
        speed=speed,
        title=f"{title}, again" if title else "replay",
    )


class _Limits(msgspec.Struct, frozen=True, kw_only=True):
    deadline_s: float | None = None


class _File(msgspec.Struct, frozen=True, kw_only=True):
    title: str = ""


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    file: _File = _File()


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """The facts about the team that a picture needs; all others do not matter."""

    rules: _Limits = _Limits()
    source: _Source | None = None

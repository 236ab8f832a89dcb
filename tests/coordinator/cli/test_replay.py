"""A kept session is seen again exactly, or it is said where it differs."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen
from sys import executable
from typing import TypeAlias

import anyio
import msgspec
import pytest

import coordinator
from agents.protocol.chunks import Chunk
from coordinator.errors import ReplayDiffers
from coordinator.journal.entries import Resumed, encode
from coordinator.journal.framing import Kind, Record, encode_file_header, encode_record
from coordinator.journal.reader import Journal, read_session
from coordinator.protocol.events import Event, VoteCounted
from coordinator.protocol.result import Result
from coordinator.session.replay import Replay, replay
from coordinator.session.resume import resume_session
from coordinator.team.builder import assemble
from coordinator.team.reader import DEMO, read_team

Run: TypeAlias = Callable[..., tuple[int, str, str]]
Kept: TypeAlias = tuple[Journal, Result, list[Event]]


class Watcher:
    """A display that keeps what it is shown."""

    is_lossless = True

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.result: Result | None = None

    async def show(self, events: AsyncIterator[Sequence[Event]]) -> None:
        async for batch in events:
            self.events += batch

    def conclude(self, result: Result) -> None:
        self.result = result


async def _demo(root: Path) -> Kept:
    """The demo, kept, and what its reader saw of it."""
    watched = Watcher()
    team = assemble(read_team(DEMO))
    result = await coordinator.run(
        "How often?", team, displays=(watched,), session_id="demo", journal=root
    )
    return read_session(root, "demo"), result, watched.events


def _with(journal: Journal, records: Sequence[Record]) -> Journal:
    return msgspec.structs.replace(journal, records=tuple(records))


def _play(journal: Journal) -> Replay:
    played = Replay(journal)
    for _ in played.batches():
        pass
    return played


def _place(journal: Journal, word: bytes) -> int:
    """Where a decision of this kind stands first."""
    return next(
        n
        for n, record in enumerate(journal.records)
        if record.kind == Kind.OUTPUT and word in record.payload
    )


async def test_a_reader_sees_every_event_again_and_in_the_same_order(
    root: Path,
) -> None:
    journal, result, events = await _demo(root)
    again = Watcher()
    played = await replay(journal, again, speed=None)
    assert again.events == events
    assert again.result == result
    assert played.is_finished


@pytest.mark.parametrize("speed", [1.0, 2.0, 0.5])
async def test_it_takes_as_long_as_it_took_or_as_the_speed_says(
    root: Path, speed: float
) -> None:
    journal, result, _ = await _demo(root)
    began = anyio.current_time()
    await replay(journal, Watcher(), speed=speed)
    took_s = (anyio.current_time() - began) * speed
    assert took_s == pytest.approx(result.elapsed_s, abs=0.2)


async def test_a_slow_display_is_waited_for_and_misses_nothing(root: Path) -> None:
    journal, _, events = await _demo(root)

    class Slow(Watcher):
        is_lossless = False

        async def show(self, events: AsyncIterator[Sequence[Event]]) -> None:
            async for batch in events:
                await anyio.sleep(1)
                self.events += batch

    slow = Slow()
    await replay(journal, slow, speed=None)
    assert slow.events == events


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_the_plain_lines_are_the_same_to_the_letter(
    run: Run, team: str, root: Path, runtime: str
) -> None:
    where = ("--journal", str(root), "--runtime", runtime)
    _, live, _ = run("run", "-c", team, "--display", "plain", *where)
    *lines, last = live.splitlines(keepends=True)
    (session,) = [path.stem for path in root.glob("*.journal")]
    assert session in last
    code, again, err = run("replay", session[:6], "--speed", "max", *where)
    assert (code, err) == (0, "")
    assert again == "".join(lines)


def test_the_json_lines_are_the_same_to_the_letter(
    run: Run, team: str, root: Path
) -> None:
    where = ("--journal", str(root), "--display", "jsonl")
    _, live, _ = run("run", "-c", team, *where)
    (path,) = root.glob("*.journal")
    code, again, _ = run("replay", path.stem, "--speed", "max", *where)
    assert (code, again) == (0, live)


def test_without_a_display_the_answer_is_said_again(
    run: Run, team: str, root: Path
) -> None:
    run("run", "-c", team, "--journal", str(root))
    (path,) = root.glob("*.journal")
    quiet = ("--speed", "max", "--display", "quiet", "--journal", str(root))
    assert run("replay", path.stem, *quiet) == (0, "Yes, it is.\n", "")


def test_a_terminal_shows_it_in_panes(run: Run, team: str, root: Path) -> None:
    pty = pytest.importorskip("pty", reason="pseudo-terminals are a thing of Unix")
    run("run", "-c", team, "--journal", str(root))
    (path,) = root.glob("*.journal")
    screen, program = pty.openpty()
    command = [executable, "-m", "coordinator", "replay", path.stem]
    ended = Popen(  # noqa: S603  (our own program)
        [*command, "--journal", str(root)],
        stdin=program,
        stdout=program,
        stderr=program,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(program)
    shown = b""
    with closing(os.fdopen(screen, "rb", buffering=0)) as reader, ended:
        try:
            while more := reader.read(65_536):
                shown += more
        except OSError:
            pass  # Linux's way of saying that the program has gone
    live, _, after = shown.partition(b"\x1b[?1049l")
    assert ended.returncode == 0, shown
    assert b"\x1b[?1049h" in live
    assert "★ ada wins".encode() in after


async def test_a_session_that_was_resumed_is_seen_as_one(root: Path) -> None:
    team = assemble(read_team(DEMO))
    async with coordinator.open_session(
        "How often?", team, session_id="demo", journal=root
    ) as session:
        async for batch in session.events():
            if any(isinstance(event, VoteCounted) for event in batch):
                break
    async with resume_session("demo", journal=root) as session:
        result = await session.wait()
    journal = read_session(root, "demo")
    assert any(record.kind == Kind.RESUMED for record in journal.records)
    again = Watcher()
    played = await replay(journal, again, speed=None)
    assert (played.is_finished, again.result) == (True, result)
    chunks = [event for event in again.events if isinstance(event, Chunk)]
    times = [event.at for event in chunks if event.agent == "cleo"]
    assert times == sorted(times)


async def test_a_decision_that_is_not_what_it_was_is_one_clear_error(
    root: Path,
) -> None:
    journal, _, _ = await _demo(root)
    records = list(journal.records)
    place = _place(journal, b'"winner_decided"')
    payload = records[place].payload.replace(b'"winner":"cleo"', b'"winner":"dan"')
    records[place] = msgspec.structs.replace(records[place], payload=payload)
    said = rf"session 'demo', record {place + 1}: kept was .*dan.* comes to .*cleo"
    with pytest.raises(ReplayDiffers, match=said):
        _play(_with(journal, records))


async def test_a_decision_too_many_is_found(root: Path) -> None:
    journal, _, _ = await _demo(root)
    records = list(journal.records)
    place = _place(journal, b'"vote_counted"')
    records.insert(place, records[place])
    with pytest.raises(ReplayDiffers, match=r"kept was .*vote_counted"):
        _play(_with(journal, records))


async def test_a_decision_too_few_is_found(root: Path) -> None:
    journal, _, _ = await _demo(root)
    records = list(journal.records)
    del records[_place(journal, b'"conclude"')]
    with pytest.raises(ReplayDiffers, match=r"comes to .*conclude"):
        _play(_with(journal, records))


async def test_other_rules_are_found_to_decide_otherwise(root: Path) -> None:
    journal, _, _ = await _demo(root)
    told = msgspec.json.decode(journal.opened.team)
    told["rules"]["final"] = "reuse"
    opened = msgspec.structs.replace(
        journal.opened, team=msgspec.Raw(msgspec.json.encode(told))
    )
    with pytest.raises(ReplayDiffers):
        _play(msgspec.structs.replace(journal, opened=opened))


async def test_a_field_that_decisions_have_got_since_makes_no_difference(
    root: Path,
) -> None:
    journal, result, _ = await _demo(root)

    def older(record: Record) -> Record:
        if record.kind != Kind.OUTPUT or b'"winner_decided"' not in record.payload:
            return record
        told = msgspec.json.decode(record.payload)
        del told["detail"]
        return msgspec.structs.replace(record, payload=msgspec.json.encode(told))

    played = _play(_with(journal, [older(record) for record in journal.records]))
    assert played.result == result


async def test_decisions_that_a_dying_process_could_not_write_are_not_missed(
    root: Path,
) -> None:
    journal, result, _ = await _demo(root)
    records = list(journal.records)
    place = _place(journal, b'"vote_counted"')
    entry = Resumed(resumed=datetime.now(UTC), kept=place, shift_s=0.0, library="0.1.0")
    at = records[place].at
    records[place] = Record(kind=Kind.RESUMED, at=at, payload=encode(entry))
    assert _play(_with(journal, records)).result == result


def test_a_difference_is_one_sentence_on_the_command_line(
    run: Run, team: str, root: Path
) -> None:
    run("run", "-c", team, "--journal", str(root))
    (path,) = root.glob("*.journal")
    journal = read_session(root, path.stem)
    place = _place(journal, b'"vote_counted"')
    records = [record for n, record in enumerate(journal.records) if n != place]
    framed = (encode_record(1, r.kind, r.at, r.payload) for r in records)
    path.write_bytes(encode_file_header(1) + b"".join(framed))
    where = ("--speed", "max", "--journal", str(root))
    code, _, err = run("replay", path.stem, *where)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"coordinator: session '{path.stem}', record ")


def test_what_was_left_unfinished_is_shown_up_to_there(
    run: Run, team: str, root: Path
) -> None:
    run("run", "-c", team, "--journal", str(root))
    (path,) = root.glob("*.journal")
    journal = read_session(root, path.stem)
    place = _place(journal, b'"slate_frozen"')
    framed = (
        encode_record(1, r.kind, r.at, r.payload) for r in journal.records[:place]
    )
    path.write_bytes(encode_file_header(1) + b"".join(framed))
    code, out, err = run("replay", path.stem, "--speed", "max", "--journal", str(root))
    assert code == 4
    assert "ada ◆ answers" in out
    assert "interrupted; best so far is" in out
    again = f"coordinator resume {path.stem} --journal {root}"
    assert err == f"coordinator: here the session was left; go on with it: {again}\n"


def test_a_session_that_runs_is_not_said_to_have_been_left(
    run: Run, team: str, root: Path
) -> None:
    run("run", "-c", team, "--journal", str(root))
    (path,) = root.glob("*.journal")
    journal = read_session(root, path.stem)
    place = _place(journal, b'"slate_frozen"')
    framed = (
        encode_record(1, r.kind, r.at, r.payload) for r in journal.records[:place]
    )
    path.write_bytes(encode_file_header(1) + b"".join(framed))
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as the process does that writes it
        code, _, err = run(
            "replay", path.stem, "--speed", "max", "--journal", str(root)
        )
    assert code == 4
    assert "still running" in err
    assert "coordinator resume" not in err


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast"])
def test_a_speed_that_is_none_is_refused(run: Run, root: Path, speed: str) -> None:
    code, out, err = run("replay", "x", f"--speed={speed}", "--journal", str(root))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"--speed '{speed}' is no speed; give a number over 0" in err


def test_every_line_of_an_export_is_json(run: Run, team: str, root: Path) -> None:
    run("run", "-c", team, "--journal", str(root))
    (path,) = root.glob("*.journal")
    _, out, _ = run("sessions", "export", path.stem, "--journal", str(root))
    assert all(isinstance(json.loads(line), dict) for line in out.splitlines())

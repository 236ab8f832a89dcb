"""A record that is removed, doubled, moved or put in from elsewhere is found out."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import coordinator
from agents.backends.scripted.backend import ScriptedBackend
from agents.backends.scripted.script import parse_script
from agents.protocol.chunks import AgentId
from coordinator.errors import JournalCorrupt
from coordinator.journal.entries import Opened, encode
from coordinator.journal.framing import (
    FILE_HEADER_BYTES,
    RECORD_HEADER_BYTES,
    VERSION,
    Chain,
    Kind,
    Record,
    encode_file_header,
    scan,
)
from coordinator.journal.open import reopen_journal
from coordinator.journal.reader import read_session

SALT = 77


def written(salt: int = SALT, count: int = 12) -> bytes:
    """A file of version 2 with marks among its records, the last one behind all."""
    chain = Chain(salt)
    data = encode_file_header(salt, VERSION)
    for number in range(count):
        record = Record(kind=Kind.INPUT, at=float(number), payload=b"x%d" % number)
        data += b"".join(chain.framed([record]))
        if number % 3 == 2 or number == count - 1:
            data += chain.mark(float(number), len(data), len(data))
    return data


def pieces(data: bytes) -> Iterator[bytes]:
    """The records of a file, marks included, as they stand in it."""
    place = FILE_HEADER_BYTES
    while place < len(data):
        (length,) = struct.unpack_from("<I", data, place)
        end = place + RECORD_HEADER_BYTES + length
        yield data[place:end]
        place = end


def changes(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Every way to take one record out, double it, move it, or put another in."""
    head, parts = data[:FILE_HEADER_BYTES], list(pieces(data))
    foreign = list(pieces(written(SALT + 1)))
    for at in range(len(parts) - 1):
        before, behind = parts[:at], parts[at + 1 :]
        for name, changed in (
            ("removed", [*before, *behind]),
            ("doubled", [*before, parts[at], parts[at], *behind]),
            ("moved", [*before, *behind[:1], parts[at], *behind[1:]]),
            ("put in", [*before, foreign[at], parts[at], *behind]),
            ("put in place", [*before, foreign[at], *behind]),
        ):
            yield name, at, head + b"".join(changed)


def test_a_file_that_nobody_changed_is_whole() -> None:
    found = scan(written())
    assert found.damage is None
    assert len(found.records) == 12


def test_every_record_that_was_changed_is_found_out_at_its_place() -> None:
    data = written()
    ends = [FILE_HEADER_BYTES]
    for piece in pieces(data):
        ends.append(ends[-1] + len(piece))
    for name, at, changed in changes(data):
        damage = scan(changed).damage
        assert damage is not None, (name, at)
        assert damage.is_inside, (name, at)
        is_behind = name == "doubled"
        assert damage.offset == ends[at + is_behind], (name, at)


async def test_nobody_goes_on_with_a_journal_that_was_changed(
    root: Path, write: Callable[..., Path]
) -> None:
    path = write("s1", written)
    data = path.read_bytes()
    for name, at, changed in changes_behind_the_first(data):
        path.write_bytes(changed)
        with pytest.raises(JournalCorrupt, match=r"at byte \d+"):
            async with reopen_journal(root, "s1"):
                pass
        assert path.read_bytes() == changed, (name, at)


def changes_behind_the_first(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    return (change for change in changes(data) if change[1] > 0)


@pytest.fixture
def write(root: Path) -> Callable[..., Path]:
    """Keep a session's journal, chained and marked after each few records."""

    def write(session: str, _: object) -> Path:
        opened = Opened(
            session=session,
            started=datetime.now(UTC),
            at=0.0,
            question="q",
            team=msgspec.Raw(b"null"),
            models={AgentId("ada"): "m"},
            seed=1,
            nonce="n",
            asked="",
            library="0",
        )
        root.mkdir(mode=0o700, exist_ok=True)
        chain = Chain(SALT)
        data = encode_file_header(SALT, VERSION)
        records = [Record(kind=Kind.OPENED, at=0.0, payload=encode(opened))]
        records += [
            Record(kind=Kind.INPUT, at=float(n), payload=b'{"n":%d}' % n)
            for n in range(5)
        ]
        for record in records:
            data += b"".join(chain.framed([record]))
            data += chain.mark(0.0, len(data), len(data))
        path = root / f"{session}.journal"
        path.write_bytes(data)
        path.chmod(0o600)
        return path

    return write


def test_a_branch_is_chained_anew_and_a_session_reads_as_it_was_written(
    root: Path,
) -> None:
    result = coordinator.run_sync(
        "q", coordinator.Team(agents=(_ada(),)), journal=root, session_id="s1"
    )
    journal = read_session(root, "s1")
    assert journal.damage is None
    assert journal.records[-1].kind == Kind.RESULT
    assert result.status == "answered"
    assert root.joinpath("s1.journal").read_bytes()[8] == VERSION


def _ada() -> coordinator.Agent:
    script = parse_script({"turns": [{"lines": [{"text": "so be it"}]}] * 2})
    return coordinator.Agent(id=AgentId("ada"), backend=ScriptedBackend(script))

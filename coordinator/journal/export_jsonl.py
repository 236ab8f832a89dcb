"""A journal as JSON lines, for programs.

One object a line, told apart by ``kind``, in the order recorded: ``opened``, chunks
and decisions as ``--display jsonl`` prints them, shell inputs, ``resumed``,
``file_kept``, ``result``. The payloads are such JSON already, but for frames, where a
line may be many chunks.
What a later resumption declared void is left out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from agents.protocol.frames import unfolded
from coordinator.errors import JournalUnavailable
from coordinator.journal.entries import Resumed, decode
from coordinator.journal.framing import Kind
from coordinator.journal.inputs import history
from coordinator.journal.reader import Journal, understood

_AS_THEY_ARE = frozenset(
    {Kind.OPENED, Kind.INPUT, Kind.OUTPUT, Kind.RESUMED, Kind.FILE}
)


def json_lines(journal: Journal) -> Iterator[bytes]:
    """Every record that counts, as whole lines; a frame may be several.

    All times are the session's: what a later process stamped is moved to its clock.
    """
    shift_s = 0.0
    for record in history(journal.records):
        if record.kind == Kind.RESUMED:
            with understood(journal.path):
                resumed = decode(record)
            assert isinstance(resumed, Resumed)
            shift_s = resumed.shift_s
        if record.kind == Kind.FRAME:
            lines = unfolded(record.payload)
            yield _moved(lines, shift_s) if shift_s else lines
        elif record.kind == Kind.RESULT:
            yield b'{"kind":"result","result":%b}\n' % record.payload
        elif record.kind in _AS_THEY_ARE:
            yield record.payload + b"\n"


def _moved(lines: bytes, shift_s: float) -> bytes:
    """Chunks as lines, each with its time moved; what it holds beside stays."""
    moved: list[bytes] = []
    for line in lines.splitlines():
        said: dict[str, msgspec.Raw] = msgspec.json.decode(
            line, type=dict[str, msgspec.Raw]
        )
        if "at" in said:
            at = msgspec.json.decode(said["at"], type=float) + shift_s
            said["at"] = msgspec.Raw(msgspec.json.encode(at))
        moved.append(msgspec.json.encode(said))
    return b"".join(line + b"\n" for line in moved)


@contextmanager
def written_out(path: Path) -> Generator[None]:
    """Let an export be made at ``path``, whole or not at all.

    Raises:
        JournalUnavailable: Something is there already, or the operating system refuses.
    """
    try:
        if path.exists():
            raise JournalUnavailable(f"export {str(path)!r} exists; move it away")
        try:
            yield
        except FileExistsError:
            raise  # somebody else's, made meanwhile
        except OSError:
            _remove(path)  # a part of it would be taken for the whole
            raise
    except OSError as trouble:
        why = os.strerror(trouble.errno or 0)
        raise JournalUnavailable(
            f"export {str(path)!r}: {why}; choose another --output"
        ) from trouble


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

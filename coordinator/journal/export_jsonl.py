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

from agents.protocol.frames import unfolded
from coordinator.errors import JournalUnavailable
from coordinator.journal.framing import Kind
from coordinator.journal.inputs import history
from coordinator.journal.reader import Journal

_AS_THEY_ARE = frozenset(
    {Kind.OPENED, Kind.INPUT, Kind.OUTPUT, Kind.RESUMED, Kind.FILE}
)


def json_lines(journal: Journal) -> Iterator[bytes]:
    """Every record that counts, as whole lines; a frame may be several.

    Chunks as their agents stamped them: after a ``resumed`` line add its ``shift_s`` to
    have the session's clock.
    """
    for record in history(journal.records):
        if record.kind == Kind.FRAME:
            yield unfolded(record.payload)
        elif record.kind == Kind.RESULT:
            yield b'{"kind":"result","result":%b}\n' % record.payload
        elif record.kind in _AS_THEY_ARE:
            yield record.payload + b"\n"


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

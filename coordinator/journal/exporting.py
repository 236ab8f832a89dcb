"""A journal as JSON lines, for programs. Pure.

One object a line, told apart by ``kind``, in the order recorded: ``opened``, chunks
and decisions as ``--display jsonl`` prints them, shell inputs, ``resumed``, ``result``.
The payloads are such JSON already, so nothing is encoded again and nothing can be lost.
What a later resumption declared void is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.journal.reading import Journal
from coordinator.journal.records import Kind
from coordinator.journal.replaying import history

_AS_THEY_ARE = frozenset({Kind.OPENED, Kind.INPUT, Kind.OUTPUT, Kind.RESUMED})


def json_lines(journal: Journal) -> Iterator[bytes]:
    """Every record that counts, as whole lines; a frame may be several."""
    for record in history(journal.records):
        if record.kind == Kind.FRAME:
            yield record.payload
        elif record.kind == Kind.RESULT:
            yield b'{"kind":"result","result":%b}\n' % record.payload
        elif record.kind in _AS_THEY_ARE:
            yield record.payload + b"\n"

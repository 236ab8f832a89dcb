"""The table that people read: what becomes of each key of their configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from coordinator.errors import ConfigInvalid
from coordinator.massgen.configuration import read_configuration
from coordinator.massgen.conversion import convert, team_of
from coordinator.massgen.ledger import Row

_COLUMNS = ("line", "key", "value", "here", "note")
KEY_CHARS = 64


def table_of(path: Path, in_place: str | None = None) -> tuple[list[Row], list[str]]:
    """Say what becomes of each key of a MassGen configuration.

    Args:
        path: The file.
        in_place: A model in place of agents of a kind that is not here.

    Returns:
        A row for each key, by its line; and what keeps a team from being made of it,
        with file, line and the way out: nothing, where one can be.

    Raises:
        ConfigInvalid: It cannot be read, or has no agents.
    """
    converted = convert(read_configuration(path), os.environ, in_place)
    faults = [str(refusal.error) for refusal in converted.refusals]
    if not faults:
        try:
            team_of(converted)
        except ConfigInvalid as error:
            faults = [str(error)]
    return list(converted.rows), faults


def text_of(rows: Iterable[Row]) -> Iterator[str]:
    """The table as lines of text, columns aligned; a row that says nothing is short."""
    cells = [
        (str(row.line), _short(row.key), row.value, row.verdict, row.note)
        for row in rows
    ]
    widths = [
        max(len(each[n]) for each in (_COLUMNS, *cells)) for n in range(len(_COLUMNS))
    ]
    for line in (_COLUMNS, *cells):
        aligned = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(aligned).rstrip()


def counts_of(rows: Iterable[Row]) -> str:
    """How many keys there are of each verdict, in one sentence."""
    verdicts = [row.verdict for row in rows]
    kinds = ("honoured", "no effect", "not supported", "unknown")
    counts = [f"{verdicts.count(kind)} {kind}" for kind in kinds if kind in verdicts]
    return f"{len(verdicts)} keys: {', '.join(counts)}"


def _short(key: str) -> str:
    return key if len(key) <= KEY_CHARS else "…" + key[-KEY_CHARS + 1 :]

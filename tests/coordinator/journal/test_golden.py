"""Journals of released versions are read forever. Golden files are never changed."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from agents.protocol.chunks import Chunk, StreamChunk
from coordinator.journal.entries import Entry, decode
from coordinator.journal.export_jsonl import json_lines
from coordinator.journal.framing import Kind
from coordinator.journal.inputs import history, inputs
from coordinator.journal.reader import read_journal
from coordinator.protocol.events import MachineOutput, Output, ShellInput

GOLDEN = Path(__file__).parents[2] / "golden"
JOURNALS = sorted(GOLDEN.glob("*.journal"))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [
        msgspec.json.decode(line)
        for line in path.with_suffix(".jsonl").read_bytes().splitlines()
    ]


def as_lines(entry: Entry | None) -> list[Any]:
    """An entry as plain data, one object for each line it was exported to."""
    entries = entry if isinstance(entry, tuple | list) else [entry]
    return [msgspec.json.decode(msgspec.json.encode(one)) for one in entries]


def holds(now: Any, then: Any) -> bool:
    """Whether ``now`` says all that ``then`` said; new fields may have joined."""
    if isinstance(then, dict) and isinstance(now, dict):
        old, new = cast("dict[str, Any]", then), cast("dict[str, Any]", now)
        return all(key in new and holds(new[key], old[key]) for key in old)
    if isinstance(then, list) and isinstance(now, list):
        pairs = zip(cast("list[Any]", now), cast("list[Any]", then), strict=True)
        return all(holds(one, other) for one, other in pairs)
    return bool(now == then)


def test_there_is_a_journal_of_every_version() -> None:
    assert [path.stem for path in JOURNALS] == ["journal-1", "journal-2", "journal-3"]


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_every_record_of_a_released_version_means_what_it_meant(path: Path) -> None:
    journal = read_journal(path)
    assert journal.damage is None
    now: list[Any] = []
    for record in journal.records:
        said = as_lines(decode(record))
        is_result = record.kind == Kind.RESULT
        now += [{"kind": "result", "result": s} for s in said] if is_result else said
    then = lines_of(path)
    assert len(now) == len(then)
    for one, other in zip(now, then, strict=True):
        assert holds(one, other)


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_a_released_journal_is_exported_as_it_was(path: Path) -> None:
    exported = b"".join(json_lines(read_journal(path)))
    assert exported == path.with_suffix(".jsonl").read_bytes()


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_a_released_journal_gives_the_machine_its_inputs(path: Path) -> None:
    records = history(read_journal(path).records)
    kinds = (Chunk, *typing.get_args(ShellInput))
    for what in inputs(records):
        assert isinstance(what, kinds)
        assert not isinstance(what, Output)


def test_the_newest_golden_journal_holds_every_kind_of_word() -> None:
    """A new message without a golden line turns this red: add a journal that has it."""
    said = {line["kind"] for path in JOURNALS for line in lines_of(path)}
    for union in (StreamChunk, ShellInput, MachineOutput):
        for word in typing.get_args(union):
            assert word.__struct_config__.tag in said, word.__name__
    assert {"opened", "resumed", "file_kept", "result"} <= said

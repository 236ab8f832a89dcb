"""Tool calls that were under way when the process died."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

import coordinator
from agents.protocol.chunks import ToolCalled, ToolReturned
from coordinator.journal.entries import decode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.reader import read_session
from tests.coordinator.recovery.conftest import Cast

MakeCast = Callable[..., Cast]


def cut_where(records: Sequence[Record], kind: type, name: str) -> int:
    """How many records there are up to the first such chunk, that one included."""
    for number, record in enumerate(records, start=1):
        entry = decode(record)
        if record.kind == Kind.FRAME and isinstance(entry, Sequence):
            for chunk in entry:
                if isinstance(chunk, kind) and getattr(chunk, "name", "") == name:
                    return number
    raise AssertionError(name)


@pytest.fixture
async def records(root: Path, cast: MakeCast) -> tuple[Record, ...]:
    await coordinator.run("q", cast().team, journal=root, session_id="whole")
    return read_session(root, "whole").records


async def after(
    root: Path, write: Callable[..., Path], records: Sequence[Record], cast: Cast
) -> tuple[ToolReturned, ...]:
    """Go on from ``records``; what the tools were seen to answer."""
    write("s1", tuple(records))
    async with coordinator.resume_session("s1", cast.team, journal=root) as session:
        seen = [chunk async for chunk in session]
        assert (await session.wait()).winner == "ada"
    return tuple(chunk for chunk in seen if isinstance(chunk, ToolReturned))


async def test_a_tool_that_finished_is_not_run_again(
    root: Path, cast: MakeCast, write: Callable[..., Path], records: tuple[Record, ...]
) -> None:
    again = cast()
    cut = cut_where(records, ToolReturned, "look_up")
    await after(root, write, records[:cut], again)
    assert (again.looked_up, again.told) == ([], ["bob"])


async def test_a_tool_that_may_is_run_again(
    root: Path, cast: MakeCast, write: Callable[..., Path], records: tuple[Record, ...]
) -> None:
    again = cast()
    cut = cut_where(records, ToolCalled, "look_up")
    await after(root, write, records[:cut], again)
    assert again.looked_up == ["France"]


@pytest.mark.parametrize("rerunnable", [False, True])
async def test_of_any_other_tool_the_model_is_told_that_nobody_knows(
    root: Path,
    cast: MakeCast,
    write: Callable[..., Path],
    records: tuple[Record, ...],
    rerunnable: bool,
) -> None:
    again = cast(rerunnable=rerunnable)
    cut = cut_where(records, ToolCalled, "tell")
    (returned,) = await after(root, write, records[:cut], again)
    text = msgspec.json.decode(returned.content)
    if rerunnable:
        assert (text, again.told) == ("bob knows", ["bob"])
    else:
        assert text == "tell was interrupted; its effect is unknown."
        assert returned.is_error
        assert again.told == []

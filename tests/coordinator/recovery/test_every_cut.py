"""A journal that ends anywhere goes on to the same answer, and buys nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest

import coordinator
from agents.protocol.chunks import ResponseAbandoned, ResponseEnded, TurnStarted
from coordinator.errors import SessionFinished
from coordinator.journal.entries import decode
from coordinator.journal.framing import Kind, Record
from coordinator.journal.inputs import history
from coordinator.journal.reader import read_session
from coordinator.protocol.result import Result
from coordinator.session.replay import Replay
from tests.coordinator.recovery.conftest import Call, Cast

pytestmark = pytest.mark.long

MakeCast = Callable[..., Cast]


def finished_calls(records: Sequence[Record]) -> list[Call]:
    """The calls whose response had come whole, as the records tell."""
    finished: list[Call] = []
    for record in history(records):
        entry = decode(record)
        if record.kind == Kind.FRAME and isinstance(entry, Sequence):
            for chunk in entry:
                if isinstance(chunk, ResponseEnded):
                    turn = (chunk.agent, chunk.turn)
                    number = sum(call[:2] == turn for call in finished) + 1
                    finished.append((*turn, number))
    return finished


async def uninterrupted(root: Path, cast: Cast) -> tuple[Result, tuple[Record, ...]]:
    result = await coordinator.run(
        "The capital?", cast.team, journal=root, session_id="whole"
    )
    return result, read_session(root, "whole").records


async def go_on(root: Path, session: str, cast: Cast) -> Result:
    async with coordinator.resume_session(session, cast.team, journal=root) as resumed:
        return await resumed.wait()


def check_sequence(records: Sequence[Record]) -> None:
    """No number of a turn's chunks is used twice or left out, whoever said them."""
    seen: dict[tuple[str, int], int] = {}
    for record in history(records):
        entry = decode(record)
        if record.kind == Kind.FRAME and isinstance(entry, Sequence):
            for chunk in entry:
                key = (chunk.agent, chunk.turn)
                assert chunk.seq == seen.get(key, -1) + 1, (key, chunk)
                seen[key] = chunk.seq


def check_replay(root: Path, session: str) -> None:
    """The machine, fed the journal, decides what it says was decided."""
    played = Replay(read_session(root, session))
    assert sum(len(batch.events) for batch in played.batches()) > 0
    assert played.is_finished


def check_salvage(root: Path, data: bytes, said: str | None) -> None:
    """Check that the cut-off part is kept, and its place is named in one line."""
    for salvage in root.glob("*.damaged-*"):
        assert said is not None
        assert str(salvage) in said
        assert "\n" not in said
        assert data.endswith(salvage.read_bytes())
        salvage.unlink()


async def test_every_record_boundary_leads_to_the_same_answer(
    root: Path, cast: MakeCast, write: Callable[..., Path]
) -> None:
    whole, records = await uninterrupted(root, cast())
    assert (whole.winner, whole.status) == ("ada", "answered")
    assert records[-1].kind == Kind.RESULT
    for cut in range(1, len(records)):
        write(f"cut{cut}", records[:cut])
        again = cast()
        result = await go_on(root, f"cut{cut}", again)
        assert (result.winner, result.answer) == (whole.winner, whole.answer), cut
        assert not set(finished_calls(records[:cut])) & set(again.calls), cut
        after = read_session(root, f"cut{cut}").records
        assert after[-1].kind == Kind.RESULT
        calls = finished_calls(after)
        assert len(calls) == len(set(calls)), cut
        check_sequence(after)
        check_replay(root, f"cut{cut}")


async def test_every_byte_of_the_last_records_leads_to_the_same_answer(
    root: Path, cast: MakeCast, write: Callable[..., Path]
) -> None:
    whole, records = await uninterrupted(root, cast())
    half = len(records) // 2
    path = write("torn", records[: half + 1])
    data = path.read_bytes()
    last = len(write("torn", records[:half]).read_bytes())
    before = len(write("torn", records[: half - 2]).read_bytes())
    # All cuts within a record amount to the same; its edges, and a few between.
    edges = (*range(last - 20, last + 4), *range(len(data) - 5, len(data)))
    for cut in (*edges, *range(before, len(data), (len(data) - before) // 12)):
        path.write_bytes(data[:cut])
        again = cast()
        async with coordinator.resume_session(
            "torn", again.team, journal=root
        ) as resumed:
            result = await resumed.wait()
        assert (result.winner, result.answer) == (whole.winner, whole.answer), cut
        check_salvage(root, data[:cut], resumed.repair)


async def test_a_session_that_dies_again_and_again_gets_there(
    root: Path, cast: MakeCast, write: Callable[..., Path]
) -> None:
    whole, records = await uninterrupted(root, cast())
    write("often", records[:1])
    taken, deaths = 1, 0
    for _ in range(30):
        again = cast()
        result = await go_on(root, "often", again)
        assert (result.winner, result.answer) == (whole.winner, whole.answer)
        found = read_session(root, "often").records
        calls = finished_calls(found)
        assert len(calls) == len(set(calls))
        check_sequence(found)
        check_replay(root, "often")
        taken += 11
        if taken >= len(found):
            break
        write("often", found[:taken])
        deaths += 1
    assert deaths >= 4


async def test_a_finished_session_says_how_to_see_it(
    root: Path, cast: MakeCast
) -> None:
    await uninterrupted(root, cast())
    with pytest.raises(SessionFinished, match=r"finished.*coordinator replay whole"):
        await go_on(root, "whole", cast())


async def test_an_interrupted_session_goes_on(root: Path, cast: MakeCast) -> None:
    again = cast()
    async with coordinator.open_session(
        "The capital?", again.team, journal=root, session_id="s1"
    ) as session:
        await anyio.sleep(1.0)
        session.interrupt()
        early = await session.wait()
    assert early.status == "interrupted"
    before = list(again.calls)
    late = cast()
    result = await go_on(root, "s1", late)
    assert (result.status, result.winner) == ("answered", "ada")
    assert len(late.calls) < len(before) + 6
    assert result.elapsed_s < 60.0


async def test_a_session_that_was_left_goes_on(root: Path, cast: MakeCast) -> None:
    async with coordinator.open_session(
        "The capital?", cast().team, journal=root, session_id="s1"
    ):
        await anyio.sleep(1.0)
    result = await go_on(root, "s1", cast())
    assert (result.status, result.winner) == ("answered", "ada")


async def test_what_broke_off_is_said_to_be_abandoned_and_no_turn_begins_again(
    root: Path, cast: MakeCast
) -> None:
    async with coordinator.open_session(
        "The capital?", cast().team, journal=root, session_id="s1"
    ):
        await anyio.sleep(0.3)  # ada is in the middle of a sentence
    seen: list[object] = []
    async with coordinator.resume_session("s1", cast().team, journal=root) as resumed:
        seen.extend([chunk async for chunk in resumed])
    abandoned = [chunk for chunk in seen if isinstance(chunk, ResponseAbandoned)]
    assert "ended before the response did" in abandoned[0].reason
    started = [(s.agent, s.turn) for s in seen if isinstance(s, TurnStarted)]
    assert ("ada", 1) not in started


async def test_a_deadline_given_to_go_on_with_counts_from_then(
    root: Path, cast: MakeCast
) -> None:
    slow = {"deadline_s": 500.0, "straggler": None, "early": False}
    async with coordinator.open_session(
        "The capital?", cast(**slow).team, journal=root, session_id="s1"
    ):
        await anyio.sleep(1.0)
    async with coordinator.resume_session(
        "s1", cast(**slow).team, journal=root, deadline_s=20.0
    ) as session:
        result = await session.wait()
    assert result.status == "deadline"  # cy would have voted after 300 s
    assert result.elapsed_s == pytest.approx(21.0, abs=0.5)


async def test_a_deadline_given_once_is_kept_for_the_next_time(
    root: Path, cast: MakeCast
) -> None:
    slow = {"deadline_s": 500.0, "straggler": None, "early": False}
    async with coordinator.open_session(
        "The capital?", cast(**slow).team, journal=root, session_id="s1"
    ):
        await anyio.sleep(1.0)
    async with coordinator.resume_session(
        "s1", cast(**slow).team, journal=root, deadline_s=20.0
    ):
        await anyio.sleep(2.0)
    async with coordinator.resume_session(
        "s1", cast(**slow).team, journal=root
    ) as session:
        result = await session.wait()
    assert result.status == "deadline"  # cy would have voted after 300 s
    assert result.elapsed_s == pytest.approx(21.0, abs=0.5)
    check_replay(root, "s1")


async def test_who_was_streaming_at_a_deadline_that_was_recorded_is_cancelled(
    root: Path, cast: MakeCast, write: Callable[..., Path]
) -> None:
    # Killed between the record of the deadline and the agents' last frames.
    slow = {"deadline_s": 0.8, "straggler": None}
    whole = await coordinator.run(
        "The capital?", cast(**slow).team, journal=root, session_id="whole"
    )
    assert whole.status == "deadline"
    records = read_session(root, "whole").records
    rang = next(n for n, r in enumerate(records) if b'"timer_rang"' in r.payload)
    for cut in range(rang + 1, len(records)):
        path = write("cut", records[:cut])
        try:
            async with coordinator.resume_session(path, cast(**slow).team) as session:
                result = await session.wait()
        except SessionFinished:
            continue
        assert result.status == "deadline"
        for name, agent in whole.agents.items():
            assert result.agents[name].status == agent.status, (cut, name)

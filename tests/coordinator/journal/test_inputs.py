from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from agents.protocol.chunks import AgentFailed, Chunk, StreamChunk, TextDelta, TurnEnded
from agents.protocol.frames import encode_frame
from coordinator.consensus import Consensus
from coordinator.journal.entries import Opened, Resumed, encode
from coordinator.journal.framing import (
    Kind,
    Record,
    encode_file_header,
    encode_record,
    scan,
)
from coordinator.journal.inputs import history, inputs, resumable, taken
from coordinator.protocol.events import (
    CancelTurn,
    Conclude,
    Interrupted,
    MachineInput,
    MachineOutput,
    SessionOpened,
    StartTurn,
    TimerRang,
)
from coordinator.recovery.rebuild import Rebuilt, rebuild
from coordinator.session.driver import Driver
from coordinator.simulation.generate import Setting, setting
from coordinator.simulation.world import Played

SEEDS = range(1, 26)
SALT = 5


def record_of(what: MachineInput) -> Record:
    if isinstance(what, Chunk):
        return Record(kind=Kind.FRAME, at=what.at, payload=encode_frame([what]))
    return Record(kind=Kind.INPUT, at=what.at, payload=encode(what))


def written(opened: Opened, records: Sequence[Record]) -> bytes:
    first = encode_record(SALT, Kind.OPENED, opened.at, encode(opened))
    rest = (encode_record(SALT, r.kind, r.at, r.payload) for r in records)
    return b"".join((encode_file_header(SALT), first, *rest))


def machine_of(made: Setting) -> Consensus:
    return Consensus.new(made.agents, "q", made.rules, seed=made.seed, nonce="n")


def driver_of(made: Setting) -> Driver:
    return Driver(machine_of(made), made.agents)


def resumed(kept: int, shift_s: float = 0.0) -> Record:
    entry = Resumed(
        resumed=datetime(2026, 11, 24, tzinfo=UTC),
        kept=kept,
        shift_s=shift_s,
        library="0.1.0",
    )
    return Record(kind=Kind.RESUMED, at=0.0, payload=encode(entry))


@pytest.fixture
def chunk(frame: Callable[[int], bytes]) -> Callable[[int], StreamChunk]:
    decoder = msgspec.json.Decoder(TextDelta)
    return lambda number: decoder.decode(frame(number))


@pytest.mark.parametrize("seed", SEEDS)
def test_feeding_a_journal_to_the_machine_gives_the_same_effects_one_by_one(
    seed: int, opening: Callable[..., Opened]
) -> None:
    made = setting(seed)
    played = made.world().play()
    records = scan(written(opening(), [record_of(i) for i in played.inputs])).records
    machine = machine_of(made)
    effects: list[tuple[MachineOutput, ...]] = []
    for what in inputs(history(records)):
        machine, outputs = machine.step(what)
        effects.append(outputs)
    assert tuple(effects) == played.outputs
    assert rebuild(driver_of(made), inputs(records)).end == played.end


@pytest.mark.parametrize("seed", SEEDS)
def test_cut_at_any_record_what_was_under_way_is_known(
    seed: int, opening: Callable[..., Opened]
) -> None:
    made = setting(seed)
    played = made.world().play()
    records = scan(written(opening(), [record_of(i) for i in played.inputs])).records
    for cut in range(1, len(records) + 1, 1 + len(records) // 40):
        rebuilt = rebuild(driver_of(made), inputs(records[:cut]))
        steps = cut - 1  # the first record is no input
        flat = [output for step in played.outputs[:steps] for output in step]
        assert list(rebuilt.outputs) == flat
        check_turns(rebuilt, played, steps)
        ends = [output for output in flat if isinstance(output, Conclude)]
        assert rebuilt.end == (ends[0] if ends else None)


def check_turns(rebuilt: Rebuilt, played: Played, steps: int) -> None:
    asked = {
        (output.turn.agent, output.turn.number): output.turn
        for step in played.outputs[:steps]
        for output in step
        if isinstance(output, StartTurn)
    }
    over = {
        (what.agent, what.turn)
        for what in played.inputs[:steps]
        if isinstance(what, TurnEnded | AgentFailed)
    } | {
        (output.agent, output.turn)
        for step in played.outputs[:steps]
        for output in step
        if isinstance(output, CancelTurn)
    }
    found = {(t.turn.agent, t.turn.number): t.turn for t in rebuilt.open_turns}
    assert found == {key: turn for key, turn in asked.items() if key not in over}
    past = {(t.turn.agent, t.turn.number): t.turn for t in rebuilt.past_turns}
    assert past == {key: turn for key, turn in asked.items() if key in over}
    told = [c for t in (*rebuilt.open_turns, *rebuilt.past_turns) for c in t.chunks]
    said = [i for i in played.inputs[:steps] if isinstance(i, Chunk)]
    assert len(told) == len(said)


def test_a_watcher_is_told_everything_in_the_order_the_session_saw_it() -> None:
    made = setting(3)
    played = made.world().play()
    told: list[object] = []
    rebuild(driver_of(made), played.inputs, watch=told.append)
    seen: list[object] = []
    for what, outputs in zip(played.inputs, played.outputs, strict=True):
        seen += [what, *outputs] if isinstance(what, Chunk) else outputs
    assert told == seen


def test_what_a_resumption_declares_void_is_left_out(
    chunk: Callable[[int], StreamChunk],
) -> None:
    records = [record_of(chunk(number)) for number in range(4)]
    records += [resumed(kept=2), record_of(chunk(4)), record_of(chunk(5))]
    records += [resumed(kept=4), record_of(chunk(6))]
    assert list(inputs(history(records))) == [chunk(n) for n in (0, 1, 4, 6)]


def test_chunks_of_a_later_process_are_moved_to_the_sessions_clock(
    chunk: Callable[[int], StreamChunk],
) -> None:
    records = [record_of(chunk(0)), resumed(kept=1, shift_s=50.0), record_of(chunk(1))]
    records.append(record_of(TimerRang(at=777.0, timer="deadline")))
    assert [what.at for what in inputs(records)] == [100.0, 151.0, 777.0]


def test_a_frame_is_taken_as_a_whole(chunk: Callable[[int], StreamChunk]) -> None:
    both = encode_frame([chunk(0), chunk(1)])
    (step,) = taken([Record(kind=Kind.FRAME, at=101.5, payload=both)])
    assert (step.at, step.inputs) == (101.5, (chunk(0), chunk(1)))


def test_an_interruption_and_what_followed_do_not_count_when_it_goes_on(
    chunk: Callable[[int], StreamChunk],
) -> None:
    opened = record_of(SessionOpened(at=0.0))
    ended = record_of(Interrupted(at=2.0, reason="Ctrl-C"))
    records = [opened, record_of(chunk(0)), ended, record_of(chunk(1))]
    assert resumable(records) == 2
    assert resumable(records[:2]) == 2


def test_records_of_a_later_library_are_passed_over(
    chunk: Callable[[int], StreamChunk],
) -> None:
    later = Record(kind=99, at=0.0, payload=b"?")
    assert list(inputs([later, record_of(chunk(0)), later])) == [chunk(0)]


def test_a_payload_that_is_nothing_we_know_is_refused() -> None:
    for kind in (Kind.FRAME, Kind.INPUT):
        odd = Record(kind=kind, at=0.0, payload=b'{"kind":"os.system","agent":"x"}')
        with pytest.raises(msgspec.DecodeError):
            list(inputs([odd]))

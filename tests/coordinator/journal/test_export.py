from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.protocol.chunks import (
    AgentId,
    Choice,
    Label,
    TextDelta,
    ToolCalled,
    TurnNumber,
    Usage,
)
from agents.protocol.frames import encode_frame
from agents.protocol.stamper import Pen
from coordinator.errors import JournalCorrupt, JournalUnavailable
from coordinator.journal.entries import Opened, Resumed, decode, encode
from coordinator.journal.export_jsonl import json_lines
from coordinator.journal.framing import Kind, Record
from coordinator.journal.reader import Journal
from coordinator.massgen.logs import write_massgen_logs
from coordinator.protocol.events import (
    AnswerAccepted,
    Interrupted,
    VoteCounted,
    WinnerDecided,
)
from coordinator.protocol.result import Result, VoteRecord

ADA, BOB, ONE = AgentId("ada"), AgentId("bob"), Label("agent1.1")


def outcome() -> Result:
    return Result(
        session="s1",
        status="answered",
        question="Which city?",
        winner=ADA,
        answer="Canberra, presented",
        answers=(),
        votes=(VoteRecord(voter=BOB, choice=ADA, label=ONE, reason="right"),),
        agents={},
        usage=Usage(input_tokens=10, output_tokens=20),
        cost_usd=0.25,
        elapsed_s=9.0,
        detail="borda",
    )


@pytest.fixture
def journal(opening: Callable[..., Opened]) -> Journal:
    """A session of one answer, one vote and an outcome, interrupted in between."""
    pen = Pen(ADA, TurnNumber(1), 101.5)
    text = TextDelta(**pen.stamp(), block=0, text="Can")
    raw = msgspec.Raw(b'{"q":1}')
    call = ToolCalled(**pen.stamp(), block=1, id="t1", name="search", input=raw)
    answer = AnswerAccepted(agent=ADA, label=ONE, content="Canberra")
    vote = VoteCounted(
        voter=BOB, choice=ADA, label=ONE, ballot=Choice(label=ONE), reason="right"
    )
    decided = WinnerDecided(
        winner=ADA,
        label=ONE,
        rule="borda",
        standings=((ONE, 1.0),),
        is_early=False,
        was_tie=False,
    )
    resumed = Resumed(
        resumed=datetime(2026, 11, 23, 15, 0, 0, tzinfo=UTC),
        kept=3,
        shift_s=0.0,
        library="0.1.0",
    )
    said = [
        (Kind.OPENED, 100.0, encode(opening())),
        (Kind.FRAME, 101.5, encode_frame([text, call])),
        (Kind.OUTPUT, 102.0, encode(answer)),
        (Kind.INPUT, 103.0, encode(Interrupted(at=103.0, reason="Ctrl-C"))),
        (Kind.RESULT, 103.0, encode(outcome())),
        (Kind.RESUMED, 103.0, encode(resumed)),
        (Kind.OUTPUT, 104.0, encode(vote)),
        (Kind.OUTPUT, 104.5, encode(decided)),
        (Kind.RESULT, 105.0, encode(outcome())),
    ]
    records = tuple(Record(kind=k, at=at, payload=p) for k, at, p in said)
    path = Path("s1.journal")
    return Journal(path=path, opened=opening(), records=records, damage=None)


def plain(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())


def test_json_lines_hold_every_record_that_counts(journal: Journal) -> None:
    lines = b"".join(json_lines(journal)).splitlines()
    kinds = [msgspec.json.decode(line)["kind"] for line in lines]
    assert kinds == [
        "opened",
        "text_delta",
        "tool_called",
        "answer_accepted",
        "resumed",
        "vote_counted",
        "winner_decided",
        "result",
    ]


def test_massgens_tools_find_answers_votes_and_the_final_answer(
    journal: Journal, tmp_path: Path
) -> None:
    made = write_massgen_logs(journal, tmp_path / "massgen_logs")
    assert made.name == "log_20261123_120000_000000"
    attempt = made / "turn_1" / "attempt_1"
    answered = attempt / "ada" / "20261123_120002_000000" / "answer.txt"
    assert answered.read_text() == "Canberra"
    (voted,) = attempt.glob("bob/*/vote.json")
    # Three hours after the interruption, by the wall clock of the second process.
    assert voted.parent.name == "20261123_150001_000000"
    assert plain(voted)["voted_for"] == "ada"
    final = attempt / "final" / "ada" / "answer.txt"
    assert final.read_text() == "Canberra, presented"
    mapping = plain(attempt / "snapshot_mappings.json")["agent1.1"]
    assert (attempt / mapping["path"]) == answered


def test_massgens_status_says_how_it_ended(journal: Journal, tmp_path: Path) -> None:
    attempt = write_massgen_logs(journal, tmp_path) / "turn_1" / "attempt_1"
    status = plain(attempt / "status.json")
    assert status["finish_reason"] == "completed"
    assert status["results"]["winner"] == "ada"
    assert status["results"]["votes"] == {"agent1.1": 1}
    assert status["costs"]["total_estimated_cost"] == 0.25
    assert status["agents"]["bob"]["status"] == "voted"
    metadata = plain(attempt / "coordination_events.json")["session_metadata"]
    assert metadata["user_prompt"] == "Which city?"
    assert metadata["final_winner"] == "ada"


def test_massgens_events_are_in_order_and_dated(
    journal: Journal, tmp_path: Path
) -> None:
    attempt = write_massgen_logs(journal, tmp_path) / "turn_1" / "attempt_1"
    lines = (attempt / "events.jsonl").read_bytes().splitlines()
    events = [msgspec.json.decode(line) for line in lines]
    assert [event["event_type"] for event in events] == [
        "text",
        "tool_start",
        "answer_submitted",
        "vote",
        "winner_selected",
        "final_answer",
    ]
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)
    assert events[1]["data"]["args"] == {"q": 1}


def test_what_a_later_process_stamped_is_told_by_the_sessions_clock(
    journal: Journal, tmp_path: Path
) -> None:
    # Its own clock read 5,000.8 when the session's read 104.8.
    pen = Pen(BOB, TurnNumber(2), 5000.8)
    frame = encode_frame([TextDelta(**pen.stamp(), block=0, text="again")])
    *records, last = journal.records
    at = next(n for n, r in enumerate(records) if r.kind == Kind.RESUMED)
    resumed = decode(records[at])
    assert isinstance(resumed, Resumed)
    moved = msgspec.structs.replace(resumed, shift_s=-4896.0)
    records[at] = msgspec.structs.replace(records[at], payload=encode(moved))
    later = Record(kind=Kind.FRAME, at=104.8, payload=frame)
    journal = msgspec.structs.replace(journal, records=(*records, later, last))
    attempt = write_massgen_logs(journal, tmp_path) / "turn_1" / "attempt_1"
    told = (attempt / "events.jsonl").read_bytes().splitlines()
    times = [msgspec.json.decode(line)["timestamp"] for line in told]
    assert times == sorted(times)
    assert "T15:00:01" in times[-3]  # by the second process's wall clock


def test_logs_are_never_written_over_others(journal: Journal, tmp_path: Path) -> None:
    write_massgen_logs(journal, tmp_path)
    with pytest.raises(JournalUnavailable, match="exists"):
        write_massgen_logs(journal, tmp_path)


@pytest.mark.parametrize("name", ["../../escape", "/etc", "a/b", "", "..", "a\0b"])
def test_an_agents_name_in_a_journal_leads_nowhere_else(
    journal: Journal, tmp_path: Path, name: str
) -> None:
    evil = AnswerAccepted(agent=AgentId(name), label=ONE, content="x")
    record = Record(kind=Kind.OUTPUT, at=103.0, payload=encode(evil))
    changed = msgspec.structs.replace(journal, records=(*journal.records, record))
    with pytest.raises(JournalCorrupt, match="cannot name a folder"):
        write_massgen_logs(changed, tmp_path / "logs")
    assert not list(tmp_path.iterdir())


def test_a_session_that_has_not_ended_is_exported_as_far_as_it_came(
    journal: Journal, tmp_path: Path
) -> None:
    cut = msgspec.structs.replace(journal, records=journal.records[:3])
    attempt = write_massgen_logs(cut, tmp_path) / "turn_1" / "attempt_1"
    status = plain(attempt / "status.json")
    assert (status["finish_reason"], status["is_complete"]) == ("in_progress", False)
    assert not (attempt / "final").exists()

"""A journal in the layout of MassGen's logs, for tools that read those.

The layout is that of MassGen 0.1.97 (its log directory as documented and its
``status.json`` as written by its coordination tracker; read on 2026-11-23)::

    turn_1/attempt_1/status.json             outcome, costs, each agent's state, votes
                    /events.jsonl            {timestamp, event_type, agent_id, …, data}
                    /coordination_events.json
                    /snapshot_mappings.json  label → the answer's file
                    /AGENT/TIME/answer.txt   each accepted answer
                    /AGENT/TIME/vote.json    each counted vote
                    /final/WINNER/answer.txt

What MassGen keeps and a journal has no equal of (workspaces, context files, the table
drawn in text) is not made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    Chunk,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolReturned,
)
from coordinator.errors import JournalCorrupt
from coordinator.journal.entries import Entry, Resumed, decode
from coordinator.journal.export_jsonl import written_out
from coordinator.journal.inputs import history
from coordinator.journal.reader import Journal
from coordinator.protocol.clock import on_session_clock
from coordinator.protocol.events import (
    AnswerAccepted,
    Output,
    VoteCounted,
    WinnerDecided,
)
from coordinator.protocol.result import Result

_encoder = msgspec.json.Encoder()
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_FINISH = {
    "answered": "completed",
    "deadline": "timeout",
    "failed": "error",
    "interrupted": "error",
}


def write_massgen_logs(journal: Journal, folder: Path) -> Path:
    """Write ``journal`` as a log directory of MassGen's. Blocks.

    Args:
        journal: The session.
        folder: Where the directory goes, as MassGen's ``.massgen/massgen_logs``.

    Returns:
        The directory made; it was not there before.

    Raises:
        JournalUnavailable: It is there already or cannot be written.
        JournalCorrupt: The journal names an agent that could not be a file's name.
    """
    started = journal.opened.started
    made = folder / f"log_{started:%Y%m%d_%H%M%S_%f}"
    files = dict(massgen_logs(journal))  # whole before anything is written
    with written_out(made):
        for name, data in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return made


def massgen_logs(journal: Journal) -> Iterator[tuple[str, bytes]]:
    """The files of a log directory: name below it and content.

    Raises:
        JournalCorrupt: The journal names an agent that could not be a file's name.
    """
    scribe = _Scribe(journal)
    for record in history(journal.records):
        entry = decode(record)
        if entry is not None:
            scribe.take(record.at, entry)
    for name, data in scribe.files():
        yield f"turn_1/attempt_1/{name}", data


class _Scribe:
    """Gathers what the files will say."""

    def __init__(self, journal: Journal) -> None:
        self._opened = journal.opened
        # Wall clock at the session's clock; moved by each resumption.
        self._wall, self._at = journal.opened.started, journal.opened.at
        self._shift_s = 0.0
        """What the session's clock is ahead of the process's that speaks."""
        self._events: list[dict[str, Any]] = []
        self._files: dict[str, bytes] = {}
        self._snapshots: dict[str, Any] = {}
        self._status: dict[str, str] = dict.fromkeys(self._opened.models, "waiting")
        self._errors: dict[str, str] = {}
        self._winner: str | None = None
        self._result: Result | None = None

    def take(self, at: float, entry: Entry) -> None:
        """Take what one record says."""
        match entry:
            case Resumed():
                self._wall, self._at = entry.resumed, at
                self._shift_s = entry.shift_s
            case Result():
                self._take_result(entry, self._time(at))
            case Output():
                self._take_decision(entry, self._time(at))
            case [*chunks]:
                for chunk in chunks:
                    self._take_chunk(on_session_clock(chunk, self._shift_s))
            case _:
                pass  # MassGen logs no word of the first record or shell inputs

    def _time(self, at: float) -> datetime:
        return self._wall + timedelta(seconds=at - self._at)

    def _take_chunk(self, chunk: Chunk) -> None:
        match chunk:
            case TextDelta():
                self._note(chunk, "text", {"content": chunk.text})
            case ThinkingDelta():
                self._note(chunk, "thinking", {"content": chunk.text})
            case ToolCalled():
                data = {"tool_id": chunk.id, "tool_name": chunk.name}
                self._note(chunk, "tool_start", {**data, "args": chunk.input})
            case ToolReturned():
                data = {
                    "tool_id": chunk.id,
                    "tool_name": chunk.name,
                    "result": chunk.content,
                    "elapsed_seconds": chunk.elapsed_s,
                    "is_error": chunk.is_error,
                }
                self._note(chunk, "tool_complete", data)
            case AgentFailed():
                self._status[chunk.agent] = "error"
                self._errors[chunk.agent] = f"{chunk.error}: {chunk.message}"
            case _:
                pass  # seams of the stream, which MassGen's log does not show

    def _take_decision(self, output: Output, when: datetime) -> None:
        match output:
            case AnswerAccepted():
                name = f"{_plain(output.agent)}/{_stamp(when)}/answer.txt"
                self._files[name] = output.content.encode()
                self._snapshots[output.label] = {
                    "type": "answer",
                    "label": output.label,
                    "agent_id": output.agent,
                    "timestamp": _stamp(when),
                    "path": name,
                }
                self._status[output.agent] = "answered"
                data = {"content": output.content, "answer_label": output.label}
                self._event(when, "answer_submitted", output.agent, data)
            case VoteCounted():
                vote = {
                    "voter_id": output.voter,
                    "voted_for": output.choice,
                    "voted_for_label": output.label,
                    "reason": output.reason,
                    "timestamp": when.timestamp(),
                }
                name = f"{_plain(output.voter)}/{_stamp(when)}/vote.json"
                self._files[name] = _pretty(vote)
                self._status[output.voter] = "voted"
                data = {"target_id": output.choice, "reason": output.reason}
                self._event(when, "vote", output.voter, data)
            case WinnerDecided():
                self._winner = output.winner
                data = {"label": output.label, "rule": output.rule}
                self._event(when, "winner_selected", output.winner, data)
            case _:
                pass  # MassGen has no word for it

    def _take_result(self, result: Result, when: datetime) -> None:
        self._result = result
        self._winner = result.winner
        if result.winner is not None and result.answer is not None:
            name = f"final/{_plain(result.winner)}/answer.txt"
            self._files[name] = result.answer.encode()
            data = {"content": result.answer}
            self._event(when, "final_answer", result.winner, data)

    def _note(self, chunk: Chunk, kind: str, data: dict[str, Any]) -> None:
        self._event(self._time(chunk.at), kind, chunk.agent, data, chunk.turn)

    def _event(
        self,
        when: datetime,
        kind: str,
        agent: str,
        data: dict[str, Any],
        turn: int = 0,
    ) -> None:
        self._events.append(
            {
                "timestamp": when.isoformat(),
                "event_type": kind,
                "agent_id": agent,
                "round_number": turn,
                "data": data,
            }
        )

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file, named below its attempt."""
        yield from self._files.items()
        yield "events.jsonl", _encoder.encode_lines(self._events)
        yield "status.json", _pretty(self._status_json())
        yield "snapshot_mappings.json", _pretty(self._snapshots)
        streams = {"text", "thinking"}
        turns = [e for e in self._events if e["event_type"] not in streams]
        ended = self._opened.started.timestamp() + self._elapsed_s()
        metadata = {
            "user_prompt": self._opened.question,
            "agent_ids": list(self._opened.models),
            "start_time": self._opened.started.timestamp(),
            "end_time": ended if self._result else None,
            "final_winner": self._winner,
        }
        events = {"session_metadata": metadata, "events": turns}
        yield "coordination_events.json", _pretty(events)

    def _elapsed_s(self) -> float:
        return self._result.elapsed_s if self._result else 0.0

    def _status_json(self) -> dict[str, Any]:
        result = self._result
        votes: dict[str, int] = {}
        for vote in result.votes if result else ():
            if vote.choice is not None:
                votes[vote.choice] = votes.get(vote.choice, 0) + 1
        return {
            "finish_reason": _FINISH[result.status] if result else "in_progress",
            "finish_reason_details": result.detail if result else "",
            "is_complete": result is not None,
            "meta": {
                "session_id": self._opened.session,
                "question": self._opened.question,
                "start_time": self._opened.started.timestamp(),
                "elapsed_seconds": round(self._elapsed_s(), 3),
            },
            "costs": {
                "total_estimated_cost": result.cost_usd if result else None,
                "total_input_tokens": result.usage.input_tokens if result else 0,
                "total_output_tokens": result.usage.output_tokens if result else 0,
            },
            "coordination": {
                "phase": "presentation" if result else "initial_answer",
                "completion_percentage": 100 if result else 0,
            },
            "agents": {
                agent: {"status": status, "error": self._errors.get(agent)}
                for agent, status in self._status.items()
            },
            "results": {
                "votes": votes,
                "winner": self._winner,
                "final_answer_preview": result.answer[:200]
                if result and result.answer
                else None,
            },
        }


def _plain(agent: str) -> str:
    """A journal is data: an agent's name in it must not lead out of the folder."""
    if not _PLAIN.fullmatch(agent):
        raise JournalCorrupt(f"agent id {agent!r} in the journal cannot name a folder")
    return agent


def _stamp(when: datetime) -> str:
    return f"{when:%Y%m%d_%H%M%S_%f}"


def _pretty(data: object) -> bytes:
    return msgspec.json.format(_encoder.encode(data), indent=2)

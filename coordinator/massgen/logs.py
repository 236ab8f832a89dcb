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
from collections.abc import Iterator, Sequence
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
    VotesVoided,
    WinnerDecided,
)
from coordinator.protocol.result import Result

ATTEMPT = "turn_1/attempt_1"
"""Where the files of a session stand below its directory."""

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
    directory = log_folder(folder, journal.opened.started)
    files = dict(massgen_logs(journal))  # whole before anything is written
    with written_out(directory):
        for name, data in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return directory


def log_folder(folder: Path, started: datetime) -> Path:
    """The directory of a session that began then; as MassGen names it."""
    return folder / f"log_{started:%Y%m%d_%H%M%S_%f}"


def massgen_logs(journal: Journal) -> Iterator[tuple[str, bytes]]:
    """The files of a log directory: name below it and content.

    Raises:
        JournalCorrupt: The journal names an agent that could not be a file's name.
    """
    opened = journal.opened
    scribe = Scribe(
        session=opened.session,
        question=opened.question,
        agents=tuple(opened.models),
        started=opened.started,
        at=opened.at,
    )
    for record in history(journal.records):
        entry = decode(record)
        if entry is not None:
            scribe.take(record.at, entry)
    for name, data in scribe.files():
        yield f"{ATTEMPT}/{name}", data


class Scribe:
    """Gathers what the files will say.

    Args:
        session: Its id.
        question: What was asked.
        agents: In the order of the team.
        started: The wall clock at ``at``.
        at: The session's clock, in seconds.
    """

    def __init__(
        self,
        *,
        session: str,
        question: str,
        agents: Sequence[str],
        started: datetime,
        at: float,
    ) -> None:
        self._session, self._question = session, question
        self._agents, self._started = tuple(agents), started
        # Wall clock at the session's clock; moved by each resumption.
        self._wall, self._at = started, at
        self._shift_s = 0.0
        """Seconds that the session's clock is ahead of the recording process's."""
        self._events: list[dict[str, Any]] = []
        self._files: dict[str, bytes] = {}
        self._snapshots: dict[str, Any] = {}
        self._status: dict[str, str] = dict.fromkeys(agents, "waiting")
        self._labels: dict[str, list[str]] = {agent: [] for agent in agents}
        """Agent → labels of its answers, in order."""
        self._votes: dict[str, VoteCounted] = {}
        """Voter → the vote of its that counts now."""
        self._seen: dict[str, float] = {}
        """Agent → when it was last heard of, in seconds since 1970."""
        self._now = started
        self.log_dir: str | None = None
        """Where the files are, once that is known."""
        self._errors: dict[str, str] = {}
        self._winner: str | None = None
        self._result: Result | None = None

    def begin(self, at: float) -> None:
        """The session's clock stands at ``at`` when it begins."""
        self._at = at

    def conclude(self, result: Result) -> None:
        """Take the outcome, which comes when ``elapsed_s`` says."""
        self._take_result(result, self._started + timedelta(seconds=result.elapsed_s))

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
        self._now = self._time(chunk.at)
        self._seen[chunk.agent] = self._now.timestamp()
        if self._status.get(chunk.agent) in {"waiting", "restarting"}:
            self._status[chunk.agent] = "streaming"
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
        self._now = when
        match output:
            case AnswerAccepted():
                self._labels.setdefault(output.agent, []).append(output.label)
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
                self._votes[output.voter] = output
                data = {"target_id": output.choice, "reason": output.reason}
                self._event(when, "vote", output.voter, data)
            case VotesVoided():
                for voter in output.voters:
                    self._votes.pop(voter, None)
                    self._status[voter] = "restarting"
            case WinnerDecided():
                self._winner = output.winner
                data = {"label": output.label, "rule": output.rule}
                self._event(when, "winner_selected", output.winner, data)
            case _:
                pass  # MassGen has no word for it

    def events(self, begin: int = 0) -> tuple[int, bytes]:
        """Lines of ``events.jsonl`` from an event on, and how many events there are."""
        lines = _encoder.encode_lines(self._events[begin:])
        return len(self._events), lines

    def _take_result(self, result: Result, when: datetime) -> None:
        self._result, self._now, self._session = result, when, result.session
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

    @property
    def answer_folders(self) -> dict[str, str]:
        """The folder of each answer below the attempt, by the answer's label."""
        return {
            label: entry["path"].rpartition("/")[0]
            for label, entry in self._snapshots.items()
        }

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every file, named below its attempt."""
        yield from self._files.items()
        yield "events.jsonl", _encoder.encode_lines(self._events)
        yield "status.json", self.status()
        yield "snapshot_mappings.json", _pretty(self._snapshots)
        streams = {"text", "thinking"}
        turns = [e for e in self._events if e["event_type"] not in streams]
        ended = self._started.timestamp() + self._elapsed_s()
        metadata = {
            "user_prompt": self._question,
            "agent_ids": list(self._agents),
            "start_time": self._started.timestamp(),
            "end_time": ended if self._result else None,
            "final_winner": self._winner,
        }
        events = {"session_metadata": metadata, "events": turns}
        yield "coordination_events.json", _pretty(events)

    def _elapsed_s(self) -> float:
        if self._result is not None:
            return self._result.elapsed_s
        return (self._now - self._started).total_seconds()

    def status(self) -> bytes:
        """The present content of ``status.json``, as their tracker writes it."""
        return _pretty(self._status_json())

    def _status_json(self) -> dict[str, Any]:
        result = self._result
        votes: dict[str, int] = {}
        for vote in self._votes.values():
            label = str(vote.label)
            votes[label] = votes.get(label, 0) + 1
        answered = sum(map(len, self._labels.values()))
        steps = 2 * len(self._agents)
        done = min(100, 100 * (answered + len(self._votes)) // steps) if steps else 0
        return {
            "finish_reason": _FINISH[result.status] if result else "in_progress",
            "finish_reason_details": result.detail if result else "",
            "is_complete": result is not None,
            "review_pending": False,
            "meta": {
                "last_updated": self._now.timestamp(),
                "session_id": self._session,
                "log_dir": self.log_dir,
                "question": self._question,
                "start_time": self._started.timestamp(),
                "elapsed_seconds": round(self._elapsed_s(), 3),
            },
            "costs": {
                "total_estimated_cost": result.cost_usd if result else None,
                "total_input_tokens": result.usage.input_tokens if result else 0,
                "total_output_tokens": result.usage.output_tokens if result else 0,
            },
            "coordination": {
                "phase": self._phase(),
                "active_agent": self._active(),
                "completion_percentage": 100 if result else done,
                "is_final_presentation": self._winner is not None,
            },
            "agents": {agent: self._agent_json(agent) for agent in self._status},
            "results": {
                "votes": votes,
                "winner": self._winner,
                "final_answer_preview": result.answer[:200]
                if result and result.answer
                else None,
            },
        }

    def _phase(self) -> str:
        if self._winner is not None or self._result is not None:
            return "presentation"
        return "enforcement" if self._votes else "initial_answer"

    def _active(self) -> str | None:
        """The first agent of which something is awaited."""
        if self._result is not None:
            return None
        if self._winner is not None:
            return self._winner
        alive = (a for a in self._agents if self._status[a] != "error")
        done = self._votes or {a for a, x in self._labels.items() if x}
        return next((agent for agent in alive if agent not in done), None)

    def _agent_json(self, agent: str) -> dict[str, Any]:
        labels = self._labels.get(agent, [])
        vote, error = self._votes.get(agent), self._errors.get(agent)
        record = self._result.agents.get(agent) if self._result else None
        seen = self._seen.get(agent, self._started.timestamp())
        return {
            "status": self._status[agent],
            "answer_count": len(labels),
            "latest_answer_label": labels[-1] if labels else None,
            "vote_cast": {
                "voted_for_agent": vote.choice,
                "voted_for_label": vote.label,
                "reason_preview": vote.reason[:100],
            }
            if vote
            else None,
            "times_restarted": max(0, len(labels) - 1),
            "last_activity": seen,
            "error": {"type": "error", "message": error, "timestamp": seen}
            if error
            else None,
            "token_usage": {
                "input_tokens": record.usage.input_tokens,
                "output_tokens": record.usage.output_tokens,
                "estimated_cost": record.cost_usd,
            }
            if record
            else None,
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

"""A session's events for MassGen's event emitter, where MassGen is loaded.

Its Textual display, and the ``events.jsonl`` of its logs, are fed by an emitter that
its orchestrator writes to beside its stream chunks; chunks alone leave the agents'
panels of that display empty (0.1.97, seen on a terminal on 2026-12-01).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from agents.protocol.chunks import (
    AgentFailed,
    ServerToolCalled,
    ServerToolReturned,
    TextDelta,
    ThinkingDelta,
    ToolCalled,
    ToolReturned,
    TurnStarted,
)
from coordinator.displays.tool_summaries import brought, lines_of
from coordinator.massgen.result_facts import vote_results
from coordinator.protocol.events import (
    AnswerAccepted,
    Event,
    VoteCounted,
    WinnerDecided,
)
from coordinator.protocol.result import Result

_EVENTS = "massgen.events"
WORKFLOW_TOOLS = frozenset({"new_answer", "vote"})


class EventFeed:
    """Writes what happens in one session to the emitter, if there is one."""

    def __init__(self, agents: Sequence[str]) -> None:
        self._agents = tuple(agents)
        self._turns: dict[str, int] = {}
        self._answers: dict[str, int] = {}
        self._names: dict[str, str] = {}
        """Call of one of the API's own tools → the tool."""
        self._presenter: str | None = None

    @property
    def _emitter(self) -> Any:  # noqa: ANN401  (theirs)
        """MassGen's emitter of the log session under way; ``None``: there is none."""
        module = sys.modules.get(_EVENTS)
        return None if module is None else cast("Any", module).get_event_emitter()

    def write(self, event: Event) -> None:
        """Write one event."""
        emitter = self._emitter
        if emitter is None:
            return
        match event:
            case TurnStarted():
                agent = str(event.agent)
                number = self._turns[agent] = self._turns.get(agent, -1) + 1
                emitter.emit_round_start(round_number=number, agent_id=agent)
            case TextDelta() if event.text:
                self._text(emitter, str(event.agent), event.text)
            case ThinkingDelta() if event.text:
                emitter.emit_thinking(event.text, agent_id=str(event.agent))
            case ToolCalled() if event.name not in WORKFLOW_TOOLS:
                self._called(emitter, event)
            case ToolReturned() if event.name not in WORKFLOW_TOOLS:
                self._returned(emitter, event)
            case ServerToolCalled():
                self._names[event.id] = event.name
                self._called(emitter, event)
            case ServerToolReturned():
                self._brought(emitter, event)
            case AnswerAccepted() | VoteCounted() | WinnerDecided():
                self._decided(emitter, event)
            case AgentFailed():
                told = f"{event.error}: {event.message}"
                emitter.emit_status(told, level="error", agent_id=str(event.agent))
            case _:
                pass  # seams of the stream, and decisions that MassGen has not

    def _text(self, emitter: Any, agent: str, text: str) -> None:  # noqa: ANN401  (theirs)
        if agent == self._presenter:
            emitter.emit_final_presentation_chunk(agent_id=agent, content=text)
        else:
            emitter.emit_text(text, agent_id=agent)

    def _called(self, emitter: Any, call: ToolCalled | ServerToolCalled) -> None:  # noqa: ANN401  (theirs)
        given: Any = msgspec.json.decode(call.input)
        emitter.emit_tool_start(
            tool_id=call.id,
            tool_name=call.name,
            args=given if isinstance(given, dict) else {"input": given},
            agent_id=str(call.agent),
        )

    def _returned(self, emitter: Any, event: ToolReturned) -> None:  # noqa: ANN401  (theirs)
        content: Any = msgspec.json.decode(event.content)
        emitter.emit_tool_complete(
            tool_id=event.id,
            tool_name=event.name,
            result=content if isinstance(content, str) else str(content),
            elapsed_seconds=event.elapsed_s,
            status="error" if event.is_error else "success",
            is_error=event.is_error,
            agent_id=str(event.agent),
        )

    def _brought(self, emitter: Any, event: ServerToolReturned) -> None:  # noqa: ANN401  (theirs)
        emitter.emit_tool_complete(
            tool_id=event.id,
            tool_name=self._names.get(event.id, event.type),
            result="\n".join((brought(event), *lines_of(event))),
            elapsed_seconds=0.0,  # it ran at the API
            status="error" if event.is_error else "success",
            is_error=event.is_error,
            agent_id=str(event.agent),
        )

    def _decided(
        self,
        emitter: Any,  # noqa: ANN401  (theirs)
        event: AnswerAccepted | VoteCounted | WinnerDecided,
    ) -> None:
        match event:
            case AnswerAccepted():
                agent = str(event.agent)
                number = self._answers[agent] = self._answers.get(agent, 0) + 1
                emitter.emit_answer_submitted(
                    agent_id=agent,
                    content=event.content,
                    answer_number=number,
                    answer_label=str(event.label),
                )
            case VoteCounted():
                emitter.emit_vote(
                    voter_id=str(event.voter),
                    target_id=str(event.choice),
                    reason=event.reason,
                )
            case WinnerDecided():
                self._presenter = str(event.winner)
                emitter.emit_final_presentation_start(
                    agent_id=self._presenter, is_tie=event.was_tie
                )

    def close(self, result: Result | None) -> None:
        """Write the final answer, whoever has won; what there was of a failed session.

        Args:
            result: ``None``: the session was left.
        """
        emitter = self._emitter
        if emitter is None or result is None or result.winner is None:
            return
        winner = str(result.winner)
        votes = vote_results(result, self._agents)
        emitter.emit_winner_selected(winner_id=winner, vote_results=votes)
        if result.answer is not None:
            emitter.emit_final_answer(result.answer, agent_id=winner)
        emitter.emit_final_presentation_end(agent_id=winner)
        emitter.emit_answer_locked(agent_id=winner)

"""Trace events of a session's decisions, under names of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.protocol.events import (
    AgentRetired,
    AnswerAccepted,
    MachineOutput,
    SlateFrozen,
    VoteCounted,
    VotesVoided,
    WinnerDecided,
)

if TYPE_CHECKING:
    from agents.tracing.spans import SessionTrace
    from coordinator.protocol.result import Result


def trace_output(trace: SessionTrace, output: MachineOutput) -> None:
    """Tell the trace of one decision; no words of a model are among it."""
    match output:
        case AnswerAccepted():
            trace.accepted(output.agent, output.label)
        case SlateFrozen():
            trace.tell("slate_frozen", {"coordinator.labels": output.labels})
        case VoteCounted():
            label = output.label or ""
            attributes = {"coordinator.voter": output.voter, "coordinator.label": label}
            trace.tell("vote_counted", attributes)
        case VotesVoided():
            attributes = {"coordinator.label": output.label}
            trace.tell(
                "votes_voided", {**attributes, "coordinator.voters": output.voters}
            )
        case WinnerDecided():
            trace.tell(
                "winner_decided",
                {
                    "coordinator.label": output.label,
                    "coordinator.rule": output.rule,
                    "coordinator.was_tie": output.was_tie,
                },
            )
        case AgentRetired():
            trace.tell("agent_retired", {"gen_ai.agent.name": output.agent})
        case _:
            pass


def end_trace(trace: SessionTrace, result: Result | None) -> None:
    """End the session's span; one that came to no result was left."""
    if result is None:
        trace.end("left", is_failed=False, cost_usd=None)
    else:
        is_failed = result.status == "failed"
        trace.end(result.status, is_failed=is_failed, cost_usd=result.cost_usd)

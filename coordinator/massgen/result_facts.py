"""A result of ours in MassGen's words: its votes, answers and usage. Pure.

Field by field as ``get_coordination_result()`` of MassGen 0.1.97 has them (read
2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from coordinator.protocol.result import Result

Json: TypeAlias = dict[str, Any]
NO_FOLDERS: Mapping[str, str] = MappingProxyType({})


def vote_results(result: Result, agents: Sequence[str]) -> Json:
    """The votes by voter and by choice, and the winner.

    Args:
        result: The outcome.
        agents: In the order of registration.
    """
    counts: dict[str, int] = {}
    details: dict[str, list[Json]] = {}
    for vote in result.votes:
        if vote.choice is None:
            continue
        choice = str(vote.choice)
        counts[choice] = counts.get(choice, 0) + 1
        detail = {"voter": str(vote.voter), "reason": vote.reason}
        details.setdefault(choice, []).append(detail)
    most = max(counts.values(), default=0)
    return {
        "vote_counts": counts,
        "voter_details": details,
        "winner": result.winner,
        "is_tie": sum(count == most for count in counts.values()) > 1,
        "total_votes": sum(counts.values()),
        "agents_with_answers": len({answer.agent for answer in result.answers}),
        "agents_voted": sum(counts.values()),
        "agent_mapping": anonymous(agents),
    }


def anonymous(agents: Sequence[str]) -> dict[str, str]:
    """MassGen's anonymous names: ``agent1`` and so on, over all ids sorted."""
    return {f"agent{n}": agent for n, agent in enumerate(sorted(agents), start=1)}


def answers(result: Result, folders: Mapping[str, str] = NO_FOLDERS) -> list[Json]:
    """Every accepted answer.

    Args:
        result: The outcome.
        folders: Label → the folder of the answer's log, where one is kept.
    """
    return [
        {
            "label": str(answer.label),
            "agent_id": str(answer.agent),
            "answer_path": folders.get(str(answer.label)),
            "content": answer.content,
        }
        for answer in result.answers
    ]


def usage(result: Result) -> Json:
    """Tokens of all agents together."""
    usage = result.usage
    prompt = (
        usage.input_tokens
        + (usage.cache_read_input_tokens or 0)
        + (usage.cache_creation_input_tokens or 0)
    )
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt + usage.output_tokens,
    }


def coordination_result(
    result: Result,
    agents: Sequence[str],
    log_folder: str | None = None,
    answer_folders: Mapping[str, str] = NO_FOLDERS,
) -> Json:
    """All of it, as ``get_coordination_result()`` returns it."""
    return {
        "final_answer": result.answer or "",
        "selected_agent": result.winner,
        "log_directory": log_folder,
        "final_answer_path": f"{log_folder}/turn_1/attempt_1/final"
        if log_folder
        else None,
        "answers": answers(result, answer_folders),
        "vote_results": vote_results(result, agents),
        "usage": usage(result),
        "is_orchestrator_timeout": result.status == "deadline",
        "timeout_reason": result.detail if result.status == "deadline" else None,
    }

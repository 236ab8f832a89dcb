"""The outcome of one session of a sweep: a line of ``results.jsonl``. Pure."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from coordinator.protocol.result import Result, Status
from coordinator.sweep.grading import is_right, result_of
from coordinator.sweep.plan import Job

Ended: TypeAlias = Status | Literal["refused", "broken", "lost"]
"""How it ended: as sessions do; ``refused``: it could not be opened; ``broken``: a
mistake of ours, with its traceback in the log; ``lost``: its workers died with it."""

AGAIN: frozenset[Ended] = frozenset(
    {"failed", "interrupted", "refused", "broken", "lost"}
)
"""Endings after which another run of the same sweep asks again: nobody has answered."""

ERROR_CHARS = 500


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One session's outcome."""

    session: str
    """Its name; the journal bears it, too."""
    team: str
    question: str
    """The question's id."""
    seed: int
    status: Ended
    policy: str = ""
    rule: str = ""
    answer: str | None = None
    value: Any = None
    """The structured answer, as JSON."""
    result: str = ""
    """The answer's result, as results are compared; empty: it has none."""
    reference: tuple[str, ...] = ()
    is_right: bool | None = None
    """By the reference or the check; ``None``: neither was given."""
    check: str = ""
    """The command that has judged it; empty: the reference has."""
    winner: str | None = None
    agreement: float | None = None
    """Of the ballots' weight, the winner's part, 0…1; ``None``: nobody voted."""
    drafts: tuple[str, ...] = ()
    """The results of all answers, in the order in which they were accepted."""
    turns: int = 0
    agents: int = 0
    agents_failed: int = 0
    agents_retired: int = 0
    """For whose next call the budget had no room; the session is cut short."""
    input_tokens: int = 0
    output_tokens: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    """``None``: at least one response has no known price."""
    elapsed_s: float = 0.0
    detail: str = ""
    """How it was decided, or what went wrong."""
    is_resumed: bool = False
    """An earlier process had begun it."""

    @property
    def is_unjudged(self) -> bool:
        """Whether a check was to judge it, and broke."""
        return bool(self.check) and self.is_right is None


def outcome_of(
    job: Job, result: Result, *, policy: str, rule: str, is_resumed: bool = False
) -> Outcome:
    """Say in a line what a session came to, judged by the job's reference."""
    question, value = job.question, msgspec.to_builtins(result.value)
    drafts = (
        result_of(
            one.content,
            None
            if isinstance(one.value, msgspec.UnsetType)
            else msgspec.json.decode(one.value),
            question,
        )
        for one in result.answers
    )
    share = result.why.agreement if result.why is not None else None
    return Outcome(
        session=job.session,
        team=job.team,
        question=question.id,
        seed=job.seed,
        status=result.status,
        policy=policy,
        rule=rule,
        answer=result.answer,
        value=value,
        result=result_of(result.answer, value, question) if result.answer else "",
        reference=question.reference,
        is_right=is_right(result.answer, value, question),
        winner=result.winner,
        agreement=None if share is None else share.share,
        drafts=tuple(drafts),
        turns=sum(agent.turns for agent in result.agents.values()),
        agents=len(result.agents),
        agents_failed=sum(a.status == "failed" for a in result.agents.values()),
        agents_retired=sum(a.status == "retired" for a in result.agents.values()),
        input_tokens=result.usage.prompt_tokens,
        output_tokens=result.usage.output_tokens,
        tokens=result.usage.total_tokens,
        cost_usd=result.cost_usd,
        elapsed_s=result.elapsed_s,
        detail=result.detail,
        is_resumed=is_resumed,
    )


def without_result(job: Job, status: Ended, detail: str) -> Outcome:
    """The outcome of a session that came to none."""
    return Outcome(
        session=job.session,
        team=job.team,
        question=job.question.id,
        seed=job.seed,
        status=status,
        reference=job.question.reference,
        is_right=False if job.question.reference else None,
        cost_usd=None if status == "lost" else 0.0,
        detail=detail[:ERROR_CHARS],
    )

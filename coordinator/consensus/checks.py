"""Checks: each first answer is held against what the user knows to be true.

A draft is in once all its checks are over. One that fails is told to its author, who
may answer again; the better of its answers stands. When drafting ends the answers that
pass most go on to be counted or voted on, and where one is left there is no vote.
Checks are the best signal there is: one assertion of the user's lifts recorded programs
from .225 to .373, three to .429, where .460 have any right answer at all (2026-11-30).
What a check is, and running it, is others' (:mod:`agents.protocol.checks`,
:mod:`agents.tools.check_runner`). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from agents.protocol.checks import Check, CheckResult
from agents.protocol.chunks import AgentId, Label
from coordinator.ballots.election import exact
from coordinator.consensus.persistent_map import with_entry, without
from coordinator.consensus.state import Answer, Member
from coordinator.consensus.transition import Move
from coordinator.protocol.events import (
    AnswerChecked,
    AnswerRefused,
    CancelChecks,
    CheckEnded,
    RunChecks,
)

DETAIL_CHARS = 2_000
"""Of what one check wrote, that its author reads: some forty lines."""


def is_on(m: Move) -> bool:
    """Whether the rules check answers."""
    return bool(m.rules.drafting.checks)


def begin(m: Move, author: Member, answer: Answer) -> None:
    """Have ``answer`` checked; until that is over it is not in (C1)."""
    names = tuple(check.called for check in m.rules.drafting.each_check())
    m.put(msgspec.structs.replace(author, checked=author.checked + 1))
    m.s.under_check = with_entry(m.s.under_check, answer.label, names)
    m.out.append(RunChecks(agent=answer.agent, label=answer.label, checks=names))


def take(m: Move, what: CheckEnded) -> Answer | None:
    """Book one result.

    Returns:
        The answer, if that was the last of its checks. ``None`` where others are
        under way, or where nobody waits for this one any more.
    """
    waiting = m.s.under_check.get(what.label, ())
    if what.result.check not in waiting:
        return None
    rest = tuple(name for name in waiting if name != what.result.check)
    answer = _booked(m, m.s.answers[what.label], what.result)
    if rest:
        m.s.under_check = with_entry(m.s.under_check, what.label, rest)
        return None
    m.s.under_check = without(m.s.under_check, what.label)
    m.out.append(
        AnswerChecked(
            agent=answer.agent,
            label=answer.label,
            passed=answer.passed,
            of=total(m),
            results=answer.checks,
        )
    )
    return answer


def _booked(m: Move, answer: Answer, result: CheckResult) -> Answer:
    results = {each.check: each for each in (*answer.checks, result)}
    checks = m.rules.drafting.each_check()
    answer = msgspec.structs.replace(
        answer,
        checks=tuple(results[x.called] for x in checks if x.called in results),
        passed=_weight_of(
            check
            for check in checks
            if check.called in results and results[check.called].outcome == "passed"
        ),
    )
    m.s.answers = with_entry(m.s.answers, answer.label, answer)
    return answer


def total(m: Move) -> float:
    """Weight of all checks; what an answer has that passes every one."""
    return _weight_of(m.rules.drafting.each_check())


def _weight_of(checks: Iterable[Check]) -> float:
    # Exact, so that equal weights are equal in whatever order they are added.
    return float(sum(exact(check.weight) for check in checks))


def passes_all(m: Move, answer: Answer) -> bool:
    """Whether ``answer`` has passed every check."""
    checks = m.rules.drafting.checks
    return len(answer.checks) == len(checks) and all(
        each.outcome == "passed" for each in answer.checks
    )


def faults_of(answer: Answer) -> str:
    """The message to the author about failed checks; empty: nothing to mend (C2).

    A check that broke says nothing of the answer.
    """
    failed = [each for each in answer.checks if each.outcome in {"failed", "late"}]
    lines: list[str] = []
    for each in failed:
        why = "took too long" if each.outcome == "late" else "failed"
        detail = each.detail[-DETAIL_CHARS:].strip()
        lines.append(f"{each.check}: {why}" + (f"\n{detail}" if detail else ""))
    if not lines:
        return ""
    return (
        "Your answer was checked, and does not pass. Mend it and call new_answer with "
        "the whole answer again.\n\n" + "\n\n".join(lines)
    )


def may_try_again(m: Move, author: Member) -> bool:
    """Whether the rules leave ``author`` another try; the caps are asked elsewhere."""
    model = m.rules.voting.models.get(author.id, "")
    is_late = m.s.is_cut or model in m.s.models_cut
    is_free = author.activity == "idle" and not (is_late or is_settled(m))
    return is_free and author.checked < m.rules.drafting.check_tries


def best(m: Move, answers: Sequence[Answer]) -> Sequence[Answer]:
    """Those of ``answers`` that pass most, by weight; all, where nothing is (C3)."""
    if not is_on(m) or not answers:
        return answers
    most = max(answer.passed for answer in answers)
    return [answer for answer in answers if answer.passed >= most]


def announce(m: Move, answers: Sequence[Answer], stand: Sequence[Answer]) -> None:
    """Say which of ``answers`` go no further, and why."""
    if len(stand) == len(answers):
        return
    labels = {answer.label for answer in stand}
    most = stand[0].passed
    for answer in answers:
        if answer.label not in labels:
            reason = (
                f"it passes {answer.passed:g} of {total(m):g} by its checks, and the "
                f"best {most:g}"
            )
            m.out.append(AnswerRefused(agent=answer.agent, reason=reason))


def is_settled(m: Move) -> bool:
    """Whether an answer that passes everything is all that is wanted (C4)."""
    return m.rules.drafting.stop == "first" and any(
        passes_all(m, answer) for answer in m.standing()
    )


def cancel(m: Move, why: str) -> None:
    """Stop all checks under way; what they were of stays as little checked as it is."""
    for label in under_way(m):
        m.out.append(CancelChecks(label=label, reason=why))
    m.s.under_check = {}


def under_way(m: Move) -> tuple[Label, ...]:
    """The answers that are being checked, in order of acceptance."""
    answers = m.s.answers
    return tuple(sorted(m.s.under_check, key=lambda label: answers[label].ordinal))


def authors_waiting(m: Move) -> frozenset[AgentId]:
    """The authors of answers that are being checked."""
    return frozenset(m.s.answers[label].agent for label in m.s.under_check)


def in_words(m: Move, answer: Answer) -> str:
    """The checks' verdict on the winner, for people; empty where none was run."""
    if not is_on(m):
        return ""
    if passes_all(m, answer):
        return "it passes every check"
    return f"it passes {answer.passed:g} of {total(m):g} by its checks"

"""Answers: first drafts made alone, revisions, and which of them count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agents.protocol.chunks import AnswerProposed
from agents.protocol.turns import Draft, Review
from coordinator.consensus import (
    answers,
    committees,
    conclusion,
    contests,
    result_count,
    revisions,
    team_growth,
    voting,
)
from coordinator.consensus.state import Member, as_read
from coordinator.protocol.events import ArmTimer

if TYPE_CHECKING:
    from coordinator.consensus.transition import Move

STRAGGLER_TIMER = "straggler"


def begin(m: Move) -> None:
    """Ask everybody for a first answer; nobody sees another's."""
    m.begin_wave()
    for agent in team_growth.begin(m):
        m.start(m.s.members[agent], Draft(), "drafting")
        m.s.drafting += 1
    if not m.s.order:
        conclusion.conclude(m, "failed", "the team has no agents")


def reopen(m: Move, reason: str, instructions: str) -> None:
    """The presenter wants another round: everybody revises, then votes again."""
    m.s.restarts += 1
    m.begin_wave()
    m.s.winner = None
    m.s.challenged = -1
    note = f"The result was not good enough: {reason}\n{instructions}".strip()
    standing = tuple(answer.label for answer in m.standing())
    for member in m.live():
        review = Review(
            answers=m.visible(standing, member.id), ballot=None, may_revise=True
        )
        noted = msgspec.structs.replace(
            member, note=note, contest=-1, shown=0, sat_in=()
        )
        m.start(noted, review, "drafting")
        m.s.drafting += 1


def on_draft(m: Move, member: Member, chunk: AnswerProposed) -> None:
    """A first answer, or one asked for in another round."""
    if not chunk.content.strip():
        answers.refuse(m, member, "it is empty")
        member = m.s.members[member.id]
        if member.refusals < m.rules.limits.attempts:
            m.start(member, Draft(), "drafting", continues=True)
        else:
            on_no_draft(m, m.rest(member))
        return
    m.s.drafting -= 1
    m.s.drafts_in += 1
    answer = answers.accept(
        m, member, chunk.content, chunk.value, chunk.citations, result=chunk.result
    )
    if m.s.phase == "voting":
        revisions.on_answer(m, answer)
        return
    if m.rules.drafting.review_opens == "own_drafted":
        voting.open_stage(m, [answer], "the first answer is in")
        return
    _go_on(m)


def on_no_draft(m: Move, member: Member) -> None:
    """``member`` will bring no first answer; it may still vote."""
    m.s.drafting -= 1
    if m.s.phase == "voting":
        # It was counted as a voter when the vote opened.
        if member.activity == "idle":
            contests.resume_review(m, member)
        else:
            voting.leave(m, member)
        _close_if_last(m)
        return
    _go_on(m)


def _close_if_last(m: Move) -> None:
    """No draft will come any more: perhaps it was all that the vote waited for."""
    contest = m.s.contests[m.s.contests_made - 1]
    is_open = m.s.phase == "voting" and contest.winner is None
    if is_open and not contests.has_drafts_to_come(m) and not contest.outstanding:
        voting.check(m, contest)


def _go_on(m: Move) -> None:
    """Open the vote if all drafts are in; otherwise think of the stragglers."""
    if m.s.drafting == 0:
        _freeze(m, "all first answers are in")
        return
    if _is_counted_out(m):
        for member in m.live():
            if member.activity == "drafting":
                m.cancel(member, "no outstanding draft or ballot can change the result")
        m.s.drafting = 0
        _freeze(m, "the first answers agree", is_early=True)
        return
    straggler = m.rules.drafting.straggler
    total = m.s.drafting + m.s.drafts_in
    if straggler is None or m.s.drafts_in < straggler.share * total:
        return
    if m.s.straggler_armed:
        return
    m.s.straggler_armed = True
    took = m.s.now - m.s.wave_began
    m.out.append(
        ArmTimer(timer=STRAGGLER_TIMER, at=m.s.wave_began + straggler.factor * took)
    )


def _is_counted_out(m: Move) -> bool:
    """Whether nothing outstanding, draft or ballot, can change which result leads."""
    if not result_count.can_close_drafting(m) or not m.s.drafts_in:
        return False
    found = result_count.counted(m, m.standing())
    panel = result_count.weight_of_all(m, committees.panel_of(m, found))
    return result_count.is_out_of_reach(
        found, result_count.outstanding_drafts(m) + panel
    )


def cut_stragglers(m: Move) -> None:
    """Stop waiting: who has not answered by now only votes, if it is needed."""
    if m.s.phase != "drafting" or not m.s.straggler_armed:
        return  # it was armed for answers that are in long since
    for agent in m.s.order:
        member = m.s.members[agent]
        if member.activity == "drafting":
            why = "the other first answers are in; this one took too long"
            m.put(msgspec.structs.replace(m.cancel(member, why), was_cut=True))
            m.s.drafting -= 1
    _freeze(m, "the first answers that came in time")


def _freeze(m: Move, reason: str, *, is_early: bool = False) -> None:
    standing = m.standing()
    if not standing and team_growth.wake(m, "nobody has answered"):
        return
    if not standing:
        conclusion.conclude(m, "failed", "no agent brought an answer")
        return
    voting.open_stage(m, standing, reason, is_early=is_early)


def on_revision(m: Move, member: Member, chunk: AnswerProposed) -> None:
    """A reviewer would rather answer anew than vote."""
    reason = _fault(m, member, chunk)
    member = m.put(contests.answered(member))
    if reason is not None:
        answers.refuse(m, member, reason)
        contests.resume_review(m, m.s.members[member.id])
        return
    answer = answers.accept(m, member, chunk.content, chunk.value, chunk.citations)
    member = m.s.members[member.id]
    m.put(msgspec.structs.replace(member, note=f"Recorded as {answer.label}."))
    revisions.on_answer(m, answer)


def _fault(m: Move, member: Member, chunk: AnswerProposed) -> str | None:
    """Why a revision does not count, or ``None``."""
    if not chunk.content.strip():
        return "it is empty"
    if not contests.may_revise(m, member):
        return "no more new answers are taken; vote for one of those that stand"
    twin = contests.duplicate_of(m, as_read(chunk.content, chunk.value))
    if twin is not None:
        return f"it says the same as {twin}; vote for it if you think it is best"
    return None

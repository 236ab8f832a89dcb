"""One reviewer's request goes first; the others follow once its response has begun.

All voters of a contest read the same answers, so their prompts begin alike, and what
one request has written into the prompt cache the next can read: at a tenth of the
price, but only from the moment at which the response to the first has begun. Requests
that are sent together all pay in full.
"""

from __future__ import annotations

import msgspec

from coordinator.consensus import contests
from coordinator.consensus.state import Contest, Member, as_read
from coordinator.consensus.transition import Move
from coordinator.protocol.events import ArmTimer

LEADER_TIMER = "leader of contest "
"""The prefix of timers' names; the contest's number follows."""


def begin(m: Move, contest: Contest) -> None:
    """Ask the contest's voters that are free: one first, or all (S6)."""
    owing = [v for v in contest.voters if v not in contest.ballots]
    free = [m.s.members[voter] for voter in owing]
    free = [member for member in free if member.activity == "idle"]
    first = m.rules.voting.leader_first
    # Where answers are revised the prompts differ before long; a view is one's own.
    is_alike = not (m.rules.drafting.revise or contest.views)
    if (
        first is None
        or not is_alike
        or len(free) < 2
        or _size(m, contest) < (first.from_chars)
    ):
        for member in free:
            contests.ask_review(m, contest, member)
        return
    # Who was slow at its first answer is a bad one to wait for.
    leader = min(free, key=lambda member: member.was_cut)
    contest = m.put_contest(msgspec.structs.replace(contest, leader=leader.id))
    m.out.append(
        ArmTimer(timer=f"{LEADER_TIMER}{contest.number}", at=m.s.now + first.wait_s)
    )
    contests.ask_review(m, contest, leader)


def _size(m: Move, contest: Contest) -> int:
    """Characters that all voters read alike."""
    answers = (m.s.answers[label] for label in contest.labels)
    read = (len(as_read(answer.content, answer.value)) for answer in answers)
    return len(m.s.question) + sum(read)


def on_sign(m: Move, member: Member) -> None:
    """``member``'s turn has shown a sign of life: whoever waits for it may begin."""
    contest = m.s.contests.get(member.contest)
    if contest is not None and contest.leader == member.id:
        release(m, contest)


def on_timer(m: Move, timer: str) -> None:
    """The leader has taken too long; the others wait no longer."""
    release(m, m.s.contests[int(timer.removeprefix(LEADER_TIMER))])


def release(m: Move, contest: Contest) -> None:
    """Ask those voters of ``contest`` that have waited for its leader, if any."""
    leader = contest.leader
    if leader is None:
        return
    contest = m.put_contest(msgspec.structs.replace(contest, leader=None))
    if m.s.phase != "voting" or contest.winner is not None:
        return
    for voter in contest.voters:
        member = m.s.members[voter]
        owes = member.contest == contest.number and voter not in contest.ballots
        # A leader that rests has just ended its turn without a ballot.
        if owes and member.activity == "idle" and voter != leader:
            contests.ask_review(m, contest, member)

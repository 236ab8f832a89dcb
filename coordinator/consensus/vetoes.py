"""A person's veto: an answer stands no more, before, during or after the vote."""

from __future__ import annotations

import msgspec

from agents.protocol.chunks import Label
from coordinator.ballots import best_of
from coordinator.consensus import conclusion, contests, division, voting, winner
from coordinator.consensus.persistent_map import without
from coordinator.consensus.state import Contest
from coordinator.consensus.transition import Move
from coordinator.protocol.events import AnswerRefused, VotesVoided


def veto(m: Move, label: Label, reason: str) -> None:
    """A person rules ``label`` out: it stands no more, and ballots for it are void."""
    if m.rules.drafting.division is not None:
        division.withdraw(m, label, reason)
        return
    answer = m.s.answers.get(label)
    if answer is None or m.s.members[answer.agent].label != label:
        return
    m.out.append(AnswerRefused(agent=answer.agent, reason=f"vetoed: {reason}"))
    m.put(msgspec.structs.replace(m.s.members[answer.agent], label=None))
    if m.s.phase not in {"voting", "presenting"}:
        return
    for number in range(m.s.stage_began, m.s.contests_made):
        contest = m.s.contests[number]
        if label not in contest.labels or m.s.phase == "concluded":
            continue
        if contest.winner is None and not contest.went_to_runoff:
            _withdraw(m, contest, label)
        elif contest.winner == label:
            _replace_winner(m, contest, label)
        else:
            # It has lost already, and must not come back in the winner's place.
            labels = tuple(x for x in contest.labels if x != label)
            m.put_contest(msgspec.structs.replace(contest, labels=labels))
    if m.s.phase == "presenting" and m.s.winner == label:
        # It was the only one that stood, so nobody voted.
        m.s.winner = None
        _without_candidates(m, label)


def _withdraw(m: Move, contest: Contest, label: Label) -> None:
    """Take ``label`` off the contest; who preferred it is asked again."""
    labels = tuple(x for x in contest.labels if x != label)
    void = tuple(
        voter
        for voter in contest.voters
        if (cast := contest.ballots.get(voter)) is not None
        and best_of(cast.ballot) == label
    )
    ballots = contest.ballots
    for voter in void:
        ballots = without(ballots, voter)
    if void:
        m.out.append(VotesVoided(voters=void, label=label))
    owing = contests.owing_again(m, contest, void)
    contest = m.put_contest(
        msgspec.structs.replace(
            contest,
            labels=labels,
            ballots=ballots,
            outstanding=contest.outstanding + len(owing),
            check_at=0,
        )
    )
    is_all = not contests.has_drafts_to_come(m)
    if not labels and not is_all:
        _back_to_drafts(m, contest)
    elif not labels:
        _without_candidates(m, label)
    elif len(labels) == 1 and is_all:
        voting.settle(m, contest, is_early=True)
    else:
        for voter in owing:
            contests.ask_review(m, contest, m.s.members[voter])
        if contest.outstanding == 0:
            voting.check(m, contest)


def _back_to_drafts(m: Move, contest: Contest) -> None:
    """All that stood is vetoed, but first answers are still being written."""
    for voter in contest.voters:
        member = m.s.members[voter]
        if member.activity == "reviewing":
            member = m.cancel(member, "all that it reviews was vetoed")
        if member.contest == contest.number:
            m.put(msgspec.structs.replace(member, contest=-1))
    m.s.open_contests -= 1
    m.s.phase = "drafting"


def _replace_winner(m: Move, contest: Contest, label: Label) -> None:
    """A settled contest's winner was vetoed: the next best takes its place."""
    labels = tuple(x for x in contest.labels if x != label)
    contest = m.put_contest(msgspec.structs.replace(contest, labels=labels))
    next_best = winner.count(m, contest).standings[0][0] if labels else None
    contest = m.put_contest(msgspec.structs.replace(contest, winner=next_best))
    if m.s.phase != "presenting" or m.s.winner != label:
        return
    m.s.winner = None
    if next_best is None:
        _without_candidates(m, label)
        return
    winner.announce_winner(m, next_best, winner.count(m, contest), len(contest.ballots))
    conclusion.finish(m, next_best, (next_best,), f"{label} was vetoed; the next best")


def _without_candidates(m: Move, label: Label) -> None:
    """All that stood for election is vetoed: one that lost is better than none."""
    standing = m.standing()
    if not standing:
        conclusion.conclude(m, "failed", "every answer was vetoed")
        return
    next_best = contests.tie_order(m, standing)[0]
    winner.announce_winner(m, next_best, winner.count_alone(m, next_best), 0)
    detail = f"{label} was vetoed, as all that stood for election; the lot decided"
    conclusion.finish(m, next_best, (next_best,), detail)
